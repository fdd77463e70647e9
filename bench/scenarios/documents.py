"""Whether a large document, or one with a long history, makes what is done to it slower."""

from __future__ import annotations

import gzip
import json
import time
from pathlib import Path

from tests.support.node import Node

from ..load import pause
from ..measuring import Metrics, latencies
from ..person import Person, Room
from ..stand import Stand, processes, put, token
from .crowds import Crowd, arrive, leave, typing

TRACES = Path(__file__).parents[2] / "tests" / "data" / "traces"
TRACE = "automerge-paper"
LARGE = 1_000_000
JOINS = 50
JOIN_PAUSE_S = 0.05
LINE = "The quick brown fox jumps over the lazy dog, again and again.\n"


async def large(stand: Stand) -> dict[str, Metrics]:
    """10 people × 5 edits/s in a document of 1 MB, and in an empty one before."""
    crowd = Crowd(1, 10, 5)
    length = stand.few(LARGE, 100_000)
    text = (LINE * (length // len(LINE) + 1))[:length]
    async with stand.node() as node:
        await put(node, "large-0", text.encode(), "text/plain; charset=utf-8")
        small = await edited(stand, node, "small", crowd)
        figures = await edited(stand, node, "large", crowd)
    return {"large-small": small, "large": compared(figures, small)}


async def history(stand: Stand) -> dict[str, Metrics]:
    """The same in a document with 259,778 edits; and people who join it one after the other."""
    crowd = Crowd(1, 10, 5)
    body = gzip.decompress((TRACES / f"{TRACE}.json.gz").read_bytes())
    if stand.quick:
        body = beginning(body, 5_000)
    async with stand.node(COLLAB_HISTORY_KEPT_EDITS="0") as node:
        begun = time.perf_counter()
        await put(node, "history-0", body, "application/json")
        took_s = time.perf_counter() - begun
        await put(node, "short-0", b"", "text/plain; charset=utf-8")
        small = {**await edited(stand, node, "short", crowd), **await joined(stand, node, "short")}
        figures = await edited(stand, node, "history", crowd)
        figures |= await joined(stand, node, "history")
    imported = len(json.loads(body)["txns"]) / took_s
    return {
        "history-short": small,
        "history": {**compared(figures, small), "import_s": took_s, "imported_per_s": imported},
    }


def beginning(trace: bytes, count: int) -> bytes:
    """The first transactions of a trace of one person."""
    whole = json.loads(trace)
    whole["txns"] = whole["txns"][:count]
    content: list[str] = list(whole["startContent"])
    for transaction in whole["txns"]:
        for at, deleted, inserted in transaction["patches"]:
            content[at : at + deleted] = inserted
    whole["endContent"] = "".join(content)
    return json.dumps(whole).encode()


async def edited(stand: Stand, node: Node, name: str, crowd: Crowd) -> Metrics:
    places = await arrive(stand, name, crowd, [node])
    try:
        return await typing(stand, places, crowd, processes(node))
    finally:
        leave(places)


async def joined(stand: Stand, node: Node, name: str) -> Metrics:
    """How long joins take, one after the other, each of a new connection."""
    room = Room(f"{name}-0")
    seconds = []
    for number in range(stand.few(JOINS, 10)):
        client_id = f"joiner-{number:04}-{stand.chance.randrange(10**8):08}"
        person = Person(room, client_id, stand.chance)
        await person.connect(node.port, token(f"joiner-{number}"))
        begun = time.perf_counter()
        await person.join(topics=())
        seconds.append(time.perf_counter() - begun)
        person.close()
        await pause(JOIN_PAUSE_S)
    return latencies("join", seconds)


def compared(figures: Metrics, small: Metrics) -> Metrics:
    """The figures, and by how much an edit costs more than to a small document."""
    cost = "cpu_per_1k_edits.total"
    return {**figures, "times_a_small_one": figures[cost] / small[cost]}
