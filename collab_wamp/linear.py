"""A recorded editing session as one line of edits, as a server would have committed it.

What people did at one time is transformed, each transaction over what its author had not seen
then. For that, the authors are taken for clients of a server that has everything at once: each has
seen a beginning of the line (`Row.parents`), apart from their own; an order of the line for which
that holds is looked for first. There may be none, with three or more people: then it would depend
on an algorithm that transforms in any order, which none of our types promises (`ot.base`, TP2).
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

from .ot import get_type
from .ot.outbox import other_side
from .traces import Row, TraceError, is_sequential, seen_by

TEXT = get_type("text")

# Parts gone through while transforming: some tens of seconds of work.
WORK = 30_000_000
# Of a trace in which people worked at one time.
MOST_AGENTS = 100


def client_id_of(agent: int) -> str:
    """What the client of a trace's agent is called: they compare as the agents' numbers do."""
    return f"agent-{agent:08}"


def linear(rows: Sequence[Row], *, work: int = WORK) -> Iterator[tuple[int, Any]]:
    """The edits that the transactions of a trace make, one after the other.

    Yields:
        (index of the transaction, operation after all before it).

    Raises:
        TraceError: there is no such line, or it would take too much work.
    """
    if is_sequential(rows):
        yield from ((index, row.op) for index, row in enumerate(rows))
        return
    agents = 1 + max(row.agent for row in rows)
    if agents > MOST_AGENTS:
        raise TraceError(f"{agents} agents at one time; at most {MOST_AGENTS} can be put in line")
    seen = seen_by(rows, agents)
    own: list[list[int]] = [[] for _ in range(agents)]
    for index, row in enumerate(rows):
        own[row.agent].append(index)
    readers = [Reader(agent) for agent in range(agents)]
    for index in _order(rows, seen, own):
        agent = rows[index].agent
        reader = readers[agent]
        reader.look(seen[index], own)
        op, used = reader.act(rows[index].op)
        work -= used + agents
        if work < 0:
            raise TraceError("txns: too much was done at one time to be put in line")
        for other in readers:
            # Who does nothing any more need not be told.
            if other is not reader and own[other.agent][-1] > index:
                other.unseen.append((index, agent, op))
        yield index, op


class Reader:
    """One agent, as a client who has all that is committed and has looked at some of it.

    Attributes:
        unseen: (index, agent, operation) of the others' edits that they have not looked at, each
            as it comes after the document that they see and those before it.
    """

    def __init__(self, agent: int) -> None:
        self.agent = agent
        self.unseen: deque[tuple[int, int, Any]] = deque()

    def look(self, seen: tuple[int, ...], own: list[list[int]]) -> None:
        """Look at so many transactions of each agent; they come first among the unseen."""

        def is_seen(index: int, agent: int) -> bool:
            count = seen[agent]
            return count > 0 and index <= own[agent][count - 1]

        while self.unseen and is_seen(*self.unseen[0][:2]):
            self.unseen.popleft()

    def act(self, op: Any) -> tuple[Any, int]:
        """An operation made in the document that is seen, as it is committed; and the work."""
        client_id, work = client_id_of(self.agent), 0
        moved: deque[tuple[int, int, Any]] = deque()
        for index, agent, theirs in self.unseen:
            side = TEXT.side(client_id, client_id_of(agent))
            work += 2 * (len(op) + len(theirs))
            moved.append((index, agent, TEXT.transform(theirs, op, other_side(side))))
            op = TEXT.transform(op, theirs, side)
        self.unseen = moved
        return op, work


def _order(
    rows: Sequence[Row], seen: Sequence[tuple[int, ...]], own: list[list[int]]
) -> Iterator[int]:
    """The transactions, as near as can be to how they are listed, so that what anybody had seen of
    the others is a beginning of what comes.

    Raises:
        TraceError: there is no such order.
    """
    agents = len(own)
    after: list[list[int]] = [[] for _ in rows]
    missing = [0] * len(rows)

    def put(first: int, second: int) -> None:
        after[first].append(second)
        missing[second] += 1

    last: list[tuple[int, ...] | None] = [None] * agents
    for index, (row, counts) in enumerate(zip(rows, seen, strict=True)):
        others = [agent for agent in range(agents) if agent != row.agent]
        if counts[row.agent]:
            put(own[row.agent][counts[row.agent] - 1], index)
        view = tuple(counts[agent] for agent in others)
        if view == last[row.agent]:
            continue
        last[row.agent] = view
        for one in others:
            if not counts[one]:
                continue
            newest = own[one][counts[one] - 1]
            put(newest, index)
            for other in others:
                # What of another has not been seen yet comes after all that has been.
                if other != one and counts[other] < len(own[other]):
                    put(newest, own[other][counts[other]])
    ready = [index for index, count in enumerate(missing) if not count]
    heapq.heapify(ready)
    done = 0
    while ready:
        index = heapq.heappop(ready)
        done += 1
        yield index
        for later in after[index]:
            missing[later] -= 1
            if not missing[later]:
                heapq.heappush(ready, later)
    if done < len(rows):
        stuck = next(index for index, count in enumerate(missing) if count)
        raise TraceError(
            f"txns[{stuck}]: its author had seen edits of two others in another order than "
            "somebody else, so there is no line of edits that all have followed"
        )
