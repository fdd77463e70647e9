"""What is to be done once when a round of the reactor ends, however often it was asked for.

Who knows the reactor's rounds (`wamp.polling`) says so, and calls `end` before it waits for more.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.logger import Logger


class Rounds:
    """Of one process.

    Attributes:
        known: whether somebody calls `end`.
    """

    log = Logger()

    def __init__(self) -> None:
        self.known = False
        self._calls: list[Callable[[], None]] = []

    def at_end(self, call: Callable[[], None]) -> None:
        """Call when the round ends; now, where nobody says when that is."""
        if self.known:
            self._calls.append(call)
        else:
            call()

    def end(self) -> bool:
        """The round has ended: nothing else is to be seen to for now.

        Returns:
            whether anything was done.
        """
        anything = bool(self._calls)
        while self._calls:
            calls, self._calls = self._calls, []
            for call in calls:
                try:
                    call()
                except Exception:  # of this one; the others are called all the same
                    self.log.failure("at the end of a round of the reactor")
        return anything


rounds = Rounds()
