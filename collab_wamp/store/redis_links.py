"""The links to Redis (≥ 6.2) or Valkey that a store has, and what goes over them."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

from twisted.logger import Logger

from . import codec
from .address import parse_address
from .announcements import Listener
from .channels import Channels
from .clock import StoreClock
from .connection import Connection, Script, unavailable
from .durability import Durability, Settler
from .redis_commons import RedisCommons
from .values import SessionKey, Snapshot

CALL_S = 3.0
PAGE = 1000
PAGE_BYTES = 1 << 20
PING_LIVES_MS = 60_000

SCRIPTS = {
    name: Script(name)
    for name in (
        "create", "commit", "edits", "join", "leave", "roster", "snapshot", "checkpoint",
        "save_snapshot",
        "presence", "destroy", "renew_epoch", "revoke", "beat", "instances", "bury", "take", "left",
        "grant", "participant", "renew", "save_version", "delete_version",
        "grant", "participant", "renew", "hold", "held", "held_of", "unhold", "expire",
    )
}  # fmt: skip


class RedisLinks:
    """
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
        self._channels.beside(self._connection)
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

    def _decode_snapshot(self, key: SessionKey, value: bytes) -> Snapshot:
        try:
            return codec.decode_snapshot(value)
        except (ValueError, zlib.error) as error:
            # Taken for what it is, it fails the check of its hash.
            self.log.error("snapshot of {key} is damaged: {error}", key=key, error=error)
            return Snapshot(0, b"", "damaged")

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
