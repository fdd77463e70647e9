"""Making people act: on their own clocks, whatever the server does (an open loop)."""

from __future__ import annotations

import heapq
import itertools
import random
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeVar

from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredSemaphore, ensureDeferred, gatherResults

clock: Any = reactor
Item = TypeVar("Item")
LOOK_S = 0.02


class NotInTime(Exception):
    """The server has not done something in time; the message says what."""


class OpenLoop:
    """Lets each of several actors act every `1 / per_s` seconds, from a random moment on.

    Attributes:
        late: when each action was due, and by how many seconds it was late; the driver is the limit
            where that grows.
    """

    def __init__(
        self, actions: Sequence[Callable[[], object]], per_s: float, chance: random.Random
    ) -> None:
        self.late: list[tuple[float, float]] = []
        self._period = 1 / per_s
        self._numbers = itertools.count()
        start = time.perf_counter()
        self._due = [
            (start + chance.random() * self._period, next(self._numbers), action)
            for action in actions
        ]
        heapq.heapify(self._due)
        self._timer: Any = None
        self._tick()

    def _tick(self) -> None:
        now = time.perf_counter()
        while self._due[0][0] <= now:
            due, number, action = self._due[0]
            heapq.heapreplace(self._due, (due + self._period, number, action))
            self.late.append((due, now - due))
            action()
            now = time.perf_counter()
        self._timer = clock.callLater(max(0.0, self._due[0][0] - now), self._tick)

    def stop(self) -> None:
        self._timer.cancel()


async def pause(seconds: float) -> None:
    waited: Deferred[None] = Deferred()
    clock.callLater(seconds, waited.callback, None)
    await waited


async def until(condition: Callable[[], bool], timeout_s: float, what: str) -> None:
    """Wait for a condition.

    Raises:
        NotInTime: it did not come true.
    """
    end = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end:
            raise NotInTime(f"not in {timeout_s:g} s: {what}")
        await pause(LOOK_S)


async def for_each(
    items: Iterable[Item], do: Callable[[Item], Awaitable[object]], at_once: int
) -> None:
    """Do something with each item, so many at a time. The first failure is raised."""
    gate = DeferredSemaphore(at_once)

    def start(item: Item) -> Deferred[object]:
        async def done() -> object:
            return await do(item)

        return ensureDeferred(done())

    await gatherResults([gate.run(start, item) for item in items], consumeErrors=True)
