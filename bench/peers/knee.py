"""The most people who can edit in one session before it is too late when others see it.

Each does five edits a second. They are enough where one edit of a hundred or more arrives later
than `LATEST_MS`, or at all not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

LATEST_MS = 250.0
STEP = 1.3
# Where the two that it lies between are as near as this, it is found.
NEAR = 0.05
MOST = 2000


def is_early(run: dict[str, Any]) -> bool:
    """Whether all that the driver submitted arrived, and in time."""
    return run["missing"] == 0 and run["lat"]["p99"] <= LATEST_MS


def find(drive: Callable[[int], dict[str, Any]], start: int) -> int:
    """The number of people, by climbing and then halving; 0 = not even `start` are served.

    Args:
        drive: a run with so many people. One that fails is done once more, since what others do
            on the machine makes late what would not be.
    """

    def holds(people: int) -> bool:
        return is_early(drive(people)) or is_early(drive(people))

    low, high = 0, start
    while high <= MOST and holds(high):
        low, high = high, int(high * STEP)
    if low == 0:
        return 0
    while high - low > max(3, low * NEAR):
        middle = (low + high) // 2
        if holds(middle):
            low = middle
        else:
            high = middle
    return low
