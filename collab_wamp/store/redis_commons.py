"""What all nodes share, in Redis.

================================  ======  ========================================================
`revocations`                     hash    tenant, kind, name: a line each → `at:until`, milliseconds
`{nodes}:instances`               zset    instance_id, scored by the time it is alive until
`{nodes}:report:ID`               string  the last report of an instance, JSON; expires with it
`{nodes}:owner:ID`                string  which node has the name of an instance; expires with it
`{nodes}:ping:ID`                 string  to see whether the store takes writes; expires
`{rate:TENANT}:…`                 string  when a token bucket is full again; expires then
================================  ======  ========================================================

The channel of all nodes is `{:nodes}:events`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import orjson

from . import codec
from .announcements import NODES, Announcement, NodesListener, RevokedAnnounced
from .channels import Channels
from .clock import StoreClock
from .commons import Bucket, Revocation, Taken

REVOCATIONS = "revocations"
INSTANCES = "{nodes}:instances"

Run = Callable[..., Awaitable[Any]]


def report_key(instance_id: str) -> str:
    return f"{{nodes}}:report:{instance_id}"


def owner_key(instance_id: str) -> str:
    return f"{{nodes}}:owner:{instance_id}"


class RedisCommons:
    """See `commons.Commons`.

    Args:
        command, run, change: of `redis.RedisStore`: a command, a reading script, a writing one.
    """

    def __init__(
        self, clock: StoreClock, channels: Channels, command: Run, run: Run, change: Run
    ) -> None:
        self._clock = clock
        self._channels = channels
        self._command = command
        self._run = run
        self._change = change

    async def revoke(self, revocation: Revocation, kept_s: float) -> None:
        row = revocation
        until = int(self._clock.now_ms() + kept_s * 1000)
        announced = RevokedAnnounced(row.tenant, row.kind, row.name, row.at_ms)
        await self._change(
            "revoke",
            [REVOCATIONS],
            codec.channel(NODES),
            "\n".join((row.tenant, row.kind, row.name)),
            f"{row.at_ms}:{until}",
            codec.encode_announcement(announced),
            int(kept_s),
        )

    async def revocations(self) -> list[Revocation]:
        now, found, old = self._clock.now_ms(), [], []
        for field, value in codec.pairs(await self._command("HGETALL", REVOCATIONS)).items():
            tenant, kind, name = field.split("\n", 2)
            at, until = value.split(b":")
            if int(until) < now:
                old.append(field)
            else:
                found.append(Revocation(tenant, kind, name, int(at)))
        if old:
            await self._command("HDEL", REVOCATIONS, *old)
        return found

    async def beat(
        self, instance_id: str, report: dict[str, Any], ttl_s: float, owner: str
    ) -> bool:
        keys = [INSTANCES, report_key(instance_id), owner_key(instance_id)]
        _, ours = await self._change(
            "beat", keys, instance_id, orjson.dumps(report), int(ttl_s * 1000), owner
        )
        return bool(ours)

    async def reports(self) -> dict[str, dict[str, Any]]:
        names = [name.decode() for name in await self._run("instances", [INSTANCES], "alive")]
        if not names:
            return {}
        values = await self._command("MGET", *map(report_key, names))
        return {
            name: orjson.loads(value)
            for name, value in zip(names, values, strict=True)
            if value is not None
        }

    async def dead(self) -> list[str]:
        return [name.decode() for name in await self._run("instances", [INSTANCES], "dead")]

    async def bury(self, instance_id: str) -> bool:
        _, buried = await self._change("bury", [INSTANCES], instance_id)
        return bool(buried)

    async def farewell(self, instance_id: str) -> None:
        await self._command("ZREM", INSTANCES, instance_id)
        await self._command("DEL", report_key(instance_id))
        await self._command("DEL", owner_key(instance_id))

    async def take(self, buckets: Sequence[Bucket], most_wait_s: float) -> Taken:
        rows: list[Any] = []
        for bucket in buckets:
            rows += [1000 / bucket.per_s, bucket.burst, bucket.cost]
        kind, wait, *index = await self._change(
            "take", [bucket.name for bucket in buckets], most_wait_s * 1000, *rows
        )
        refused = buckets[int(index[0]) - 1].name if kind == b"refused" else ""
        return Taken(float(wait), refused)

    async def left(self, buckets: Sequence[Bucket]) -> list[float]:
        rows: list[Any] = []
        for bucket in buckets:
            rows += [1000 / bucket.per_s, bucket.burst]
        found = await self._run("left", [bucket.name for bucket in buckets], *rows)
        return [float(tokens) for tokens in found]

    async def announce(self, announcement: Announcement) -> None:
        message = codec.encode_announcement(announcement)
        await self._command("PUBLISH", codec.channel(NODES), message)

    async def listen_nodes(self, listener: NodesListener) -> None:
        await self._channels.listen(NODES, listener)
