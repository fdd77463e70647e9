"""What feeds, relays and sessions need of a process, on a clock that the test moves."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Collection
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock


class ClockSurroundings:
    """`surroundings.Surroundings` whose publications are kept.

    Attributes:
        published: (topic, event, receivers) in order.
        failures: what background work raised; a test looks that it is empty.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self.published: list[tuple[str, dict[str, Any], set[int]]] = []
        self.failures: list[Any] = []

    def now_s(self) -> float:
        return float(self.clock.seconds())

    def now_ms(self) -> int:
        return int(self.clock.seconds() * 1000)

    def later(self, seconds: float, call: Callable[[], None]) -> Any:
        return self.clock.callLater(seconds, call)

    def publish(self, topic: str, event: dict[str, Any], receivers: Collection[int]) -> None:
        assert receivers, "an empty list of receivers means everybody to the router"
        self.published.append((topic, event, set(receivers)))

    def background(self, work: Awaitable[None]) -> None:
        async def run() -> None:
            await work

        Deferred.fromCoroutine(run()).addErrback(self.failures.append)

    def sleep(self, seconds: float) -> Deferred[None]:
        waited: Deferred[None] = Deferred()
        self.clock.callLater(seconds, waited.callback, None)
        return waited

    def pause(self, seconds: float) -> Deferred[None]:
        return self.sleep(seconds / 100)

    def events(self, kind: str, receiver: int | None = None) -> list[dict[str, Any]]:
        """What was published to the topics of a kind (`edits`, `roster`, `presence`)."""
        return [
            event
            for topic, event, receivers in self.published
            if topic.endswith("." + kind) and (receiver is None or receiver in receivers)
        ]


def counter_bytes() -> Callable[[int], bytes]:
    """Bytes that never repeat, in place of random ones."""
    numbers = itertools.count(1)
    return lambda size: next(numbers).to_bytes(size, "big")
