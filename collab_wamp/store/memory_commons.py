"""What all nodes share, in the memory of one process: for tests and simulations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .announcements import NODES, Announcement, NodesListener, RevokedAnnounced
from .commons import Bucket, Revocation, Taken


class MemoryCommons:
    """See `commons.Commons`.

    Args:
        now_ms: the time of day, milliseconds since 1970.
    """

    def __init__(self, now_ms: Callable[[], float]) -> None:
        self._now_ms = now_ms
        self._revocations: dict[tuple[str, str, str], tuple[Revocation, float]] = {}
        self._instances: dict[str, tuple[float, dict[str, Any]]] = {}
        self._owners: dict[str, str] = {}
        self._full: dict[str, float] = {}
        self._listeners: list[NodesListener] = []

    async def revoke(self, revocation: Revocation, kept_s: float) -> None:
        row = revocation
        until = self._now_ms() + kept_s * 1000
        self._revocations[row.tenant, row.kind, row.name] = (row, until)
        await self.announce(RevokedAnnounced(row.tenant, row.kind, row.name, row.at_ms))

    async def revocations(self) -> list[Revocation]:
        now = self._now_ms()
        return [row for row, until in self._revocations.values() if until >= now]

    async def beat(
        self, instance_id: str, report: dict[str, Any], ttl_s: float, owner: str
    ) -> bool:
        if instance_id in await self.reports() and self._owners[instance_id] != owner:
            return False
        self._owners[instance_id] = owner
        self._instances[instance_id] = (self._now_ms() + ttl_s * 1000, report)
        return True

    async def reports(self) -> dict[str, dict[str, Any]]:
        now = self._now_ms()
        return {name: row for name, (until, row) in self._instances.items() if until >= now}

    async def dead(self) -> list[str]:
        now = self._now_ms()
        return [name for name, (until, _) in self._instances.items() if until < now]

    async def bury(self, instance_id: str) -> bool:
        if instance_id not in await self.dead():
            return False
        del self._instances[instance_id]
        return True

    async def farewell(self, instance_id: str) -> None:
        self._instances.pop(instance_id, None)

    async def take(self, buckets: Sequence[Bucket], most_wait_s: float) -> Taken:
        now, wait = self._now_ms(), 0.0
        full = {}
        for bucket in buckets:
            token = 1000 / bucket.per_s
            # Never later than an empty bucket is full again: the clock may have been set back.
            most = now + bucket.burst * token + most_wait_s * 1000
            stored = min(self._full.get(bucket.name, 0.0), most)
            full[bucket.name] = max(stored, now) + bucket.cost * token
            needed = full[bucket.name] - bucket.burst * token - now
            if needed > most_wait_s * 1000:
                return Taken(needed, bucket.name)
            wait = max(wait, needed)
        self._full |= full
        return Taken(wait)

    async def left(self, buckets: Sequence[Bucket]) -> list[float]:
        now = self._now_ms()
        found = []
        for bucket in buckets:
            full = max(self._full.get(bucket.name, 0.0), now)
            found.append(bucket.burst - (full - now) * bucket.per_s / 1000)
        return found

    async def announce(self, announcement: Announcement) -> None:
        for listener in list(self._listeners):
            listener(NODES, announcement)

    async def listen_nodes(self, listener: NodesListener) -> None:
        self._listeners.append(listener)
