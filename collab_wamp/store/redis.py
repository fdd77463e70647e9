"""The store in Redis (≥ 6.2) or Valkey; with `connection` the only user of txredisapi."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import Any

import orjson
from twisted.internet.defer import Deferred, FirstError, gatherResults
from twisted.logger import Logger

from . import codec
from .address import parse_address
from .announcements import Listener
from .answers import (
    Behind,
    ClientTaken,
    CommitResult,
    Committed,
    Joined,
    Moved,
    NoSession,
    Seen,
    StaleEpoch,
)
from .channels import Channels
from .clock import StoreClock
from .connection import Connection, Script, unavailable
from .durability import Durability, Settler
from .redis_commons import RedisCommons
from .values import (
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

CALL_S = 3.0
PEOPLE_LIVE_S = 120
INDEX_LIVES_S = 86_400
PAGE = 1000
PAGE_BYTES = 1 << 20
CLIENT_FORGOTTEN_MS = 86_400_000
PING_LIVES_MS = 60_000

SCRIPTS = {
    name: Script(name)
    for name in (
        "create", "commit", "edits", "join", "leave", "roster", "snapshot", "save_snapshot",
        "presence", "destroy", "renew_epoch", "revoke", "beat", "instances", "bury", "take", "left",
        "grant", "participant", "renew",
    )
}  # fmt: skip


class RedisStore:
    """See `interface.Store`.

    Args:
        url: see `address.parse_address`.
        durability: what an acknowledgement promises, see `durability`.
        instance_id: the node.
        monotonic: seconds on a clock that nobody sets.

    Attributes:
        commons: what all nodes share beside the sessions.
    """

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        url: str,
        *,
        durability: Durability,
        instance_id: str,
        monotonic: Callable[[], float],
    ) -> None:
        self._reactor = reactor
        self._clock = StoreClock(monotonic)
        self._durability = durability
        self.address = parse_address(url)
        self._connection = Connection(reactor, self.address, came_up=self._came_up)
        self._channels = Channels(reactor, self.address)
        self._settler = Settler(reactor, self.address, durability, instance_id)
        self.commons = RedisCommons(
            self._clock, self._channels, self._connection.command, self._run, self._change
        )
        self._ping_key = f"{{nodes}}:ping:{instance_id}"
        self._server = ""
        self._policy = ""

    def start(self) -> None:
        """Begin to connect; what is called before that is done waits for it."""
        self._connection.start()
        self._channels.start()
        self._settler.start()

    async def close(self) -> None:
        await self._connection.close()
        await self._channels.close()
        await self._settler.close()

    @property
    def up(self) -> bool:
        """Whether all links to the store are up."""
        return self._connection.ready and self._channels.up and self._settler.up

    async def until_ready(self, timeout_s: float = CALL_S) -> None:
        await self._connection.until_ready(timeout_s)
        await self._channels.until_ready(timeout_s)

    async def _came_up(self, connection: Connection) -> None:
        await self._clock.set_by(connection)
        info = (await connection.command("INFO")).decode()
        fields = dict(line.split(":", 1) for line in info.splitlines() if ":" in line)
        self._server = fields.get("valkey_version") or fields.get("redis_version", "?")
        self._policy = fields.get("maxmemory_policy", "?")
        if self._policy != "noeviction":
            self.log.error(
                "the store's maxmemory-policy is {policy}: documents can be lost; noeviction is "
                "required",
                policy=self._policy,
            )

    async def _run(self, name: str, keys: list[str], *args: Any) -> Any:
        """A script that only reads."""
        return await self._connection.script(SCRIPTS[name], keys, *args)

    async def _change(self, name: str, keys: list[str], *args: Any) -> Any:
        """A script that writes; its first argument is the time after which it must not."""
        deadline = f"{self._clock.now_ms() + CALL_S * 1000:.0f}"
        reply = await self._connection.script(SCRIPTS[name], keys, deadline, *args)
        if reply[0] == b"late":
            # It may be its clock that was set.
            await self._clock.set_by(self._connection)
            raise unavailable("the call reached it too late")
        return reply

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
        keys = codec.keys(key, "meta", "log", "seen", "snap", "roster", "presence", "rights")
        _, destroyed = await self._change("destroy", keys, codec.channel(key))
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

    def _decode_snapshot(self, key: SessionKey, value: bytes) -> Snapshot:
        try:
            return codec.decode_snapshot(value)
        except (ValueError, zlib.error) as error:
            # Taken for what it is, it fails the check of its hash.
            self.log.error("snapshot of {key} is damaged: {error}", key=key, error=error)
            return Snapshot(0, b"", "damaged")

    async def save_snapshot(
        self, key: SessionKey, epoch: str, snapshot: Snapshot, floor: int
    ) -> bool:
        keys = codec.keys(key, "meta", "log", "seen", "snap")
        _, kept = await self._change(
            "save_snapshot",
            keys,
            epoch,
            snapshot.revision,
            floor,
            codec.encode_snapshot(snapshot),
            self._clock.now_ms() - CLIENT_FORGOTTEN_MS,
        )
        return bool(kept)

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
        fenced = tuple(map(codec.decode_entry, removed))
        gone = (*fenced, codec.decode_entry(before)) if before else fenced
        for other in gone:
            await self.forget(other.instance_id, other.record(key))
        return Joined(
            codec.decode_meta(flat),
            self._decode_snapshot(key, value) if value else None,
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

    async def grant(self, key: SessionKey, user_id: str, granted: str) -> bool:
        announcement = orjson.dumps(["rights", user_id, granted])
        keys = codec.keys(key, "meta", "rights")
        _, done = await self._change(
            "grant", keys, codec.channel(key), user_id, granted, announcement
        )
        return bool(done)

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
        rows: list[Any] = []
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

    # --- announcements and state ------------------------------------------------------------

    async def listen(self, key: SessionKey, listener: Listener) -> None:
        await self._channels.listen(key, listener)

    async def unlisten(self, key: SessionKey, listener: Listener) -> None:
        await self._channels.unlisten(key, listener)

    async def settle(self) -> bool:
        return await self._settler.settle()

    async def ping(self) -> dict[str, Any]:
        start = self._reactor.seconds()
        # Written, since one that is full or read-only answers PING as if nothing were.
        await self._connection.command("SET", self._ping_key, "1", "PX", PING_LIVES_MS)
        return {
            "latency_ms": round((self._reactor.seconds() - start) * 1000, 3),
            "server": self._server,
            "durability": self._durability,
            "appendfsync": self._settler.appendfsync,
            "maxmemory_policy": self._policy,
        }
