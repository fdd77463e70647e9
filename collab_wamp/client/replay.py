"""Replays a trace in sessions made for it, and reports how that went."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import attrs
from twisted.internet.defer import Deferred, FirstError, gatherResults

from .. import protocol
from ..traces import Trace
from .client import Client
from .document import Document
from .player import Play


@attrs.frozen
class Report:
    """How a replay went.

    Attributes:
        mode: `composing` or `one-by-one`, see `Play`.
        clients: all of them, those that only looked on included.
        steps, edits: what the people did, and as how many edits it was committed.
        rebased: how many of these the server had to transform.
        answer_ms: p50 and p99 from sending an edit until it was acknowledged.
        delivery_ms: the same, until another client had it; None where there was none.
        store_bytes: what the store uses for an edit in the log; None where it was not asked.
        equal: whether every client and the server ended with the recorded text.
    """

    mode: str
    sessions: int
    clients: int
    steps: int
    edits: int
    seconds: float
    rebased: int
    answer_ms: tuple[float, float]
    delivery_ms: tuple[float, float] | None
    store_bytes: float | None
    equal: bool

    @property
    def steps_per_s(self) -> float:
        return self.steps / self.seconds

    @property
    def edits_per_s(self) -> float:
        return self.edits / self.seconds


@attrs.frozen
class Replay:
    """What to replay, and over what.

    Attributes:
        client: a new connection of the person with this number.
        sessions: how many at once.
        clients: on each session; at least the people of the trace.
        keep: whether the sessions stay.
        bytes_per_edit: of a session's log in the store, by session id; or None.
        stepped: told of each step of anybody.
    """

    reactor: Any
    trace: Trace
    client: Callable[[int], Awaitable[Client]]
    sessions: int = 1
    clients: int = 0
    keep: bool = False
    bytes_per_edit: Callable[[str], Awaitable[float | None]] | None = None
    stepped: Callable[[], None] = lambda: None

    async def run(self, *, one_by_one: bool) -> Report:
        """Play it once.

        Raises:
            ClientError, TraceError
        """
        people = max(self.clients, len(self.trace.by_agent))
        clients = [await self.client(number) for number in range(people)]
        session_ids = [
            f"replay-{self.trace.name[:32]}-{secrets.token_hex(6)}" for _ in range(self.sessions)
        ]
        try:
            documents = [
                [await self._open(client, session_id) for client in clients]
                for session_id in session_ids
            ]
            plays = [self._play(row, one_by_one) for row in documents]
            seconds = await self._time(plays)
            equal = True
            for row in documents:
                equal = await self._is_equal(clients[0], row) and equal
            sizes = [await self._bytes(session_id) for session_id in session_ids]
            known = [size for size in sizes if size is not None]
            return Report(
                mode="one-by-one" if one_by_one else "composing",
                sessions=self.sessions,
                clients=people,
                steps=self.sessions * len(self.trace),
                edits=sum(len(play.answer_s) for play in plays),
                seconds=seconds,
                rebased=sum(play.rebased for play in plays),
                answer_ms=p50_p99([s for play in plays for s in play.answer_s]) or (0.0, 0.0),
                delivery_ms=p50_p99([s for play in plays for s in play.delivery_s]),
                store_bytes=sum(known) / len(known) if known else None,
                equal=equal,
            )
        finally:
            if not self.keep:
                await self._destroy(clients[0], session_ids)
            for client in clients:
                await client.close()

    async def _open(self, client: Client, session_id: str) -> Document:
        return await client.open(session_id, create=True, content=self.trace.start, undo=False)

    def _play(self, documents: Sequence[Document], one_by_one: bool) -> Play:
        people = len(self.trace.by_agent)
        return Play(
            self.reactor,
            self.trace,
            documents[:people],
            one_by_one=one_by_one,
            onlookers=documents[people:],
            stepped=self.stepped,
        )

    async def _time(self, plays: Sequence[Play]) -> float:
        began: float = self.reactor.seconds()
        try:
            running = [Deferred.fromCoroutine(play.run()) for play in plays]
            await gatherResults(running, consumeErrors=True)
        except FirstError as error:
            error.subFailure.raiseException()
        return float(self.reactor.seconds()) - began

    async def _is_equal(self, client: Client, documents: Sequence[Document]) -> bool:
        """Whether all have the recorded text, once they have heard of everything."""
        session_id = documents[0].session_id
        found = await client.call(protocol.SNAPSHOT, session_id=session_id)
        for document in documents:
            await document.until(
                lambda document=document: document.revision >= found["revision"]  # type: ignore[misc]
            )
        end = self.trace.end
        return found["content"] == end and all(document.content == end for document in documents)

    async def _bytes(self, session_id: str) -> float | None:
        return None if self.bytes_per_edit is None else await self.bytes_per_edit(session_id)

    async def _destroy(self, client: Client, session_ids: Sequence[str]) -> None:
        if client.state == "connected":
            for session_id in session_ids:
                await client.call(protocol.DESTROY, session_id=session_id)


def p50_p99(seconds: Sequence[float]) -> tuple[float, float] | None:
    """The median and the 99th percentile, milliseconds; None where there is nothing."""
    if not seconds:
        return None
    ordered = sorted(seconds)

    def at(share: float) -> float:
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    return at(0.5), at(0.99)
