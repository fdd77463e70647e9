"""Sending an answer no faster than it is read, and not waiting for ever for that."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer  # type: ignore[import-untyped]


class ReaderGone(Exception):
    """Whoever has asked has gone, or does not read."""


@implementer(IPushProducer)
class Outlet:
    """Where an answer's body goes.

    Args:
        clock: an `IReactorTime`.
        patience_s: who reads nothing for so long is gone.
    """

    def __init__(self, request: Any, clock: Any, patience_s: float) -> None:
        self._request = request
        self._clock = clock
        self._patience_s = patience_s
        self._paused = False
        self._gone = False
        self._waiting: Deferred[None] | None = None
        request.registerProducer(self, True)

    async def write(self, data: bytes) -> None:
        """Send data; done when more may be sent.

        Raises:
            ReaderGone
        """
        if not self._gone:
            self._request.write(data)
        if self._paused and not self._gone:
            self._waiting = Deferred()
            self._waiting.addTimeout(self._patience_s, self._clock, _silent)
            await self._waiting
        if self._gone:
            raise ReaderGone("the reader has gone")

    def close(self) -> None:
        """No more is sent."""
        self._request.unregisterProducer()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.called:
            waiting.callback(None)

    # --- IPushProducer ----------------------------------------------------------------------

    def pauseProducing(self) -> None:
        self._paused = True

    def resumeProducing(self) -> None:
        self._paused = False
        self._wake()

    def stopProducing(self) -> None:
        self._gone = True
        self._wake()


def _silent(_result: Any, seconds: float) -> None:
    raise ReaderGone(f"nothing was read for {seconds:.0f} s")
