"""Edits that are held until their authors have decided about a conflict."""

from __future__ import annotations

from typing import Any, Final, Literal, Protocol

import attrs

from .answers import NoSession, StaleEpoch
from .values import SessionKey, Submission

# The digest of whatever is committed for a held edit: however often it is asked for, and for
# whichever choice, it is one edit.
RESOLUTION: Final = bytes(16)
# An edit that was not decided about in time is kept so long for its author to see.
EXPIRED_KEPT_MS: Final = 7 * 86_400_000


@attrs.frozen
class Held:
    """An edit that conflicts with others, and waits for its author.

    Attributes:
        conflict_id: random; also the client id of what is committed for it, as its seq 1.
        client_id, seq, digest: of the edit as it was sent; the digest in hex.
        epoch, revision: where `merged` and `instead` can be committed.
        merged: the edit transformed over all others.
        instead: takes the others back where they conflict, and does the edit instead; None = that
            cannot be told any more.
        theirs, conflicts: as clients are told, see `conflicts`.
        expires_ms: milliseconds since 1970; of an expired one, when it is forgotten.
    """

    conflict_id: str
    user_id: str
    client_id: str
    seq: int
    digest: str
    epoch: str
    revision: int
    merged: Any
    instead: Any
    theirs: list[dict[str, Any]]
    conflicts: list[dict[str, Any]]
    expires_ms: int = 0
    state: Literal["held", "expired"] = "held"

    @property
    def body(self) -> str:
        """Tells a copy of the edit from another edit."""
        return f"{self.client_id}:{self.seq}:{self.digest}"

    def as_wire(self) -> dict[str, Any]:
        return {
            "conflict_id": self.conflict_id,
            "state": self.state,
            "mine": self.merged,
            "theirs": self.theirs,
            "conflicts": self.conflicts,
            "revision": self.revision,
            "client_id": self.client_id,
            "seq": self.seq,
            "expires_ms": self.expires_ms,
        }

    def expired(self) -> dict[str, Any]:
        """What its author is told when it has expired."""
        return {
            "conflict_id": self.conflict_id,
            "state": "expired",
            "op": self.merged,
            "revision": self.revision,
        }


@attrs.frozen
class Resolved:
    """What became of a held edit: it is committed at `revision`, or was dropped when that was the
    head."""

    revision: int
    user_id: str


class HeldStore(Protocol):
    """A part of `interface.Store`. Held edits go with their session."""

    async def hold(
        self, key: SessionKey, held: Held, submission: Submission, *, lives_ms: int, most: int
    ) -> Held | Literal["full", "gone"] | StaleEpoch | NoSession:
        """Hold an edit for so long; the answer has its `expires_ms`.

        Where the same body is held already, that one is the answer. `full`: `most` edits of the
        user are held or expired; `gone`: the participant has left, or joined anew.
        """

    async def held(self, key: SessionKey, conflict_id: str) -> Held | Resolved | None: ...

    async def held_of(self, key: SessionKey, user_id: str) -> list[Held]:
        """A user's, held and expired, in order of `expires_ms`."""

    async def unhold(self, key: SessionKey, conflict_id: str) -> Resolved | None:
        """Remove a held edit, and announce it; nothing is committed for it from now on.

        Where something was, that is the answer, now and for a day. None: there is no such edit.
        """

    async def due(self, limit: int) -> list[tuple[SessionKey, str]]:
        """(session, conflict_id) of edits that are held no more, or not to be kept any more."""

    async def expire(self, key: SessionKey, conflict_id: str) -> None:
        """Mark one that is due as expired, and announce it; or forget it. Otherwise nothing."""
