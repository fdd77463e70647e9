"""How a node ends in order: nobody new, everybody told, what is under way answered, nobody left.

Asked for by `collab.node.drain` or by the supervisor. Either way there is a note in the node's
folder (`node.drain_note`) that says until when, and whoever is started anew goes on from it. The
node leaves one in turn when it is done (`node.drained_note`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from autobahn.wamp.exception import ApplicationError, TransportLost
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.task import LoopingCall

from .. import node, protocol
from ..caller import Caller
from ..errors import CollabError
from ..protocol import Arguments
from .asking import apart
from .component import CollabComponent

LOOK_S = 0.1
ASK_S = 2.0
# After the last connection was told to go: for edits under way, for participants to be removed.
QUIET_S = 2.0
MOST_S = 600


class Drain:
    """
    Args:
        component: the node's.
        asked, done: paths of the notes.
        within_s: unless told otherwise.
        now_ms: time of day, since 1970.
        begun: called once, when it begins.
        farewell: awaited once, when nobody is left: the instance tells the others.

    Attributes:
        deadline_s: when it is to be over (seconds of the component's clock), once it has begun; it
            may come nearer.
        ended: whether nobody is left.
    """

    def __init__(
        self,
        component: CollabComponent,
        *,
        asked: Path,
        done: Path,
        within_s: float,
        now_ms: Callable[[], int],
        begun: Callable[[], None],
        farewell: Callable[[], Awaitable[None]],
    ) -> None:
        self._component = component
        self._asked = asked
        self._done = done
        self._within_s = within_s
        self._now_ms = now_ms
        self._begun = begun
        self._farewell = farewell
        # The same as in the note, and by the clock that is waited on.
        self._until_s: float | None = None
        self.deadline_s: float | None = None
        self.ended = False

    def start(self) -> LoopingCall:
        """Look for the note from now on: the supervisor's, or one that is left of a drain."""
        loop = LoopingCall(self._look)
        loop.clock = self._component.clock
        loop.start(LOOK_S)
        return loop

    def check(self) -> None:
        """Refuse who would come anew (`draining`)."""
        if self.deadline_s is not None:
            raise CollabError("draining", "This instance is ending; connect to another.")

    async def call(self, caller: Caller, arguments: Arguments) -> dict[str, Any]:
        """`collab.node.drain`: begins; the connection that called is told to go like all others."""
        caller.require("operate")
        within_s = arguments.integer("within_s", 0, MOST_S, int(self._within_s))
        arguments.finish()
        self.begin(within_s)
        assert self.deadline_s is not None
        return {"within_ms": self._left_ms()}

    def _look(self) -> None:
        asked_s = node.drain_asked(self._asked, self._time_s() + self._within_s)
        if asked_s is not None and asked_s != self._until_s:
            self._begin_until(asked_s)

    def _now_s(self) -> float:
        return float(self._component.clock.seconds())

    def _time_s(self) -> float:
        return self._now_ms() / 1000

    def _left_ms(self) -> int:
        assert self.deadline_s is not None
        return max(0, int((self.deadline_s - self._now_s()) * 1000))

    def begin(self, within_s: float) -> None:
        """Begin, or be done sooner than was asked for before; never later."""
        self._begin_until(self._time_s() + within_s)

    def _begin_until(self, until_s: float) -> None:
        before_s, self._until_s = self._until_s, min(until_s, self._until_s or until_s)
        if self._until_s != before_s:
            # Where somebody has set the clock back, that is no reason to stay.
            left_s = min(max(0.0, self._until_s - self._time_s()), MOST_S)
            self.deadline_s = self._now_s() + left_s
        try:
            # Also where it says something later, or no time.
            node.ask_to_drain(self._asked, self._until_s)
        except OSError as error:
            self._component.log.error("the drain is not noted: {error}", error=error)
        if before_s is None:
            self._begun()
            self._component.background(self._go(self._run))
        elif self._until_s != before_s:
            self._component.background(self._go(self._tell))

    async def _go(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except TransportLost:
            # The component that comes after this one finds the note.
            self._component.log.warn("draining goes on when there is a router to talk to")

    async def _tell(self) -> None:
        left_ms = self._left_ms()
        self._component.log.warn("draining within {s:.0f} s", s=left_ms / 1000)
        notice = {"kind": "drain", "within_ms": left_ms}
        await self._ask(protocol.ROUTER_NOTIFY, notice=notice)

    async def _run(self) -> None:
        await self._tell()
        await self._until(lambda load: not load["welcomed"], self._deadline_s)
        # Whoever is left stops editing, and is answered what they have sent.
        self._component.publish(protocol.NODE_DRAINING)
        await self._until(lambda load: not load["calls"], self._quiet())
        text = "This instance is ending; connect to another."
        await self._ask(protocol.ROUTER_CUT, everybody=True, code="draining", message=text)
        await self._until(lambda load: not load["participants"], self._quiet(), protocol.RELAY_LOAD)
        self.ended = True
        try:
            await self._farewell()
        except CollabError as error:
            self._component.log.warn("the others are not told: {error}", error=error)
        self._done.touch()

    def _deadline_s(self) -> float:
        assert self.deadline_s is not None
        return self.deadline_s

    def _quiet(self) -> Callable[[], float]:
        end_s = self._now_s() + QUIET_S
        return lambda: end_s

    async def _until(
        self,
        condition: Callable[[dict[str, Any]], bool],
        end_s: Callable[[], float],
        procedure: str = protocol.ROUTER_LOAD,
    ) -> None:
        while self._now_s() < end_s():
            load = await self._ask(procedure)
            if load is not None and condition(load):
                return
            await self._component.sleep(LOOK_S)

    async def _ask(self, procedure: str, **arguments: Any) -> dict[str, Any] | None:
        """The answer of another part; None where it gives none: it may have ended already.

        Raises:
            TransportLost: there is no router.
        """
        # To cancel a call would be logged as a defect by whoever answers it.
        asking = apart(self._component.call(procedure, **arguments))
        asking.addTimeout(ASK_S, self._component.clock)
        try:
            answer: dict[str, Any] = await asking
        except (ApplicationError, DeferredTimeout) as error:
            self._component.log.warn("{name}: {error}", name=procedure, error=error)
            return None
        return answer
