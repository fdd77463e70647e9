"""How the parts of a node are spread over processes.

Each connection is served by the router's process, so that one is the limit of a node. What else
runs there takes its time, but spares the way through another process: that costs both more than
most work itself. `docs/benchmark.md` has the figures that the choice by the machine rests on.
"""

from __future__ import annotations

import os
from typing import Final

import attrs

# Where what runs; see `Layout`.
LAYOUTS: Final = ("together", "workers", "apart")
AUTO: Final = "auto"
MOST_WORKERS: Final = 64
# More sessions workers than this keep one router waiting.
MOST_USEFUL_WORKERS: Final = 4


@attrs.frozen
class Layout:
    """
    Attributes:
        name: `together`: everything in the router's process. `workers`: edits are taken by
            processes of their own, the rest is in the router's. `apart`: the relay, too, has a
            process of its own, with the component of the node as a whole.
        workers: processes that take edits, the router's included where it does.
    """

    name: str
    workers: int

    @property
    def inside(self) -> tuple[str, ...]:
        """The components in the router's process."""
        everything = ("sessions", "relay", "node")
        return {"together": everything, "workers": everything[1:], "apart": ()}[self.name]

    @property
    def guests(self) -> tuple[str, ...]:
        """What has processes of its own, watched by `wamp.supervise`."""
        return {"together": (), "workers": ("sessions",), "apart": ("sessions", "relay")}[self.name]


def choose(name: str, workers: int, cores: int) -> Layout:
    """The layout for a setting.

    Args:
        name: one of `LAYOUTS`, or `auto`.
        workers: 0 = as many as fit the machine.
        cores: that the node may use.

    Raises:
        ValueError: several workers are asked for where there is one process.
    """
    if name == AUTO:
        name = "together" if cores <= 2 and workers <= 1 else "workers"
    if name == "together":
        if workers > 1:
            raise ValueError("together with the router there is one worker")
        return Layout(name, 1)
    # One core is the router's, and one the store's.
    return Layout(name, workers or max(1, min(MOST_USEFUL_WORKERS, cores - 2)))


def usable_cores() -> int:
    """Of this machine, by this process and those it starts."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on this system
        return os.cpu_count() or 1
