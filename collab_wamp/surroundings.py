"""What feeds and relays need of the process they live in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import Any, Protocol


class Timer(Protocol):
    def active(self) -> bool: ...

    def cancel(self) -> object: ...


class Surroundings(Protocol):
    """What a feed needs of the process it lives in."""

    def now_s(self) -> float: ...

    def later(self, seconds: float, call: Callable[[], None]) -> Timer: ...

    def publish(self, topic: str, event: dict[str, Any], receivers: Collection[int]) -> None: ...

    def background(self, work: Awaitable[None]) -> None: ...
