"""A WAMP client of plain WebSocket frames: what PROTOCOL.md says, and nothing else.

It knows JSON, msgpack and WebSocket frames, and neither Autobahn's WAMP nor our own client.
"""

from __future__ import annotations

import itertools
import json
from typing import Any

import msgpack
from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint

from .waiting import until

ROLES = {"caller": {}, "callee": {}, "subscriber": {}, "publisher": {}}


class CallError(Exception):
    """An ERROR message."""

    def __init__(self, row: list[Any]) -> None:
        super().__init__(f"{row[4]} {row[5:]}")
        self.uri: str = row[4]
        self.args_given: list[Any] = row[5] if len(row) > 5 else []
        self.kwargs: dict[str, Any] = row[6] if len(row) > 6 else {}

    @property
    def code(self) -> str:
        return self.uri.removeprefix("collab.error.")


class _Protocol(WebSocketClientProtocol):  # type: ignore[misc]
    owner: RawClient

    def onOpen(self) -> None:
        self.owner.opened.callback(None)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        assert isBinary == self.owner.binary, payload[:100]
        self.owner.received.append(msgpack.unpackb(payload) if isBinary else json.loads(payload))

    def onClose(self, wasClean: bool, code: int, reason: str) -> None:
        self.owner.closed = (code, reason)
        if not self.owner.opened.called:
            self.owner.opened.errback(ConnectionError(f"{code} {reason}"))


class RawClient:
    """One connection.

    Attributes:
        received: all messages, as they came.
        closed: (code, reason) once it is closed.
        events: what came to each subscription, by topic: keyword arguments in order.
    """

    def __init__(self, port: int, subprotocols: tuple[str, ...] = ("wamp.2.json",)) -> None:
        self.received: list[Any] = []
        self.closed: tuple[int, str] | None = None
        self.opened: Deferred[None] = Deferred()
        self._port = port
        self._subprotocols = subprotocols
        self._numbers = itertools.count(1)
        self._topics: dict[int, str] = {}
        self.protocol: Any = None

    async def connect(self, origin: str | None = None) -> RawClient:
        factory = WebSocketClientFactory(
            f"ws://127.0.0.1:{self._port}/ws", protocols=list(self._subprotocols), origin=origin
        )
        factory.protocol = _Protocol
        factory.noisy = False
        factory.setProtocolOptions(openHandshakeTimeout=0, closeHandshakeTimeout=0)
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", self._port)
        build = factory.buildProtocol

        def build_ours(address: Any) -> Any:
            protocol = build(address)
            protocol.owner = self
            return protocol

        factory.buildProtocol = build_ours
        self.protocol = await endpoint.connect(factory)
        await self.opened
        return self

    @property
    def binary(self) -> bool:
        """Whether it speaks msgpack: where that alone is offered."""
        return self._subprotocols == ("wamp.2.msgpack",)

    def send(self, message: Any) -> None:
        if self.binary:
            self.protocol.sendMessage(msgpack.packb(message), True)
        else:
            self.send_text(json.dumps(message))

    def send_text(self, text: str) -> None:
        self.protocol.sendMessage(text.encode("utf-8", "surrogatepass"))

    async def login(self, token: str, **hello: Any) -> list[Any]:
        """HELLO to WELCOME (or ABORT), which is returned."""
        self.send([1, "collab", {"roles": ROLES, "authmethods": ["ticket"], **hello}])
        first = await until(lambda: self._first(3, 4), what="CHALLENGE")
        if first[0] == 3:
            return list(first)
        self.send([5, token, {}])
        return list(await until(lambda: self._first(2, 3), what="WELCOME"))

    def _first(self, *kinds: int) -> Any:
        return next((row for row in self.received if row[0] in kinds), None)

    def start_call(self, procedure: str, /, **kwargs: Any) -> int:
        number = next(self._numbers)
        self.send([48, number, {}, procedure, [], kwargs])
        return number

    async def answer(self, kind: int, number: int) -> Any:
        """The answer to a request of ours, an ERROR raised."""

        def find() -> Any:
            for row in self.received:
                if row[0] == kind and row[1] == number:
                    return row
                if row[0] == 8 and row[2] == number:
                    return row
            return None

        row = await until(lambda: find() or self.closed, what=f"answer to {number}")
        if row is self.closed:
            raise ConnectionError(self.closed)
        if row[0] == 8:
            raise CallError(row)
        return row

    async def call(self, procedure: str, /, **kwargs: Any) -> Any:
        """The single positional result."""
        row = await self.answer(50, self.start_call(procedure, **kwargs))
        return row[3][0]

    async def subscribe(self, topic: str, **options: Any) -> int:
        number = next(self._numbers)
        self.send([32, number, options, topic])
        subscription = int((await self.answer(33, number))[2])
        self._topics[subscription] = topic
        return subscription

    def publish(self, topic: str, /, options: dict[str, Any] | None = None, **kwargs: Any) -> int:
        number = next(self._numbers)
        self.send([16, number, options or {}, topic, [], kwargs])
        return number

    def events(self, topic: str) -> list[dict[str, Any]]:
        return [
            row[5] if len(row) > 5 else {}
            for row in self.received
            if row[0] == 36 and self._topics.get(row[1]) == topic
        ]

    async def until_closed(self, timeout_s: float = 20) -> tuple[int, str]:
        await until(lambda: self.closed, timeout_s, "closed")
        assert self.closed is not None
        return self.closed

    async def cut(self) -> None:
        """End the TCP connection without a word."""
        if self.closed is None:
            self.protocol.transport.abortConnection()
            await self.until_closed()


async def logged_in(port: int, token: str, subprotocol: str = "wamp.2.json") -> RawClient:
    client = await RawClient(port, (subprotocol,)).connect()
    welcome = await client.login(token)
    assert welcome[0] == 2, welcome
    return client
