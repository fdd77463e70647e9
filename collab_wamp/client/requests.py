"""What `Sync` asks of a connection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal

import attrs

from .errors import ClientError
from .self_check import Check

Kind = Literal["edits", "roster", "presence"]
KINDS: Final[tuple[Kind, ...]] = ("edits", "roster", "presence")


@attrs.frozen(eq=False)
class Call:
    """Call a procedure, with keyword arguments."""

    procedure: str
    kwargs: dict[str, Any]


@attrs.frozen(eq=False)
class Subscribe:
    """Subscribe to a topic; its events are to be given to `Sync.event`."""

    topic: str
    kind: Kind


@attrs.frozen(eq=False)
class Publish:
    """Publish, without acknowledgement."""

    topic: str
    kwargs: dict[str, Any]


@attrs.frozen(eq=False)
class GiveUp:
    """The connection is no good: another is needed, with another token where the error says so."""

    error: ClientError


@attrs.frozen(eq=False)
class Compare:
    """Tell `Sync.compared` the hash of a check's content; that may take a while."""

    check: Check


Request = Call | Subscribe
Action = Call | Subscribe | Publish | GiveUp | Compare


def backoff(random: Callable[[], float], tries: int, first: float, longest: float) -> float:
    """How long to wait before another try: longer each time, and never in step with others.

    Args:
        random: a number from 0 up to 1.
        tries: made so far.
        first, longest: upper bounds of the first wait, and of any.
    """
    bound: float = min(longest, first * 2 ** min(tries, 16))
    return bound * (0.3 + 0.7 * random())
