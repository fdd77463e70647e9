"""Somebody on a session: joins, edits with one in flight, moves a cursor. Keeps no document."""

from __future__ import annotations

import random
import time
from collections import Counter, deque
from typing import Any

import attrs
from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.python.failure import Failure

from .connection import CALL, ERROR, Connection, Event, Stream, error_of

clock: Any = reactor
RETRY_S = 0.1
# Errors that a client answers by sending the same again.
AGAIN = {"wamp.error.no_such_procedure", "wamp.error.canceled"} | {
    f"collab.error.{code}" for code in ("rate_limited", "store_unavailable", "overloaded")
}
HOST = "127.0.0.1"


@attrs.frozen
class Edits:
    """What an event of the topic `edits` says.

    Attributes:
        after: the revision before the first one.
        keys: (client_id, seq) of each edit, in order.
        latest: client_id → its latest seq among them.
        growth: code points that the document became longer by.
    """

    after: int
    keys: list[tuple[str, int]]
    latest: dict[str, int]
    growth: int


@attrs.frozen
class Cursors:
    """What an event of the topic `presence` says: participant_id → position."""

    positions: dict[str, int]


def describe(message: list[Any]) -> Edits | Cursors | None:
    """What an EVENT is about; None = the roster."""
    kwargs = message[5]
    if "edits" in kwargs:
        rows = kwargs["edits"]
        keys = [(row[0], row[1]) for row in rows]
        return Edits(kwargs["after"], keys, dict(keys), sum(growth(row[2]) for row in rows))
    if "presence" in kwargs:
        rows = kwargs["presence"].items()
        return Cursors({who: row["cursor"] for who, row in rows if row and row["cursor"]})
    return None


def growth(op: list[Any]) -> int:
    """How many code points a document becomes longer by, or shorter (below 0)."""
    inserted = sum(len(part) for part in op if isinstance(part, str))
    deleted = [part["d"] for part in op if isinstance(part, dict)]
    return inserted - sum(len(gone) if isinstance(gone, str) else gone for gone in deleted)


class Room:
    """One session, as the people of the load driver share it.

    Attributes:
        submitted: (client_id, seq) → when it was submitted, `time.perf_counter()`.
        answered: (submitted, seconds until the answer) of each edit.
        clients: participant_id → client_id.
        moved: (participant_id, position) → when the cursor went there.
        errors: errors that edits were answered with → how often.
        lost: why connections were lost.
    """

    def __init__(self, session_id: str) -> None:
        self.session_id = session_id
        self.stream = Stream(describe)
        self.submitted: dict[tuple[str, int], float] = {}
        self.answered: list[tuple[float, float]] = []
        self.clients: dict[str, str] = {}
        self.moved: dict[tuple[str, int], float] = {}
        self.errors: Counter[str] = Counter()
        self.lost: list[str] = []


class Person(Connection):
    """A participant.

    Args:
        counts: whether what they receive is measured; not so of those who come and go.

    Attributes:
        revision, length: of the document as it is known here.
    """

    def __init__(
        self, room: Room, client_id: str, chance: random.Random, counts: bool = True
    ) -> None:
        super().__init__(room.stream, client_id if counts else "")
        self.room = room
        self.client_id = client_id
        self.revision = 0
        self.length = 0
        self.joined: dict[str, Any] = {}
        self._chance = chance
        self._seq = 0
        self._waiting: deque[str] = deque()
        self._flight: dict[str, Any] | None = None
        self._acknowledged = self._back = False
        self._fetching = False
        # The latest revision that was told of while there was a gap.
        self._head = 0

    @property
    def idle(self) -> bool:
        """Whether all edits are acknowledged and have come back."""
        return self._flight is None

    # The way in.

    async def connect(self, port: int, token: str) -> None:
        endpoint = TCP4ClientEndpoint(reactor, HOST, port)
        await connectProtocol(endpoint, self)  # type: ignore[no-untyped-call]
        await self.login(f"{HOST}:{port}", token)

    async def join(self, topics: tuple[str, ...] = ("edits",)) -> None:
        """Join, subscribe to topics, and fetch what came between."""
        self.joined = await self.call(
            "collab.session.join", session_id=self.room.session_id, client_id=self.client_id
        )
        self.room.clients[self.joined["participant_id"]] = self.client_id
        self.revision, self._seq = self.joined["revision"], self.joined["next_seq"] - 1
        self.length = len(self.joined["content"])
        for topic in topics:
            await self.subscribe(self.joined["topics"][topic])
        if topics:
            await self.fetch()

    async def fetch(self) -> None:
        """Take what was committed after the revision that is known here."""
        more = True
        while more or self._head > self.revision:
            asked = self.revision
            answer = await self.call(
                "collab.session.fetch",
                session_id=self.room.session_id,
                epoch=self.joined["epoch"],
                after=asked,
            )
            # Events may have brought some of them meanwhile.
            for client_id, seq, op, *_ in answer["edits"][self.revision - asked :]:
                self.revision += 1
                self.length += growth(op)
                self._came_back({client_id: seq})
            more = answer["more"]

    # Edits.

    def submit(self, text: str) -> None:
        """Insert a text at a random place, as soon as the edits before it are through."""
        key = (self.client_id, self._seq + len(self._waiting) + 1)
        self.room.submitted[key] = time.perf_counter()
        self._waiting.append(text)
        self._send_next()

    def _send_next(self) -> None:
        if self._flight is not None or not self._waiting:
            return
        place = self._chance.randint(0, self.length)
        self._seq += 1
        self._acknowledged = self._back = False
        self._flight = {
            "session_id": self.room.session_id,
            "epoch": self.joined["epoch"],
            "revision": self.revision,
            "client_id": self.client_id,
            "seq": self._seq,
            "op": [place, self._waiting.popleft()] if place else [self._waiting.popleft()],
        }
        self._send_flight()

    def _send_flight(self) -> None:
        if self._flight is not None and not self.closed:
            self.ask(CALL, ["collab.session.edit", [], self._flight], self._take_answer)

    def _take_answer(self, row: list[Any]) -> None:
        if row[0] == ERROR:
            error = error_of(row)
            self.room.errors[error.uri] += 1
            if error.uri in AGAIN:
                wait_s = error.details.get("retry_after_ms", RETRY_S * 1000) / 1000
                clock.callLater(wait_s, self._send_flight)
            return
        sent = self.room.submitted[self.client_id, self._seq]
        self.room.answered.append((sent, time.perf_counter() - sent))
        self._acknowledged = True
        self._land()

    def _came_back(self, latest: dict[str, int]) -> None:
        if self._flight is not None and latest.get(self.client_id) == self._seq:
            self._back = True
            self._land()

    def _land(self) -> None:
        if self._acknowledged and self._back:
            self._flight = None
            self._send_next()

    # What comes.

    def on_event(self, event: Event, now: float) -> None:
        edits = event.note
        if not isinstance(edits, Edits) or not self.joined:
            return
        end = edits.after + len(edits.keys)
        if end <= self.revision:
            return
        if edits.after != self.revision:
            self._head = max(self._head, end)
            self._catch_up()
            return
        self.revision = end
        self.length += edits.growth
        self._came_back(edits.latest)

    def _catch_up(self) -> None:
        if not self._fetching:
            self._fetching = True
            ensureDeferred(self.fetch()).addBoth(self._caught_up)

    def _caught_up(self, result: Any) -> None:
        self._fetching = False
        if isinstance(result, Failure):
            self.room.errors[result.getErrorMessage()] += 1

    def on_lost(self) -> None:
        self.room.lost.append(self.closed)

    # Cursors.

    def move(self, position: int) -> None:
        """Tell where the cursor is."""
        self.room.moved[self.joined["participant_id"], position] = time.perf_counter()
        topic = self.joined["topics"]["cursor"]
        self.publish(topic, revision=self.revision, position=position)
