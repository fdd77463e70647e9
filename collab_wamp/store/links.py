"""The protocols of a `connection.Connection`: txredisapi's, made quicker."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from hiredis import pack_command
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory
from twisted.internet.tcp import Connection as SocketConnection
from txredisapi import (
    ConnectionError as RedisConnectionError,
)
from txredisapi import (
    RedisProtocol,
    SubscriberProtocol,
)
from txredisapi import (
    TimeoutError as RedisTimeoutError,
)

from ..gathering import gathering
from ..rounds import rounds
from ..sockets import send_now

REPLY_TIMEOUT_S = 2.0


class Owner(Protocol):
    """Whose links they are; see `connection.Connection`."""

    beside: Any
    reactor: Any

    def lost(self, protocol: Any, reason: str) -> None: ...

    def now_s(self) -> float: ...


def is_plain(transport: Any) -> bool:
    """Whether what is read from and written to the socket is what is meant: it is not encrypted."""
    return isinstance(transport, SocketConnection) and not getattr(transport, "TLS", False)


class LinkFactory(Factory):
    """Makes the protocols of one `Connection`; they look to it for what txredisapi asks of one."""

    noisy = False
    isLazy = True

    def __init__(self, connection: Owner, message: Callable[[bytes, bytes], None] | None) -> None:
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
        protocol.callLater = self._connection.reactor.callLater
        return protocol


class _Link:
    connection: Owner
    told: Any
    # Takes what the server sent.
    replies: Callable[[bytes], None]

    def dataReceived(self, data: bytes, unpause: bool = False) -> None:
        if gathering.held is not None:
            self.replies(data)  # read by the other one
            return
        with gathering.until_done():
            self.replies(data)
            if self.connection.beside is not None:
                self.connection.beside.read_now()

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
        if not is_plain(self.transport):
            self._send()
        elif len(self._unsent) == 1:
            rounds.at_end(self._send)
        return replied

    def _send(self) -> None:
        """Write what was given in this round: to the socket, where nothing waits before it."""
        data, transport = b"".join(self._unsent), self.transport
        self._unsent.clear()
        if not data or getattr(transport, "_aborting", False):
            return  # the link went in this round, and who waits for answers is told so
        if is_plain(transport):
            data = send_now(transport, data)
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
        # Whoever is told that it failed may ask again, and what was asked must not happen as well.
        self._unsent.clear()
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
