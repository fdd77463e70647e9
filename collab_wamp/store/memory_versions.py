"""Named versions of sessions in memory."""

from __future__ import annotations

from .answers import Kept
from .memory_record import Record
from .values import MOST_VERSIONS, SessionKey, Snapshot, Version, newest_first


class MemoryVersions:
    """See `interface.Store`."""

    _records: dict[SessionKey, Record]

    async def save_version(
        self, key: SessionKey, epoch: str, version: Version, snapshot: Snapshot
    ) -> Kept:
        record = self._records.get(key)
        if record is None or record.meta.epoch != epoch:
            return "none"
        if len(record.versions) >= MOST_VERSIONS:
            return "full"
        record.versions[version.version_id] = version, snapshot
        return "done"

    async def versions(self, key: SessionKey) -> tuple[Version, ...]:
        record = self._records.get(key)
        kept = {} if record is None else record.versions
        return newest_first(version for version, _ in kept.values())

    async def version_content(self, key: SessionKey, version_id: str) -> Snapshot | None:
        record = self._records.get(key)
        kept = None if record is None else record.versions.get(version_id)
        return None if kept is None else kept[1]

    async def delete_version(self, key: SessionKey, version_id: str) -> bool:
        record = self._records.get(key)
        return record is not None and record.versions.pop(version_id, None) is not None
