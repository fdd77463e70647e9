"""Servers that do not answer as they should."""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import Factory, Protocol


class BadServer:
    """Accepts connections and answers what comes on them with the same bytes each time.

    Args:
        answer: b"" = it never answers.
        endless: it goes on sending the answer for as long as it is read.

    Attributes:
        connections: how many were made.
    """

    def __init__(self, answer: bytes = b"", endless: bool = False) -> None:
        self.answer = answer
        self.endless = endless
        self.port = 0
        self.connections = 0
        self._open: set[_BadProtocol] = set()
        self._listening: Any = None
        self._emptied: Deferred[None] | None = None

    async def start(self) -> None:
        factory = Factory.forProtocol(lambda: _BadProtocol(self))
        factory.noisy = False
        endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
        self._listening = await endpoint.listen(factory)
        self.port = self._listening.getHost().port

    async def stop(self) -> None:
        await self._listening.stopListening()
        if self._open:
            self._emptied = Deferred()
            for protocol in list(self._open):
                protocol.transport.abortConnection()  # type: ignore[union-attr]
            await self._emptied


class _BadProtocol(Protocol):
    def __init__(self, server: BadServer) -> None:
        self._server = server

    def connectionMade(self) -> None:
        self._server._open.add(self)
        self._server.connections += 1

    def dataReceived(self, data: bytes) -> None:
        if self._server.endless:
            self.transport.registerProducer(self, False)  # type: ignore[union-attr]
        elif self._server.answer:
            self.transport.write(self._server.answer)  # type: ignore[union-attr]

    def resumeProducing(self) -> None:
        self.transport.write(self._server.answer)  # type: ignore[union-attr]

    def stopProducing(self) -> None:
        """The connection ends."""

    def connectionLost(self, reason: Any = None) -> None:
        self._server._open.discard(self)
        if self._server._emptied is not None and not self._server._open:
            self._server._emptied.callback(None)


def http_answer(body: bytes, status: str = "200 OK") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return f"{head}\r\n\r\n".encode() + body
