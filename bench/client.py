"""A light client for load: WebSocket frames with JSON, callbacks, nothing kept."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import orjson
from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint


class _Protocol(WebSocketClientProtocol):
    owner: LightClient

    def onOpen(self) -> None:
        self.owner._opened.callback(None)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.owner._take(orjson.loads(payload))


class LightClient:
    """One connection.

    Attributes:
        on_event: called with the keyword arguments of every event of the edits topic.
    """

    def __init__(self, port: int, client_id: str) -> None:
        self._port = port
        self.client_id = client_id
        self._opened: Deferred[None] = Deferred()
        self._welcomed: Deferred[None] = Deferred()
        self._numbers = itertools.count(1)
        self._answers: dict[int, Callable[[Any], None]] = {}
        self._protocol: Any = None
        self._token = ""
        self._edits = 0
        self.on_event: Callable[[dict[str, Any]], None] = lambda event: None
        self.at: dict[str, Any] = {}
        self.revision = 0
        self.seq = 0

    async def connect(self, token: str) -> LightClient:
        self._token = token
        factory = WebSocketClientFactory(
            f"ws://127.0.0.1:{self._port}/ws", protocols=["wamp.2.json"]
        )
        factory.protocol = _Protocol
        factory.noisy = False
        build = factory.buildProtocol

        def build_ours(address: Any) -> Any:
            protocol = build(address)
            protocol.owner = self
            return protocol

        factory.buildProtocol = build_ours
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", self._port)
        self._protocol = await endpoint.connect(factory)
        await self._opened
        roles: dict[str, Any] = {"caller": {}, "subscriber": {}, "publisher": {}}
        self._send([1, "collab", {"roles": roles, "authmethods": ["ticket"]}])
        await self._welcomed
        return self

    def _send(self, message: Any) -> None:
        self._protocol.sendMessage(orjson.dumps(message))

    def _take(self, row: Any) -> None:
        kind = row[0]
        if kind == 36:
            if row[1] == self._edits:
                self.on_event(row[5])
        elif kind in (50, 33):
            self._answers.pop(row[1])(row)
        elif kind == 8:
            self._answers.pop(row[2])(row)
        elif kind == 4:
            self._send([5, self._token, {}])
        elif kind == 2:
            self._welcomed.callback(None)
        elif kind == 3:
            self._welcomed.errback(RuntimeError(row))

    def call(self, procedure: str, kwargs: dict[str, Any]) -> Deferred[Any]:
        """The single positional result; RuntimeError for an ERROR."""
        number = next(self._numbers)
        answered: Deferred[Any] = Deferred()

        def take(row: Any) -> None:
            if row[0] == 8:
                answered.errback(RuntimeError(row[4:]))
            else:
                answered.callback(row[3][0] if row[0] == 50 else row[2])

        self._answers[number] = take
        self._send([48, number, {}, procedure, [], kwargs])
        return answered

    async def join(self, session_id: str, *, subscribe: bool = True) -> dict[str, Any]:
        self.at = await self.call(
            "collab.session.join", {"session_id": session_id, "client_id": self.client_id}
        )
        self.revision, self.seq = self.at["revision"], self.at["next_seq"] - 1
        if subscribe:
            number = next(self._numbers)
            subscribed: Deferred[Any] = Deferred()
            self._answers[number] = lambda row: subscribed.callback(row[2])
            self._send([32, number, {}, self.at["topics"]["edits"]])
            self._edits = await subscribed
        return self.at

    def edit(self, session_id: str, revision: int, op: Any) -> Deferred[Any]:
        self.seq += 1
        return self.call(
            "collab.session.edit",
            {
                "session_id": session_id,
                "epoch": self.at["epoch"],
                "revision": revision,
                "client_id": self.client_id,
                "seq": self.seq,
                "op": op,
            },
        )

    def close(self) -> None:
        self._protocol.transport.abortConnection()
