"""A memory store, the use cases and a relay in one process, and callers to call them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.defer import Deferred

from collab_wamp.caller import Caller
from collab_wamp.joining import SessionLimits
from collab_wamp.protocol import Arguments
from collab_wamp.rates import Limiter, Rates
from collab_wamp.relay import Relay
from collab_wamp.retention import Retention
from collab_wamp.sessions import Sessions
from collab_wamp.store.interface import Store
from collab_wamp.store.memory import MemoryStore
from collab_wamp.store.memory_commons import MemoryCommons
from collab_wamp.store.values import SessionKey
from collab_wamp.tokens import Claims

from .surroundings import ClockSurroundings, counter_bytes


def claims(user_id: str = "ada", tenant: str = "acme", **rights: str) -> Claims:
    return Claims(user_id=user_id, tenant=tenant, rights=rights or {"*": "manage"})


class Party:
    """One node without its router: use cases and relay on one store.

    Args:
        store: shared with other nodes, or a new memory store.
    """

    def __init__(
        self,
        store: Store | None = None,
        around: ClockSurroundings | None = None,
        instance_id: str = "node-1",
        limits: SessionLimits | None = None,
        rates: Rates | None = None,
        retention: Retention | None = None,
        random_bytes: Callable[[int], bytes] | None = None,
    ) -> None:
        self.around = around or ClockSurroundings()
        self.store = store or MemoryStore(now_ms=self.around.now_ms)
        self.relay = Relay(
            self.store,
            instance_id,
            self.around,
            heard=lambda key, announced: self.sessions.documents.heard(key, announced),
        )
        self.sessions = Sessions(
            self.store,
            instance_id=instance_id,
            limits=limits or SessionLimits(),
            now_s=self.around.now_s,
            now_ms=self.around.now_ms,
            random_bytes=random_bytes or counter_bytes(),
            limiter=Limiter(
                MemoryCommons(self.around.now_ms),
                rates or Rates(),
                now_s=self.around.now_s,
                sleep=self.around.sleep,
            ),
            watch=self.relay.watch,
            pause=self.around.pause,
            background=self.around.background,
            retention=retention or Retention(),
        )

    def caller(self, wamp_session_id: int, who: Claims | None = None) -> Caller:
        return Caller(who or claims(), wamp_session_id)

    def arguments(self, **kwargs: Any) -> Arguments:
        return Arguments((), kwargs)

    async def call(self, name: str, caller: Caller, /, **kwargs: Any) -> dict[str, Any]:
        answer: dict[str, Any] = await self.method(name)(caller, Arguments((), kwargs))
        return answer

    def method(self, name: str) -> Any:
        """The use case that answers `collab.session.NAME`."""
        places = (self.sessions, self.sessions.history)
        return next(getattr(place, name) for place in places if hasattr(place, name))

    async def settle(self, seconds: float = 1.0) -> None:
        """Let timers run, as the time passes in small steps."""
        for _ in range(int(seconds * 100)):
            self.around.clock.advance(0.01)


def start(work: Awaitable[Any]) -> Deferred[Any]:
    """Run a coroutine beside the test."""

    async def run() -> Any:
        return await work

    return Deferred.fromCoroutine(run())


KEY = SessionKey("acme", "notes")
