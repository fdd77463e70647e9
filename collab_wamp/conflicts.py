"""What committed edits an edit conflicts with, and what would be done instead of them; pure.

Transforming always converges; whether that is what people meant is told by comparing an edit with
each concurrent one that it had not seen, see `OTType.conflicts`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import orjson

from .errors import CollabError
from .ot import Conflict, OpError, OTType
from .ot.base import Buffer
from .store.held import Held
from .store.values import Edit

# So many are told of an edit; a person looks at the first few.
MOST_NAMED = 20
# Of the others' operations that are told, bytes of JSON; the rest can be fetched.
THEIRS_BYTES = 64 * 1024
# Taking edits back may bring back all that they deleted; an operation that takes more memory than
# this is not kept for anybody.
MOST_WEIGHT = 1 << 20
# Edits taken back one by one: each may need the whole content.
MOST_TAKEN_BACK = 100


@attrs.frozen
class Clash:
    """A committed edit that another one conflicts with."""

    revision: int
    edit: Edit
    conflicts: Sequence[Conflict]


def clashes_of(
    found: Sequence[tuple[int, list[Conflict]]], after: int, edits: Sequence[Edit]
) -> list[Clash]:
    """What `rebase` has found, by its indices into `edits`, which made `after + 1`, …"""
    return [Clash(after + 1 + index, edits[index], conflicts) for index, conflicts in found]


def named(clashes: Sequence[Clash]) -> list[dict[str, Any]]:
    """The conflicts as clients are told of them: `{kind, where, revision, user_id, client_id}`."""
    rows = (
        {
            **conflict.as_wire(),
            "revision": clash.revision,
            "user_id": clash.edit.user_id,
            "client_id": clash.edit.client_id,
        }
        for clash in clashes
        for conflict in clash.conflicts
    )
    return [row for row, _ in zip(rows, range(MOST_NAMED), strict=False)]


def theirs(clashes: Sequence[Clash]) -> list[dict[str, Any]]:
    """The conflicting edits: `{op, revision, user_id, client_id}`; op None where all would be more
    than `THEIRS_BYTES`."""
    rows, size = [], 0
    for clash in clashes[:MOST_NAMED]:
        edit = clash.edit
        size += len(orjson.dumps(edit.op))
        rows.append(
            {
                "op": edit.op if size <= THEIRS_BYTES else None,
                "revision": clash.revision,
                "user_id": edit.user_id,
                "client_id": edit.client_id,
            }
        )
    return rows


def instead_of(
    kind: OTType,
    op: Any,
    client_id: str,
    concurrent: Sequence[Edit],
    buffer: Buffer | None,
    *,
    work: int,
    parts: int,
) -> Any:
    """An operation after `concurrent` that takes back those of them that conflict with `op`, and
    does `op` instead.

    Args:
        op: made before all of them.
        buffer: the document that `op` was made in; it is changed. None = not known.
        work: how many parts may be gone through; the runs of a document count where it is needed
            to take an edit back.
        parts: how many the result may have.

    Returns:
        None where that cannot be told any more, or would be too large.
    """
    taken_back = 0
    for edit in concurrent:
        work -= 2 * kind.work(op, edit.op)
        if work < 0:
            return None
        other = kind.lean(edit.op)
        if edit.client_id != client_id and kind.conflicts(op, other):
            taken_back += 1
            content = None if buffer is None else buffer.content()
            if content is not None and not kind.invertible_alone:
                work -= len(content)
            if work < 0 or taken_back > MOST_TAKEN_BACK:
                return None
            try:
                back = _inverse(kind, edit.op, content)
            except OpError:
                return None  # it does not say what it deleted
            if back is None:
                return None
            op = kind.compose(back, op)
        else:
            op = kind.transform(op, other, kind.side(client_id, edit.client_id))
        if len(op) > parts:
            return None
        if buffer is not None:
            buffer.apply(edit.op)
    op = kind.bare(op)
    return op if kind.weight(op) <= MOST_WEIGHT else None


def _inverse(kind: OTType, op: Any, content: Any) -> Any:
    if content is not None:
        return kind.invert(kind.make_invertible(op, content), content)
    return kind.invert(op) if kind.invertible_alone else None


def refused(clashes: Sequence[Clash], **details: Any) -> CollabError:
    """The answer to an edit that nothing is done about."""
    return CollabError(
        "conflict",
        "Others have changed the same meanwhile.",
        conflicts=named(clashes),
        requires_manual_resolution=False,
        **details,
    )


def asked(held: Held) -> CollabError:
    """The answer to an edit that is held until its author has decided."""
    return CollabError(
        "conflict",
        "Others have changed the same meanwhile; it is held until you decide.",
        requires_manual_resolution=True,
        **held.as_wire(),
    )
