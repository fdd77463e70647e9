"""The store in memory: the reference that simulations and unit tests run on. Nothing is durable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs

from .announcements import (
    CheckAnnounced,
    DestroyAnnounced,
    EditsAnnounced,
    EpochAnnounced,
    JoinAnnounced,
    LeaveAnnounced,
    Listener,
    PresenceAnnounced,
    RightsAnnounced,
)
from .answers import (
    Behind,
    ClientTaken,
    CommitResult,
    Committed,
    Granted,
    Joined,
    Moved,
    NoSession,
    Seen,
    StaleEpoch,
)
from .memory_held import MemoryHeld
from .memory_record import Record, judge
from .memory_versions import MemoryVersions
from .values import (
    MOST_GRANTS,
    Edit,
    JoinRecord,
    Participant,
    Presence,
    SessionKey,
    SessionMeta,
    Snapshot,
    Submission,
    make_snapshot,
)

PAGE = 1000


class MemoryStore(MemoryVersions, MemoryHeld):
    """See `interface.Store`; announcements reach the listeners before the method returns."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._records: dict[SessionKey, Record] = {}
        self._listeners: dict[SessionKey, list[Listener]] = {}
        self._joined: dict[str, set[JoinRecord]] = {}

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
        if key in self._records:
            return self._records[key].meta, False
        meta = SessionMeta(type, epoch, topic_key, 0, 0, 0, owner, conflicts, created_ms)
        self._records[key] = Record(meta, make_snapshot(0, content))
        return meta, True

    async def meta(self, key: SessionKey) -> SessionMeta | None:
        record = self._records.get(key)
        return None if record is None else record.meta

    # --- the log ----------------------------------------------------------------------------

    async def commit(
        self,
        key: SessionKey,
        epoch: str,
        expected: int,
        submissions: Sequence[Submission],
        head: str = "",
    ) -> CommitResult:
        record = self._records.get(key)
        if record is None:
            return NoSession()
        if record.meta.epoch != epoch:
            return StaleEpoch(record.meta.epoch)
        states = judge(record, submissions)
        if any(state != "new" for state, _ in states):
            return Seen(states)
        revision = record.meta.revision
        if revision < expected:
            return Behind(revision)
        if revision > expected:
            known = record.after(expected - 1, 1)
            if head and known and known[0].identity != head:
                return Behind(revision)
            return Moved(revision, record.after(expected, PAGE))
        if head and head != record.meta.head:
            return Behind(revision)
        edits = tuple(submission.edit for submission in submissions)
        for at, submission in enumerate(submissions, revision + 1):
            edit = submission.edit
            record.seen[edit.client_id] = (edit.seq, submission.digest, at, edit.user_id)
        record.log.extend(edits)
        before = record.meta.head
        record.meta = attrs.evolve(
            record.meta, revision=revision + len(edits), head=edits[-1].identity
        )
        self._announce(key, EditsAnnounced(epoch, revision, edits, before))
        return Committed(revision + 1, durable=False)

    async def edits(
        self, key: SessionKey, epoch: str, after: int, limit: int
    ) -> tuple[tuple[Edit, ...], SessionMeta] | StaleEpoch | NoSession:
        record = self._records.get(key)
        if record is None:
            return NoSession()
        if record.meta.epoch != epoch:
            return StaleEpoch(record.meta.epoch)
        return record.after(after, limit), record.meta

    async def snapshot(self, key: SessionKey) -> tuple[SessionMeta, Snapshot] | None:
        record = self._records.get(key)
        return None if record is None else (record.meta, record.snapshot)

    async def checkpoint(
        self, key: SessionKey, revision: int
    ) -> tuple[SessionMeta, Snapshot] | None:
        record = self._records.get(key)
        return None if record is None else (record.meta, record.checkpoint(revision))

    async def save_snapshot(
        self, key: SessionKey, epoch: str, snapshot: Snapshot, floor: int, spacing: int
    ) -> bool:
        record = self._records.get(key)
        if record is None or record.meta.epoch != epoch:
            return False
        if snapshot.revision <= record.meta.snapshot_revision:
            return False
        record.take_snapshot(snapshot, floor, spacing)
        self._announce(key, CheckAnnounced(epoch, snapshot.revision, snapshot.sha256))
        return True

    # --- people -----------------------------------------------------------------------------

    async def join(
        self,
        key: SessionKey,
        participant: Participant,
        *,
        epoch: str | None = None,
        after: int | None = None,
        last: tuple[str, int] | None = None,
    ) -> Joined | NoSession | ClientTaken:
        record = self._records.get(key)
        if record is None or not record.of_today(participant).may:
            return NoSession()
        if record.owner(participant.client_id) not in (None, participant.user_id):
            return ClientTaken()
        before = record.roster.get(participant.participant_id)
        if before is not None:
            self._forget(key, before)
        self._joined.setdefault(participant.instance_id, set()).add(participant.record(key))
        record.roster[participant.participant_id] = participant
        fenced = tuple(other for other in record.roster.values() if participant.fences(other))
        for other in fenced:
            del record.roster[other.participant_id]
            record.presence.pop(other.participant_id, None)
            self._forget(key, other)
        meta = record.meta
        snapshot: Snapshot | None = record.snapshot
        edits = tuple(record.log[record.snapshot.revision - meta.floor_revision :])
        if (
            after is not None
            and epoch == meta.epoch
            and meta.floor_revision <= after <= meta.revision
            and meta.revision - after <= PAGE
            and record.continues(after, last)
        ):
            missed = record.after(after, PAGE)
            if len(missed) == meta.revision - after:
                snapshot, edits = None, missed
        joined = Joined(
            meta,
            None if snapshot is None else lambda: snapshot,
            edits,
            record.seen.get(participant.client_id, (0, b"", 0, ""))[0],
            record.everybody(),
            dict(record.presence),
            fenced,
        )
        self._announce(key, JoinAnnounced(record.of_today(participant)))
        for other in fenced:
            self._announce(key, LeaveAnnounced(other.participant_id, "fenced"))
        return joined

    async def leave(self, key: SessionKey, participant_id: str, reason: str) -> bool:
        record = self._records.get(key)
        participant = None if record is None else record.roster.pop(participant_id, None)
        if record is None or participant is None:
            return False
        record.presence.pop(participant_id, None)
        self._forget(key, participant)
        self._announce(key, LeaveAnnounced(participant_id, reason))
        return True

    async def participant(self, key: SessionKey, participant_id: str) -> Participant | None:
        record = self._records.get(key)
        participant = None if record is None else record.roster.get(participant_id)
        if record is None or participant is None:
            return None
        return record.of_today(participant)

    async def renew(self, key: SessionKey, participant: Participant) -> bool:
        record = self._records.get(key)
        known = None if record is None else record.roster.get(participant.participant_id)
        if record is None or known is None or known.join_id != participant.join_id:
            return False
        record.roster[participant.participant_id] = participant
        self._announce(key, JoinAnnounced(record.of_today(participant)))
        return True

    async def grant(
        self, key: SessionKey, user_id: str, granted: str, *, before: str | None = None
    ) -> Granted:
        record = self._records.get(key)
        if record is None:
            return "none"
        if before not in (None, record.rights.get(user_id, "")):
            return "changed"
        if granted and user_id not in record.rights and len(record.rights) >= MOST_GRANTS:
            return "full"
        record.rights.pop(user_id, None)
        if granted:
            record.rights[user_id] = granted
        self._announce(key, RightsAnnounced(user_id, granted))
        return "done"

    async def granted(self, key: SessionKey, user_id: str) -> str:
        return (await self.grants(key)).get(user_id, "")

    async def grants(self, key: SessionKey) -> dict[str, str]:
        record = self._records.get(key)
        return {} if record is None else dict(record.rights)

    async def roster(
        self, key: SessionKey
    ) -> tuple[SessionMeta, tuple[Participant, ...], dict[str, Presence]] | None:
        record = self._records.get(key)
        if record is None:
            return None
        return record.meta, record.everybody(), dict(record.presence)

    async def set_presence(
        self, key: SessionKey, instance_id: str, presence: dict[str, Presence | None]
    ) -> None:
        record = self._records.get(key)
        if record is None:
            return
        here = {name: row for name, row in presence.items() if name in record.roster}
        for participant_id, row in here.items():
            if row is None:
                record.presence.pop(participant_id, None)
            else:
                record.presence[participant_id] = row
        if here:
            self._announce(key, PresenceAnnounced(instance_id, here))

    # --- sessions ---------------------------------------------------------------------------

    async def destroy(self, key: SessionKey) -> bool:
        record = self._records.pop(key, None)
        if record is None:
            return False
        self._announce(key, DestroyAnnounced(record.meta.epoch))
        return True

    async def renew_epoch(
        self, key: SessionKey, epoch: str, new_epoch: str, topic_key: str
    ) -> bool:
        record = self._records.get(key)
        if record is None or record.meta.epoch != epoch:
            return False
        record.meta = attrs.evolve(record.meta, epoch=new_epoch, topic_key=topic_key)
        record.roster.clear()
        record.presence.clear()
        self._announce(key, EpochAnnounced(new_epoch))
        return True

    async def existing(self, tenant: str, session_ids: Sequence[str]) -> list[str]:
        return [name for name in session_ids if SessionKey(tenant, name) in self._records]

    async def count_sessions(self, tenant: str) -> int:
        return sum(key.tenant == tenant for key in self._records)

    async def list_sessions(self, tenant: str, cursor: str, limit: int) -> tuple[list[str], str]:
        names = sorted(
            key.session_id
            for key in self._records
            if key.tenant == tenant and key.session_id > cursor
        )
        more = names[limit - 1] if len(names) > limit else ""
        return names[:limit], more

    async def joined_on(self, instance_id: str) -> list[JoinRecord]:
        records = self._joined.get(instance_id, ())
        return sorted(records, key=lambda record: (record.participant_id, record.join_id))

    async def forget(self, instance_id: str, record: JoinRecord) -> None:
        self._joined.get(instance_id, set()).discard(record)

    def _forget(self, key: SessionKey, participant: Participant) -> None:
        self._joined.get(participant.instance_id, set()).discard(participant.record(key))

    async def touch(self, instance_id: str, keys: Sequence[SessionKey]) -> None:
        """Nothing expires here."""

    async def listen(self, key: SessionKey, listener: Listener) -> None:
        self._listeners.setdefault(key, []).append(listener)

    async def unlisten(self, key: SessionKey, listener: Listener) -> None:
        listeners = self._listeners.get(key, [])
        if listener in listeners:
            listeners.remove(listener)
        if not listeners:
            self._listeners.pop(key, None)

    async def settle(self) -> bool:
        return False

    async def ping(self) -> dict[str, Any]:
        return {"latency_ms": 0.0, "durability": "none"}

    async def close(self) -> None:
        self._listeners.clear()
