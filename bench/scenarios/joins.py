"""Many who come at once, and what those cost who do nothing."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence

from tests.support.node import Node

from ..connection import CallError
from ..load import for_each, pause
from ..measuring import Metrics, Moment, Window, latencies, rss
from ..person import Person, Room
from ..stand import Stand, processes, token
from .crowds import ARRIVALS_AT_ONCE

ALL = ("edits", "roster", "presence")
PEOPLE = 500
RETRY_S = 0.25
SETTLE_S = 3.0
# Modules are loaded and tables grown when the first ones come.
FIRST = 20


async def join1(stand: Stand) -> dict[str, Metrics]:
    """500 people connect, log in and join one session, all at once."""
    return {"join1": await at_once(stand, stand.few(PEOPLE, 60), 1)}


async def join50(stand: Stand) -> dict[str, Metrics]:
    """500 people connect, log in and join 50 sessions, all at once."""
    return {"join50": await at_once(stand, stand.few(PEOPLE, 60), 50)}


async def at_once(stand: Stand, count: int, sessions: int) -> Metrics:
    async with stand.node() as node:
        await warm(stand, node)
        rooms = await made(stand, node, f"join{sessions}", sessions)
        people = everybody(stand, rooms, count)
        running = processes(node)
        arrivals = Arrivals(stand, node)
        begin = Moment.now(running)
        try:
            await for_each(enumerate(people), arrivals.enter, count)
            window = Window(begin, Moment.now(running))
            return {
                "all_in_s": window.seconds,
                **latencies("join", arrivals.seconds),
                **window.cpu("joins", count),
                "retries": arrivals.retries.total(),
                **{f"retries.{code}": count for code, count in arrivals.retries.items()},
                **rss(running.rss_mib()),
                **window.driver(),
            }
        finally:
            for person in arrivals.there:
                person.close()


class Arrivals:
    """People who come in.

    Attributes:
        there: those who are in.
        seconds: how long it took for each from the first packet on, with all retries.
        retries: why somebody was turned away and came again → how often.
    """

    def __init__(self, stand: Stand, node: Node) -> None:
        self.there: list[Person] = []
        self.seconds: list[float] = []
        self.retries: Counter[str] = Counter()
        self._stand = stand
        self._node = node

    async def enter(self, entry: tuple[int, Person]) -> None:
        """Connect and join, as often as it takes; again on the same connection where that holds."""
        number, person = entry
        begun = time.perf_counter()
        while True:
            try:
                if person.closed:
                    person = Person(person.room, person.client_id, self._stand.chance)
                if person.transport is None:
                    await person.connect(self._node.port, token(f"user-{number}"))
                await person.join(ALL)
            except (CallError, ConnectionError) as error:
                code = error.uri.rpartition(".")[2] if isinstance(error, CallError) else "closed"
                self.retries[code] += 1
                await pause(RETRY_S * (1 + self._stand.chance.random()))
            else:
                break
        self.there.append(person)
        self.seconds.append(time.perf_counter() - begun)


async def made(stand: Stand, node: Node, name: str, count: int) -> list[Room]:
    """So many new sessions."""
    rooms = [Room(f"{name}-{number}") for number in range(count)]
    maker = Person(Room(name), f"maker-{stand.chance.randrange(10**8):08}", stand.chance)
    await maker.connect(node.port, token("maker"))
    for room in rooms:
        await maker.call("collab.session.create", session_id=room.session_id, if_absent=True)
    maker.close()
    return rooms


def everybody(stand: Stand, rooms: Sequence[Room], count: int) -> list[Person]:
    """So many people, spread over the sessions."""
    return [
        Person(
            rooms[number % len(rooms)],
            f"person-{number:04}-{stand.chance.randrange(10**8):08}",
            stand.chance,
        )
        for number in range(count)
    ]


async def warm(stand: Stand, node: Node) -> None:
    """Let a few people in and out again."""
    rooms = await made(stand, node, "warm", 1)
    arrivals = Arrivals(stand, node)
    people = everybody(stand, rooms, FIRST)
    await for_each(enumerate(people), arrivals.enter, ARRIVALS_AT_ONCE)
    for person in arrivals.there:
        person.close()
    await pause(0.5)


async def idle(stand: Stand) -> dict[str, Metrics]:
    """Memory of 500 connections that do nothing: logged in; then joined to 50 sessions."""
    count, sessions = stand.few(PEOPLE, 60), stand.few(50, 6)
    settle_s = stand.few(int(SETTLE_S * 10), 5) / 10
    async with stand.node() as node:
        await warm(stand, node)
        running = processes(node)
        rooms = await made(stand, node, "idle", sessions)
        people = everybody(stand, rooms, count)
        await pause(settle_s)
        empty = running.rss_mib()

        async def log_in(entry: tuple[int, Person]) -> None:
            await entry[1].connect(node.port, token(f"user-{entry[0]}"))

        async def join(person: Person) -> None:
            await person.join(ALL)

        await for_each(enumerate(people), log_in, ARRIVALS_AT_ONCE)
        await pause(settle_s)
        connected = running.rss_mib()
        await for_each(people, join, ARRIVALS_AT_ONCE)
        await pause(settle_s)
        joined = running.rss_mib()
        begin = Moment.now(running)
        await pause(stand.seconds)
        window = Window(begin, Moment.now(running))
        for person in people:
            person.close()
    return {
        "idle": {
            **grown("connection", empty, connected, count),
            **grown("participant", connected, joined, count),
            **grown("session", connected, joined, sessions),
            **grown("joined_connection", empty, joined, count),
            **{f"idle_cpu_share.{part}": share for part, share in window.cpu_share().items()},
            **rss(joined),
        }
    }


def grown(
    of_what: str, before: Mapping[str, float], after: Mapping[str, float], count: int
) -> Metrics:
    """KiB of each of so many things: `kib_per_THING.PART`."""
    kib = {part: (after[part] - before[part]) * 1024 / count for part in after}
    kib["total"] = sum(size for part, size in kib.items() if part != "store")
    return {f"kib_per_{of_what}.{part}": size for part, size in kib.items()}
