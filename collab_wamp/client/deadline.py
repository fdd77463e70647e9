"""Waiting no longer than so long."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from .errors import ClientError


def within(reactor: Any, asked: Deferred[Any], timeout_s: float, what: str) -> Deferred[Any]:
    """The outcome of `asked`, or after `timeout_s` the error `timeout`.

    `asked` itself is not cancelled, as the server may be working on it. What comes of it later is
    passed over: its outcome was told as unknown.

    Args:
        what: was asked, for the error's message.
    """
    answer: Deferred[Any] = Deferred()

    def late() -> None:
        answer.errback(ClientError("timeout", f"{what}: no answer within {timeout_s} s"))

    timer = reactor.callLater(timeout_s, late)

    def done(outcome: Any) -> None:
        if not timer.active():
            return
        timer.cancel()
        if isinstance(outcome, Failure):
            answer.errback(outcome)
        else:
            answer.callback(outcome)

    asked.addBoth(done)
    return answer
