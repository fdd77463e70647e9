"""How a node ends in order: nobody new, everybody told, what is under way answered, nobody left.

Asked for by `collab.node.drain` or by the supervisor, which leaves a note in the node's folder
(`node.drain_note`); the node leaves one in turn when it is done (`node.drained_note`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from autobahn.wamp.exception import ApplicationError
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.task import LoopingCall

from .. import protocol
from ..caller import Caller
from ..errors import CollabError
from ..protocol import Arguments
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
        begun: called once, when it begins.
        farewell: awaited once, when nobody is left: the instance tells the others.

    Attributes:
        deadline_s: when it is to be over (monotonic seconds), once it has begun.
        ended: whether nobody is left.
    """

    def __init__(
        self,
        component: CollabComponent,
        *,
        asked: Path,
        done: Path,
        within_s: float,
        begun: Callable[[], None],
        farewell: Callable[[], Awaitable[None]],
    ) -> None:
        self._component = component
        self._asked = asked
        self._done = done
        self._within_s = within_s
        self._begun = begun
        self._farewell = farewell
        self.deadline_s: float | None = None
        self.ended = False

    def start(self) -> LoopingCall:
        """Look for the supervisor's note from now on."""
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
        return {"within_ms": max(0, int((self.deadline_s - self._now_s()) * 1000))}

    def _look(self) -> None:
        if self.deadline_s is None and self._asked.exists():
            self.begin(self._within_s)

    def _now_s(self) -> float:
        return float(self._component.clock.seconds())

    def begin(self, within_s: float) -> None:
        if self.deadline_s is None:
            self.deadline_s = self._now_s() + within_s
            self._begun()
            self._component.background(self._run())

    async def _run(self) -> None:
        assert self.deadline_s is not None
        self._component.log.warn("draining within {s:.0f} s", s=self.deadline_s - self._now_s())
        notice = {
            "kind": "drain",
            "within_ms": max(0, int((self.deadline_s - self._now_s()) * 1000)),
        }
        await self._ask(protocol.ROUTER_NOTIFY, notice=notice)
        await self._until(lambda load: not load["welcomed"], self.deadline_s)
        # Whoever is left stops editing, and is answered what they have sent.
        self._component.publish(protocol.NODE_DRAINING)
        await self._until(lambda load: not load["calls"], self._now_s() + QUIET_S)
        text = "This instance is ending; connect to another."
        await self._ask(protocol.ROUTER_CUT, everybody=True, code="draining", message=text)
        await self._until(
            lambda load: not load["participants"], self._now_s() + QUIET_S, protocol.RELAY_LOAD
        )
        self.ended = True
        try:
            await self._farewell()
        except CollabError as error:
            self._component.log.warn("the others are not told: {error}", error=error)
        self._done.touch()

    async def _until(
        self,
        condition: Callable[[dict[str, Any]], bool],
        end_s: float,
        procedure: str = protocol.ROUTER_LOAD,
    ) -> None:
        while self._now_s() < end_s:
            load = await self._ask(procedure)
            if load is not None and condition(load):
                return
            await self._component.sleep(LOOK_S)

    async def _ask(self, procedure: str, **arguments: Any) -> dict[str, Any] | None:
        """The answer of another part; None where it gives none: it may have ended already."""
        asking = self._component.call(procedure, **arguments)
        asking.addTimeout(ASK_S, self._component.clock)
        try:
            answer: dict[str, Any] = await asking
        except (ApplicationError, DeferredTimeout) as error:
            self._component.log.warn("{name}: {error}", name=procedure, error=error)
            return None
        return answer
