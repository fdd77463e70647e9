"""One connection to Redis that is made again whenever it is lost.

txredisapi's own reconnecting handlers keep commands that are given while the link is down and run
them late, without a time-out. Here a command on a link that is down fails at once, and the scripts
carry a deadline in the server's time, so that nothing happens after its caller was told otherwise.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable
from importlib import resources
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from txredisapi import (
    ConnectionError as RedisConnectionError,
)
from txredisapi import RedisError, ResponseError

from .. import metrics
from ..errors import CollabError
from .address import Address
from .links import REPLY_TIMEOUT_S, LinkFactory, is_plain

# Who gives commands meets the server's refusals, and need not know what is below for that.
__all__ = ["REPLY_TIMEOUT_S", "Connection", "ResponseError", "Script", "unavailable"]

RETRY_FIRST_S = 0.05
RETRY_MOST_S = 1.0

# Answers of a server that works as it should, and cannot do this now.
UNABLE = re.compile(
    r"\b(OOM|READONLY|LOADING|BUSY|MISCONF|NOREPLICAS|MASTERDOWN|CLUSTERDOWN|UNKILLABLE|NOAUTH)\b"
)


def unavailable(reason: str) -> CollabError:
    return CollabError(
        "store_unavailable",
        f"The store cannot answer: {reason.rstrip('.')}.",
        retry_after_ms=500,
    )


class Script:
    """A Lua script of the package.

    Args:
        name: of the file in `lua/`, without its ending.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.source = resources.files(__package__).joinpath("lua", f"{name}.lua").read_bytes()
        self.seconds = metrics.tally(metrics.STORE_SECONDS.labels(name))
        self.sha1 = hashlib.sha1(self.source, usedforsecurity=False).hexdigest()


class Connection:
    """A link that keeps itself up.

    Args:
        came_up: awaited with the connection each time it has been made, before `ready`.
        message: for a connection that subscribes: called with (channel, message).

    Attributes:
        beside: another one that is read whenever this one is: what the store does at one time is
            told over both, so that both have something to say together.
        ready: whether commands can be given.
        problem: why the link is down, in words.
    """

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        address: Address,
        *,
        came_up: Callable[[Connection], Awaitable[None]] | None = None,
        message: Callable[[bytes, bytes], None] | None = None,
    ) -> None:
        self.reactor = reactor
        self._address = address
        self._came_up = came_up
        self._factory = LinkFactory(self, message)
        self._protocol: Any = None
        self._closing = False
        self._delay = RETRY_FIRST_S
        self._retry: Any = None
        self._connecting: Deferred[None] | None = None
        self._waiting: list[Deferred[None]] = []
        self.beside: Connection | None = None
        self.ready = False
        self.problem = "not connected yet"

    def start(self) -> None:
        self._retry = None
        self._connecting = Deferred.fromCoroutine(self._connect())
        self._connecting.addErrback(self._failed)

    async def _connect(self) -> None:
        protocol = await self._address.endpoint(self.reactor).connect(self._factory)
        if self._closing:
            protocol.transport.abortConnection()
            return
        self._protocol = protocol
        if self._address.password:
            names = [self._address.username] if self._address.username else []
            await protocol.execute_command("AUTH", *names, self._address.password)
        if self._address.db:
            await protocol.execute_command("SELECT", self._address.db)
        if self._came_up is not None:
            await self._came_up(self)
        if protocol is not self._protocol:
            return
        self.ready, self.problem, self._delay = True, "", RETRY_FIRST_S
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            waiter.callback(None)

    def _failed(self, failure: Any) -> None:
        self.problem = failure.getErrorMessage() or failure.type.__name__
        if not failure.check(RedisError, OSError, CollabError) and "Error" not in str(failure.type):
            self.log.failure("while connecting to {address}", failure, address=self._address)
        protocol, self._protocol = self._protocol, None
        if protocol is not None:
            protocol.transport.abortConnection()
        self._try_again()

    def _try_again(self) -> None:
        self.ready = False
        if not self._closing and self._retry is None:
            self._retry = self.reactor.callLater(self._delay, self.start)
            self._delay = min(2 * self._delay, RETRY_MOST_S)

    def lost(self, protocol: Any, reason: str) -> None:
        """The link of `protocol` is gone."""
        if protocol is self._protocol:
            self._protocol = None
            was_ready, self.ready = self.ready, False
            if was_ready:
                metrics.STORE_LINKS_LOST.labels(metrics.PROCESS).inc()
                self.problem = reason
                if not self._closing:
                    self.log.warn("lost {address}: {why}", address=self._address, why=reason)
                self._try_again()

    def read_now(self) -> None:
        """Take what has arrived, before the reactor comes to it."""
        transport: Any = None if self._protocol is None else self._protocol.transport
        if is_plain(transport):
            try:
                transport.doRead()  # whether it is lost, the reactor will find out
            except Exception:
                self.log.failure("what {address} sent", address=self._address)
                transport.abortConnection()

    def now_s(self) -> float:
        return float(self.reactor.seconds())

    async def until_ready(self, timeout_s: float) -> None:
        """Wait for the link; `store_unavailable` where that takes too long."""
        if self.ready:
            return
        waiter: Deferred[None] = Deferred()
        self._waiting.append(waiter)
        waiter.addTimeout(timeout_s, self.reactor)
        try:
            await waiter
        except Exception:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
            raise unavailable(self.problem) from None

    async def command(self, *words: Any) -> Any:
        """Give a command to a link that is up (or coming up, from `came_up`).

        Raises:
            CollabError: `store_unavailable`.
            ResponseError: the server refuses the command as such.
        """
        protocol = self._protocol
        if protocol is None:
            raise unavailable(self.problem)
        try:
            return await protocol.execute_command(*words)
        except RedisConnectionError as error:  # time-outs are such errors too
            protocol.transport.abortConnection()
            self.lost(protocol, str(error))
            raise unavailable(str(error)) from None
        except ResponseError as error:
            if UNABLE.search(str(error)):
                raise unavailable(str(error)) from None
            raise

    async def script(self, script: Script, keys: list[str], *args: Any) -> Any:
        """Run a script, see `command`."""
        begun_s = self.reactor.seconds()
        try:
            reply = await self.command("EVALSHA", script.sha1, len(keys), *keys, *args)
        except ResponseError as error:
            if not str(error).startswith("NOSCRIPT"):
                raise
            reply = await self.command("EVAL", script.source, len(keys), *keys, *args)
        script.seconds.observe(self.reactor.seconds() - begun_s)
        return reply

    async def close(self) -> None:
        self._closing = True
        self.ready = False
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        protocol, self._protocol = self._protocol, None
        if protocol is None and self._connecting is not None:
            self._connecting.cancel()
        if protocol is not None:
            gone: Deferred[Any] = protocol.whenDisconnected()
            protocol.transport.abortConnection()
            await gone
        for waiter in self._waiting:
            waiter.cancel()
