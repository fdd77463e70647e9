"""Latest wins: of what a client publishes too fast, the last goes on a moment later."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from ..rates import Rate

# A connection joins fewer sessions than half of this, with two topics each.
MOST_TOPICS = 1000


@attrs.define
class _Topic:
    """
    Attributes:
        full_at_s: when its bucket is full again.
        held: the last message, that is to go on when there is a token for it.
    """

    full_at_s: float = 0.0
    held: Any = None
    timer: Any = None


class Throttle:
    """One connection's topics, each with a token bucket.

    Args:
        rate: of each topic.
        now_s: a monotonic clock, seconds.
        later: calls something after so many seconds; what it returns has `cancel`.
        go: takes a message on.
        superseded: is told of a message that a later one has taken the place of.
    """

    def __init__(
        self,
        rate: Rate,
        *,
        now_s: Callable[[], float],
        later: Callable[[float, Callable[[], None]], Any],
        go: Callable[[Any], None],
        superseded: Callable[[Any], None],
    ) -> None:
        self._rate = rate
        self._now_s = now_s
        self._later = later
        self._go = go
        self._superseded = superseded
        self._topics: dict[str, _Topic] = {}

    def offer(self, name: str, message: Any) -> None:
        """Take a message on at once, or hold it in the place of what is held of its topic."""
        now_s = self._now_s()
        topic = self._topics.get(name)
        if topic is None:
            if len(self._topics) >= MOST_TOPICS:
                self._forget_idle(now_s)
            if len(self._topics) >= MOST_TOPICS:
                self._superseded(message)
                return
            topic = self._topics[name] = _Topic()
        if topic.held is not None:
            self._superseded(topic.held)
            topic.held = message
            return
        wait_s = max(topic.full_at_s, now_s) + (1 - self._rate.burst) / self._rate.per_s - now_s
        if wait_s > 1e-9:  # sums of fractions are not exact
            topic.held = message
            topic.timer = self._later(wait_s, lambda: self._release(topic))
        else:
            self._pass(topic, message)

    def _release(self, topic: _Topic) -> None:
        message, topic.held, topic.timer = topic.held, None, None
        self._pass(topic, message)

    def _pass(self, topic: _Topic, message: Any) -> None:
        topic.full_at_s = max(topic.full_at_s, self._now_s()) + 1 / self._rate.per_s
        self._go(message)

    def _forget_idle(self, now_s: float) -> None:
        self._topics = {
            name: topic
            for name, topic in self._topics.items()
            if topic.held is not None or topic.full_at_s > now_s
        }

    def stop(self) -> None:
        """Take nothing on any more."""
        for topic in self._topics.values():
            if topic.timer is not None:
                topic.timer.cancel()
        self._topics.clear()
