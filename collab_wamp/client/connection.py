"""One connection to a node: a WAMP session over a WebSocket, logged in with a ticket."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from autobahn.twisted.wamp import ApplicationSession
from autobahn.twisted.websocket import WampWebSocketClientFactory, WampWebSocketClientProtocol
from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.message import Event
from autobahn.wamp.serializer import MsgPackSerializer
from autobahn.wamp.types import Challenge, CloseDetails, SessionDetails
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.ssl import optionsForClientTLS
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from .. import protocol
from .deadline import within
from .errors import ClientError, from_wamp
from .subscriptions import Handler, Subscriptions

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
    connection = Connection(reactor, ticket)
    factory = WampWebSocketClientFactory(
        lambda: _WampSession(connection), url=url, serializers=[MsgPackSerializer()]
    )
    factory.protocol = _WebSocket
    factory.connection = connection
    # Autobahn's own timers outlive a connection that is cut; the one time limit is ours.
    factory.setProtocolOptions(openHandshakeTimeout=0, closeHandshakeTimeout=0, tcpNoDelay=True)
    late = ClientError("timeout", f"{url}: not logged in within {timeout_s} s")
    timer = reactor.callLater(timeout_s, connection.abort, late)
    try:
        await connection.start(endpoint(reactor, url, timeout_s), factory)
    except Exception as error:
        connection.abort(ClientError("disconnected", f"{url}: {error!r}"))
        raise
    finally:
        if timer.active():
            timer.cancel()
    return connection


def endpoint(reactor: Any, url: str, timeout_s: float) -> Any:
    """Where to connect to.

    Raises:
        ValueError: it is not an address of a WebSocket.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        raise ValueError(f"the address must be ws://HOST:PORT/ws or wss://…, not {url!r}")
    secure = parts.scheme == "wss"
    port = parts.port or (443 if secure else 80)
    plain: Any = HostnameEndpoint(reactor, parts.hostname, port, timeout=timeout_s)
    return wrapClientTLS(optionsForClientTLS(parts.hostname), plain) if secure else plain


class Connection:
    """See `open_connection`.

    Attributes:
        welcome: what the server told at login: WELCOME's `authextra`.
        message_bytes: the largest message that the server takes.
        error: why the connection has ended, or is about to; None while it is of use.
        closed: fires with that when nothing is left of the connection.
    """

    def __init__(self, reactor: Any, ticket: str) -> None:
        self.ticket = ticket
        self.welcome: dict[str, Any] = {}
        self.message_bytes: float = float("inf")
        self.error: ClientError | None = None
        self.closed: Deferred[ClientError] = Deferred()
        self._reactor = reactor
        self._logged_in: Deferred[None] = Deferred()
        self._connecting: Deferred[Any] | None = None
        self._web_socket: _WebSocket | None = None
        self._wamp_session: _WampSession | None = None
        self._subscriptions = Subscriptions()

    async def start(self, where: Any, factory: WampWebSocketClientFactory) -> None:
        """Connect to an endpoint and log in."""
        self._connecting = where.connect(factory)
        try:
            self._web_socket = await self._connecting
        except Exception as error:
            # Whatever an endpoint raises, there is no connection.
            raise self.error or ClientError("disconnected", f"{factory.url}: {error}") from error
        await self._logged_in

    # --- requests ---------------------------------------------------------------------------

    async def pause(self, seconds: float) -> None:
        """Wait; the connection goes on meanwhile."""
        await deferLater(self._reactor, seconds)

    async def call(
        self, procedure: str, kwargs: dict[str, Any], timeout_s: float | None = None
    ) -> Any:
        """The single positional result of a procedure.

        Args:
            timeout_s: until the call counts as failed; None: as long as the connection lasts.

        Raises:
            ClientError: of the server; `disconnected`, `timeout`: the outcome is unknown.
        """
        try:
            calling: Deferred[Any] = self._open().call(procedure, **kwargs)
            if timeout_s is not None:
                calling = within(self._reactor, calling, timeout_s, procedure)
            return await calling
        except Exception as error:
            raise self._as_client_error(error) from error

    async def subscribe(self, topic: str, handler: Handler) -> None:
        """Have the events of a topic handed to `handler`, instead of the handler before it.

        Raises:
            ClientError: see `call`.
        """
        try:
            await self._subscriptions.add(self._open(), topic, handler)
        except Exception as error:
            raise self._as_client_error(error) from error

    def unsubscribe(self, topic: str, handler: Handler) -> None:
        """Have the events of a topic no more, unless they go to another handler by now."""
        if self.error is None:
            self._subscriptions.remove(topic, handler)

    def publish(self, topic: str, kwargs: dict[str, Any]) -> None:
        """Publish without acknowledgement; nothing happens where the connection has ended."""
        if self.error is None:
            self._open().publish(topic, **kwargs)

    def _open(self) -> _WampSession:
        if self._wamp_session is None or self.error is not None:
            raise self.error or ClientError("disconnected", "There is no connection.")
        return self._wamp_session

    def _as_client_error(self, error: Exception) -> ClientError:
        if isinstance(error, ClientError):
            return error
        if self.error is not None:
            return self.error
        if isinstance(error, ApplicationError):
            return from_wamp(error.error, error.args, error.kwargs)
        return ClientError("disconnected", f"The connection was lost ({error!r}).")

    # --- the end ----------------------------------------------------------------------------

    async def close(self) -> None:
        """Say goodbye, and wait until nothing is left of the connection."""
        left = ClientError("left", "The connection was closed here.")
        if self._wamp_session is None or self.error is not None:
            self.abort(left)
        else:
            self.error = left
            self._wamp_session.leave()
        timer = self._reactor.callLater(GOODBYE_S, self.abort, left)
        waiting: Deferred[None] = Deferred()

        def ended(error: ClientError) -> ClientError:
            waiting.callback(None)
            return error

        self.closed.addCallback(ended)
        await waiting
        if timer.active():
            timer.cancel()

    def abort(self, error: ClientError) -> None:
        """Cut the connection."""
        self.error = self.error or error
        if self._web_socket is not None:
            self._web_socket.cut()
        elif self._connecting is not None:
            self._connecting.cancel()

    # --- what the WebSocket tells -----------------------------------------------------------

    def joined(self, wamp_session: _WampSession, details: SessionDetails) -> None:
        self._wamp_session = wamp_session
        self.welcome = dict(details.authextra or {})
        self.message_bytes = self.welcome["limits"]["message_bytes"]
        self._logged_in.callback(None)

    def left(self, details: CloseDetails) -> None:
        """The server said goodbye, or did not let us in."""
        self.error = self.error or from_wamp(details.reason, [details.message])

    def lost(self, reason: Failure) -> None:
        """Nothing is left of the connection."""
        self.error = self.error or ClientError("disconnected", reason.getErrorMessage())
        if not self._logged_in.called:
            self._logged_in.errback(self.error)
        self.closed.callback(self.error)


class _WebSocket(WampWebSocketClientProtocol):  # type: ignore[misc]
    def connectionLost(self, reason: Failure) -> None:
        super().connectionLost(reason)
        self.factory.connection.lost(reason)

    def sendMessage(self, payload: bytes, *args: Any, **kwargs: Any) -> None:
        most = self.factory.connection.message_bytes
        if len(payload) > most:
            # The server would close the connection for it, each time it is sent.
            message = f"A message of {len(payload)} bytes is too large; at most {most} are taken."
            raise ClientError("bad_request", message)
        super().sendMessage(payload, *args, **kwargs)

    def cut(self) -> None:
        self.dropConnection(abort=True)


class _WampSession(ApplicationSession):  # type: ignore[misc]
    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self._connection = connection

    def onMessage(self, message: Any) -> None:
        # Autobahn breaks the connection for an event without a subscription; but one that is
        # spread over many receivers may come after the topic was unsubscribed.
        if isinstance(message, Event) and message.subscription not in self._subscriptions:
            return
        super().onMessage(message)

    def onConnect(self) -> None:
        self.join(protocol.REALM, authmethods=["ticket"])

    def onChallenge(self, challenge: Challenge) -> str:
        return self._connection.ticket

    def onJoin(self, details: SessionDetails) -> None:
        self._connection.joined(self, details)

    def onLeave(self, details: CloseDetails) -> None:
        self._connection.left(details)
        self.disconnect()
