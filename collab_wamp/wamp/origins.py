"""Which web pages a request may come from: origins, and the patterns that are configured."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}


def origin_of(text: str) -> tuple[str, str, int] | None:
    """(scheme, host, port) of an Origin header; None for `null` and what is no web origin."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname or parts.path or parts.query:
        return None
    return parts.scheme, parts.hostname, port or DEFAULT_PORTS[parts.scheme]


def same_host(origin: str, host: str) -> bool:
    """Whether a page's origin is the host and port that it connects to (the Host header)."""
    parsed = origin_of(origin)
    if parsed is None:
        return False
    # Behind a proxy that ends TLS the scheme is not known here: its default port is the origin's.
    return origin_of(f"{parsed[0]}://{host}") == parsed


def matches(pattern: str, origin: str) -> bool:
    """Whether an origin is a configured one, or of a subdomain of `https://*.example.com`."""
    if pattern == "*":
        return True
    found, wanted = origin_of(origin), origin_of(pattern.replace("*.", "", 1))
    if found is None or wanted is None or (found[0], found[2]) != (wanted[0], wanted[2]):
        return False
    if "://*." in pattern:
        return found[1].endswith("." + wanted[1])
    return found[1] == wanted[1]


def is_welcome(origin: str, host: str, patterns: Iterable[str]) -> bool:
    """Whether pages of an origin may use this node.

    Args:
        origin: the Origin header.
        host: the Host header; the node's own pages are welcome.
        patterns: what is configured.
    """
    if origin_of(origin) is None:
        return False
    return same_host(origin, host) or any(matches(pattern, origin) for pattern in patterns)
