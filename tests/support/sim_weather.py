"""How a simulated world behaves, and the time that passes in it."""

from __future__ import annotations

import itertools
import random
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure


@attrs.define
class Weather:
    """Delays (seconds at most) and chances (of 1).

    Attributes:
        network: a message between a client and its router.
        router: a message between the router and a worker.
        store: a command to the store, and its answer; an announcement.
        patience: how long a client waits for an answer.
        lost_answers: a worker's answer never comes, or as `wamp.error.canceled`.
        lost_events: an event to a client, an announcement of edits to a relay.
        repeated: an announcement comes twice.
        store_fails: a command's answer is `store_unavailable`, done or not.
    """

    network: float = 0.0
    router: float = 0.0
    store: float = 0.0
    patience: float = 5.0
    lost_answers: float = 0.0
    lost_events: float = 0.0
    repeated: float = 0.0
    store_fails: float = 0.0

    @classmethod
    def by_chance(cls, chance: random.Random) -> Weather:
        network = chance.choice((0.002, 0.02, 0.2, 1.0))
        return cls(
            network=network,
            router=chance.choice((0.0, 0.002, 0.05)),
            store=chance.choice((0.0, 0.001, 0.02, 0.3)),
            patience=chance.choice((0.5, 2.0, 8.0)) * network + 0.3,
            lost_answers=chance.choice((0.0, 0.03, 0.2)),
            lost_events=chance.choice((0.0, 0.05, 0.3)),
            repeated=chance.choice((0.0, 0.2)),
            store_fails=chance.choice((0.0, 0.0, 0.03)),
        )

    def clear_up(self) -> None:
        """From now on everything arrives, and in time."""
        self.lost_answers = self.lost_events = self.repeated = self.store_fails = 0.0
        self.patience = 30.0


class Time:
    """Simulated time, which jumps from one thing that happens to the next.

    Attributes:
        trace: (seconds, who, what, details) of all that happened.
        connections: numbers for them.
        failures: what work raised that nobody waits for.
    """

    def __init__(self, chance: random.Random) -> None:
        self.clock = Clock()
        self.chance = chance
        self.trace: list[tuple[float, str, str, tuple[Any, ...]]] = []
        self.failures: list[Failure] = []
        self.connections = itertools.count(1)

    @property
    def now(self) -> float:
        return float(self.clock.rightNow)

    def tell(self, who: str, what: str, *details: Any) -> None:
        self.trace.append((self.now, who, what, details))

    def lag(self, most: float) -> float:
        """A delay; often a short one."""
        return most * self.chance.random() ** 2 if most else 0.0

    def later(self, seconds: float, call: Callable[..., Any], *args: Any) -> Any:
        return self.clock.callLater(seconds, call, *args)

    def wait(self, seconds: float) -> Deferred[None]:
        waited: Deferred[None] = Deferred()
        self.clock.callLater(seconds, waited.callback, None)
        return waited

    def start(self, work: Awaitable[Any]) -> None:
        """Run a coroutine that nobody waits for."""

        async def run() -> None:
            await work

        Deferred.fromCoroutine(run()).addErrback(self.failures.append)

    def run(self, seconds: float) -> None:
        clock = self.clock
        end = self.now + seconds
        while clock.calls and clock.calls[0].getTime() <= end:
            clock.rightNow = max(clock.rightNow, clock.calls[0].getTime())
            clock.advance(0)
        clock.rightNow = end


class Pipe:
    """What goes through it arrives in order, each after some delay."""

    def __init__(self, time: Time) -> None:
        self._time = time
        self._last = 0.0

    def send(self, most: float, call: Callable[..., Any], *args: Any) -> None:
        self._last = max(self._last, self._time.now + self._time.lag(most))
        self._time.later(self._last - self._time.now, call, *args)

    def wait(self, most: float) -> Deferred[None]:
        waited: Deferred[None] = Deferred()
        self.send(most, waited.callback, None)
        return waited
