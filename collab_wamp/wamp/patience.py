"""A web server that waits only so long for a connection's request, and answers one.

Crossbar's ends a connection that is silent for some seconds, but one that sends a byte now and then
could stay for ever, and take the place of a person.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from crossbar.common.twisted.web import Site

from . import connections
from .bodies import BoundedRequest
from .guarded import innermost


class PatientSite(Site):  # type: ignore[misc]  # Crossbar has no types
    """In place of `crossbar.worker.transport.Site`; `router_guard` puts it there.

    Attributes:
        patience_s: time for the request, from the connection on.
        later: calls something after so many seconds.
    """

    requestFactory = BoundedRequest
    patience_s: ClassVar[float]
    later: ClassVar[Callable[..., object]]

    def buildProtocol(self, addr: Any) -> Any:
        protocol = super().buildProtocol(addr)
        protocol._channel.has_asked = False
        protocol._channel.checkPersistence = answer_once
        type(self).later(self.patience_s, self._look_at, protocol._channel)
        return protocol

    def getResourceFor(self, request: Any) -> Any:
        request.channel.has_asked = True
        return super().getResourceFor(request)

    def _look_at(self, channel: Any) -> None:
        if not channel.has_asked and not innermost(channel.transport).disconnected:
            connections.counts["slow_request"] += 1
            channel.forceAbortClient()


def answer_once(request: Any, _version: bytes) -> bool:
    """In place of `HTTPChannel.checkPersistence`: a second request would have no deadline."""
    request.responseHeaders.setRawHeaders(b"connection", [b"close"])
    return False
