"""What the use cases need of a store, and the values that go in and out.

The session's log is the truth: `Store.commit` appends to it, moves the head, remembers what each
client has had committed, and announces the edits, all in one step or not at all. Everything else
here is a cache, a hint, or derived from the log.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any, Protocol

from .announcements import Listener
from .answers import ClientTaken, CommitResult, Granted, Joined, Kept, NoSession, StaleEpoch
from .held import HeldStore
from .values import (
    Edit,
    JoinRecord,
    Participant,
    Presence,
    SessionKey,
    SessionMeta,
    Snapshot,
    Submission,
    Version,
)


class Store(HeldStore, Protocol):
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

    async def checkpoint(
        self, key: SessionKey, revision: int
    ) -> tuple[SessionMeta, Snapshot] | None:
        """The newest content that is kept of `revision` or before, with the meta of that moment.

        That may be the newest snapshot. Where nothing is kept of so long ago, it is the oldest
        that is; its revision is above `revision` then.
        """

    async def save_snapshot(
        self, key: SessionKey, epoch: str, snapshot: Snapshot, floor: int, spacing: int
    ) -> bool:
        """Keep a newer snapshot, drop what is not kept any more, and announce it.

        The snapshot before it is kept as a checkpoint where it is the initial content, or at least
        `spacing` edits after the last checkpoint. The log's floor rises to the newest checkpoint up
        to `floor` (≤ the revision), if it is below that; checkpoints below the floor are dropped.
        So each revision from the floor on can be folded from what is kept.

        False, and nothing changed, where the epoch is another or a snapshot as new is kept.
        """

    async def save_version(
        self, key: SessionKey, epoch: str, version: Version, snapshot: Snapshot
    ) -> Kept:
        """Keep a named version and its content, unless there are `MOST_VERSIONS`."""

    async def versions(self, key: SessionKey) -> tuple[Version, ...]:
        """A session's named versions, the newest first; none where there is no session."""

    async def version_content(self, key: SessionKey, version_id: str) -> Snapshot | None: ...

    async def delete_version(self, key: SessionKey, version_id: str) -> bool:
        """Remove a version; False if there is none."""

    async def join(
        self,
        key: SessionKey,
        participant: Participant,
        *,
        epoch: str | None = None,
        after: int | None = None,
        last: tuple[str, int] | None = None,
    ) -> Joined | NoSession | ClientTaken:
        """Add the participant (or replace it, joining twice is one participant), and announce it.

        Who may not view finds no session. A client id is its first user's. Whoever else is there
        under it is removed, with reason `fenced`. So what the client has had committed by this
        moment (`Joined.last_seq`) is all that it ever will have of what it sent before.

        With `epoch` and `after` given, current, and at most 1,000 edits or a mebibyte behind a head
        whose log still reaches back so far: edits instead of a snapshot. But not where the edit
        `after` is another than `last` (client_id, seq): what the client has was lost since.
        """

    async def leave(self, key: SessionKey, participant_id: str, reason: str) -> bool:
        """Remove the participant and their presence, and announce it; False if not there."""

    async def participant(self, key: SessionKey, participant_id: str) -> Participant | None: ...

    async def renew(self, key: SessionKey, participant: Participant) -> bool:
        """Put it in the place of what is on the roster under this id and join, and announce it as a
        join; False where it has left or joined anew."""

    async def grant(
        self, key: SessionKey, user_id: str, granted: str, *, before: str | None = None
    ) -> Granted:
        """Keep what a user is granted, see `access.effective`, and announce it.

        It counts at once, for edits under way too. Where `before` is given and is not what was
        granted until now, nothing is changed.
        """

    async def granted(self, key: SessionKey, user_id: str) -> str:
        """What a user is granted; "" = nothing."""

    async def grants(self, key: SessionKey) -> dict[str, str]:
        """What users are granted, by user id."""

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

    async def count_sessions(self, tenant: str) -> int:
        """How many sessions a tenant has."""

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
        """Answer `{"latency_ms": float, "durability": str, ...}` where the store takes writes."""

    def close(self) -> Awaitable[None]: ...
