"""Cursors; and everything at the same time."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from twisted.internet.defer import Deferred, ensureDeferred, gatherResults

from tests.support.node import Node

from ..load import OpenLoop, pause
from ..measuring import Metrics, cursors, edits, rss
from ..person import Person, Room
from ..stand import Stand, processes, put, token
from .crowds import Crowd, Place, arrive, driver, leave, through, troubles, watched

ALL = ("edits", "roster", "presence")
# Each move of somebody is to a place of its own, so that it is known which one is told.
PLACES = 100_000
PASTE = "x" * 5_000
PASTES_PER_S = 0.5
VISITS_PER_S = 2.0
VISIT_S = 2.0


async def cursor(stand: Stand) -> dict[str, Metrics]:
    """50 people on one session, whose cursors move 20 times a second each."""
    crowd = Crowd(1, stand.few(50, 20), 20, ALL)
    async with stand.node() as node:
        await put(node, "cursor-0", b"x" * PLACES, "text/plain; charset=utf-8")
        places = await arrive(stand, "cursor", crowd, [node])
        running = processes(node)
        loop = OpenLoop([mover(person) for person in places[0].people], crowd.per_s, stand.chance)
        window = await watched(stand, running)
        memory = rss(running.rss_mib())
        loop.stop()
        # What the server tells a moment later is part of it.
        await pause(1.0)
        figures = {
            **cursors([place.room for place in places], window, crowd.people),
            **memory,
            **driver(window, loop),
            **await troubles(places),
        }
        leave(places)
    return {"cursor": figures}


def mover(person: Person) -> Callable[[], None]:
    """Moves somebody's cursor one further, each time it is called."""
    at = 0

    def move() -> None:
        nonlocal at
        at = (at + 1) % PLACES
        person.move(at)

    return move


async def mixed(stand: Stand) -> dict[str, Metrics]:
    """hot2, with pastes of 5 kB, people who come and go, and a cursor that follows each edit."""
    crowd = Crowd(1, stand.few(50, 20), 5, ALL)
    async with stand.node() as node:
        places = await arrive(stand, "mixed", crowd, [node])
        [place] = places
        running = processes(node)
        visits = Visits(stand, place.room, node)
        loops = [
            OpenLoop([partial(type_and_move, p) for p in place.people], crowd.per_s, stand.chance),
            OpenLoop([partial(paste, stand, place)], PASTES_PER_S, stand.chance),
            OpenLoop([visits.start], VISITS_PER_S, stand.chance),
        ]
        window = await watched(stand, running)
        memory = rss(running.rss_mib())
        for loop in loops:
            loop.stop()
        await through(places)
        await visits.over()
        figures = {
            **edits([place.room], window, crowd.people),
            "visits": visits.count,
            **memory,
            **driver(window, loops[0]),
            **await troubles(places),
        }
        leave(places)
    return {"mixed": figures}


def type_and_move(person: Person) -> None:
    person.submit("x")
    person.move(person.length)


def paste(stand: Stand, place: Place) -> None:
    stand.chance.choice(place.people).submit(PASTE)


class Visits:
    """People who join, look on for a while, and go.

    Attributes:
        count: how many have come and gone.
    """

    def __init__(self, stand: Stand, room: Room, node: Node) -> None:
        self.count = 0
        self._begun = 0
        self._stand = stand
        self._room = room
        self._node = node
        self._under_way: list[Deferred[None]] = []

    def start(self) -> None:
        self._begun += 1
        self._under_way.append(ensureDeferred(self._visit(self._begun)))

    async def _visit(self, number: int) -> None:
        client_id = f"visitor-{number:04}-{self._stand.chance.randrange(10**8):08}"
        visitor = Person(self._room, client_id, self._stand.chance, counts=False)
        await visitor.connect(self._node.port, token(f"visitor-{number}"))
        await visitor.join(ALL)
        await pause(VISIT_S)
        visitor.close()
        self.count += 1

    async def over(self) -> None:
        """Wait for all; raises what went wrong with one."""
        await gatherResults(self._under_way, consumeErrors=True)
