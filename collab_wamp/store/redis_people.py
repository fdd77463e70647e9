"""Who is on a session in Redis, where, and what users are granted there."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import orjson

from . import codec
from .answers import ClientTaken, Granted, Joined, NoSession
from .redis_links import PAGE, PAGE_BYTES, RedisLinks
from .values import MOST_GRANTS, JoinRecord, Participant, Presence, SessionKey, SessionMeta

PEOPLE_LIVE_S = 120
INDEX_LIVES_S = 86_400


class RedisPeople(RedisLinks):
    """See `interface.Store`."""

    async def join(
        self,
        key: SessionKey,
        participant: Participant,
        *,
        epoch: str | None = None,
        after: int | None = None,
        last: tuple[str, int] | None = None,
    ) -> Joined | NoSession | ClientTaken:
        # Another shard, so it comes first, like the list of sessions.
        index = codec.joined_index(participant.instance_id)
        record = participant.record(key)
        await self._connection.command("HSET", index, *codec.encode_record(record))
        await self._connection.command("EXPIRE", index, INDEX_LIVES_S)
        kind, *rest = await self._change(
            "join",
            codec.keys(key, "meta", "log", "seen", "snap", "roster", "presence", "rights"),
            codec.channel(key),
            epoch or "",
            "" if after is None else after,
            participant.client_id,
            participant.participant_id,
            codec.encode_participant(participant),
            PEOPLE_LIVE_S,
            PAGE,
            participant.join_id,
            participant.user_id,
            orjson.dumps(participant.user_id),
            PAGE_BYTES,
            participant.right,
            "" if last is None else f"{last[0]}:{last[1]}",
        )
        if kind in (b"none", b"taken"):
            await self.forget(participant.instance_id, record)
            return NoSession() if kind == b"none" else ClientTaken()
        flat, value, payloads, seen, roster, presence, removed, before, rights = rest
        fenced = tuple(codec.decode_entry(entry) for entry in removed)
        gone = (*fenced, codec.decode_entry(before)) if before else fenced
        for other in gone:
            await self.forget(other.instance_id, other.record(key))
        return Joined(
            codec.decode_meta(flat),
            partial(self._decode_snapshot, key, value) if value else None,
            codec.decode_edits(payloads),
            int(seen.split(b":")[0]) if seen else 0,
            codec.decode_roster(roster, rights),
            codec.decode_presences(presence),
            fenced,
        )

    async def leave(self, key: SessionKey, participant_id: str, reason: str) -> bool:
        announcement = orjson.dumps(["leave", participant_id, reason])
        _, removed = await self._change(
            "leave",
            codec.keys(key, "roster", "presence"),
            codec.channel(key),
            participant_id,
            announcement,
        )
        if removed:
            participant = codec.decode_entry(removed)
            await self.forget(participant.instance_id, participant.record(key))
        return bool(removed)

    async def participant(self, key: SessionKey, participant_id: str) -> Participant | None:
        value, granted = await self._run(
            "participant", codec.keys(key, "roster", "rights"), participant_id
        )
        return codec.decode_entry(value, granted.decode()) if value else None

    async def renew(self, key: SessionKey, participant: Participant) -> bool:
        _, done = await self._change(
            "renew",
            codec.keys(key, "roster", "rights"),
            codec.channel(key),
            participant.participant_id,
            participant.join_id,
            codec.encode_entry(participant),
            codec.encode_participant(participant),
            participant.user_id,
        )
        return bool(done)

    async def grant(
        self, key: SessionKey, user_id: str, granted: str, *, before: str | None = None
    ) -> Granted:
        announcement = orjson.dumps(["rights", user_id, granted])
        keys = codec.keys(key, "meta", "rights")
        _, done = await self._change(
            "grant",
            keys,
            codec.channel(key),
            user_id,
            granted,
            announcement,
            "*" if before is None else before,
            MOST_GRANTS,
        )
        answer: Granted = done.decode()
        return answer

    async def granted(self, key: SessionKey, user_id: str) -> str:
        value = await self._connection.command("HGET", *codec.keys(key, "rights"), user_id)
        return value.decode() if value else ""

    async def grants(self, key: SessionKey) -> dict[str, str]:
        return codec.decode_rights(
            await self._connection.command("HGETALL", *codec.keys(key, "rights"))
        )

    async def roster(
        self, key: SessionKey
    ) -> tuple[SessionMeta, tuple[Participant, ...], dict[str, Presence]] | None:
        flat, roster, presence, rights = await self._run(
            "roster", codec.keys(key, "meta", "roster", "presence", "rights")
        )
        if not flat:
            return None
        return (
            codec.decode_meta(flat),
            codec.decode_roster(roster, rights),
            codec.decode_presences(presence),
        )

    async def set_presence(
        self, key: SessionKey, instance_id: str, presence: dict[str, Presence | None]
    ) -> None:
        rows: list[bytes | str] = []
        for participant_id, row in presence.items():
            rows += [participant_id, codec.encode_presence(row)]
        await self._change(
            "presence",
            codec.keys(key, "roster", "presence"),
            codec.channel(key),
            orjson.dumps(instance_id),
            PEOPLE_LIVE_S,
            *rows,
        )

    async def joined_on(self, instance_id: str) -> list[JoinRecord]:
        flat = await self._connection.command("HGETALL", codec.joined_index(instance_id))
        return [codec.decode_record(field, value) for field, value in codec.pairs(flat).items()]

    async def forget(self, instance_id: str, record: JoinRecord) -> None:
        field, _ = codec.encode_record(record)
        await self._connection.command("HDEL", codec.joined_index(instance_id), field)

    async def touch(self, instance_id: str, keys: Sequence[SessionKey]) -> None:
        await self._connection.command("EXPIRE", codec.joined_index(instance_id), INDEX_LIVES_S)
        for key in keys:
            for name in codec.keys(key, "roster", "presence"):
                await self._connection.command("EXPIRE", name, PEOPLE_LIVE_S)
