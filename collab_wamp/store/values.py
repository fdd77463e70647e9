"""The values that go into a store and come out of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import attrs

from ..access import effective

# Users who are granted something on one session.
MOST_GRANTS = 10_000
# Named versions of one session.
MOST_VERSIONS = 1000


@attrs.frozen(cache_hash=True)
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
        may_edit: whether their token lets them edit; what is granted counts more.
    """

    edit: Edit
    digest: bytes
    participant_id: str = ""
    join_id: str = ""
    may_edit: bool = True


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
class Version:
    """A content that somebody gave a name; it is kept apart, as long as the session.

    Attributes:
        revision: that it was the content of.
        user_id, time_ms: who named it, and when (milliseconds since 1970).
    """

    version_id: str
    name: str
    revision: int
    user_id: str
    time_ms: int

    def as_wire(self) -> dict[str, Any]:
        return attrs.asdict(self)


def newest_first(versions: Iterable[Version]) -> tuple[Version, ...]:
    order = sorted(versions, key=lambda row: (row.time_ms, row.revision, row.version_id))
    return tuple(reversed(order))


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
        right: `view`, `edit` or `manage`, as the token gives it; "" = none.
        withheld: ordinary capabilities that the token does not give, see `access`.
        granted: what is stored of the user on the session, see `access.effective`, as of reading.
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
    withheld: tuple[str, ...] = ()
    granted: str = ""

    @cached_property
    def may(self) -> str:
        """The right that counts: `view`, `edit`, `manage`, or "" for none."""
        return effective(self.right, self.granted, self.withheld)

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
            "right": self.may,
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
