"""The store in Redis (≥ 6.2) or Valkey: sessions and their logs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred, FirstError, gatherResults
from twisted.internet.threads import deferToThreadPool

from . import codec
from .answers import (
    Behind,
    CommitResult,
    Committed,
    Moved,
    NoSession,
    Seen,
    StaleEpoch,
)
from .redis_held import RedisHeld
from .redis_links import PAGE_BYTES
from .redis_versions import RedisVersions
from .values import (
    Edit,
    SessionKey,
    SessionMeta,
    Snapshot,
    Submission,
    make_snapshot,
)

CLIENT_FORGOTTEN_MS = 86_400_000
# To deflate so much takes some milliseconds.
LARGE_BYTES = 1 << 16


class RedisStore(RedisHeld, RedisVersions):
    """See `interface.Store`, and `redis_links` for what it is made with."""

    # --- sessions ---------------------------------------------------------------------------

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
        meta = SessionMeta(type, epoch, topic_key, 0, 0, 0, owner, conflicts, created_ms)
        # The list is on another shard, so it comes first: it may hold too many, never too few.
        await self._connection.command("ZADD", codec.listing(key.tenant), 0, key.session_id)
        keys, snapshot = codec.keys(key, "meta", "snap"), make_snapshot(0, content)
        _, created, flat = await self._change(
            "create", keys, codec.encode_snapshot(snapshot), *codec.encode_meta(meta)
        )
        return codec.decode_meta(flat), bool(created)

    async def meta(self, key: SessionKey) -> SessionMeta | None:
        flat = await self._connection.command("HGETALL", *codec.keys(key, "meta"))
        return codec.decode_meta(flat) if flat else None

    async def destroy(self, key: SessionKey) -> bool:
        _, destroyed = await self._change("destroy", codec.all_keys(key), codec.channel(key))
        await self._connection.command("ZREM", codec.listing(key.tenant), key.session_id)
        # Somebody may have made it anew in between.
        if await self._connection.command("EXISTS", *codec.keys(key, "meta")):
            await self._connection.command("ZADD", codec.listing(key.tenant), 0, key.session_id)
        return bool(destroyed)

    async def renew_epoch(
        self, key: SessionKey, epoch: str, new_epoch: str, topic_key: str
    ) -> bool:
        keys = codec.keys(key, "meta", "roster", "presence")
        _, renewed = await self._change(
            "renew_epoch", keys, codec.channel(key), epoch, new_epoch, topic_key
        )
        return bool(renewed)

    async def list_sessions(self, tenant: str, cursor: str, limit: int) -> tuple[list[str], str]:
        start = f"({cursor}" if cursor else "-"
        found = await self._connection.command(
            "ZRANGEBYLEX", codec.listing(tenant), start, "+", "LIMIT", 0, limit + 1
        )
        names = [name.decode() for name in found]
        more = names[limit - 1] if len(names) > limit else ""
        return await self.existing(tenant, names[:limit]), more

    async def existing(self, tenant: str, session_ids: Sequence[str]) -> list[str]:
        asked = [
            self._connection.command("EXISTS", *codec.keys(SessionKey(tenant, name), "meta"))
            for name in session_ids
        ]
        try:
            answers = await gatherResults(map(Deferred.fromCoroutine, asked), consumeErrors=True)
        except FirstError as error:
            error.subFailure.raiseException()
        return [name for name, exists in zip(session_ids, answers, strict=True) if exists]

    async def count_sessions(self, tenant: str) -> int:
        return int(await self._connection.command("ZCARD", codec.listing(tenant)))

    # --- the log ----------------------------------------------------------------------------

    async def commit(
        self,
        key: SessionKey,
        epoch: str,
        expected: int,
        submissions: Sequence[Submission],
        head: str = "",
    ) -> CommitResult:
        last = submissions[-1].edit.identity if submissions else ""
        rows: list[Any] = [head, last, PAGE_BYTES]
        for submission in submissions:
            edit = submission.edit
            rows += [edit.client_id, edit.seq, submission.digest.hex(), codec.encode_edit(edit)]
            rows += [edit.user_id, submission.participant_id, submission.join_id]
            rows += [int(submission.may_edit)]
        keys = codec.keys(key, "meta", "log", "seen", "roster", "rights")
        kind, *rest = await self._change(
            "commit", keys, codec.channel(key), epoch, expected, self._clock.now_ms(), *rows
        )
        match kind:
            case b"ok":
                return Committed(int(rest[0]), durable=await self._settler.settle())
            case b"moved":
                return Moved(int(rest[0]), codec.decode_edits(rest[1:]))
            case b"seen":
                states = zip(rest[::2], rest[1::2], strict=True)
                return Seen(tuple((state.decode(), int(number)) for state, number in states))
            case b"epoch":
                return StaleEpoch(rest[0].decode())
            case b"behind":
                return Behind(int(rest[0]))
        return NoSession()

    async def edits(
        self, key: SessionKey, epoch: str, after: int, limit: int
    ) -> tuple[tuple[Edit, ...], SessionMeta] | StaleEpoch | NoSession:
        kind, *rest = await self._run(
            "edits", codec.keys(key, "meta", "log"), epoch, after, limit, PAGE_BYTES
        )
        if kind == b"none":
            return NoSession()
        if kind == b"epoch":
            return StaleEpoch(rest[0].decode())
        return codec.decode_edits(rest[1]), codec.decode_meta(rest[0])

    async def snapshot(self, key: SessionKey) -> tuple[SessionMeta, Snapshot] | None:
        flat, value = await self._run("snapshot", codec.keys(key, "meta", "snap"))
        return (codec.decode_meta(flat), self._decode_snapshot(key, value)) if flat else None

    async def checkpoint(
        self, key: SessionKey, revision: int
    ) -> tuple[SessionMeta, Snapshot] | None:
        keys = codec.keys(key, "meta", "snap", "checkpoints")
        flat, value = await self._run("checkpoint", keys, revision)
        return (codec.decode_meta(flat), self._decode_snapshot(key, value)) if flat else None

    async def save_snapshot(
        self, key: SessionKey, epoch: str, snapshot: Snapshot, floor: int, spacing: int
    ) -> bool:
        packed = await self._packed(snapshot)
        _, kept = await self._change(
            "save_snapshot",
            codec.keys(key, "meta", "log", "seen", "snap", "checkpoints"),
            codec.channel(key),
            epoch,
            snapshot.revision,
            floor,
            packed,
            snapshot.sha256,
            spacing,
            self._clock.now_ms() - CLIENT_FORGOTTEN_MS,
        )
        return bool(kept)

    async def _packed(self, snapshot: Snapshot) -> bytes:
        """A snapshot as it is kept; a large one is deflated while others are served."""
        if len(snapshot.content) < LARGE_BYTES:
            return codec.encode_snapshot(snapshot)
        threads = self._reactor.getThreadPool()
        packed: bytes = await deferToThreadPool(
            self._reactor, threads, codec.encode_snapshot, snapshot
        )
        return packed
