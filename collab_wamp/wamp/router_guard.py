"""Guards the router's connections, where Crossbar has no setting for it.

Loaded as the first component of the router worker, in its process, before the transports listen. It
puts `guarded.GuardedProtocol` into the place of the protocol that Crossbar makes for a WebSocket
connection, and `patience.PatientSite` into that of its web server, looks after all connections
several times a second, and answers what the node lacks to be ready. It refuses to start if this
Crossbar has not the names that it leans on (`LEANS_ON`).

Each guard has a test in `tests/system/test_guards.py` that fails without it.
"""

from __future__ import annotations

import gc
import platform
import time
from typing import Any, ClassVar

from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.serializer import JsonObjectSerializer, Serializer
from crossbar.router.broker import Broker
from crossbar.router.protocol import WampWebSocketServerFactory, WampWebSocketServerProtocol
from crossbar.router.session import RouterSession
from crossbar.worker import transport as web_transport
from twisted.internet import reactor
from twisted.internet.abstract import FileDescriptor
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.web.http import HTTPChannel
from twisted.web.server import Request

from .. import __version__, metrics, protocol
from ..config import Config
from ..tokens import Claims
from . import connections, polling, quick, shortcuts, tuning, workers
from .asking import apart, ask, not_ready
from .blame import Blame
from .component import CollabComponent
from .guarded import GuardedProtocol
from .logs import take_over_log
from .patience import PatientSite
from .pulse import Pulse
from .router_calls import RouterCalls
from .settings import from_environment

LOOK_S = 0.25
TELL_S = 10.0
HEALTH_S = 2.5
SETTLED_S = 1.0
# Longer than the store may take over one call, which the components tell of themselves.
CALL_S = 5.0

# What is replaced or reached into, and is no documented part of Crossbar, Autobahn or Twisted.
LEANS_ON: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (WampWebSocketServerFactory, ("protocol",)),
    (
        WampWebSocketServerProtocol,
        ("onConnect", "onMessage", "onMessageFrameBegin", "send", "_fail_connection",
         "dropConnection", "sendCloseFrame"),
    ),
    (RouterSession, ("onMessage", "leave")),
    (web_transport, ("Site",)),
    (web_transport.Site, ("buildProtocol", "getResourceFor")),
    (HTTPChannel, ("forceAbortClient", "checkPersistence")),
    (Request, ("gotLength", "handleContentChunk")),
    (Broker, ("processSubscribe",)),
    (Serializer, ("MESSAGE_TYPE_MAP",)),
    (JsonObjectSerializer, ("serialize",)),
    (FileDescriptor(), ("dataBuffer", "_tempDataBuffer", "_tempDataLen")),
)  # fmt: skip

log = Logger()


def install(config: Config) -> None:
    """Put the guarded protocol into its place.

    Raises:
        RuntimeError: this Crossbar, Autobahn or Twisted does not have what is leant on.
    """
    missing = [
        f"{owner!r} has no {name}"
        for owner, names in LEANS_ON
        for name in names
        if not hasattr(owner, name)
    ]
    if missing:
        raise RuntimeError(f"this version of Crossbar cannot be guarded: {', '.join(missing)}")
    tuning.stop_formatting()
    without = quick.missing()
    for name in without:
        log.warn("{name}: messages go the long way through the router", name=name)
    GuardedProtocol.limits = config.limits
    GuardedProtocol.presence_rate = config.rates.presence_rate()
    WampWebSocketServerFactory.protocol = GuardedProtocol if without else quick.QuickProtocol
    PatientSite.patience_s = config.limits.handshake_s
    PatientSite.later = reactor.callLater
    connections.blame = Blame(config.limits.bad_logins, time.monotonic)
    web_transport.Site = PatientSite


def stop_the_process() -> None:
    running: Any = reactor
    running.stop()


# What of a component's answer is load; the rest is for its own part.
LOAD = ("sessions", "participants")


def health_procedures() -> dict[str, str]:
    """Part of the node → the procedure that tells how it is."""
    number = from_environment().layout.workers
    names = ["sessions"] if number == 1 else [f"sessions-{n}" for n in range(1, number + 1)]
    return {
        **{name: f"{protocol.HEALTH_SESSIONS}{n}" for n, name in enumerate(names, 1)},
        "relay": protocol.HEALTH_RELAY,
        "node": protocol.HEALTH_NODE,
    }


class Guard(CollabComponent):
    """The component; one for the router worker."""

    _current: ClassVar[Guard | None] = None

    def __init__(self, config: Any) -> None:
        # Here, since an exception in `begin` would be too late to keep the transports closed.
        config_of_node = from_environment()
        install(config_of_node)
        take_over_log(config_of_node)
        polling.install(reactor)
        config.extra = {"failed": stop_the_process, "reactor": reactor, "inside": True}
        super().__init__(config)

    async def begin(self) -> None:
        self._since = time.monotonic()
        self._calls = RouterCalls(self, from_environment().keyring(), self.health)
        await self._calls.begin()
        Guard._current = self
        if WampWebSocketServerFactory.protocol is quick.QuickProtocol:
            shortcuts.publish = quick.Publisher(self._transport._router._broker).publish
        # By then the node's other parts are loaded, too.
        self.clock.callLater(SETTLED_S, tuning.settle_memory)
        self._told: dict[str, int] = {}
        pulse = Pulse(time.monotonic)
        metrics.BUILD_INFO.labels(__version__, platform.python_version()).set(1)
        for call, seconds in (
            (self._look, LOOK_S),
            (self._tell, TELL_S),
            (pulse.beat, pulse.EVERY_S),
        ):
            LoopingCall(call).start(seconds, now=False).addErrback(
                lambda failure: log.failure("the guard has ended", failure=failure)
            )

    def _look(self) -> None:
        slow = connections.counts["slow_reader"]
        now_s = time.time()
        connections.look_after_all(now_s)
        self._calls.warn_of_expiry(now_s)
        if connections.counts["slow_reader"] != slow:
            # What was waiting for a slow reader is held in reference cycles.
            gc.collect()

    def _tell(self) -> None:
        """Log what was refused lately: a line now and then, however many there were."""
        now = dict(connections.counts)
        news = {kind: n - self._told.get(kind, 0) for kind, n in now.items()}
        self._told = now
        if any(news.values()):
            text = ", ".join(f"{kind} {n}" for kind, n in sorted(news.items()) if n)
            log.warn("refused or cut in the last {s:.0f} s: {text}", s=TELL_S, text=text)

    @classmethod
    async def admit(cls, claims: Claims, *, connecting: bool = True) -> None:
        """See `RouterCalls.admit`."""
        if cls._current is None:
            raise not_ready()
        await cls._current._calls.admit(claims, connecting=connecting)

    @classmethod
    async def admit_http(cls, claims: Claims) -> None:
        """Ask the node whether a token may be used for one more request over HTTP.

        Raises:
            CollabError: `token_revoked`, `rate_limited`; `overloaded` where nobody answers.
        """
        if cls._current is None:
            raise not_ready()
        asked = {"claims": claims.as_extra()}
        await ask(cls._current, protocol.NODE_ADMIT_HTTP, CALL_S, asked)

    @classmethod
    async def call_for(
        cls, claims: Claims, procedure: str, arguments: dict[str, Any]
    ) -> dict[str, Any]:
        """Call a procedure for clients on behalf of a user.

        Raises:
            CollabError: as the procedure does; `overloaded` where it does not answer in time.
        """
        if cls._current is None:
            raise not_ready()
        asked = {**arguments, protocol.ON_BEHALF: claims.as_extra()}
        procedure = workers.procedure_at(procedure, claims.tenant, arguments.get("session_id"))
        return await ask(cls._current, procedure, CALL_S, asked)

    @classmethod
    async def health(cls) -> dict[str, Any]:
        """How the node is: its parts and its load; `status` is `ok`, `draining` or `failing`."""
        parts = await cls.parts()
        status = "draining" if parts.get("node", {}).get("draining") else "ok"
        if not all(part["ok"] for part in parts.values()):
            status = "failing"
        load = {"connections": connections.total()}
        for part in parts.values():
            load |= {name: part.pop(name) for name in LOAD if name in part}
        since = time.monotonic() if cls._current is None else cls._current._since
        return {
            "status": status,
            "instance_id": from_environment().server.instance_id,
            "version": __version__,
            "uptime_s": round(time.monotonic() - since, 1),
            "parts": parts,
            "load": load,
        }

    @classmethod
    async def parts(cls) -> dict[str, dict[str, Any]]:
        """How each of the node's components is, asked all at once.

        Returns:
            for each `ok` and `latency_ms`, and either what it says of itself or the `problem`, in
            words.
        """
        if cls._current is None:
            return {"router": {"ok": False, "latency_ms": 0.0, "problem": "starting"}}
        session = cls._current
        asked = {
            name: Deferred.fromCoroutine(session._ask(procedure))
            for name, procedure in health_procedures().items()
        }
        return {name: await answer for name, answer in asked.items()}

    async def _ask(self, procedure: str) -> dict[str, Any]:
        start = time.monotonic()
        answer = apart(self.call(procedure))
        answer.addTimeout(HEALTH_S, reactor)
        try:
            said = dict(await answer)
        except ApplicationError as error:
            starting = error.error == ApplicationError.NO_SUCH_PROCEDURE
            said = {"ok": False, "problem": "starting" if starting else error.error_message()}
        except Exception as error:  # whatever it is, it is the answer
            said = {"ok": False, "problem": f"no answer ({type(error).__name__})"}
        return {"latency_ms": round((time.monotonic() - start) * 1000, 3), **said}
