"""A client's connection, guarded: Crossbar's WebSocket protocol with the gate in front of it.

See `gate` for what may come in. What goes out is watched: who does not read is cut before it fills
the memory, who is told to go is cut when it stays. `router_guard` puts this class into its place.
"""

from __future__ import annotations

import copy
import time
from typing import Any, ClassVar

import autobahn.twisted  # noqa: F401  # before autobahn.wamp: it has to know that it is Twisted
import orjson
from autobahn.util import encode_truncate, rid, wildcards2patterns
from autobahn.wamp.exception import InvalidUriError, ProtocolError
from autobahn.wamp.message import Abort, Error, Goodbye, Result, Welcome
from autobahn.wamp.serializer import JsonObjectSerializer, JsonSerializer, Serializer
from autobahn.websocket.types import ConnectionDeny
from crossbar.router.protocol import WampWebSocketServerProtocol
from twisted.internet import reactor as global_reactor
from twisted.logger import Logger

from ..errors import URI_PREFIX
from ..protocol import INCOMING_PREFIX
from ..rates import Rate
from ..settings import Limits
from ..tokens import Claims
from . import connections, gate, workers
from .origins import is_welcome
from .throttle import Throttle

SUBPROTOCOLS = ("wamp.2.msgpack", "wamp.2.json")
# HELLO and AUTHENTICATE. A second AUTHENTICATE, while the first is being looked at, would have
# Crossbar welcome one client twice, and keep a session of it for ever.
MESSAGES_BEFORE_WELCOME = 2
# A message of the largest size in frames of 64 bytes; nobody makes smaller ones, but empty ones
# come without end.
FRAMES_PER_MESSAGE = 1024
ANY_ORIGIN = wildcards2patterns(["*"])
WRONG_FRAME = 1003
TOO_LARGE = 1009
FAILURE = 1011

log = Logger()
# Twisted's interfaces have no types that mypy understands.
reactor: Any = global_reactor


class FastJson(JsonObjectSerializer):  # type: ignore[misc]  # Autobahn has no types
    """Autobahn's JSON, written by orjson. (Reading is the gate's.)"""

    def serialize(self, obj: Any) -> bytes:
        try:
            return orjson.dumps(obj)
        except TypeError:  # bytes, huge integers: as Autobahn has it
            written: bytes = super().serialize(obj)
            return written


class SmallQueue(list[Any]):
    """In place of a `deque`, which takes 760 bytes when it is empty, as that of each connection is:
    Autobahn has it for messages that are sent in pieces, and no message is here."""

    def popleft(self) -> Any:
        return self.pop(0)


# One for all connections: a message remembers how it was written by this very object.
JSON = JsonSerializer()
JSON._serializer = FastJson()


class GuardedProtocol(WampWebSocketServerProtocol):  # type: ignore[misc]  # nor has Crossbar
    """One client's WebSocket.

    Attributes:
        limits, presence_rate: set by `router_guard`.
        address, user, claims, wamp_session_id, calls, warned_of: see `connections.Connection`.
    """

    address = ""
    limits: ClassVar[Limits] = Limits()
    presence_rate: ClassVar[Rate] = Rate()
    user: tuple[str, str] | None = None
    claims: Claims | None = None
    wamp_session_id = 0
    calls = 0
    warned_of = 0.0
    maxMessagePayloadSize: int
    # Most say nothing of where they are.
    _throttle: Throttle | None = None

    # --- coming and going -------------------------------------------------------------------

    def connectionMade(self) -> None:
        self._opened_s = time.time()
        self._cut_s: float | None = None
        self._slow_since_s: float | None = None
        self._early_messages = 0
        self._frames = 0
        self._serializer: Any = None
        self._tcp = innermost(self.transport)
        self.address = str(getattr(self._tcp.getPeer(), "host", ""))
        connections.opened(self)
        super().connectionMade()
        self.send_queue = SmallQueue()
        # What a client sends is limited, what it is sent is not; Autobahn has one number for both.
        self._largest_message: int = self.factory.maxMessagePayloadSize
        self.maxMessagePayloadSize = 0
        # Autobahn would answer 400, and would not let pages in that this node serves under names
        # that it does not know of; see `onConnect`.
        self.allowedOriginsPatterns = ANY_ORIGIN
        self.factory.allowNullOrigin = True

    def connectionLost(self, reason: Any) -> None:
        connections.closed(self)
        if self._throttle is not None:
            self._throttle.stop()
        super().connectionLost(reason)

    def onConnect(self, request: Any) -> Any:
        if request.origin and not is_welcome(
            request.origin, request.host or "", self.factory.allowedOrigins
        ):
            connections.counts["origin"] += 1
            raise ConnectionDeny(ConnectionDeny.FORBIDDEN, "not for pages of this origin")
        request.protocols = [name for name in request.protocols if name in SUBPROTOCOLS]
        answer = super().onConnect(request)
        if self._serializer.SERIALIZER_ID == "json":
            self._serializer = copy.copy(JSON)
        return answer

    def onOpen(self) -> None:
        leave_http(self.transport)
        super().onOpen()

    # --- in ---------------------------------------------------------------------------------

    def onMessageBegin(self, isBinary: bool) -> None:
        self._frames = 0
        super().onMessageBegin(isBinary)

    def onMessageFrameBegin(self, length: int) -> None:
        self._frames += 1
        if self._frames > FRAMES_PER_MESSAGE:
            self._throw_out("fragments", gate.POLICY, "too many fragments")
            return
        if self.message_data_total_length + length > self._largest_message:
            text = f"a message has at most {self._largest_message:,} bytes"
            self._throw_out("too_large", TOO_LARGE, text)
            return
        super().onMessageFrameBegin(length)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        binary = self._serializer.SERIALIZER_ID == "msgpack"
        joined = self._session._session_id is not None
        try:
            if isBinary != binary:
                raise gate.Refused("wrong_frame", WRONG_FRAME, "text and binary are mixed up")
            if not joined:
                self._early_messages += 1
                if self._early_messages > MESSAGES_BEFORE_WELCOME:
                    text = "a client says HELLO and AUTHENTICATE, once each"
                    raise gate.Refused("not_welcome", gate.POLICY, text)
            message = gate.read_msgpack(payload) if binary else gate.read_json(payload)
            verdict = gate.judge(message, joined=joined)
            if self._cut_s is not None and message[0] != gate.GOODBYE:
                return  # it has been told to go
            self._carry_out(verdict)
        except gate.Refused as refused:
            self._throw_out(refused.kind, refused.code, refused.reason)
        except Exception:
            number = self._session._session_id
            log.failure("a client's message failed in the router", wamp_session_id=number)
            self._throw_out("failure", FAILURE, "internal error")

    def _carry_out(self, verdict: gate.Verdict) -> None:
        if isinstance(verdict, gate.Pass):
            message = verdict.message
            if is_presence(message) and self.presence_rate:
                if self._throttle is None:
                    self._throttle = self._make_throttle()
                self._throttle.offer(message[3], message)
            else:
                self._give_to_router(message)
            return
        connections.counts[verdict.kind] += 1
        if isinstance(verdict, gate.Answer):
            self._answer(verdict.message)

    def _give_to_router(self, message: list[Any]) -> None:
        try:
            parsed = Serializer.MESSAGE_TYPE_MAP[message[0]].parse(message)
            if message[0] == gate.SUBSCRIBE and self._subscribed_to_much():
                text = f"At most {self.limits.subscriptions} subscriptions."
                self._answer(gate.error_for(message, URI_PREFIX + "too_many", text))
                return
            if message[0] == gate.CALL:
                if self._calls_too_much(message):
                    return
                self.calls += 1
                parsed.procedure = self._procedure(message)
            self._session.onMessage(parsed)
        except InvalidUriError as error:
            if message[0] not in (gate.CALL, gate.SUBSCRIBE):
                raise gate.Refused("bad_uri", gate.PROTOCOL_ERROR, str(error)[:100]) from None
            self._answer(gate.error_for(message, "wamp.error.invalid_uri", "no valid URI"))
        except ProtocolError as error:
            raise gate.Refused("malformed", gate.PROTOCOL_ERROR, str(error)[:100]) from None
        if message[0] in (gate.GOODBYE, gate.ABORT):
            self.sendClose(self.CLOSE_STATUS_CODE_NORMAL)

    def _calls_too_much(self, message: list[Any]) -> bool:
        """Whether so many calls are under way that this one is refused, and do that."""
        if self.calls < self.limits.calls:
            return False
        text = f"At most {self.limits.calls} calls at one time."
        wait = {"retryable": True, "retry_after_ms": 100}
        uri = URI_PREFIX + "overloaded"
        self._answer([*gate.error_for(message, uri, text)[:-1], wait])
        return True

    def _procedure(self, message: list[Any]) -> str:
        """What is called: of a session, at the worker that has it."""
        procedure: str = message[3]
        arguments = message[5] if len(message) > 5 else {}
        tenant = self.user[0] if self.user is not None else ""
        return workers.procedure_at(procedure, tenant, arguments.get("session_id"))

    # --- presence ---------------------------------------------------------------------------

    def _make_throttle(self) -> Throttle:
        return Throttle(
            self.presence_rate,
            now_s=reactor.seconds,
            later=reactor.callLater,
            go=self._release,
            superseded=self._superseded,
        )

    def _release(self, message: list[Any]) -> None:
        if self._cut_s is None:
            self._give_to_router(message)

    def _superseded(self, message: list[Any]) -> None:
        """The router does not hear of it; a client that waits for an answer gets one."""
        connections.counts["superseded"] += 1
        if message[2].get("acknowledge"):
            self._answer([gate.PUBLISHED, message[1], rid()])

    def _subscribed_to_much(self) -> bool:
        held = self._session._router._broker._session_to_subscriptions.get(self._session, ())
        return len(held) >= self.limits.subscriptions

    def _answer(self, message: list[Any]) -> None:
        serializer = self._serializer._serializer
        self.sendMessage(serializer.serialize(message), serializer.BINARY)

    def _throw_out(self, kind: str, code: int, reason: str) -> None:
        connections.counts[kind] += 1
        self._fail_connection(code, reason)

    def _fail_connection(self, code: int = FAILURE, reason: str = "") -> None:
        """Say why in a close frame, and close; Autobahn comes here as well with what it finds."""
        if self.state == self.STATE_OPEN:
            self.failedByMe = True
            self.sendCloseFrame(code=code, reasonUtf8=encode_truncate(reason, 123))
            self._cut_s = time.time() + self.limits.farewell_s
            self.wasClean = True  # nothing that would have to be logged
        self.dropConnection(abort=False)

    # --- out --------------------------------------------------------------------------------

    def send(self, msg: Any) -> None:
        super().send(msg)
        kind = type(msg)
        if kind is Welcome:
            connections.welcomed(self, msg.session, Claims.from_extra(msg.authextra))
            self._forget_handshake()
        elif kind is Result or (kind is Error and msg.request_type == gate.CALL):
            self.calls -= 1
        elif kind is Goodbye or kind is Abort:
            self._cut_s = time.time() + self.limits.farewell_s
        if self.unread_bytes > self.limits.send_buffer_bytes:
            self.cut("slow_reader")

    def _forget_handshake(self) -> None:
        """Leave what led here out of memory: most connections stay long, and say little."""
        self._session._pending_auth = None
        self.http_request_data, self.http_response_data = b"", ""
        self.http_headers: dict[str, str] = {}
        self._transport_details.http_headers_received = None
        self._transport_details.http_headers_sent = None

    @property
    def unread_bytes(self) -> int:
        """What waits in this process for the client to read it."""
        tcp = self._tcp
        waits: int = len(tcp.dataBuffer) + tcp._tempDataLen
        return waits

    def look_after(self, now_s: float) -> None:
        """See to the deadlines; called several times a second.

        Args:
            now_s: the time of day, since 1970.
        """
        claims, tcp = self.claims, self._tcp
        if (
            claims is not None
            and now_s < claims.expires_at
            and self._cut_s is None
            and not tcp.dataBuffer
            and not tcp._tempDataLen
        ):
            # So it is with nearly all, and there may be thousands.
            self._slow_since_s = None
            return
        if self._cut_s is not None:
            if now_s >= self._cut_s:
                self.cut("lingers")
        elif self.claims is None:
            if now_s - self._opened_s > self.limits.hello_s:
                self.cut("no_hello")
        elif now_s >= self.claims.expires_at:
            connections.counts["expired"] += 1
            self.say_goodbye(URI_PREFIX + "token_expired", "The token has expired.")
        unread = self.unread_bytes
        if unread <= self.limits.send_buffer_slow_bytes:
            self._slow_since_s = None
        elif self._slow_since_s is None:
            self._slow_since_s = now_s
        elif now_s - self._slow_since_s > self.limits.send_buffer_slow_s:
            self.cut("slow_reader")
        if unread > self.limits.send_buffer_bytes:  # answers to pings come past `send`
            self.cut("slow_reader")

    def say_goodbye(self, reason: str, message: str) -> None:
        """Tell the client to go; it is cut when it stays."""
        if self._cut_s is None:
            self._session.leave(reason, message)

    def cut(self, kind: str) -> None:
        """End the connection now, and forget what it was to be sent."""
        connections.counts[kind] += 1
        self._cut_s = None
        self._tcp.abortConnection()
        self._tcp._tempDataBuffer = []
        self._tcp._tempDataLen = 0
        self._tcp.dataBuffer = b""


def leave_http(transport: Any) -> None:
    """Let go of the HTTP channel of a connection that is a WebSocket by now.

    It is registered as what writes to the transport, and would stay in memory with its request.
    """
    transport.unregisterProducer()


def is_presence(message: list[Any]) -> bool:
    published: bool = message[0] == gate.PUBLISH and message[3].startswith(INCOMING_PREFIX)
    return published


def innermost(transport: Any) -> Any:
    """The TCP connection below what wraps it."""
    while not hasattr(transport, "dataBuffer"):
        transport = transport.transport
    return transport
