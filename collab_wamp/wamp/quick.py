"""The short way between a client's connection and the components in this process.

A message that a client sends passes through Autobahn's reading of frames and parsing of messages,
Crossbar's dealer or broker, and the session of the component, and the answer all the way back:
several times the work of the edit that it carries. Here what comes most often is taken out of that
way, and all else is left on it:

- frames of the simple form are read by `frames`, not by `WebSocketProtocol.processData`;
- calls of procedures that are answered in this process go to what answers them, past `Dealer`;
- presence goes to the relay, past `Broker.processPublish`;
- an event of the relay is encoded once for each format, and its frame is written to the socket at
  once where nothing waits to be written before it, past `Broker`, `sendMessage` and a turn of the
  reactor for each receiver.

What clients may do is what the router's configuration says: its static roles are asked, and where
it has others, nothing is short. `LEANS_ON` has the names that this takes for granted; where one is
missing, all goes the long way, and the log says so.
"""

from __future__ import annotations

import random
from collections.abc import Collection
from typing import Any, Final

import msgpack  # type: ignore[import-untyped]
import orjson
from autobahn.twisted.websocket import WebSocketAdapterProtocol
from autobahn.util import rid
from autobahn.wamp.exception import ApplicationError
from autobahn.websocket.protocol import WebSocketProtocol
from crossbar.router.broker import Broker
from crossbar.router.observation import UriObservation, UriObservationMap
from crossbar.router.role import RouterRoleStaticAuth
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.tcp import Server
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..errors import CollabError
from ..gathering import gathering
from ..sockets import send_now
from . import connections, gate, shortcuts
from .component import application_error
from .frames import frame_of, simple_messages
from .guarded import GuardedProtocol, is_presence

MOST_REMEMBERED = 50_000
NO_DETAILS: Final[dict[str, Any]] = {}

LEANS_ON: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (WebSocketAdapterProtocol, ("dataReceived",)),
    (WebSocketProtocol, ("_dataReceived", "processData", "sendData", "STATE_OPEN")),
    (RouterRoleStaticAuth, ("authorize",)),
    (UriObservationMap, ("get_observation",)),
    (UriObservation, ()),
    (Broker, ("processPublish", "processSubscribe")),
    (Server, ("write", "startWriting")),
)

log = Logger()

# (role, action, URI) → whether the router's configuration allows it.
_allowed: dict[tuple[str, str, str], bool] = {}


def missing() -> list[str]:
    """What this version of Crossbar, Autobahn or Twisted lacks of what is leant on."""
    return [
        f"{owner.__name__} has no {name}"
        for owner, names in LEANS_ON
        for name in names
        if not hasattr(owner, name)
    ]


def may(session: Any, action: str, uri: str) -> bool:
    """Whether the router's configuration lets a client do something.

    Args:
        session: the client's, at the router.
    """
    key = (session._authrole, action, uri)
    known = _allowed.get(key)
    if known is None:
        role = session._router._roles.get(session._authrole)
        # Any other kind of role may answer differently each time.
        known = type(role) is RouterRoleStaticAuth and bool(
            role.authorize(session, uri, action, {})["allow"]
        )
        if len(_allowed) >= MOST_REMEMBERED:
            _allowed.clear()
        _allowed[key] = known
    return known


def encode(message: list[Any], *, binary: bool) -> bytes:
    """A message's frame.

    Raises:
        TypeError, OverflowError: it has what the format cannot write.
    """
    payload = msgpack.packb(message) if binary else orjson.dumps(message)
    return frame_of(payload, binary=binary)


def error_row(request: int, error: Any) -> list[Any]:
    """The ERROR that answers a call."""
    return [
        gate.ERROR, gate.CALL, request, NO_DETAILS, error.error, list(error.args), error.kwargs,
    ]  # fmt: skip


class QuickProtocol(GuardedProtocol):
    """A client's connection; see the module."""

    _binary = False
    _is_plain = False
    _is_cut = False

    def connectionMade(self) -> None:
        super().connectionMade()
        # What is encrypted is not written to the socket as it is.
        self._is_plain = type(self._tcp) is Server and not getattr(self._tcp, "TLS", False)

    def onConnect(self, request: Any) -> Any:
        answer = super().onConnect(request)
        self._binary = self._serializer.SERIALIZER_ID == "msgpack"
        return answer

    # --- in ---------------------------------------------------------------------------------

    def _dataReceived(self, data: bytes) -> None:
        at = 0
        if (
            self.state == self.STATE_OPEN
            and not self.data
            and self.current_frame is None
            and not self.inside_message
        ):
            for payload, binary, after in simple_messages(data, self._largest_message):
                at = after
                self.onMessage(payload, binary)
                if self.state != self.STATE_OPEN:
                    break
        if at < len(data):
            super()._dataReceived(data[at:] if at else data)

    def _give_to_router(self, message: list[Any]) -> None:
        if message[0] == gate.CALL:
            answer = shortcuts.procedures.get(message[3])
            if answer is not None and may(self._session, "call", message[3]):
                if not self._calls_too_much(message):
                    self._call(answer, message)
                return
        elif (
            shortcuts.hear_presence is not None
            and is_presence(message)
            and may(self._session, "publish", message[3])
        ):
            event = message[5] if len(message) > 5 else {}
            shortcuts.hear_presence(message[3], self.wamp_session_id, event)
            if message[2].get("acknowledge"):
                self._answer([gate.PUBLISHED, message[1], rid()])
            return
        super()._give_to_router(message)

    def _call(self, answer: shortcuts.Answer, message: list[Any]) -> None:
        args = message[4] if len(message) > 4 else []
        kwargs = message[5] if len(message) > 5 else {}
        session = self._session
        calling = shortcuts.Calling(session._session_id, session._authid, session._authrole)
        self.calls += 1
        working: Deferred[Any] = ensureDeferred(answer(args, kwargs, calling))
        working.addBoth(self._answered, message[1])
        working.addErrback(lambda failure: log.failure("a call's answer is lost", failure))

    def _answered(self, result: Any, request: int) -> None:
        self.calls -= 1
        if isinstance(result, Failure):
            # Whatever else goes wrong, a component tells as one of these.
            if not isinstance(result.value, ApplicationError):
                result.raiseException()
            row = error_row(request, result.value)
        else:
            row = [gate.RESULT, request, NO_DETAILS, [result]]
        try:
            frame = encode(row, binary=self._binary)
        except (TypeError, ValueError, OverflowError):
            log.failure("a call's answer cannot be written")
            unwritten = CollabError("internal", "The answer cannot be written; the log has more.")
            frame = encode(error_row(request, application_error(unwritten)), binary=self._binary)
        self.deliver(frame)

    # --- out --------------------------------------------------------------------------------

    def deliver(self, frame: bytes) -> None:
        """Send a whole frame: at once, or with others that are gathered for this client."""
        if not gathering.hold(self, frame):
            self.write_now(frame)

    def write_now(self, frame: bytes) -> None:
        """Send frames: to the socket, where nothing waits to be sent before them."""
        if self.state != self.STATE_OPEN or self._is_cut:
            return
        if self._is_plain and not (frame := send_now(self._tcp, frame)):
            return
        self.transport.write(frame)
        if self.unread_bytes > self.limits.send_buffer_bytes:
            self.cut("slow_reader")

    def sendData(self, data: bytes, *args: Any, **kwargs: Any) -> None:
        if before := gathering.take(self):
            self.write_now(before)
        super().sendData(data, *args, **kwargs)

    def cut(self, kind: str) -> None:
        super().cut(kind)
        # Of a frame before this, what the client had not read is thrown away.
        self._is_cut = True


class Publisher:
    """Tells connections of events, past the router's broker.

    Args:
        broker: the realm's, which knows who has subscribed.
    """

    def __init__(self, broker: Any) -> None:
        self._subscriptions = broker._subscription_map

    def publish(self, topic: str, event: dict[str, Any], receivers: Collection[int]) -> None:
        """To those of the receivers that have subscribed to the topic.

        Args:
            receivers: ids of connections.
        """
        subscription = self._subscriptions.get_observation(topic)
        if subscription is None:
            return
        # Nobody has to be unable to guess it.
        observers, publication = subscription.observers, random.getrandbits(53) or 1
        frames: dict[bool, bytes] = {}
        for number in receivers:
            connection: Any = connections.by_id(number)
            if connection is None or connection._session not in observers:
                continue
            if connection._cut_s is not None:
                continue  # it has been told to go
            binary = connection._binary
            frame = frames.get(binary)
            if frame is None:
                row = [gate.EVENT, subscription.id, publication, NO_DETAILS, [], event]
                frame = frames[binary] = encode(row, binary=binary)
            connection.deliver(frame)
