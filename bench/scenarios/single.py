"""One person alone; and recorded editing sessions, played as fast as they go."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from twisted.internet.threads import deferToThread

from ..load import until
from ..measuring import Metrics, Moment, Window, latencies
from ..stand import Stand, processes
from .crowds import Crowd, arrive, leave

TRACES = ("clownschool", "sveltecomponent", "automerge-paper")
TIMEOUT_S = 120.0


async def alone(stand: Stand) -> dict[str, Metrics]:
    """One person, each edit when the one before is through."""
    count = stand.few(3000, 200)
    async with stand.node() as node:
        places = await arrive(stand, "alone", Crowd(1, 1, 0), [node])
        [[person]] = [place.people for place in places]
        running = processes(node)
        begin = Moment.now(running)
        for _ in range(count):
            person.submit("x")
        await until(lambda: person.idle, TIMEOUT_S, "all edits are acknowledged")
        window = Window(begin, Moment.now(running))
        leave(places)
    room = person.room
    order = sorted(sent + delay for sent, delay in room.answered)
    steps = [b - a for a, b in zip([begin.at, *order], order, strict=False)]
    return {
        "alone": {
            **latencies("ack", steps),
            "edits_per_s": count / window.seconds,
            **window.cpu("edits", count),
            **window.driver(),
        }
    }


async def replay(stand: Stand) -> dict[str, Metrics]:
    """Recorded sessions with real clients; what is typed while an edit is under way goes as one."""
    rows = {}
    for trace in ("sveltecomponent",) if stand.quick else TRACES:
        rows[f"replay-{trace}"] = await replayed(stand, trace)
    return rows


async def replayed(stand: Stand, trace: str) -> Metrics:
    async with stand.node() as node:
        running = processes(node)
        begin = Moment.now(running)
        done: Any = await deferToThread(
            subprocess.run,
            [sys.executable, "-m", "collab_wamp.cli", "replay", trace, "--json"],
            env=node.environment,
            stdout=subprocess.PIPE,
            check=True,
        )
        window = Window(begin, Moment.now(running))
    [report] = json.loads(done.stdout)
    return {
        "steps_per_s": report["steps_per_s"],
        "edits_per_s": report["edits_per_s"],
        **_p50_p99("ack", report["answer_ms"]),
        **_p50_p99("delivery", report["delivery_ms"]),
        **({"log_bytes_per_edit": report["store_bytes"]} if report["store_bytes"] else {}),
        **window.cpu("edits", report["edits"]),
        **window.cpu("steps", report["steps"]),
    }


def _p50_p99(name: str, values: list[float] | None) -> Metrics:
    return {} if values is None else {f"{name}_p50_ms": values[0], f"{name}_p99_ms": values[1]}
