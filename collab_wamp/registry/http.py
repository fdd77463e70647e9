"""Asking a backend over HTTP: JSON there and back, within a time, and never more than so much."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import quote

import attrs
import orjson
from twisted.internet.defer import CancelledError, Deferred, TimeoutError, maybeDeferred
from twisted.internet.protocol import Protocol
from twisted.internet.task import deferLater
from twisted.web.client import (
    Agent,
    HTTPConnectionPool,
    RequestTransmissionFailed,
    ResponseDone,
    ResponseNeverReceived,
)
from twisted.web.http_headers import Headers
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer  # type: ignore[import-untyped]

from ..errors import CollabError
from .interface import CALL_S, unavailable

CONNECT_S: Final = 1.0
# A call may take several requests; it must raise before CALL_S.
DEADLINE_S: Final = CALL_S - 0.2
MOST_BYTES: Final = 8 << 20


def segment(text: str) -> str:
    """A text as one part of a path."""
    return quote(text, safe="")


@attrs.frozen
class Answer:
    """
    Attributes:
        body: at most `MOST_BYTES`.
    """

    status: int
    body: bytes

    def json(self) -> Any:
        """
        Raises:
            CollabError: `store_unavailable`: it is not JSON.
        """
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            raise unavailable("its answer is not JSON") from None

    def problem(self) -> CollabError:
        """The error for an answer that nobody expected."""
        text = self.body[:200].decode("utf-8", "replace").strip()
        return unavailable(f"it answered {self.status} {text!r}")


class HttpBackend:
    """A backend at one address. Connections are kept and used again.

    Args:
        url: scheme, host and port.
        headers: for every request.
    """

    def __init__(self, reactor: Any, url: str, headers: dict[str, str]) -> None:
        self._reactor = reactor
        self._url = url
        self._headers = headers
        # Twisted's HTTP client has no types that mypy understands.
        make_pool: Any = HTTPConnectionPool
        make_agent: Any = Agent
        self._pool = make_pool(reactor, persistent=True)
        # What may be sent twice is decided here, not by method.
        self._pool.retryAutomatically = False
        self._agent = make_agent(reactor, connectTimeout=CONNECT_S, pool=self._pool)

    async def close(self) -> None:
        self._pool.cachedConnectionTimeout = 0
        await self._pool.closeCachedConnections()
        # A connection that has just answered comes back to the pool after its caller was told.
        await deferLater(self._reactor, 0)
        await self._pool.closeCachedConnections()

    async def within_deadline(self, work: Callable[[], Awaitable[Any]]) -> Any:
        """The outcome of one or several requests, or `store_unavailable` after `DEADLINE_S`."""

        async def run() -> Any:
            return await work()

        try:
            return await Deferred.fromCoroutine(run()).addTimeout(DEADLINE_S, self._reactor)
        except TimeoutError:
            raise unavailable(f"no answer within {DEADLINE_S} s") from None

    async def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """One request; it must be harmless if it is carried out twice.

        Raises:
            CollabError: `store_unavailable`: no answer came.
        """
        for again in (True, False):
            try:
                return await self._once(method, path, body, headers)
            except CollabError:
                raise
            except Exception as error:
                if _was_cancelled(error):
                    raise CancelledError() from None
                if not (again and _was_closed(error)):
                    raise unavailable(_reason(error)) from error
        raise AssertionError("one of the two has answered or raised")

    async def _once(
        self, method: str, path: str, body: Any, headers: dict[str, str] | None
    ) -> Answer:
        sent = Headers({"Accept": ["application/json"]})
        for name, value in {**self._headers, **(headers or {})}.items():
            sent.setRawHeaders(name, [value])
        producer = None
        if body is not None:
            sent.setRawHeaders("Content-Type", ["application/json"])
            producer = _Body(orjson.dumps(body))
        response = await self._agent.request(
            method.encode(), f"{self._url}{path}".encode(), sent, producer
        )
        if isinstance(response.length, int) and response.length > MOST_BYTES:
            response.deliverBody(_Refuser())
            raise unavailable("its answer is too long")
        collector = _Collector()
        response.deliverBody(collector)
        return Answer(response.code, await collector.body)


def _was_cancelled(error: Exception) -> bool:
    return isinstance(error, CancelledError) or any(
        reason.check(CancelledError) for reason in getattr(error, "reasons", ())
    )


def _was_closed(error: Exception) -> bool:
    """Whether the other side may have closed a kept connection before it saw the request."""
    return isinstance(error, RequestTransmissionFailed | ResponseNeverReceived)


def _reason(error: Exception) -> str:
    inner = getattr(error, "reasons", None)
    if inner:
        return str(inner[0].getErrorMessage() or inner[0].type.__name__)
    return str(error) or type(error).__name__


@implementer(IBodyProducer)
class _Body:
    def __init__(self, text: bytes) -> None:
        self._text = text
        self.length = len(text)

    def startProducing(self, consumer: Any) -> Deferred[None]:
        return maybeDeferred(consumer.write, self._text)

    def pauseProducing(self) -> None:
        """It is written at once."""

    resumeProducing = stopProducing = pauseProducing


class _Collector(Protocol):
    """Collects a body into `body`, which fails where it is too long or ends early."""

    def __init__(self) -> None:
        self.body: Deferred[bytes] = Deferred(lambda _: self._end())
        self._parts: list[bytes] = []
        self._left = MOST_BYTES

    def dataReceived(self, data: bytes) -> None:
        self._left -= len(data)
        self._parts.append(data)
        if self._left < 0 and not self.body.called:
            self.body.errback(unavailable("its answer is too long"))
            self._end()

    def connectionLost(self, reason: Any = None) -> None:
        if self.body.called:
            return
        if reason.check(ResponseDone):
            self.body.callback(b"".join(self._parts))
        else:
            self.body.errback(reason)

    def _end(self) -> None:
        self._parts.clear()
        transport: Any = self.transport
        transport.loseConnection()


class _Refuser(Protocol):
    def connectionMade(self) -> None:
        transport: Any = self.transport
        transport.loseConnection()
