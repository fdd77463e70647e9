"""People who type, each on their own clock: hot sessions, many sessions, a quiet one."""

from __future__ import annotations

import gc
import itertools
import socket
from collections.abc import Sequence

import attrs

from collab_wamp import embedded
from tests.support.node import Node

from ..load import NotInTime, OpenLoop, for_each, pause, until
from ..measuring import Metrics, Moment, Window, edits, latencies, rss
from ..person import Person, Room
from ..processes import Processes
from ..stand import TENANT, Stand, processes, token

ARRIVALS_AT_ONCE = 20
DRAIN_S = 15.0


@attrs.frozen
class Crowd:
    """So many sessions with so many people, each of whom does something so often a second.

    Attributes:
        longer: how many times as long as others they are measured.
    """

    sessions: int
    people: int
    per_s: float
    topics: tuple[str, ...] = ("edits",)
    longer: int = 1


@attrs.frozen
class Place:
    """A session, and who is on it."""

    room: Room
    people: list[Person]


async def arrive(stand: Stand, name: str, crowd: Crowd, nodes: Sequence[Node]) -> tuple[Place, ...]:
    """Everybody logs in, by turns on the nodes, and joins; sessions that are not there are made."""
    rooms = [Room(f"{name}-{number}") for number in range(crowd.sessions)]
    places = tuple(
        Place(room, [_person(stand, room, number) for number in range(crowd.people)])
        for room in rooms
    )
    turns = itertools.cycle(nodes)
    entries = [(place, person, next(turns)) for place in places for person in place.people]
    users = {entry[1]: f"user-{number}" for number, entry in enumerate(entries)}

    async def enter(entry: tuple[Place, Person, Node]) -> None:
        _, person, node = entry
        await person.connect(node.port, token(users[person]))
        await person.call(
            "collab.session.create", session_id=person.room.session_id, if_absent=True
        )
        await person.join(crowd.topics)

    await for_each(entries, enter, ARRIVALS_AT_ONCE)
    return places


def _person(stand: Stand, room: Room, number: int) -> Person:
    return Person(room, f"person-{number:04}-{stand.chance.randrange(10**8):08}", stand.chance)


def leave(places: Sequence[Place]) -> None:
    for place in places:
        for person in place.people:
            person.close()


async def watched(stand: Stand, processes: Processes, longer: int = 1) -> Window:
    """Warm up, then look on for as long as is measured."""
    # The collector would stop the driver for longer than what it measures takes.
    gc.collect()
    gc.disable()
    try:
        await pause(stand.warm_up_s)
        start = Moment.now(processes)
        await pause(stand.seconds * longer)
        return Window(start, Moment.now(processes))
    finally:
        gc.enable()


async def through(places: Sequence[Place]) -> None:
    """Wait until everybody has everything; those who wait in vain are seen in the figures."""
    everybody = [person for place in places for person in place.people]

    def done() -> bool:
        return all(person.idle for person in everybody) and all(
            len({person.revision for person in place.people}) == 1 for place in places
        )

    try:
        await until(done, DRAIN_S, "all edits are delivered")
    except NotInTime:
        return


async def troubles(places: Sequence[Place]) -> Metrics:
    """What must be 0. `unsaved` are edits that the server does not count among the session's."""
    unsaved = 0

    async def ask(place: Place) -> None:
        nonlocal unsaved
        who = next(person for person in place.people if not person.closed)
        found = await who.call("collab.session.info", session_id=place.room.session_id)
        before = min(person.joined["revision"] for person in place.people)
        unsaved += len(place.room.submitted) - (found["revision"] - before)

    await for_each(places, ask, ARRIVALS_AT_ONCE)
    return {
        "unsaved": unsaved,
        "errors": sum(place.room.errors.total() for place in places),
        "lost_connections": sum(len(place.room.lost) for place in places),
    }


def driver(window: Window, loop: OpenLoop) -> Metrics:
    """How busy the load driver was, and how late it was."""
    late = (seconds for due, seconds in loop.late if due in window)
    return {**window.driver(), **latencies("driver_late", late)}


async def typing(
    stand: Stand, places: Sequence[Place], crowd: Crowd, running: Processes, typists: int = 0
) -> Metrics:
    """All who have arrived type, or so many of each session; what became of it."""
    authors = [person for place in places for person in place.people[: typists or crowd.people]]
    actions = [lambda person=person: person.submit("x") for person in authors]
    loop = OpenLoop(actions, crowd.per_s, stand.chance)
    window = await watched(stand, running, crowd.longer)
    memory = rss(running.rss_mib())
    loop.stop()
    await through(places)
    return {
        **edits([place.room for place in places], window, crowd.people),
        **memory,
        **driver(window, loop),
        **await troubles(places),
    }


async def crowded(stand: Stand, name: str, crowd: Crowd, typists: int = 0) -> dict[str, Metrics]:
    async with stand.node() as node:
        places = await arrive(stand, name, crowd, [node])
        try:
            return {name: await typing(stand, places, crowd, processes(node), typists)}
        finally:
            leave(places)


async def quiet(stand: Stand) -> dict[str, Metrics]:
    """Two people, of whom one does one edit per second."""
    return await crowded(
        stand, "quiet", Crowd(1, 2, stand.few(1, 4), longer=stand.few(3, 1)), typists=1
    )


async def hot1(stand: Stand) -> dict[str, Metrics]:
    """10 people on one session, 5 edits/s each."""
    crowd = Crowd(1, 10, 5)
    async with stand.node() as node:
        places = await arrive(stand, "hot1", crowd, [node])
        figures = await typing(stand, places, crowd, processes(node))
        leave(places)
        return {"hot1": {**figures, **log_size(node, places[0].room)}}


def log_size(node: Node, room: Room) -> Metrics:
    """Memory of a session's log in the node's store, for each edit; nothing where it has none."""
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(str(embedded.socket_path(node.data_dir)))
        key = f"{{{TENANT}:{room.session_id}}}:log"
        link.sendall(f"MEMORY USAGE {key} SAMPLES 0\r\n".encode())
        with link.makefile("rb") as answer:
            said = answer.readline()
    if not said.startswith(b":"):
        return {}
    return {"log_bytes_per_edit": int(said[1:]) / len(room.submitted)}


async def hot2(stand: Stand) -> dict[str, Metrics]:
    """50 people on one session, 5 edits/s each."""
    return await crowded(stand, "hot2", Crowd(1, stand.few(50, 20), 5))


async def hot3(stand: Stand) -> dict[str, Metrics]:
    """100 people on one session, 5 edits/s each."""
    return await crowded(stand, "hot3", Crowd(1, stand.few(100, 30), 5))


async def many1(stand: Stand) -> dict[str, Metrics]:
    """100 sessions with 3 people each, 2 edits/s each."""
    return await crowded(stand, "many1", Crowd(stand.few(100, 10), 3, 2))


async def many2(stand: Stand) -> dict[str, Metrics]:
    """300 sessions with 3 people each, 2 edits/s each."""
    return await crowded(stand, "many2", Crowd(stand.few(300, 20), 3, 2))
