"""A link to a store that can be cut, or fall silent, while others' links hold."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.protocol import ClientFactory, Protocol, ServerFactory


class Link:
    """Listens on a unix socket of its own, and passes all on to a store's."""

    def __init__(self, store_url: str) -> None:
        self._there = store_url.removeprefix("unix://")
        self._path = Path(tempfile.mkdtemp(prefix="cw-")) / "link.sock"
        self._port: Any = None
        self.ends: set[_End] = set()
        self.silent = False

    @property
    def url(self) -> str:
        return f"unix://{self._path}"

    def mend(self) -> None:
        """Pass on what comes; also what came while it was silent."""
        self.silent = False
        for end in self.ends:
            end.pass_on(b"")
        if self._port is None:
            factory = ServerFactory()
            factory.protocol = lambda: _Near(self)  # type: ignore[assignment]
            self._port = reactor.listenUNIX(str(self._path), factory)  # type: ignore[attr-defined]

    async def cut(self) -> None:
        """End all connections, and take no more."""
        port, self._port = self._port, None
        if port is not None:
            await port.stopListening()
        for end in list(self.ends):
            end.transport.abortConnection()

    def fall_silent(self) -> None:
        """Keep the connections, and pass nothing on."""
        self.silent = True


class _End(Protocol):
    other: _End | None = None

    def __init__(self, link: Link) -> None:
        self.link = link
        self.held = b""

    def connectionMade(self) -> None:
        self.link.ends.add(self)

    def dataReceived(self, data: bytes) -> None:
        self.pass_on(data)

    def pass_on(self, data: bytes) -> None:
        self.held += data
        if self.other is not None and not self.link.silent and self.held:
            data, self.held = self.held, b""
            self.other.transport.write(data)

    def connectionLost(self, reason: Any) -> None:
        self.link.ends.discard(self)
        if self.other is not None:
            self.other.transport.abortConnection()


class _Near(_End):
    def connectionMade(self) -> None:
        super().connectionMade()
        factory = ClientFactory()
        factory.protocol = lambda: _Far(self.link, self)  # type: ignore[assignment]
        factory.noisy = False
        reactor.connectUNIX(self.link._there, factory)  # type: ignore[attr-defined]


class _Far(_End):
    def __init__(self, link: Link, near: _Near) -> None:
        super().__init__(link)
        self.near = near

    def connectionMade(self) -> None:
        super().connectionMade()
        self.other, self.near.other = self.near, self
        self.near.pass_on(b"")
