"""Named versions of sessions in Redis."""

from __future__ import annotations

from . import codec
from .answers import Kept
from .redis_links import RedisLinks
from .values import MOST_VERSIONS, SessionKey, Snapshot, Version, newest_first


class RedisVersions(RedisLinks):
    """See `interface.Store`."""

    async def save_version(
        self, key: SessionKey, epoch: str, version: Version, snapshot: Snapshot
    ) -> Kept:
        _, done = await self._change(
            "save_version",
            codec.keys(key, "meta", "versions", "contents"),
            epoch,
            version.version_id,
            codec.encode_version(version),
            codec.encode_snapshot(snapshot),
            MOST_VERSIONS,
        )
        answer: Kept = done.decode()
        return answer

    async def versions(self, key: SessionKey) -> tuple[Version, ...]:
        flat = await self._connection.command("HGETALL", *codec.keys(key, "versions"))
        return newest_first(map(codec.decode_version, codec.pairs(flat).values()))

    async def version_content(self, key: SessionKey, version_id: str) -> Snapshot | None:
        [name] = codec.keys(key, "contents")
        value = await self._connection.command("HGET", name, version_id)
        return self._decode_snapshot(key, value) if value else None

    async def delete_version(self, key: SessionKey, version_id: str) -> bool:
        keys = codec.keys(key, "versions", "contents")
        _, deleted = await self._change("delete_version", keys, version_id)
        return bool(deleted)
