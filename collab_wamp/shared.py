"""Asking once for many who want the same at the same time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure


class Shared:
    """Work under way, by key. Whoever asks while it is gets the same answer.

    They get it in the order in which they asked, so that one client's requests stay in order.
    """

    def __init__(self) -> None:
        self._waiting: dict[Hashable, list[Deferred[Any]]] = {}

    def ask(self, key: Hashable, work: Callable[[], Awaitable[Any]]) -> Deferred[Any]:
        """The result of `work`, which is begun unless it is under way for this key."""
        waiter: Deferred[Any] = Deferred()
        if key in self._waiting:
            self._waiting[key].append(waiter)
            return waiter
        self._waiting[key] = [waiter]

        async def run() -> Any:
            return await work()

        def done(result: Any) -> None:
            for other in self._waiting.pop(key):
                if isinstance(result, Failure):
                    other.errback(result)
                else:
                    other.callback(result)

        Deferred.fromCoroutine(run()).addBoth(done)
        return waiter
