"""One connection to Redis that is made again whenever it is lost.

txredisapi's own reconnecting handlers keep commands that are given while the link is down and run
them late, without a time-out. Here a command on a link that is down fails at once, and the scripts
carry a deadline in the server's time, so that nothing happens after its caller was told otherwise.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections import deque
from collections.abc import Awaitable, Callable
from importlib import resources
from typing import Any

from hiredis import pack_command
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory
from twisted.internet.tcp import Connection as SocketConnection
from twisted.logger import Logger
from txredisapi import (
    ConnectionError as RedisConnectionError,
)
from txredisapi import (
    RedisError,
    RedisProtocol,
    ResponseError,
    SubscriberProtocol,
)
from txredisapi import (
    TimeoutError as RedisTimeoutError,
)

from .. import metrics
from ..errors import CollabError
from ..gathering import gathering
from ..rounds import rounds
from .address import Address

# Who gives commands meets the server's refusals, and need not know txredisapi for that.
__all__ = ["Connection", "ResponseError", "Script", "unavailable"]

REPLY_TIMEOUT_S = 2.0
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


def is_plain(transport: Any) -> bool:
    """Whether what is read from and written to the socket is what is meant: it is not encrypted."""
    return isinstance(transport, SocketConnection) and not getattr(transport, "TLS", False)


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
        self._reactor = reactor
        self._address = address
        self._came_up = came_up
        self._factory = _LinkFactory(self, message)
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
        protocol = await self._address.endpoint(self._reactor).connect(self._factory)
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
            self._retry = self._reactor.callLater(self._delay, self.start)
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
        return float(self._reactor.seconds())

    async def until_ready(self, timeout_s: float) -> None:
        """Wait for the link; `store_unavailable` where that takes too long."""
        if self.ready:
            return
        waiter: Deferred[None] = Deferred()
        self._waiting.append(waiter)
        waiter.addTimeout(timeout_s, self._reactor)
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
        begun_s = self._reactor.seconds()
        try:
            reply = await self.command("EVALSHA", script.sha1, len(keys), *keys, *args)
        except ResponseError as error:
            if not str(error).startswith("NOSCRIPT"):
                raise
            reply = await self.command("EVAL", script.source, len(keys), *keys, *args)
        script.seconds.observe(self._reactor.seconds() - begun_s)
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


class _LinkFactory(Factory):
    """Makes the protocols of one `Connection`; they look to it for what txredisapi asks of one."""

    noisy = False
    isLazy = True

    def __init__(
        self, connection: Connection, message: Callable[[bytes, bytes], None] | None
    ) -> None:
        self._connection = connection
        self._message = message

    def buildProtocol(self, addr: Any) -> Any:
        # Texts like "007" must come back as they are: no charset, no numbers.
        kind = _CommandLink if self._message is None else _SubscriberLink
        protocol = kind(charset=None, convertNumbers=False, replyTimeout=REPLY_TIMEOUT_S)
        protocol.factory = self
        protocol.connection = self._connection
        protocol.told = self._message
        # txredisapi's factories hand out the clock for time-outs.
        protocol.callLater = self._connection._reactor.callLater
        return protocol


class _Link:
    connection: Connection
    told: Any

    def dataReceived(self, data: bytes, unpause: bool = False) -> None:
        if gathering.held is not None:
            self.replies(data)  # read by the other one
            return
        with gathering.until_done():
            self.replies(data)
            if self.connection.beside is not None:
                self.connection.beside.read_now()

    def replies(self, data: bytes) -> None:
        """Take what the server sent."""
        super().dataReceived(data)  # type: ignore[misc]

    def connectionLost(self, why: Any) -> None:
        super().connectionLost(why)  # type: ignore[misc]
        self.connection.lost(self, why.getErrorMessage())


class _CommandLink(_Link, RedisProtocol):  # type: ignore[misc]
    """A link for commands.

    txredisapi writes each word of a command by itself, has a queue of Deferreds and a timer for
    each command, and goes through each reply to convert what is not to be converted here: that is
    most of what a command costs. Here hiredis, which reads its replies anyway, packs the commands
    too, and the first reply that is overdue ends the link, so that one timer is enough.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # What waits for a reply, and since when, in the order of the commands.
        self._asked: deque[tuple[Deferred[Any], float]] = deque()
        self._timer: Any = None
        self._unsent: list[bytes] = []

    def execute_command(self, *words: Any, **_options: Any) -> Deferred[Any]:
        """Give a command; fires with the reply, or with the server's error.

        Raises:
            RedisConnectionError: the link is down.
        """
        if not self.connected:
            raise RedisConnectionError("Not connected")
        packed = pack_command(words)
        replied: Deferred[Any] = Deferred()
        self._asked.append((replied, self.connection.now_s()))
        if self._timer is None:
            self._timer = self.callLater(REPLY_TIMEOUT_S, self._look)
        self._unsent.append(packed)
        if len(self._unsent) == 1:
            rounds.at_end(self._send)
        return replied

    def _send(self) -> None:
        """Write what was given in this round: to the socket, where nothing waits before it."""
        data, transport = b"".join(self._unsent), self.transport
        self._unsent.clear()
        if is_plain(transport) and not transport.dataBuffer and not transport._tempDataBuffer:
            # It may take nothing now; or be gone, which the transport will find out.
            with contextlib.suppress(OSError):
                data = data[transport.socket.send(data) :]
        if data:
            transport.write(data)

    def replies(self, data: bytes) -> None:
        self._reader.feed(data)
        while (reply := self._reader.gets()) is not False:
            self.replyReceived(reply)

    def replyReceived(self, reply: Any) -> None:
        if not self._asked:
            return  # it was overdue: the link is being ended
        replied, _ = self._asked.popleft()
        if isinstance(reply, Exception):
            replied.errback(reply)
        else:
            replied.callback(reply)

    def _look(self) -> None:
        self._timer = None
        if not self._asked:
            return
        left = self._asked[0][1] + REPLY_TIMEOUT_S - self.connection.now_s()
        if left > 0:
            self._timer = self.callLater(left, self._look)
        else:
            self._fail(RedisTimeoutError(f"Not received Redis response in {REPLY_TIMEOUT_S} s"))

    def _fail(self, error: Exception) -> None:
        asked, self._asked = self._asked, deque()
        for replied, _ in asked:
            replied.errback(error)

    def connectionLost(self, why: Any) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        super().connectionLost(why)
        self._fail(RedisConnectionError("Lost connection"))


class _SubscriberLink(_Link, SubscriberProtocol):  # type: ignore[misc]
    def replies(self, data: bytes) -> None:
        self._reader.feed(data)
        while (reply := self._reader.gets()) is not False:
            if type(reply) is list and len(reply) == 3 and reply[0] == b"message":
                self.told(reply[1], reply[2])
            else:
                self.replyReceived(reply)
