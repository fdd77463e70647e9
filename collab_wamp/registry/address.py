"""Where a registry is: parsing of its URL."""

from __future__ import annotations

from typing import Final, Literal
from urllib.parse import unquote, urlsplit

import attrs

from ..store.address import parse_address

Kind = Literal["redis", "etcd", "consul"]
PORTS: Final[dict[str, int]] = {"etcd": 2379, "consul": 8500}
# scheme → (kind, TLS)
SCHEMES: Final[dict[str, tuple[Kind, bool]]] = {
    "etcd": ("etcd", False),
    "etcds": ("etcd", True),
    "consul": ("consul", False),
    "consuls": ("consul", True),
}
OWN_STORE: Final = "redis"


@attrs.frozen
class RegistryAddress:
    """A registry's address.

    Attributes:
        store_url: for `redis`: of the server; "" = the project's own store.
        host, port, tls: for `etcd` and `consul`; an IPv6 address without brackets.
        username, password: "" = none. Consul's ACL token is the password.
    """

    kind: Kind
    host: str = ""
    port: int = 0
    tls: bool = False
    username: str = ""
    password: str = attrs.field(default="", repr=False)
    store_url: str = attrs.field(default="", repr=False)

    @property
    def http_url(self) -> str:
        """Without the password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}"

    def __str__(self) -> str:
        """Without the password: this goes into logs."""
        if self.kind == "redis":
            return str(parse_address(self.store_url)) if self.store_url else OWN_STORE
        return f"{self.kind} at {self.http_url}"


def parse_registry_url(url: str) -> RegistryAddress:
    """Read `redis`, a URL of a store (`redis://…`, `rediss://…`, `unix://…`),
    `etcd[s]://[user:password@]host[:port]` or `consul[s]://[:token@]host[:port]`.

    Raises:
        ValueError: which says what is wrong, without the password.
    """
    if url == OWN_STORE:
        return RegistryAddress("redis")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("the registry's URL is not understood: host or port is wrong") from None
    scheme = parts.scheme
    if scheme in ("redis", "rediss", "unix"):
        parse_address(url)
        return RegistryAddress("redis", store_url=url)
    if scheme not in SCHEMES:
        raise ValueError(
            f"the registry's URL must be redis (the store), or start with redis://, rediss://, "
            f"unix://, {', '.join(f'{name}://' for name in SCHEMES)}; not {scheme!r}"
        )
    if not parts.hostname:
        raise ValueError(f"the registry's URL is not understood: {scheme}:// needs a host")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("the registry's URL ends after host and port")
    kind, tls = SCHEMES[scheme]
    username, password = unquote(parts.username or ""), unquote(parts.password or "")
    if kind == "etcd" and bool(username) != bool(password):
        raise ValueError("the registry's URL needs a user and a password, or neither")
    if kind == "consul" and username:
        raise ValueError("the registry's URL names a token as consul://:token@host")
    if not password.isascii() or not password.isprintable():
        raise ValueError("the registry's URL has a password that is not printable ASCII")
    return RegistryAddress(kind, parts.hostname, port or PORTS[kind], tls, username, password)
