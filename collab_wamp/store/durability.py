"""When a commit counts as durable, and waiting until it is."""

from __future__ import annotations

from typing import Any, Literal

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from txredisapi import ResponseError

from ..errors import CollabError
from .address import Address
from .connection import Connection

Durability = Literal["committed", "fsynced", "replicated"]
WAIT_MS = 1500


class Settler:
    """Waits until what was written is on disk, for many writers at once.

    With `appendfsync always` an answer means that it is on disk already. Otherwise WAITAOF tells;
    it speaks of the writes of its own connection, and history is one line, so a tiny write on that
    connection followed by WAITAOF vouches for all that was answered before.

    Args:
        durability: `committed` = never wait, and never claim.
        instance_id: names the tiny write's key.
    """

    log = Logger()

    def __init__(
        self, reactor: Any, address: Address, durability: Durability, instance_id: str
    ) -> None:
        self._durability = durability
        self._key = f"settle:{instance_id}"
        self._connection = Connection(reactor, address, came_up=self._came_up)
        self._always = False
        self._supported = True
        self._waiting: list[Deferred[bool]] = []
        self._busy = False
        self.appendfsync = "unknown"

    def start(self) -> None:
        self._connection.start()

    async def close(self) -> None:
        await self._connection.close()

    @property
    def up(self) -> bool:
        return self._connection.ready

    async def _came_up(self, connection: Connection) -> None:
        self._always, self._supported = False, True
        try:
            flat = await connection.command("CONFIG", "GET", "append*")
        except ResponseError as error:
            self.log.warn("the store's settings cannot be read ({error})", error=error)
            return
        found = {flat[i]: flat[i + 1] for i in range(0, len(flat), 2)}
        on = found.get(b"appendonly") == b"yes"
        self.appendfsync = found.get(b"appendfsync", b"?").decode() if on else "off"
        self._always = self.appendfsync == "always"
        self._supported = on
        if self._durability != "committed" and not on:
            self.log.warn("the store writes no append-only file: no edit is durable")

    async def settle(self) -> bool:
        """Whether all that was answered before this call is as durable as is configured."""
        if self._durability == "committed" or not self._supported:
            return False
        if self._always and self._durability == "fsynced":
            return self._connection.ready
        settled: Deferred[bool] = Deferred()
        self._waiting.append(settled)
        if not self._busy:
            self._busy = True
            Deferred.fromCoroutine(self._run()).addErrback(
                lambda failure: self.log.failure("settling", failure=failure)
            )
        return await settled

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                try:
                    durable = await self._wait()
                except (CollabError, ResponseError) as error:
                    self.log.warn("not known to be durable: {error}", error=error)
                    durable = False
                for settled in batch:
                    settled.callback(durable)
        finally:
            self._busy = False

    async def _wait(self) -> bool:
        replicas = 1 if self._durability == "replicated" else 0
        await self._connection.command("SET", self._key, "1", "EX", 3600)
        local, copies = await self._connection.command("WAITAOF", 1, replicas, WAIT_MS)
        return int(local) >= 1 and int(copies) >= replicas
