"""Choosing among the instances of a service. Pure: turns and chances are arguments.

Laws, whatever the strategy:
    only an instance that is `ready` is picked; where there is none, None;
    the order in which the instances are given does not matter.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final, Literal, get_args

from ..errors import CollabError
from .interface import Instance

Strategy = Literal["round_robin", "random", "least_loaded", "rendezvous"]
STRATEGIES: Final[tuple[str, ...]] = get_args(Strategy)


def ready(instances: Iterable[Instance]) -> list[Instance]:
    """Those that may get something new, by their id."""
    return sorted(
        (instance for instance in instances if instance.status == "ready"),
        key=lambda instance: instance.instance_id,
    )


def pick(
    strategy: str,
    instances: Iterable[Instance],
    *,
    turn: int = 0,
    chance: float = 0.0,
    key: str = "",
    measure: str = "connections",
) -> Instance | None:
    """The instance to use, or None where none is ready.

    Args:
        strategy: one of `STRATEGIES`.
        turn: for `round_robin`: a number that the caller raises by one each time.
        chance: for `random`, and among those that are equally loaded: from 0.0 up to, not
            including, 1.0, as `random.random` makes it.
        key: for `rendezvous`: what is to come to the same instance each time.
        measure: for `least_loaded`: which number of the load counts.

    Raises:
        CollabError: `bad_request`: there is no such strategy.
    """
    candidates = ready(instances)
    if strategy not in STRATEGIES:
        raise CollabError(
            "bad_request", f"strategy must be one of {', '.join(STRATEGIES)}.", argument="strategy"
        )
    if not candidates:
        return None
    if strategy == "round_robin":
        return candidates[turn % len(candidates)]
    if strategy == "random":
        return _by_chance(candidates, chance)
    if strategy == "least_loaded":
        # Several who ask at one time see the same numbers: chance keeps them from one instance.
        least = min(_load(instance, measure) for instance in candidates)
        return _by_chance([one for one in candidates if _load(one, measure) == least], chance)
    return max(candidates, key=lambda instance: weight(key, instance.instance_id))


def _by_chance(candidates: list[Instance], chance: float) -> Instance:
    return candidates[min(int(chance * len(candidates)), len(candidates) - 1)]


def _load(instance: Instance, measure: str) -> float:
    # Who does not tell its load must not draw everybody.
    return instance.load.get(measure, float("inf"))


def weight(key: str, instance_id: str) -> bytes:
    """How much an instance wants a key; it depends on the two alone.

    So one that leaves takes only its own keys with it, and one that comes takes only those that
    it wants most: rendezvous hashing, D. Thaler and C. Ravishankar, 1998.
    """
    text = f"{instance_id}\0{key}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=16).digest()
