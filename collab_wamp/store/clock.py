"""The store's time of day, told from here without asking each time."""

from __future__ import annotations

from collections.abc import Callable

from .connection import Connection


class StoreClock:
    """
    Args:
        monotonic: seconds on a clock that nobody sets.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._offset_ms = 0.0

    async def set_by(self, connection: Connection) -> None:
        """Ask the store what time it is."""
        seconds, micros = await connection.command("TIME")
        server_ms = int(seconds) * 1000 + int(micros) / 1000
        self._offset_ms = server_ms - self._monotonic() * 1000

    def now_ms(self) -> int:
        """Milliseconds since 1970, as the store counts them."""
        return int(self._monotonic() * 1000 + self._offset_ms)
