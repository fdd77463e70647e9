"""Held edits in Redis.

Which are due, of all sessions, is in the sorted set `{nodes}:held`: tenant, session_id and
conflict_id, a line each, scored by `expires_ms`. It is on another shard than the sessions, so it
may have rows of what is gone, and never lacks one.
"""

from __future__ import annotations

from typing import Literal

import attrs
import orjson

from . import codec
from .answers import NoSession, StaleEpoch
from .held import EXPIRED_KEPT_MS, RESOLUTION, Held, Resolved
from .redis_links import CALL_S
from .redis_people import RedisPeople
from .values import SessionKey, Submission

DUE = "{nodes}:held"


def due_row(key: SessionKey, conflict_id: str) -> str:
    return "\n".join((key.tenant, key.session_id, conflict_id))


class RedisHeld(RedisPeople):
    """See `held.HeldStore`."""

    async def hold(
        self, key: SessionKey, held: Held, submission: Submission, *, lives_ms: int, most: int
    ) -> Held | Literal["full", "gone"] | StaleEpoch | NoSession:
        held = attrs.evolve(held, expires_ms=self._clock.now_ms() + lives_ms)
        row = due_row(key, held.conflict_id)
        await self._connection.command("ZADD", DUE, held.expires_ms, row)
        head, body = codec.encode_held(held)
        kind, *rest = await self._change(
            "hold",
            codec.keys(key, "meta", "roster", "held", "held_bodies"),
            held.epoch,
            submission.participant_id,
            submission.join_id,
            held.conflict_id,
            orjson.dumps(held.user_id),
            held.body,
            most,
            head,
            body,
        )
        if kind != b"ok" or rest[1] != body:
            # It is not held: what is due must not have to wait behind many rows of nothing.
            await self._connection.command("ZREM", DUE, row)
        match kind:
            case b"ok":
                return codec.decode_held(*rest)
            case b"epoch":
                return StaleEpoch(rest[0].decode())
            case b"full":
                return "full"
            case b"gone":
                return "gone"
        return NoSession()

    async def held(self, key: SessionKey, conflict_id: str) -> Held | Resolved | None:
        seen, head, body = await self._run(
            "held", codec.keys(key, "seen", "held", "held_bodies"), conflict_id
        )
        if seen and (resolved := _resolved(seen)) is not None:
            return resolved
        return codec.decode_held(head, body) if head else None

    async def held_of(self, key: SessionKey, user_id: str) -> list[Held]:
        rows = await self._run(
            "held_of", codec.keys(key, "seen", "held", "held_bodies"), orjson.dumps(user_id)
        )
        found = [codec.decode_held(*rows[i : i + 2]) for i in range(0, len(rows), 2)]
        return sorted(found, key=lambda held: (held.expires_ms, held.conflict_id))

    async def unhold(self, key: SessionKey, conflict_id: str) -> Resolved | None:
        _, seen = await self._change(
            "unhold",
            codec.keys(key, "meta", "seen", "held", "held_bodies"),
            codec.channel(key),
            conflict_id,
            RESOLUTION.hex(),
            self._clock.now_ms(),
        )
        await self._connection.command("ZREM", DUE, due_row(key, conflict_id))
        return _resolved(seen) if seen else None

    async def due(self, limit: int) -> list[tuple[SessionKey, str]]:
        rows = await self._connection.command(
            "ZRANGEBYSCORE", DUE, "-inf", self._clock.now_ms(), "LIMIT", 0, limit
        )
        split = (row.decode().split("\n") for row in rows)
        return [(SessionKey(tenant, name), conflict_id) for tenant, name, conflict_id in split]

    async def expire(self, key: SessionKey, conflict_id: str) -> None:
        held = await self.held(key, conflict_id)
        told = ["conflict", held.user_id, held.expired()] if isinstance(held, Held) else None
        _, until = await self._change(
            "expire",
            codec.keys(key, "seen", "held", "held_bodies"),
            codec.channel(key),
            conflict_id,
            EXPIRED_KEPT_MS,
            orjson.dumps(told),
        )
        row = due_row(key, conflict_id)
        if until:
            await self._connection.command("ZADD", DUE, "XX", int(until), row)
            return
        # What is not there may be just about to be held: its row was entered before.
        score = await self._connection.command("ZSCORE", DUE, row)
        if score and float(score) < self._clock.now_ms() - CALL_S * 1000:
            await self._connection.command("ZREM", DUE, row)


def _resolved(seen: bytes) -> Resolved | None:
    """Of a value of `seen`; None where it is a client's."""
    _, revision, digest, _, user_id = seen.decode().split(":", 4)
    return Resolved(int(revision), user_id) if digest == RESOLUTION.hex() else None
