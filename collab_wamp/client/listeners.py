"""Who wants to be told of what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.logger import Logger

Listener = Callable[[Any], object]


class Listeners:
    """Functions by the name of what they are told."""

    log = Logger()

    def __init__(self) -> None:
        self._by_name: dict[str, list[Listener]] = {}

    def add(self, name: str, listener: Listener) -> Callable[[], None]:
        """Returns a function that takes the listener away."""
        listeners = self._by_name.setdefault(name, [])
        listeners.append(listener)
        return lambda: listeners.remove(listener)

    def tell(self, name: str, value: Any) -> None:
        """Tell everybody; a listener that raises is logged, and harms nobody else."""
        for listener in tuple(self._by_name.get(name, ())):
            try:
                listener(value)
            except Exception:
                self.log.failure("a listener for {name} failed", name=name)
