"""From what was seen in a time to the figures of a row."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence

import attrs

from .connection import Event
from .person import Cursors, Edits, Room
from .processes import STORE, Processes, machine_cpu_s, used_between

Metrics = dict[str, float]
# What was never delivered counts as so late.
NEVER_S = 60.0
QUANTILES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}


def quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that so large a share of the values does not exceed (nearest rank)."""
    rank = -(-len(ordered) * share // 1)
    return ordered[max(0, int(rank) - 1)]


def latencies(name: str, seconds: Iterable[float]) -> Metrics:
    """`NAME_p50_ms` and so on; nothing where there were none."""
    ordered = sorted(seconds)
    if not ordered:
        return {}
    return {
        f"{name}_{label}_ms": quantile(ordered, share) * 1000 for label, share in QUANTILES.items()
    }


@attrs.frozen
class Moment:
    """When it is, and what was used until then.

    Attributes:
        machine_cpu_s: of everything that runs, and what the host took for others.
    """

    at: float
    cpu_s: dict[str, float]
    driver_cpu_s: float
    machine_cpu_s: tuple[float, float] = (0.0, 0.0)

    @classmethod
    def now(cls, processes: Processes) -> Moment:
        return cls(time.perf_counter(), processes.cpu_s(), time.process_time(), machine_cpu_s())


@attrs.frozen
class Window:
    """A time in which things are counted."""

    start: Moment
    end: Moment

    def __contains__(self, at: float) -> bool:
        return self.start.at <= at < self.end.at

    @property
    def seconds(self) -> float:
        return self.end.at - self.start.at

    def cpu(self, per: str, count: float) -> Metrics:
        """CPU seconds of each part for a thousand of something: `cpu_per_1k_PER.PART`."""
        used = used_between(self.start.cpu_s, self.end.cpu_s)
        if not count:
            return {}
        return {f"cpu_per_1k_{per}.{part}": used[part] / count * 1000 for part in used}

    def cpu_share(self) -> Metrics:
        """CPU seconds of each part for each second."""
        used = used_between(self.start.cpu_s, self.end.cpu_s)
        return {part: seconds / self.seconds for part, seconds in used.items()}

    def driver(self) -> Metrics:
        """How busy the driver was, and what else the cores did meanwhile."""
        used = self.end.driver_cpu_s - self.start.driver_cpu_s
        parts = used_between(self.start.cpu_s, self.end.cpu_s)
        ours = used + parts["total"] + parts.get(STORE, 0.0)
        busy, stolen = (
            after - before
            for before, after in zip(self.start.machine_cpu_s, self.end.machine_cpu_s, strict=True)
        )
        return {
            "driver_cpu_share": used / self.seconds,
            # Ticks are counted a little differently in the two places.
            "others_cpu_share": max(0.0, busy - ours) / self.seconds,
            "stolen_cpu_share": stolen / self.seconds,
        }


def rss(used: Mapping[str, float]) -> Metrics:
    """`rss_mib.PART`, with `total` of all but the store."""
    total = sum(size for part, size in used.items() if part != "store")
    return {f"rss_mib.{part}": size for part, size in {**used, "total": total}.items()}


def edits(rooms: Sequence[Room], window: Window, people: int) -> Metrics:
    """What became of the edits that were submitted in a window.

    Args:
        people: how many of each room are measured, the authors among them.
    """
    delays: list[float] = []
    expected = committed = deliveries = 0
    for room in rooms:
        expected += sum(at in window for at in room.submitted.values()) * (people - 1)
        first: dict[tuple[str, int], float] = {}
        for event in _received(room, Edits):
            for key in event.note.keys:
                # Each node has its own events.
                first[key] = min(event.times[0], first.get(key, event.times[0]))
                author = key[0]
                times = _at_the_others(event, author)
                deliveries += sum(at in window for at in times)
                sent = room.submitted.get(key, 0.0)
                if sent in window:
                    delays += [at - sent for at in times]
        committed += sum(at in window for at in first.values())
    answers = [delay for room in rooms for sent, delay in room.answered if sent in window]
    undelivered = expected - len(delays)
    delays += [NEVER_S] * undelivered
    return {
        **latencies("delivery", delays),
        **latencies("ack", answers),
        "edits": committed,
        "undelivered": undelivered,
        "edits_per_s": committed / window.seconds,
        "deliveries_per_s": deliveries / window.seconds,
        **window.cpu("edits", committed),
        **window.cpu("deliveries", deliveries),
        **events(rooms, window),
    }


def cursors(rooms: Sequence[Room], window: Window, people: int) -> Metrics:
    """What became of the cursors that were moved in a window.

    A server may leave out moves that are followed by others: latencies are those of the moves
    that it passed on, `passed_on` is the share of these.
    """
    delays: list[float] = []
    moves = deliveries = 0
    for room in rooms:
        moves += sum(at in window for at in room.moved.values())
        for event in _received(room, Cursors):
            for who, position in event.note.positions.items():
                times = _at_the_others(event, room.clients.get(who, ""))
                deliveries += sum(at in window for at in times)
                sent = room.moved.get((who, position), 0.0)
                if sent in window:
                    delays += [at - sent for at in times]
    return {
        **latencies("delivery", delays),
        "moves_per_s": moves / window.seconds,
        "deliveries_per_s": deliveries / window.seconds,
        "passed_on": len(delays) / max(1, moves * (people - 1)),
        **window.cpu("moves", moves),
        **window.cpu("deliveries", deliveries),
        **events(rooms, window),
    }


def events(rooms: Sequence[Room], window: Window) -> Metrics:
    """EVENT frames that all measured clients received, of all topics."""
    count = size = 0
    for room in rooms:
        for event in room.stream.all():
            received = sum(at in window for at in event.times)
            count += received
            size += received * len(event.raw)
    return {
        "events_per_s": count / window.seconds,
        "event_bytes_per_s": size / window.seconds,
    }


def _received(room: Room, about: type) -> list[Event]:
    """The events about something that at least one measured client received."""
    return [event for event in room.stream.all() if isinstance(event.note, about) and event.times]


def _at_the_others(event: Event, author: str) -> list[float]:
    """When an event came to each client but its author's."""
    return [at for at, who in zip(event.times, event.receivers, strict=True) if who != author]
