"""Who waits for something to be true."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred


class Waiters:
    """Conditions, and who is to be told when they are true."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Callable[[], bool], Deferred[None]]] = []

    def add(self, condition: Callable[[], bool]) -> Deferred[None]:
        """Fires when the condition is true, fails with what it raises; see `look`."""
        waiting: Deferred[None] = Deferred()
        self._waiting.append((condition, waiting))
        return waiting

    def look(self, end: Exception | None) -> None:
        """Look at all conditions; one that raises harms nobody else.

        Args:
            end: why nothing changes any more: those that are not true fail with it.
        """
        still, self._waiting = self._waiting, []
        for condition, waiting in still:
            try:
                true = condition()
            except Exception as error:
                waiting.errback(error)
                continue
            if true:
                waiting.callback(None)
            elif end is not None:
                waiting.errback(end)
            else:
                self._waiting.append((condition, waiting))
