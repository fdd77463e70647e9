"""How Python's memory is looked after."""

from __future__ import annotations

import gc
from collections import deque
from typing import ClassVar

from twisted.trial.unittest import SynchronousTestCase

from collab_wamp.wamp import tuning


class Cycle:
    """As a connection is: nobody finds it but who searches for garbage."""

    alive: ClassVar[int] = 0
    __slots__ = ("itself",)

    def __init__(self) -> None:
        self.itself = self
        Cycle.alive += 1

    def __del__(self) -> None:
        Cycle.alive -= 1


class CollectTests(SynchronousTestCase):
    def test_what_goes_after_a_long_time_does_not_pile_up(self) -> None:
        before = gc.get_threshold()
        self.addCleanup(gc.set_threshold, *before)
        gc.collect()
        gc.freeze()
        self.addCleanup(gc.unfreeze)
        gc.set_threshold(*tuning.COLLECT_AFTER)
        in_use: deque[Cycle] = deque(maxlen=500_000)
        most = 0
        for _ in range(2_000_000):
            in_use.append(Cycle())
            most = max(most, Cycle.alive)
        self.assertLess(most, 1_500_000)
