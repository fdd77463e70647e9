"""What a store answers to a commit and to a join."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import attrs

from .values import Edit, Participant, Presence, SessionMeta, Snapshot


@attrs.frozen
class Committed:
    """All submissions were appended; the first has revision `first`.

    `durable`: they are on disk (and on replicas, if so configured).
    """

    first: int
    durable: bool


@attrs.frozen
class Moved:
    """Nothing was written: the head is not where the caller thought.

    `edits` continue the caller's revision, at most 1,000 of them; `revision` is the head.
    Where edits that the caller lacks are already below the floor, `edits` is empty. There may be
    more: they are cut off at about a mebibyte.
    """

    revision: int
    edits: tuple[Edit, ...]


@attrs.frozen
class Seen:
    """Nothing was written: at least one submission is not its client's next.

    One entry for each submission: `("new", 0)` would have been appended; `("done", revision)` is
    committed already, with the same body; `("reused", last_seq)` has another body than what was
    committed under its number, or is older than the last; `("gap", next_seq)` skips numbers;
    `("gone", 0)` would be new, but its participant has left or joined anew since; `("denied", 0)`
    would be new, but its participant may not edit (any more).
    A client's several submissions in one batch are judged one after the other.
    """

    states: tuple[tuple[str, int], ...]


@attrs.frozen
class StaleEpoch:
    """Nothing was written: the session's epoch is another one now."""

    epoch: str


@attrs.frozen
class Behind:
    """Nothing was written: the store's head is behind, or another edit stands there: it has lost
    history."""

    revision: int


@attrs.frozen
class NoSession:
    """Nothing was written: there is no such session."""


@attrs.frozen
class ClientTaken:
    """Nothing was written: the client id is another user's on this session."""


CommitResult = Committed | Moved | Seen | StaleEpoch | Behind | NoSession


@attrs.frozen
class Joined:
    """What a join finds, all read in the one step that added the participant.

    Attributes:
        unpack: makes the newest snapshot, which may take time; None where the caller asked for
            edits after a revision
            that is still in the log, and got them.
        edits: the edits after the snapshot, or after the revision asked for.
        last_seq: the joining client's last committed seq (0 = none).
        roster: everybody joined, the new participant included.
        fenced: who was removed: older connections of the same client.
        presence: participant_id → Presence, each at its own revision.
    """

    meta: SessionMeta
    unpack: Callable[[], Snapshot] | None
    edits: tuple[Edit, ...]
    last_seq: int
    roster: tuple[Participant, ...]
    presence: dict[str, Presence]
    fenced: tuple[Participant, ...] = ()

    @property
    def snapshot(self) -> Snapshot | None:
        return None if self.unpack is None else self.unpack()


# Of a grant: kept; no such session; another was granted meanwhile; too many users are granted some.
Granted = Literal["done", "none", "changed", "full"]
# Of a version: kept; no such session (under this epoch); there are too many.
Kept = Literal["done", "none", "full"]
