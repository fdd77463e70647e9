"""Headers that answers over HTTP have. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from ..wamp.origins import is_welcome

# What a request may call itself: it goes into the log as it is.
REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")

SECURITY: Final[dict[str, str]] = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "SAMEORIGIN",
    "Cross-Origin-Opener-Policy": "same-origin",
}
# The page has a stricter policy within it; this is what only a header can say.
PAGE: Final[dict[str, str]] = {**SECURITY, "Content-Security-Policy": "frame-ancestors 'self'"}
# The browser client, the same for everybody, is there for other sites' pages too.
CLIENT: Final[dict[str, str]] = {**PAGE, "Access-Control-Allow-Origin": "*"}
API: Final[dict[str, str]] = {
    **SECURITY,
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}

ALLOWED_HEADERS: Final = "Authorization, Content-Type, X-Request-ID"
EXPOSED_HEADERS: Final = "Location, Retry-After, WWW-Authenticate, X-Request-ID"
PREFLIGHT_S: Final = 600


def request_id(given: str | None, new: Callable[[], str]) -> str:
    """The id that a request came with, if it is a sane one, or a new one."""
    return given if given is not None and REQUEST_ID.fullmatch(given) else new()


def cross_origin(origin: str | None, host: str, patterns: Iterable[str]) -> dict[str, str]:
    """What a browser is told about an answer that another site's page has asked for."""
    headers = {"Vary": "Origin"}
    if origin and is_welcome(origin, host, patterns):
        headers["Access-Control-Allow-Origin"] = origin
        headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
    return headers


def preflight(origin_headers: Mapping[str, str], methods: Iterable[str]) -> dict[str, str]:
    """What a browser is told before it sends a request for another site's page.

    Args:
        origin_headers: as `cross_origin` has them.
        methods: that the path has.
    """
    if "Access-Control-Allow-Origin" not in origin_headers:
        return dict(origin_headers)
    return {
        "Access-Control-Allow-Origin": origin_headers["Access-Control-Allow-Origin"],
        "Access-Control-Allow-Methods": ", ".join(methods),
        "Access-Control-Allow-Headers": ALLOWED_HEADERS,
        "Access-Control-Max-Age": str(PREFLIGHT_S),
        "Vary": "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
    }


def retry_after(milliseconds: float) -> str:
    """Whole seconds, and not fewer than asked for."""
    return str(max(1, math.ceil(milliseconds / 1000)))
