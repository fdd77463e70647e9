"""Waiting for a condition, never for a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall


async def until(condition: Callable[[], Any], timeout_s: float = 20.0, what: str = "") -> Any:
    """The condition's value, once it is true.

    Raises:
        AssertionError: it was not true in time.
    """
    found: Deferred[Any] = Deferred()

    def look() -> None:
        value = condition()
        if value and not found.called:
            found.callback(value)

    loop = LoopingCall(look)
    loop.start(0.01).addErrback(lambda failure: found.called or found.errback(failure))
    found.addTimeout(timeout_s, reactor)
    try:
        return await found
    except Exception as error:
        raise AssertionError(f"not in {timeout_s} s: {what or condition} ({error!r})") from error
    finally:
        if loop.running:
            loop.stop()
