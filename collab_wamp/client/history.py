"""A document's history as far as the server keeps it: what it was, and who wrote what."""

from __future__ import annotations

import bisect
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import attrs

from .. import protocol
from ..ot import get_type
from ..ot.authors import Authors
from .errors import ClientError

# The content is remembered so often while it is folded, so that going back costs no more than this.
KEEP_EVERY = 5000
# While it is read, the server may drop its oldest part.
TRIES = 5
WITH_AUTHORS = ("text", "rich_text")

Call = Callable[[str, dict[str, Any]], Awaitable[Any]]


@attrs.frozen
class PastEdit:
    """An edit that was committed.

    Attributes:
        revision: that it made.
        user_id, client_id: whose it was.
        time_ms: when, milliseconds since 1970.
    """

    revision: int
    client_id: str
    op: Any
    user_id: str
    time_ms: int


class History:
    """What `Document.history` reads; it does not grow by itself.

    Args:
        content: the document at `first`.

    Attributes:
        first: the oldest revision that can be told.
        edits: those after it, in order.
        last: the newest revision.
    """

    def __init__(self, type_name: str, first: int, content: Any, edits: Sequence[PastEdit]) -> None:
        self.type = get_type(type_name)
        self.first = first
        self.last = first + len(edits)
        self.edits = tuple(edits)
        self._kept: dict[int, Any] = {first: content}
        self._authors: tuple[int, Authors] | None = None

    def content_at(self, revision: int) -> Any:
        """The document at a revision.

        Raises:
            ValueError: it is not from `first` to `last`.
        """
        edits = self._up_to(revision)
        known = sorted(self._kept)
        at = known[bisect.bisect_right(known, revision) - 1]
        buffer = self.type.buffer(self.type.create(self._kept[at]))
        for edit in edits[at - self.first :]:
            buffer.apply(edit.op)
            if not (edit.revision - self.first) % KEEP_EVERY:
                self._kept[edit.revision] = buffer.content()
        return buffer.content()

    def authors_at(self, revision: int) -> list[tuple[str | None, int]]:
        """Who wrote what is there: (user id, how many characters), from its start to its end.

        The user id is None for what was there at `first`.

        Raises:
            ValueError: the revision is not from `first` to `last`, or the document is no text.
        """
        edits = self._up_to(revision)
        if self.type.name not in WITH_AUTHORS:
            raise ValueError(f"there are no authors of the parts of a document of {self.type.name}")
        at, authors = self._authors or (self.first, self._nobody())
        if at > revision:
            at, authors = self.first, self._nobody()
        for edit in edits[at - self.first :]:
            authors.apply(edit.op, edit.user_id)
        self._authors = revision, authors
        return authors.runs()

    def _nobody(self) -> Authors:
        return Authors(self.type.buffer(self.type.create(self._kept[self.first])).length)

    def _up_to(self, revision: int) -> Sequence[PastEdit]:
        if not self.first <= revision <= self.last:
            raise ValueError(f"revision {revision} is not from {self.first} to {self.last}")
        return self.edits[: revision - self.first]


async def read_history(call: Call, session_id: str) -> History:
    """All of a session's history that the server keeps, up to its newest revision.

    Args:
        call: asks a procedure, with its keyword arguments.

    Raises:
        ClientError: of the server, or of the connection.
    """
    info = await call(protocol.INFO, {"session_id": session_id})
    first = info["floor_revision"]
    for _ in range(TRIES):
        try:
            return await _read_from(call, session_id, info["type"], first)
        except ClientError as error:
            oldest = error.details.get("oldest")
            if error.code not in ("bad_revision", "base_too_old") or not isinstance(oldest, int):
                raise
            first = oldest
    raise ClientError("overloaded", "History goes faster than it is read.", {"retryable": True})


async def _read_from(call: Call, session_id: str, type_name: str, first: int) -> History:
    start = await call(protocol.SNAPSHOT, {"session_id": session_id, "revision": first})
    edits: list[PastEdit] = []
    more = True
    while more:
        after = first + len(edits)
        asked = {"session_id": session_id, "epoch": start["epoch"], "after": after}
        page = await call(protocol.FETCH, asked)
        edits.extend(
            PastEdit(revision, client_id, op, user_id, time_ms)
            for revision, (client_id, _seq, op, user_id, time_ms) in enumerate(
                page["edits"], after + 1
            )
        )
        more = page["more"]
    return History(type_name, first, start["content"], edits)
