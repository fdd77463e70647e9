"""Where a store is: parsing of its URL."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import attrs
from twisted.internet.endpoints import (
    HostnameEndpoint,
    UNIXClientEndpoint,
    wrapClientTLS,
)
from twisted.internet.ssl import optionsForClientTLS

CONNECT_TIMEOUT_S = 1.0


@attrs.frozen
class Address:
    """A store's address.

    Attributes:
        path: of a unix socket; "" for TCP.
        username, password: "" = none.
    """

    host: str = ""
    port: int = 6379
    path: str = ""
    tls: bool = False
    username: str = ""
    password: str = attrs.field(default="", repr=False)
    db: int = 0

    def endpoint(self, reactor: Any) -> Any:
        """An `IStreamClientEndpoint`."""
        plain: Any
        if self.path:
            return UNIXClientEndpoint(reactor, self.path, timeout=CONNECT_TIMEOUT_S)  # type: ignore[no-untyped-call]  # Twisted's
        plain = HostnameEndpoint(reactor, self.host, self.port, timeout=CONNECT_TIMEOUT_S)
        if not self.tls:
            return plain
        return wrapClientTLS(optionsForClientTLS(self.host), plain)

    def __str__(self) -> str:
        """Without the password: this goes into logs."""
        if self.path:
            return f"unix://{self.path}?db={self.db}"
        return f"{'rediss' if self.tls else 'redis'}://{self.host}:{self.port}/{self.db}"


def parse_address(url: str) -> Address:
    """Read `redis://[[user]:password@]host[:port][/db]`, `rediss://…` or `unix:///path[?db=n]`.

    Raises:
        ValueError: which says what is wrong.
    """
    parts = urlsplit(url)
    username, password = unquote(parts.username or ""), unquote(parts.password or "")
    try:
        if parts.scheme == "unix":
            if not parts.path:
                raise ValueError("unix:// needs a path")
            db = int(parse_qs(parts.query).get("db", ["0"])[0])
            return Address(path=unquote(parts.path), username=username, password=password, db=db)
        if parts.scheme in ("redis", "rediss"):
            if not parts.hostname:
                raise ValueError(f"{parts.scheme}:// needs a host")
            return Address(
                host=parts.hostname,
                port=parts.port or 6379,
                tls=parts.scheme == "rediss",
                username=username,
                password=password,
                db=int(parts.path.strip("/") or 0),
            )
    except ValueError as error:
        raise ValueError(f"the store's URL is not understood: {error}") from None
    raise ValueError(
        f"the store's URL must start with redis://, rediss:// or unix://, not {parts.scheme!r}"
    )
