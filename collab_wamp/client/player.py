"""Plays a recorded trace through a node, with a real client for each person in it.

Each person does what is recorded as soon as they have seen what they had seen then
(`Transaction.seen`). Their client is told of the others' edits when the server has them, which may
be sooner than in the recording; the person looks at them only when the trace says so. A recorded
operation was made in the document that the person saw; so it is transformed over those edits that
the client has and the person has not looked at, and these over it in turn. What then goes over
the wire is transformed by the server and the other clients as always.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import attrs
from twisted.internet.defer import Deferred, FirstError, gatherResults

from ..ot import get_type
from ..ot.outbox import other_side
from ..traces import Trace, TraceError, Transaction
from .change import Change
from .document import Document

TEXT = get_type("text")

# How many steps a person takes at most before others get a turn.
BURST = 10


@attrs.define
class Unseen:
    """Somebody's edit that a person's client has, and the person has not looked at.

    Attributes:
        agent, seq: whose, and its number.
        op: as it comes after those unseen before it.
    """

    agent: int
    seq: int
    op: Any
    client_id: str


class Play:
    """One trace, played in one session.

    Args:
        documents: the session's, opened by a client for each agent of the trace.
        one_by_one: whether each step is sent by itself, and acknowledged before the next;
            otherwise what is done while an edit is in flight is sent as one.
        onlookers: further clients of the session, who do nothing.
        stepped: told of each step that was taken.

    Attributes:
        answer_s: for each edit, from its first sending until it was acknowledged.
        delivery_s: for each edit and each other person, until their client had it.
        rebased: how many edits the server had to transform.
    """

    def __init__(
        self,
        reactor: Any,
        trace: Trace,
        documents: Sequence[Document],
        *,
        one_by_one: bool = False,
        onlookers: Sequence[Document] = (),
        stepped: Callable[[], None] = lambda: None,
    ) -> None:
        self.reactor = reactor
        self.trace = trace
        self.one_by_one = one_by_one
        self.stepped = stepped
        self.agents = {document.client_id: agent for agent, document in enumerate(documents)}
        self.players = [Player(self, agent, document) for agent, document in enumerate(documents)]
        for document in onlookers:
            document.on_change(self.delivered)
        self.answer_s: list[float] = []
        self.delivery_s: list[float] = []
        self.rebased = 0
        self.first_sent: dict[tuple[int, int], float] = {}
        self._waiting: list[tuple[Callable[[], bool], Deferred[None]]] = []

    async def run(self) -> None:
        """Play it to its end, until everything is acknowledged.

        Raises:
            TraceError: it cannot be played.
            ClientError: a session is over before its end.
        """
        playing = [Deferred.fromCoroutine(player.play()) for player in self.players]
        try:
            await gatherResults(playing, consumeErrors=True)
        except FirstError as error:
            for one in playing:
                one.cancel()
            error.subFailure.raiseException()

    def delivered(self, change: Change) -> None:
        """A client has somebody else's edit."""
        agent = self.agents.get(change.client_id)
        if agent is not None:
            sent = self.first_sent[agent, change.seq]
            self.delivery_s.append(self.reactor.seconds() - sent)

    def turn(self) -> Deferred[None]:
        """Let the others have a turn."""
        turn: Deferred[None] = Deferred()
        self.reactor.callLater(0, turn.callback, None)
        return turn

    async def until(self, condition: Callable[[], bool]) -> None:
        """Returns when a condition is true; it is looked at whenever somebody `progressed`."""
        if not condition():
            waiting: Deferred[None] = Deferred()
            self._waiting.append((condition, waiting))
            await waiting

    def progressed(self) -> None:
        still, self._waiting = self._waiting, []
        for condition, waiting in still:
            if waiting.called:
                continue
            if condition():
                waiting.callback(None)
            else:
                self._waiting.append((condition, waiting))


class Player:
    """One person of the trace.

    Attributes:
        edit_of: a step's count → the number of the edit that ends with it; for the steps after
            which somebody else looks.
    """

    def __init__(self, play: Play, agent: int, document: Document) -> None:
        self.edit_of: dict[int, int] = {0: 0}
        self._play = play
        self._agent = agent
        self._document = document
        self._unseen: deque[Unseen] = deque()
        # The number of the last edit of each agent that the client has.
        self._has = [0] * len(play.agents)
        self._sent = 0
        self._base = 0
        self._broken: Exception | None = None
        document.on_change(self._changed)
        document.on_sent(self._edit_sent)
        document.on_acknowledged(self._edit_acknowledged)
        document.on_status(lambda status: play.progressed())

    async def play(self) -> None:
        play, document = self._play, self._document
        watched = play.trace.watched(self._agent)
        for count, transaction in enumerate(play.trace.by_agent[self._agent], 1):
            await play.until(partial(self._may_look, transaction.seen))
            if self._broken is not None:
                raise self._broken
            self._look(transaction.seen)
            self._act(transaction)
            play.stepped()
            if play.one_by_one:
                await document.saved()
            if count in watched:
                # What comes next must not be sent together with what somebody looks at.
                await document.until(lambda: not document.unsent)
                self.edit_of[count] = self._sent
                play.progressed()
            elif count % BURST == 0:
                await play.turn()
        await document.saved()

    def _needed(self, seen: tuple[int, ...]) -> list[int | None]:
        """The number of each agent's last edit that is to be looked at; None = not known yet."""
        return [
            0 if agent == self._agent else player.edit_of.get(seen[agent])
            for agent, player in enumerate(self._play.players)
        ]

    def _may_look(self, seen: tuple[int, ...]) -> bool:
        self._broken = self._broken or self._document.error
        needed = self._needed(seen)
        return self._broken is not None or all(
            last is not None and has >= last for last, has in zip(needed, self._has, strict=True)
        )

    def _look(self, seen: tuple[int, ...]) -> None:
        """Look at the others' edits, as far as is recorded."""
        needed = self._needed(seen)

        def is_needed(unseen: Unseen) -> bool:
            last = needed[unseen.agent]
            return last is not None and unseen.seq <= last

        while self._unseen and is_needed(self._unseen[0]):
            self._unseen.popleft()
        if any(map(is_needed, self._unseen)):
            raise TraceError(
                f"{self._play.trace.name}: agent {self._agent} sees edits of two others in another "
                "order than they were made here"
            )

    def _act(self, transaction: Transaction) -> None:
        """Do what is recorded, in the document as the client has it."""
        op = transaction.op
        for unseen in self._unseen:
            side = TEXT.side(self._document.client_id, unseen.client_id)
            theirs = unseen.op
            unseen.op = TEXT.transform(theirs, op, other_side(side))
            op = TEXT.transform(op, theirs, side)
        self._document.edit(op)

    # --- what the client tells --------------------------------------------------------------

    def _changed(self, change: Change) -> None:
        agent = self._play.agents.get(change.client_id)
        if agent is None:
            message = f"the document was changed from outside the trace ({change.origin})"
            self._broken = TraceError(message)
            self._play.progressed()
            return
        self._unseen.append(Unseen(agent, change.seq, change.op, change.client_id))
        self._has[agent] = change.seq
        self._play.delivered(change)
        self._play.progressed()

    def _edit_sent(self, seq: int) -> None:
        if seq > self._sent:
            self._sent = seq
            self._base = self._document.revision
            self._play.first_sent[self._agent, seq] = self._play.reactor.seconds()

    def _edit_acknowledged(self, seq: int) -> None:
        sent = self._play.first_sent[self._agent, seq]
        self._play.answer_s.append(self._play.reactor.seconds() - sent)
        self._play.rebased += self._document.revision > self._base + 1
