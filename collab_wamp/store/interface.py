"""What the use cases need of a store, and the values that go in and out.

The session's log is the truth: `Store.commit` appends to it, moves the head, remembers what each
client has had committed, and announces the edits, all in one step or not at all. Everything else
here is a cache, a hint, or derived from the log.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

import attrs


@attrs.frozen
class SessionKey:
    """Names one session: ids are unique within their tenant only."""

    tenant: str
    session_id: str


@attrs.frozen
class SessionMeta:
    """A session's head and what was fixed when it was created.

    Attributes:
        type: name of the document's type, a key of `collab_wamp.ot.TYPES`.
        epoch: random id of this incarnation.
        topic_key: 128 random bits in lower-case base32, made with the epoch; KEY of the topics.
        revision: the head; the document is the fold of edits 1..revision over the initial content.
        snapshot_revision: the revision of the newest snapshot (0 = the initial content).
        floor_revision: edits up to and including this revision are no longer in the log.
        owner: user id of who created it.
        conflicts: `merge`, `reject` or `ask`.
        created_ms: milliseconds since 1970.
        head: identity of the edit that made `revision`; "" where that is 0.
    """

    type: str
    epoch: str
    topic_key: str
    revision: int
    snapshot_revision: int
    floor_revision: int
    owner: str
    conflicts: str
    created_ms: int
    head: str = ""


@attrs.frozen
class Edit:
    """An operation that is committed; which revision it is follows from where it stands."""

    client_id: str
    seq: int
    op: Any
    user_id: str
    time_ms: int

    @property
    def identity(self) -> str:
        """Tells it from any other edit that may stand at its revision, where history was lost."""
        return f"{self.client_id}:{self.seq}:{self.time_ms}"

    def as_wire(self) -> list[Any]:
        return [self.client_id, self.seq, self.op, self.user_id, self.time_ms]

    @classmethod
    def from_wire(cls, row: Sequence[Any]) -> Edit:
        return cls(*row)


@attrs.frozen
class Submission:
    """An edit that asks to be committed on top of the head the caller knows.

    Attributes:
        edit: what is to be appended, already transformed to the head (and over the submissions
            before it in the same batch).
        digest: 16 bytes that identify the body as the client sent it, so that a resend is told
            from another edit under the same number.
        participant_id, join_id: who asks; it is appended only while they are on the roster by
            that very join. Empty = the server itself.
    """

    edit: Edit
    digest: bytes
    participant_id: str = ""
    join_id: str = ""


@attrs.frozen
class Snapshot:
    """The content at a revision.

    Attributes:
        content: the JSON text of the content, UTF-8.
        sha256: hex digest of `content`.
    """

    revision: int
    content: bytes
    sha256: str


def make_snapshot(revision: int, content: bytes) -> Snapshot:
    """A snapshot of content (JSON text) with its hash."""
    return Snapshot(revision, content, hashlib.sha256(content).hexdigest())


@attrs.frozen
class JoinRecord:
    """That a connection of an instance joined a session; kept apart from the session.

    Also of one whose join failed halfway, or who is gone: it says where to look.
    """

    key: SessionKey
    participant_id: str
    join_id: str
    wamp_session_id: int


@attrs.frozen
class Participant:
    """One connection that is joined to one session.

    Attributes:
        instance_id: the node that the connection is on.
        wamp_session_id: the connection on that node.
        right: `view`, `edit` or `manage`, as found when joining.
        user_info: what the client says of itself for others to see (name, colour), JSON object.
        join_id: random, of the join that put them on the roster: a connection may join again.
    """

    participant_id: str
    user_id: str
    client_id: str
    instance_id: str
    wamp_session_id: int
    right: str
    user_info: dict[str, Any]
    joined_ms: int
    join_id: str

    def fences(self, other: Participant) -> bool:
        """Whether `other` is an older connection of the same client, which goes on here."""
        same_client = other.client_id == self.client_id
        return same_client and other.participant_id != self.participant_id

    def record(self, key: SessionKey) -> JoinRecord:
        return JoinRecord(key, self.participant_id, self.join_id, self.wamp_session_id)

    def as_wire(self) -> dict[str, Any]:
        """A participant as others see it."""
        return {
            "participant_id": self.participant_id,
            "user_id": self.user_id,
            "user_info": self.user_info,
            "right": self.right,
            "client_id": self.client_id,
        }


@attrs.frozen
class Presence:
    """Where a participant is, counted in the document at `revision`.

    Attributes:
        cursor: a position, or None.
        selection: list of [anchor, head], or None.
    """

    revision: int
    cursor: Any
    selection: Any


# --- what commit answers -------------------------------------------------------------------


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
    `("gone", 0)` would be new, but its participant has left or joined anew since.
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
        snapshot: the newest snapshot, or None where the caller asked for edits after a revision
            that is still in the log, and got them.
        edits: the edits after the snapshot, or after the revision asked for.
        last_seq: the joining client's last committed seq (0 = none).
        roster: everybody joined, the new participant included.
        fenced: who was removed: older connections of the same client.
        presence: participant_id → Presence, each at its own revision.
    """

    meta: SessionMeta
    snapshot: Snapshot | None
    edits: tuple[Edit, ...]
    last_seq: int
    roster: tuple[Participant, ...]
    presence: dict[str, Presence]
    fenced: tuple[Participant, ...] = ()


# --- what is announced on a session's channel ------------------------------------------------


@attrs.frozen
class EditsAnnounced:
    epoch: str
    after: int
    edits: tuple[Edit, ...]


@attrs.frozen
class JoinAnnounced:
    participant: Participant


@attrs.frozen
class LeaveAnnounced:
    participant_id: str
    reason: str


@attrs.frozen
class PresenceAnnounced:
    """Changes of presence made on one instance; None = gone."""

    instance_id: str
    presence: dict[str, Presence | None]


@attrs.frozen
class DestroyAnnounced:
    epoch: str


@attrs.frozen
class EpochAnnounced:
    """The store lost history, and the session goes on under a new epoch."""

    epoch: str


@attrs.frozen
class ChannelReset:
    """The channel was interrupted: announcements may be missing; read the log and the roster."""


Announcement = (
    EditsAnnounced
    | JoinAnnounced
    | LeaveAnnounced
    | PresenceAnnounced
    | DestroyAnnounced
    | EpochAnnounced
    | ChannelReset
)
Listener = Callable[[SessionKey, Announcement], None]


class Store(Protocol):
    """The registry of sessions, their logs and who is on them.

    Every method raises `CollabError("store_unavailable")` within 3 s where the store cannot
    answer; whether a commit then happened is unknown, and asking again with the same
    submissions tells.
    """

    async def create(
        self,
        key: SessionKey,
        *,
        type: str,
        epoch: str,
        topic_key: str,
        owner: str,
        conflicts: str,
        created_ms: int,
        content: bytes,
    ) -> tuple[SessionMeta, bool]:
        """Create the session with `content` (JSON text) as its snapshot 0.

        Returns the session's meta and True; or, where one of this id exists, that one's and False.
        """

    async def meta(self, key: SessionKey) -> SessionMeta | None: ...

    async def commit(
        self,
        key: SessionKey,
        epoch: str,
        expected: int,
        submissions: Sequence[Submission],
        head: str = "",
    ) -> CommitResult:
        """Append all submissions if the head is `expected`, and announce them; or change nothing.

        Args:
            head: identity of the edit at `expected`, as the caller has it; "" = it does not know.

        Checked in this order: session, epoch, numbers and participants (`Seen`), head (`Behind`,
        `Moved`).
        """

    async def edits(
        self, key: SessionKey, epoch: str, after: int, limit: int
    ) -> tuple[tuple[Edit, ...], SessionMeta] | StaleEpoch | NoSession:
        """Edits `after + 1`, …: at most `limit`, and about a mebibyte; none below the floor."""

    async def snapshot(self, key: SessionKey) -> tuple[SessionMeta, Snapshot] | None:
        """The newest snapshot, with the meta of the same moment."""

    async def save_snapshot(
        self, key: SessionKey, epoch: str, snapshot: Snapshot, floor: int
    ) -> bool:
        """Keep a newer snapshot and drop log entries up to `floor` (≤ its revision).

        False, and nothing changed, where the epoch is another or a snapshot as new is kept.
        """

    async def join(
        self,
        key: SessionKey,
        participant: Participant,
        *,
        epoch: str | None = None,
        after: int | None = None,
    ) -> Joined | NoSession | ClientTaken:
        """Add the participant (or replace it, joining twice is one participant), and announce it.

        A client id is its first user's. Whoever else is there under it is removed, with reason
        `fenced`. So what the client has had committed by this moment (`Joined.last_seq`) is all
        that it ever will have of what it sent before.

        With `epoch` and `after` given, current, and at most 1,000 edits or a mebibyte behind a head
        whose log still reaches back so far: edits instead of a snapshot.
        """

    async def leave(self, key: SessionKey, participant_id: str, reason: str) -> bool:
        """Remove the participant and their presence, and announce it; False if not there."""

    async def participant(self, key: SessionKey, participant_id: str) -> Participant | None: ...

    async def roster(
        self, key: SessionKey
    ) -> tuple[SessionMeta, tuple[Participant, ...], dict[str, Presence]] | None: ...

    async def set_presence(
        self, key: SessionKey, instance_id: str, presence: dict[str, Presence | None]
    ) -> None:
        """Keep and announce changes of presence of participants who are on `instance_id`."""

    async def destroy(self, key: SessionKey) -> bool:
        """Remove the session and everything of it at once, and announce it; False if none."""

    async def renew_epoch(
        self, key: SessionKey, epoch: str, new_epoch: str, topic_key: str
    ) -> bool:
        """Go on under a new epoch after lost history; False where `epoch` is not current."""

    async def existing(self, tenant: str, session_ids: Sequence[str]) -> list[str]:
        """Those of a tenant's session ids under which there is a session."""

    async def list_sessions(self, tenant: str, cursor: str, limit: int) -> tuple[list[str], str]:
        """Session ids of a tenant in order, those after `cursor` ("" = from the start).

        Returns the ids and the cursor for more ("" = no more).
        """

    async def joined_on(self, instance_id: str) -> list[JoinRecord]:
        """A record for everybody who is joined on an instance, and maybe for some who are not."""

    async def forget(self, instance_id: str, record: JoinRecord) -> None:
        """Remove a record of one who is gone."""

    async def touch(self, instance_id: str, keys: Sequence[SessionKey]) -> None:
        """Keep the rosters and presence of these sessions alive for another two minutes."""

    async def listen(self, key: SessionKey, listener: Listener) -> None:
        """Call `listener` with every announcement of the session from now on (once subscribed)."""

    async def unlisten(self, key: SessionKey, listener: Listener) -> None: ...

    async def settle(self) -> bool:
        """Wait until all that was committed before is as durable as configured; whether it is."""

    async def ping(self) -> dict[str, Any]:
        """Answer `{"latency_ms": float, "durability": str, ...}` where the store is healthy."""

    def close(self) -> Awaitable[None]: ...
