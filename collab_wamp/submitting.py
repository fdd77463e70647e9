"""Edits on their way to the writer of a session, those that the server makes for a user too."""

from __future__ import annotations

from typing import Any

from .documents import Documents
from .errors import CollabError
from .joining import SessionLimits
from .store.values import SessionKey
from .writer import Request


def refuse_crowd(documents: Documents, limits: SessionLimits) -> None:
    """Raise `overloaded` where too many edits wait in this process."""
    if documents.waiting >= limits.waiting:
        raise CollabError("overloaded", "Too many edits are waiting.", retry_after_ms=200)


async def submit_for(
    documents: Documents,
    limits: SessionLimits,
    key: SessionKey,
    user_id: str,
    *,
    epoch: str,
    base: int,
    client_id: str,
    op: Any,
    digest: bytes,
) -> tuple[int, bool]:
    """Commit an edit of a user that the server makes, not somebody who is on the roster.

    Nobody looks at the user's right after this, and it is not compared with others' edits.

    Args:
        client_id: of this edit only, which has number 1.

    Returns:
        (its revision, whether it is durable).

    Raises:
        CollabError: `overloaded`; as `Writer` answers.
    """
    refuse_crowd(documents, limits)
    request = Request(
        epoch=epoch,
        base=base,
        client_id=client_id,
        seq=1,
        op=op,
        user_id=user_id,
        digest=digest,
        max_length=limits.document_length,
        participant_id="",
        join_id="",
        compared=False,
    )
    return await documents.writer(key).submit(request)
