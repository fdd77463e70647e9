"""From the document as it is here to a snapshot, with all that is pending."""

from __future__ import annotations

from typing import Any

from ..ot import OpError
from ..ot.outbox import Outbox


def go_on_from(outbox: Outbox, content: Any, snapshot: Any, revision: int, next_seq: int) -> Any:
    """Have an outbox go on from a snapshot; see `Outbox.reset`.

    The document here may have gone wrong: whatever it is, it is the snapshot with what is pending
    afterwards. Where that does not fit at all, it is not pending any more.

    Args:
        content: of the document here.
        snapshot: of the server's, at `revision`.

    Returns:
        what to apply to the document here.
    """
    kind, wanted = outbox.type, snapshot
    try:
        known = kind.apply(content, outbox.undo_pending())
        op = outbox.reset(revision, kind.difference(known, snapshot), next_seq, snapshot)
        if outbox.buffer is not None:
            wanted = kind.apply(snapshot, outbox.buffer)
        found = kind.apply(content, op)
    except OpError:
        outbox.restart(revision, next_seq, snapshot)
        return kind.difference(content, snapshot)
    return op if kind.is_noop(kind.difference(found, wanted)) else kind.difference(content, wanted)
