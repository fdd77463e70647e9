"""What the node's components have in common: answering calls, and whom they believe."""

from __future__ import annotations

import copy
import random
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from autobahn.twisted.wamp import ApplicationSession
from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.message import Error, Event, Invocation
from autobahn.wamp.types import CallDetails, RegisterOptions, SessionDetails
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from .. import protocol
from ..errors import TABLE, URI_PREFIX, CollabError
from ..metrics import PROCESS, STORE_UP, Calls
from ..protocol import Arguments
from ..rates import Limiter
from . import shortcuts
from .pulse import Pulse

# The role of the node's own parts.
BACKEND = "backend"


def application_error(error: CollabError) -> ApplicationError:
    """An error as it crosses the wire: URI, the message for people, keyword arguments."""
    return ApplicationError(error.uri, error.message, **error.kwargs)


class CollabComponent(ApplicationSession):  # type: ignore[misc]  # Autobahn has no types
    """A WAMP session of one of the node's own components.

    What it registers and subscribes is called with `(args, kwargs)` of the message, and `details`
    if asked for. `config.extra` has `config`, `store`, `reactor`, `now_ms`, `failed` and `number`;
    see `worker`. With `inside` it is in the router's process, see `inside`.
    """

    log = Logger()

    @property
    def inside(self) -> bool:
        """Whether it lives in the router's process."""
        return bool(self.config.extra.get("inside"))

    @property
    def clock(self) -> Any:
        """The reactor, an `IReactorTime`."""
        return self.config.extra["reactor"]

    async def onJoin(self, details: SessionDetails) -> None:
        """Begin; where that fails the process ends, and its supervisor starts another."""
        try:
            await self.begin()
        except Exception:
            self.log.failure("the component cannot start")
            self.config.extra["failed"]()

    async def begin(self) -> None:
        """Register and subscribe what the component is for."""
        raise NotImplementedError

    def onUserError(self, fail: Any, msg: str) -> None:
        """Something raised that Autobahn called. Its message may quote what a client sent."""
        # What a procedure answers with is no failure, and `serve` has logged what is.
        if not isinstance(fail.value, ApplicationError):
            self.log.failure("{message}", message=msg, failure=fail)

    def onMessage(self, msg: Any) -> Any:
        # Whoever writes `forward_for` into a call or an event would be taken for whom it names.
        # The router closes such connections; this holds also where one gets past it.
        if isinstance(msg, Invocation | Event) and msg.forward_for is not None:
            self.log.warn("a forwarded {kind} is not believed", kind=type(msg).__name__)
            if isinstance(msg, Invocation):
                refuse(self, msg)
            return None
        if isinstance(msg, Invocation | Event):
            # Autobahn would make Python keywords of what clients name as they like, and a `self` or
            # `fun` among them would end the component. In the router's process the message is the
            # very one that others get too.
            msg = copy.copy(msg)
            msg.args, msg.kwargs = [msg.args or [], msg.kwargs or {}], None
        return super().onMessage(msg)

    async def serve(
        self,
        procedure: str,
        answer: Callable[[CallDetails, Arguments], Awaitable[dict[str, Any]]],
        *,
        shared: bool = False,
    ) -> None:
        """Register a procedure; what it raises is told to the caller as a registered error.

        Args:
            shared: with others, who take the calls by turns.
        """
        # At whichever worker, it is one procedure.
        measured = procedure
        if procedure.startswith(protocol.WORKER_PREFIX):
            _number, _, name = procedure.removeprefix(protocol.WORKER_PREFIX).partition(".")
            measured = protocol.SESSION_PREFIX + name
        calls = Calls(measured, rejects=TABLE if measured == protocol.EDIT else ())

        async def handle(
            args: list[Any], kwargs: dict[str, Any], details: CallDetails
        ) -> dict[str, Any]:
            code, begun_s = "", self.clock.seconds()
            try:
                return await answer(details, Arguments(tuple(args), kwargs))
            except CollabError as error:
                code = error.code
                raise application_error(error) from None
            except Exception:
                code = "internal"
                error_id = secrets.token_hex(8)
                self.log.failure(
                    "{procedure} failed, error_id {error_id}",
                    procedure=procedure,
                    error_id=error_id,
                    wamp_session_id=details.caller,
                    session_id=kwargs.get("session_id"),
                )
                message = "Something unexpected happened; the log has more."
                raise application_error(
                    CollabError("internal", message, error_id=error_id)
                ) from None
            finally:
                calls.answered(self.clock.seconds() - begun_s, code)

        def start(
            args: list[Any], kwargs: dict[str, Any], details: CallDetails
        ) -> Deferred[dict[str, Any]]:
            return ensureDeferred(handle(args, kwargs, details))

        options = RegisterOptions(
            details_arg="details", invoke="roundrobin" if shared else "single"
        )
        await self.register(start, procedure, options=options)
        if self.inside:
            shortcuts.procedures[procedure] = handle

    def call(self, procedure: str, *args: Any, **kwargs: Any) -> Deferred[Any]:
        """Call a procedure; what is answered in this process, past the router."""
        answer = shortcuts.procedures.get(procedure) if self.inside else None
        if answer is None:
            called: Deferred[Any] = super().call(procedure, *args, **kwargs)
            return called
        calling = shortcuts.Calling(self._session_id, self._authid, BACKEND)
        return ensureDeferred(answer(list(args), kwargs, calling))

    def measure(self, *gauges: tuple[Any, Callable[[], float]]) -> None:
        """Look at the process from now on, and set each gauge to what its function says.

        The router's process is looked at by its guard; what is used in it is counted once.
        """
        store = self.config.extra["store"]
        up = STORE_UP.labels(PROCESS), lambda: float(store.up)
        pulse = Pulse(self.clock.seconds, [up, *gauges], whole=not self.inside)
        self._pulse = LoopingCall(pulse.beat)
        self._pulse.clock = self.clock
        self._pulse.start(Pulse.EVERY_S).addErrback(
            lambda failure: self.log.failure("measuring has ended", failure=failure)
        )

    def onLeave(self, details: Any) -> None:
        if self.inside:
            shortcuts.procedures.clear()
        if hasattr(self, "_pulse") and self._pulse.running:
            self._pulse.stop()
        super().onLeave(details)

    def background(self, work: Awaitable[None]) -> None:
        """Run something nobody waits for; a failure is logged."""

        async def run() -> None:
            try:
                await work
            except CollabError as error:
                self.log.warn("{error}, tried again later", error=error)

        ensureDeferred(run()).addErrback(
            lambda failure: self.log.failure("unexpected", failure=failure)
        )

    def sleep(self, seconds: float) -> Deferred[None]:
        """Fires after so many seconds."""
        waited: Deferred[None] = Deferred()
        self.clock.callLater(seconds, waited.callback, None)
        return waited

    def limiter(self) -> Limiter:
        """Takes from the node's configured rates."""
        return Limiter(
            self.config.extra["store"].commons,
            self.config.extra["config"].rates.rates(),
            now_s=self.clock.seconds,
            sleep=self.sleep,
        )

    def pause(self, seconds: float) -> Deferred[None]:
        """Fires after about so many hundredths of a second (between half and one and a half)."""
        return self.sleep(seconds * random.uniform(0.005, 0.015))


def refuse(component: CollabComponent, invocation: Invocation) -> None:
    uri = URI_PREFIX + "denied"
    component._transport.send(
        Error(
            Invocation.MESSAGE_TYPE, invocation.request, uri, args=["Forwarded calls are refused."]
        )
    )
