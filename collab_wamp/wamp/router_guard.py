"""Guards the router's connections, where Crossbar has no setting for it.

Loaded as the first component of the router worker, in its process. It replaces three methods of
Crossbar's and Autobahn's classes (`REPLACED`) and refuses to start if one is not there any more;
each guard has a test in `tests/system/test_guards.py` that fails without it.

- `forward_for` in a client's message would make it speak as somebody else: the connection is cut.
- Values that cannot be sent on in every format (lone surrogates, NaN, binary data, huge integers)
  are refused before they reach anybody.
- Subscriptions are exact; what a publisher may tell the router about receivers is ignored.
- A connection must say HELLO and authenticate in time, and ends when its token expires.
- One that does not read what it is sent is cut before it fills the memory.
- Only the two subprotocols of the contract.
"""

from __future__ import annotations

import gc
import math
import os
import time
from typing import Any, ClassVar

from autobahn.twisted.wamp import ApplicationSession
from autobahn.wamp import message
from autobahn.wamp.exception import ApplicationError, TransportLost
from autobahn.websocket.types import ConnectionDeny
from crossbar.router.protocol import WampWebSocketServerProtocol
from crossbar.router.session import RouterSession
from twisted.internet import reactor as global_reactor
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from .. import config as configuration
from .. import protocol
from ..errors import URI_PREFIX

log = Logger()
# Twisted's interfaces have no types that mypy understands.
reactor: Any = global_reactor

REPLACED = (
    (RouterSession, "onOpen"),
    (RouterSession, "onMessage"),
    (WampWebSocketServerProtocol, "onConnect"),
)
SUBPROTOCOLS = ("wamp.2.msgpack", "wamp.2.json")
CLIENT_ROLE = "user"
SCAN_S = 0.25
COLLECT_S = 10.0
GOODBYE_GRACE_S = 2.0
DEEPEST = 32
HEALTH_S = 2.5


class Poison(Exception):
    """A value that must not be passed on; the message says why."""


def check_value(value: Any, depth: int = 0) -> None:
    """Refuse what some format cannot carry, or carries as something else.

    Raises:
        Poison: see there.
    """
    kind = type(value)
    if kind is str:
        if value.startswith("\0"):
            raise Poison("a text that starts with NUL is taken for binary data in JSON")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Poison("a text has a lone surrogate") from None
    elif kind is int:
        if not -(2**53) <= value <= 2**53:
            raise Poison("an integer is beyond 53 bits")
    elif kind is float:
        if not math.isfinite(value):
            raise Poison("a number is not finite")
    elif kind in (list, dict):
        if depth == DEEPEST:
            raise Poison(f"values are nested more than {DEEPEST} deep")
        for item in value:
            check_value(item, depth + 1)
        if kind is dict:
            for name, item in value.items():
                if type(name) is not str:
                    raise Poison("an object's key is not a text")
                check_value(item, depth + 1)
    elif value is not None and kind is not bool:
        raise Poison(f"a value of kind {kind.__name__} is not for clients")


def tcp_of(wamp_session: Any) -> Any:
    """The TCP or unix transport below a router session; None where there is none."""
    transport = getattr(wamp_session, "_transport", None)
    transport = getattr(transport, "transport", None)
    while transport is not None and not hasattr(transport, "dataBuffer"):
        transport = getattr(transport, "transport", None)
    return transport


def cut(wamp_session: Any, why: str) -> None:
    """End a connection at once, and forget what it was to be sent."""
    tcp = tcp_of(wamp_session)
    Guard.cuts[why] = Guard.cuts.get(why, 0) + 1
    log.warn(
        "connection of {user} cut: {why}", user=getattr(wamp_session, "_authid", None), why=why
    )
    if tcp is not None:
        tcp.abortConnection()
        tcp._tempDataBuffer = []
        tcp._tempDataLen = 0
        tcp.dataBuffer = b""


class Guard(ApplicationSession):  # type: ignore[misc]  # Autobahn has no types
    """The component; one for the router worker.

    Attributes:
        cuts: how many connections were cut, by reason.
    """

    cuts: ClassVar[dict[str, int]] = {}
    _current: ClassVar[Guard | None] = None

    async def onJoin(self, details: Any) -> None:
        self._limits = configuration.load(os.environ).limits
        install(self._limits.hello_s)
        self._slow_since: dict[int, float] = {}
        self._ending: dict[int, float] = {}
        Guard._current = self
        for call, seconds in ((self._scan, SCAN_S), (gc.collect, COLLECT_S)):
            LoopingCall(call).start(seconds, now=False)

    # --- readiness --------------------------------------------------------------------------

    @classmethod
    async def missing(cls) -> list[str]:
        """What keeps the node from being ready, in words; [] = it is ready."""
        if cls._current is None:
            return ["the router is starting"]
        found = []
        for name, procedure in (
            ("sessions", protocol.HEALTH_SESSIONS),
            ("relay", protocol.HEALTH_RELAY),
        ):
            try:
                answer = cls._current.call(procedure)
                answer.addTimeout(HEALTH_S, reactor)
                await answer
            except ApplicationError as error:
                starting = error.error == ApplicationError.NO_SUCH_PROCEDURE
                found.append(f"{name}: {'starting' if starting else error.error_message()}")
            except (TransportLost, Exception) as error:  # whatever it is, it is the answer
                found.append(f"{name}: no answer ({type(error).__name__})")
        return found

    # --- what is looked at again and again --------------------------------------------------

    def _scan(self) -> None:
        now_s = time.time()
        sessions = self._transport._router._session_id_to_session
        for wamp_session_id, wamp_session in list(sessions.items()):
            if not isinstance(wamp_session, RouterSession):
                continue
            if self._is_slow(wamp_session_id, wamp_session, now_s):
                cut(wamp_session, "it does not read what it is sent")
            elif wamp_session._authrole == CLIENT_ROLE:
                self._end_if_expired(wamp_session_id, wamp_session, now_s)
        for known in (self._slow_since, self._ending):
            for wamp_session_id in known.keys() - sessions.keys():
                del known[wamp_session_id]

    def _is_slow(self, wamp_session_id: int, wamp_session: Any, now_s: float) -> bool:
        tcp = tcp_of(wamp_session)
        waiting = len(tcp.dataBuffer) + tcp._tempDataLen if tcp is not None else 0
        if waiting <= self._limits.send_buffer_slow_bytes:
            self._slow_since.pop(wamp_session_id, None)
            return False
        since = self._slow_since.setdefault(wamp_session_id, now_s)
        return (
            waiting > self._limits.send_buffer_bytes
            or now_s - since > self._limits.send_buffer_slow_s
        )

    def _end_if_expired(self, wamp_session_id: int, wamp_session: Any, now_s: float) -> None:
        expires_at = (wamp_session._authextra or {}).get("expires_at", 0)
        if now_s <= expires_at:
            return
        since = self._ending.get(wamp_session_id)
        if since is None:
            self._ending[wamp_session_id] = now_s
            wamp_session.leave(URI_PREFIX + "token_expired", "The token has expired.")
        elif now_s - since > GOODBYE_GRACE_S:
            cut(wamp_session, "it stays although its token has expired")


# --- what is replaced ---------------------------------------------------------------------------


def install(hello_s: float) -> None:
    """Put the guards into the router's classes, once a process.

    Raises:
        RuntimeError: this Crossbar does not have what is to be replaced.
    """
    for owner, name in REPLACED:
        if name not in vars(owner):
            raise RuntimeError(
                f"{owner.__module__}.{owner.__name__} has no {name}: this version of Crossbar "
                "cannot be guarded"
            )
    if getattr(RouterSession, "_collab_guarded", False):
        return
    RouterSession._collab_guarded = True
    on_open, on_message = RouterSession.onOpen, RouterSession.onMessage
    on_connect = WampWebSocketServerProtocol.onConnect

    def guarded_on_open(self: Any, transport: Any) -> None:
        on_open(self, transport)

        def look() -> None:
            if self._session_id is None and self._transport is not None:
                cut(self, "it did not authenticate in time")

        reactor.callLater(hello_s, look)

    def guarded_on_message(self: Any, msg: Any) -> Any:
        if self._authrole == CLIENT_ROLE and not _passes(self, msg):
            return None
        return on_message(self, msg)

    def guarded_on_connect(self: Any, request: Any) -> Any:
        if not any(name in SUBPROTOCOLS for name in request.protocols):
            raise ConnectionDeny(
                ConnectionDeny.BAD_REQUEST, f"one of {', '.join(SUBPROTOCOLS)} is spoken here"
            )
        request.protocols = [name for name in request.protocols if name in SUBPROTOCOLS]
        return on_connect(self, request)

    RouterSession.onOpen = guarded_on_open
    RouterSession.onMessage = guarded_on_message
    WampWebSocketServerProtocol.onConnect = guarded_on_connect


def _passes(wamp_session: Any, msg: Any) -> bool:
    """Whether a client's message may go on into the router; if not, it has been answered."""
    if getattr(msg, "forward_for", None) is not None:
        cut(wamp_session, "forward_for is not for clients")
        return False
    if isinstance(msg, message.Subscribe) and msg.match != message.Subscribe.MATCH_EXACT:
        _refuse(wamp_session, msg, "denied", "Subscriptions are exact.")
        return False
    if isinstance(msg, message.Call | message.Publish):
        try:
            if msg.payload is not None:
                raise Poison("encrypted payloads are not for clients")
            check_value(msg.args)
            check_value(msg.kwargs)
        except Poison as error:
            _refuse(wamp_session, msg, "bad_request", f"Refused: {error}.")
            return False
    if isinstance(msg, message.Publish):
        # Whom it reaches, and whether it is kept, is for the server to say.
        msg.retain = None
        msg.exclude_me = None
        for side in ("exclude", "eligible"):
            for who in ("", "_authid", "_authrole"):
                setattr(msg, side + who, None)
    return True


def _refuse(wamp_session: Any, msg: Any, code: str, reason: str) -> None:
    if isinstance(msg, message.Publish) and not msg.acknowledge:
        return
    error = message.Error(
        type(msg).MESSAGE_TYPE,
        msg.request,
        URI_PREFIX + code,
        args=[reason],
        kwargs={"retryable": False},
    )
    wamp_session._transport.send(error)
