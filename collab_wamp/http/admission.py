"""Whether a request may be answered now: the one place that is asked about it."""

from __future__ import annotations

from ..tokens import Claims
from ..wamp.router_guard import Guard


async def admit(claims: Claims) -> None:
    """Wait until a request with this token may be answered.

    Raises:
        CollabError: `token_revoked`, `rate_limited`; `overloaded` where nobody answers.
    """
    await Guard.admit_http(claims)
