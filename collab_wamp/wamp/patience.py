"""A web server that waits only so long for a connection's request, and answers one.

Crossbar's ends a connection that is silent for some seconds, but one that sends a byte now and then
could stay for ever, and take the place of a person.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final

from crossbar.common.twisted.web import Site
from twisted.internet.protocol import Protocol

from . import connections
from .bodies import BoundedRequest
from .guarded import innermost

# Of a body that is coming in, in the time for a request: so much gives it that time once more.
ENOUGH_BYTES: Final = 256 * 1024


class TurnedAway(Protocol):
    """A connection that is ended before anything of it is read."""

    def connectionMade(self) -> None:
        innermost(self.transport).abortConnection()


class PatientSite(Site):  # type: ignore[misc]  # Crossbar has no types
    """In place of `crossbar.worker.transport.Site`; `router_guard` puts it there.

    Attributes:
        patience_s: time for the request, from the connection on; and again while a body comes in,
            which only somebody with a good token can send so much of.
        later: calls something after so many seconds.
    """

    requestFactory = BoundedRequest
    patience_s: ClassVar[float]
    later: ClassVar[Callable[..., object]]

    def buildProtocol(self, addr: Any) -> Any:
        if not connections.blame.may_connect(str(getattr(addr, "host", ""))):
            connections.counts["turned_away"] += 1
            return TurnedAway()
        protocol = super().buildProtocol(addr)
        protocol._channel.has_asked = False
        protocol._channel.checkPersistence = answer_once
        type(self).later(self.patience_s, self._look_at, protocol._channel, ENOUGH_BYTES)
        return protocol

    def getResourceFor(self, request: Any) -> Any:
        request.channel.has_asked = True
        return super().getResourceFor(request)

    def _look_at(self, channel: Any, enough: int) -> None:
        if channel.has_asked or innermost(channel.transport).disconnected:
            return
        came = channel.requests[-1].came if channel.requests else 0
        if came >= enough:
            type(self).later(self.patience_s, self._look_at, channel, came + ENOUGH_BYTES)
            return
        connections.counts["slow_request"] += 1
        channel.forceAbortClient()


def answer_once(request: Any, _version: bytes) -> bool:
    """In place of `HTTPChannel.checkPersistence`: a second request would have no deadline."""
    request.responseHeaders.setRawHeaders(b"connection", [b"close"])
    return False
