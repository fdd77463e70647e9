"""Held edits in the memory store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import attrs

from .announcements import Announcement, ConflictAnnounced, Listener
from .answers import NoSession, StaleEpoch
from .held import EXPIRED_KEPT_MS, RESOLUTION, Held, Resolved
from .memory_record import Record, is_here
from .values import SessionKey, Submission


class MemoryHeld:
    """See `held.HeldStore`."""

    _now_ms: Callable[[], int]
    _records: dict[SessionKey, Record]
    _listeners: dict[SessionKey, list[Listener]]

    def _announce(self, key: SessionKey, announcement: Announcement) -> None:
        for listener in list(self._listeners.get(key, ())):
            listener(key, announcement)

    async def hold(
        self, key: SessionKey, held: Held, submission: Submission, *, lives_ms: int, most: int
    ) -> Held | Literal["full", "gone"] | StaleEpoch | NoSession:
        record = self._records.get(key)
        if record is None:
            return NoSession()
        if record.meta.epoch != held.epoch:
            return StaleEpoch(record.meta.epoch)
        if not is_here(record.roster, submission):
            return "gone"
        now = self._now_ms()
        of_user = 0
        for other in record.held.values():
            if other.body == held.body and other.state == "held" and other.expires_ms > now:
                return other
            of_user += other.user_id == held.user_id
        if of_user >= most:
            return "full"
        held = attrs.evolve(held, expires_ms=now + lives_ms)
        record.held[held.conflict_id] = held
        return held

    async def held(self, key: SessionKey, conflict_id: str) -> Held | Resolved | None:
        record = self._records.get(key)
        if record is None:
            return None
        return _resolved(record, conflict_id) or record.held.get(conflict_id)

    async def held_of(self, key: SessionKey, user_id: str) -> list[Held]:
        record = self._records.get(key)
        if record is None:
            return []
        mine = [held for held in record.held.values() if held.user_id == user_id]
        found = [held for held in mine if not _resolved(record, held.conflict_id)]
        return sorted(found, key=lambda held: (held.expires_ms, held.conflict_id))

    async def unhold(self, key: SessionKey, conflict_id: str) -> Resolved | None:
        record = self._records.get(key)
        if record is None:
            return None
        held, resolved = record.held.pop(conflict_id, None), _resolved(record, conflict_id)
        if held is not None and resolved is None:
            resolved = Resolved(record.meta.revision, held.user_id)
            record.seen[conflict_id] = (1, RESOLUTION, resolved.revision, held.user_id)
        if held is not None and resolved is not None:
            event = {
                "conflict_id": conflict_id,
                "state": "resolved",
                "revision": resolved.revision,
            }
            self._announce(key, ConflictAnnounced(held.user_id, event))
        return resolved

    async def due(self, limit: int) -> list[tuple[SessionKey, str]]:
        now = self._now_ms()
        rows = [
            (held.expires_ms, key, name)
            for key, record in self._records.items()
            for name, held in record.held.items()
            if held.expires_ms <= now
        ]
        rows.sort(key=lambda row: row[0])
        return [(key, name) for _, key, name in rows[:limit]]

    async def expire(self, key: SessionKey, conflict_id: str) -> None:
        record = self._records.get(key)
        held = None if record is None else record.held.get(conflict_id)
        if record is None or held is None or held.expires_ms > self._now_ms():
            return
        if held.state == "expired" or _resolved(record, conflict_id):
            del record.held[conflict_id]
            return
        record.held[conflict_id] = attrs.evolve(
            held, state="expired", expires_ms=held.expires_ms + EXPIRED_KEPT_MS
        )
        self._announce(key, ConflictAnnounced(held.user_id, held.expired()))


def _resolved(record: Record, conflict_id: str) -> Resolved | None:
    _, digest, revision, user_id = record.seen.get(conflict_id, (0, b"", 0, ""))
    return Resolved(revision, user_id) if digest == RESOLUTION else None
