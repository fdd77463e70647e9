"""A node of a simulated world: a router, a worker for sessions and a relay that both may die."""

from __future__ import annotations

import random
from collections.abc import Collection
from typing import Any

import orjson

from collab_wamp.caller import Caller
from collab_wamp.errors import CollabError
from collab_wamp.joining import SessionLimits
from collab_wamp.protocol import Arguments
from collab_wamp.retention import Retention
from collab_wamp.store.memory import MemoryStore
from collab_wamp.store.values import SessionKey

from .parties import Party, claims
from .sim_store import StoreLink
from .sim_weather import Pipe, Time, Weather
from .surroundings import ClockSurroundings

CANCELED = "wamp.error.canceled"


class Refused(Exception):
    """A call's answer is an error, or never came (`timeout`).

    Attributes:
        code: without the prefix of our URIs.
        details: the error's other keyword arguments.
    """

    def __init__(self, code: str, retryable: bool, **details: Any) -> None:
        super().__init__(code)
        self.code = code
        self.retryable = retryable
        self.details = details


class WorkerSurroundings(ClockSurroundings):
    """A worker's process; once its link is dead nothing comes of it any more."""

    def __init__(self, node: SimNode, link: StoreLink) -> None:
        super().__init__()
        self.clock = node.time.clock
        self._node = node
        self._link = link

    def publish(self, topic: str, event: dict[str, Any], receivers: Collection[int]) -> None:
        assert receivers, "an empty list of receivers means everybody to the router"
        if not self._link.alive:
            return
        late = self._link.gone.keys() & set(receivers)
        assert not late, f"{late} were sent {topic} {event} after the relay heard that they left"
        if topic.endswith(".edits"):
            self._verify_order(event, receivers)
        left = self._link.people.get(event.get("left", {}).get("participant_id"))
        if left is not None:
            self._link.told.pop(left.wamp_session_id, None)
        self._node.published(topic, event, receivers)

    def _verify_order(self, event: dict[str, Any], receivers: Collection[int]) -> None:
        """A relay leaves nothing out and says nothing twice; where it can't, it says so."""
        after, edits = event["after"], event["edits"]
        for receiver in receivers:
            told = self._link.told.get(receiver, after)
            assert after == told or not edits, f"{receiver} was told {told}, then {event}"
            self._link.told[receiver] = after + len(edits)


class SimNode:
    """One node.

    Args:
        kept: how many edits are kept behind the head; 0 = all.

    Attributes:
        lines: the connections that its router has, by WAMP session id.
    """

    def __init__(
        self,
        name: str,
        store: MemoryStore,
        time: Time,
        weather: Weather,
        limits: SessionLimits,
        kept: int,
    ) -> None:
        self.name = name
        self.time = time
        self.weather = weather
        self.lines: dict[int, Any] = {}
        self._store = store
        self._limits = limits
        self._kept = kept
        self._calls: dict[int, Any] = {}
        self._numbers = iter(range(1, 1 << 30))
        self._publications = Pipe(time)
        self._surroundings: list[WorkerSurroundings] = []
        self.sessions_link: StoreLink | None = None
        self.relay_link: StoreLink | None = None
        self.relay_ready = False
        self.start_sessions()
        self.start_relay()

    def _party(self, worker: str) -> tuple[StoreLink, Party]:
        link = StoreLink(f"{self.name} {worker}", self._store, self.time, self.weather)
        around = WorkerSurroundings(self, link)
        self._surroundings.append(around)
        # Names that are random elsewhere are different at each worker.
        names = random.Random(f"{self.name} {len(self._surroundings)}").randbytes
        more = {"retention": Retention(self._kept), "random_bytes": names}
        return link, Party(link, around, self.name, self._limits, **more)  # type: ignore[arg-type]

    def failures(self) -> list[Any]:
        """What background work raised, but for what the weather did."""
        raised = [failure for around in self._surroundings for failure in around.failures]
        return [
            failure
            for failure in raised
            if not (failure.check(CollabError) and failure.value.code == "store_unavailable")
        ]

    # --- workers ----------------------------------------------------------------------------

    def start_sessions(self) -> None:
        """Start the worker for sessions, or end it with `kill -9` and start another."""
        if self.sessions_link is not None:
            self.time.tell(self.name, "sessions worker restarts")
            self.time.start(self.sessions_link.die())
            calls, self._calls = self._calls, {}
            for line, request in calls.values():
                line.refuse(request, Refused(CANCELED, True))
        self.sessions_link, party = self._party("sessions")
        party.sessions._watch = self._watch
        self.sessions = party.sessions

    def start_relay(self) -> None:
        """Start the relay, or end it with `kill -9` and start another."""
        if self.relay_link is not None:
            self.time.tell(self.name, "relay restarts")
            self.time.start(self.relay_link.die())
        self.relay_ready = False
        self.relay_link, party = self._party("relay")
        self.relay = party.relay
        # As where both live in one process; what is announced may be late, lost or repeated.
        self.relay._heard = lambda key, announced: self.sessions.documents.heard(key, announced)
        self.time.start(self._reconcile(self.relay_link))

    async def _reconcile(self, link: StoreLink) -> None:
        relay = self.relay
        while True:
            try:
                await relay.reconcile(self._live)
                break
            except CollabError:
                await self.time.wait(0.5)
        if self.relay_link is link:
            self.relay_ready = True

    async def _watch(self, key: SessionKey, wamp_session_id: int) -> str:
        if not self.relay_ready:
            raise CollabError("store_unavailable", "The relay is not there.")
        return await self.relay.watch(key, wamp_session_id)

    async def _live(self) -> set[int]:
        """The router's answer, as of some moment on the way."""
        await self.time.wait(self.time.lag(self.weather.router))
        live = set(self.lines)
        await self.time.wait(self.time.lag(self.weather.router))
        return live

    async def tidy(self) -> None:
        try:
            await self.relay.tidy(self._live)
            await self.sessions.documents.tidy()
        except CollabError as error:
            self.time.tell(self.name, "tidying failed", error)

    # --- the router -------------------------------------------------------------------------

    def published(self, topic: str, event: dict[str, Any], receivers: Collection[int]) -> None:
        copy = orjson.dumps(event)
        self._publications.send(self.weather.router, self._publish, topic, copy, set(receivers))

    def _publish(self, topic: str, event: bytes, receivers: set[int]) -> None:
        for wamp_session_id in sorted(receivers & self.lines.keys()):
            self.lines[wamp_session_id].hear(topic, event)

    def call(self, line: Any, request: int, name: str, kwargs: bytes) -> None:
        """Take a call from a connection; `line` gets the answer, if there is one."""
        number = next(self._numbers)
        self._calls[number] = line, request
        caller = Caller(claims(line.user_id), line.wamp_session_id)

        async def work() -> None:
            link = self.sessions_link
            try:
                method = getattr(self.sessions, name)
                result = await method(caller, Arguments((), orjson.loads(kwargs)))
            except CollabError as error:
                answer: Any = Refused(error.code, error.entry.retryable, **error.details)
            else:
                answer = orjson.dumps(result)
            if link is None or not link.alive:
                return
            del self._calls[number]
            self.time.later(self.time.lag(self.weather.router), self._answer, line, request, answer)

        self.time.start(work())

    def _answer(self, line: Any, request: int, answer: Any) -> None:
        chance = self.time.chance.random()
        if chance < self.weather.lost_answers / 2:
            self.time.tell(self.name, "answer lost", request)
        elif chance < self.weather.lost_answers:
            line.refuse(request, Refused(CANCELED, True))
        elif isinstance(answer, Refused):
            line.refuse(request, answer)
        else:
            line.answer(request, answer)

    def closed(self, wamp_session_id: int) -> None:
        """A connection's end reaches the router, and the relay a moment later."""
        self.lines.pop(wamp_session_id, None)
        relay = self.relay
        self.time.later(self.time.lag(self.weather.router), relay.connection_lost, wamp_session_id)
