"""One connection to a node: a WAMP session over a WebSocket, logged in with a ticket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from autobahn.twisted.wamp import ApplicationSession
from autobahn.twisted.websocket import WampWebSocketClientFactory
from autobahn.wamp.exception import ApplicationError, SerializationError, TransportLost
from autobahn.wamp.serializer import MsgPackSerializer
from autobahn.wamp.types import CloseDetails, ComponentConfig, SessionDetails
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.ssl import optionsForClientTLS
from twisted.python.failure import Failure

from .. import protocol
from .errors import ClientError, from_wamp

Handler = Callable[[dict[str, Any]], None]

# So long a goodbye may take before the connection is cut.
GOODBYE_S = 1.0


async def open_connection(reactor: Any, url: str, ticket: str, timeout_s: float) -> Connection:
    """Connect and log in.

    Args:
        url: `ws://HOST:PORT/ws`, or `wss://…`.
        ticket: the token.
        timeout_s: until logged in.

    Raises:
        ClientError: `token_…` where the token is refused; `timeout`, `disconnected`.
    """
    connection = Connection(reactor)
    factory = WampWebSocketClientFactory(
        lambda: connection.wamp_session(ticket), url=url, serializers=[MsgPackSerializer()]
    )
    # Autobahn's own timers outlive a connection that is cut; the one time limit is ours.
    factory.setProtocolOptions(openHandshakeTimeout=0, closeHandshakeTimeout=0)
    factory.noisy = False
    timer = reactor.callLater(timeout_s, connection.abort, _timeout("login", timeout_s))
    try:
        connecting = _endpoint(reactor, url, timeout_s).connect(factory)
        try:
            connection.attach(await connecting)
        except Exception as error:  # whatever an endpoint raises, there is no connection
            raise ClientError("disconnected", f"{url}: {error}") from error
        await connection.logged_in
    finally:
        if timer.active():
            timer.cancel()
    return connection


def _endpoint(reactor: Any, url: str, timeout_s: float) -> Any:
    parts = urlsplit(url)
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        raise ValueError(f"the address must be ws://HOST:PORT/ws or wss://…, not {url!r}")
    secure = parts.scheme == "wss"
    port = parts.port or (443 if secure else 80)
    endpoint = HostnameEndpoint(reactor, parts.hostname, port, timeout=timeout_s)
    return wrapClientTLS(optionsForClientTLS(parts.hostname), endpoint) if secure else endpoint


class Connection:
    """See `open_connection`.

    Attributes:
        welcome: what the server told at login: WELCOME's `authextra`.
        logged_in: fires when it is; fails with `ClientError`.
        closed: fires with a `ClientError` when the connection has ended.
        error: the same, or None while it is open.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._transport: Any = None
        self._wamp_session: _WampSession | None = None
        self._handlers: dict[str, Handler] = {}
        self._subscriptions: dict[str, Deferred[Any]] = {}
        self.welcome: dict[str, Any] = {}
        self.logged_in: Deferred[None] = Deferred()
        self.closed: Deferred[ClientError] = Deferred()
        self.error: ClientError | None = None

    # --- requests ---------------------------------------------------------------------------

    async def call(self, procedure: str, kwargs: dict[str, Any]) -> Any:
        """The single positional result of a procedure.

        Raises:
            ClientError: of the server; `disconnected`: the outcome is unknown.
        """
        try:
            return await self._session().call(procedure, **kwargs)
        except Exception as error:
            raise self._error(error) from error

    async def subscribe(self, topic: str, handler: Handler) -> None:
        """Have the events of a topic handed to `handler`, in place of the handler before.

        Raises:
            ClientError
        """
        self._handlers[topic] = handler

        def handle(*_args: Any, **event: Any) -> None:
            self._handlers[topic](event)

        subscription = self._subscriptions.get(topic)
        try:
            if subscription is None or subscription.called:
                if subscription is None:
                    subscribed = self._session().subscribe(handle, topic)
                    self._subscriptions[topic] = subscribed
                    await subscribed
        except Exception as error:
            self._subscriptions.pop(topic, None)
            raise self._error(error) from error

    def publish(self, topic: str, kwargs: dict[str, Any]) -> None:
        """Publish without acknowledgement; nothing happens where the connection has ended."""
        if self.error is None:
            self._session().publish(topic, **kwargs)
