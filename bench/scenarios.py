"""What is measured. Each scenario returns rows of (what, value, unit)."""

from __future__ import annotations

import gzip
import json
import random
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import LoopingCall
from twisted.internet.threads import deferToThread

from collab_wamp.ot.buffer import TextBuffer
from tests.support.node import Node

from .client import LightClient
from .cpu import CpuClock

Row = tuple[str, float, str]
TRACE_NAMES = ("clownschool", "sveltecomponent", "automerge-paper")
TRACES = Path(__file__).parents[1] / "tests" / "data" / "traces"
clock: Any = reactor


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


async def people(node: Node, session_id: str, count: int, content: str = "") -> list[LightClient]:
    """So many clients, joined to a session that is made with the content."""
    clients = []
    for number in range(count):
        client = LightClient(node.port, f"bench-client-{number:04}")
        await client.connect(node.token(f"user{number}"))
        if not number:
            body = {"session_id": session_id, "content": content, "if_absent": True}
            await client.call("collab.session.create", body)
        await client.join(session_id)
        clients.append(client)
    return clients


async def alone(node: Node, quick: bool) -> list[Row]:
    """One person, each edit after the answer to the one before."""
    (client,) = await people(node, "alone", 1)
    count = 300 if quick else 3000
    times: list[float] = []
    cpu = CpuClock(node)
    started = time.perf_counter()
    for number in range(count):
        sent = time.perf_counter()
        await client.edit("alone", number, ([number] if number else []) + ["x"])
        times.append((time.perf_counter() - sent) * 1000)
    took = time.perf_counter() - started
    client.close()
    return [
        ("one person alone: edits", count / took, "edits/s"),
        ("one person alone: answer p50", quantile(times, 0.5), "ms"),
        ("one person alone: answer p99", quantile(times, 0.99), "ms"),
        *cpu.rows("one person alone", count),
    ]


async def together(
    node: Node, quick: bool, count: int = 10, rate: float = 5.0, name: str = "10 people × 5/s"
) -> list[Row]:
    """Several people in one session, each editing on their own clock whatever the server does."""
    session_id = f"together{count}"
    clients = await people(node, session_id, count)
    seconds = 4.0 if quick else 20.0
    sent_at: dict[tuple[str, int], float] = {}
    answers: list[float] = []
    deliveries: list[float] = []
    edits = 0

    def follow(client: LightClient) -> None:
        def event(kwargs: dict[str, Any]) -> None:
            now = time.perf_counter()
            client.revision = kwargs["after"] + len(kwargs["edits"])
            for row in kwargs["edits"]:
                if row[0] != client.client_id and (row[0], row[1]) in sent_at:
                    deliveries.append((now - sent_at[row[0], row[1]]) * 1000)

        client.on_event = event

    def submit(client: LightClient) -> None:
        nonlocal edits
        edits += 1
        sent = time.perf_counter()
        place = random.randint(0, client.revision)
        answer = client.edit(session_id, client.revision, ([place] if place else []) + ["x"])
        sent_at[client.client_id, client.seq] = sent
        answer.addCallback(lambda _: answers.append((time.perf_counter() - sent) * 1000))

    loops = []
    cpu = CpuClock(node)
    for client in clients:
        follow(client)
        loop = LoopingCall(submit, client)
        clock.callLater(random.random() / rate, loop.start, 1 / rate)
        loops.append(loop)
    await pause(seconds)
    for loop in loops:
        loop.stop()
    await until(lambda: len(answers) == edits)
    await until(lambda: len(deliveries) == edits * (count - 1))
    rows = cpu.rows(name, edits)
    for client in clients:
        client.close()
    return [
        (f"{name}: edits", edits / seconds, "edits/s"),
        (f"{name}: to others' screens p50", quantile(deliveries, 0.5), "ms"),
        (f"{name}: to others' screens p99", quantile(deliveries, 0.99), "ms"),
        (f"{name}: answer p50", quantile(answers, 0.5), "ms"),
        *rows,
    ]


async def large(node: Node, quick: bool) -> list[Row]:
    """The 259,778 keystrokes of automerge-paper, one edit each, then people join."""
    path = TRACES / "automerge-paper.json.gz"
    trace = json.loads(gzip.decompress(path.read_bytes()))
    patches = [patch for txn in trace["txns"] for patch in txn["patches"]]
    patches = patches[: 5_000 if quick else len(patches)]
    (client,) = await people(node, "large", 1)
    expected = TextBuffer("")
    started = time.perf_counter()
    waiting: list[Deferred[Any]] = []
    for number, (position, removed, inserted) in enumerate(patches):
        op: list[Any] = [position] if position else []
        op += [inserted] if inserted else []
        op += [{"d": removed}] if removed else []
        expected.apply(op)
        waiting.append(client.edit("large", number, op))
        if len(waiting) >= 64:
            await waiting.pop(0)
    await gatherResults(waiting)
    took = time.perf_counter() - started
    found = await client.call("collab.session.snapshot", {"session_id": "large"})
    assert found["content"] == expected.content(), "the texts differ"
    client.close()
    joins: list[float] = []
    for number in range(10 if quick else 50):
        other = await LightClient(node.port, f"bench-joiner-{number:04}").connect(node.token())
        sent = time.perf_counter()
        await other.join("large", subscribe=False)
        joins.append((time.perf_counter() - sent) * 1000)
        other.close()
    name = f"document of {len(patches):,} edits"
    return [
        (f"{name}: keystrokes one by one, 64 under way", len(patches) / took, "edits/s"),
        (f"{name}: join p50", quantile(joins, 0.5), "ms"),
        (f"{name}: join p99", quantile(joins, 0.99), "ms"),
    ]


async def replayed(node: Node, quick: bool) -> list[Row]:
    """The recorded traces as real clients: what is typed while an edit is under way goes as one."""
    rows: list[Row] = []
    for trace in ("sveltecomponent",) if quick else TRACE_NAMES:
        done: Any = await deferToThread(
            subprocess.run,
            [sys.executable, "-m", "collab_wamp.cli", "replay", trace, "--json"],
            env=node.environment,
            stdout=subprocess.PIPE,
            check=True,
        )
        [report] = json.loads(done.stdout)
        name = f"replay of {trace}"
        rows += [
            (f"{name}: keystrokes", report["steps_per_s"], "steps/s"),
            (f"{name}: edits", report["edits_per_s"], "edits/s"),
            (f"{name}: acknowledged p50", report["answer_ms"][0], "ms"),
            (f"{name}: acknowledged p99", report["answer_ms"][1], "ms"),
        ]
        if report["delivery_ms"] is not None:
            rows.append((f"{name}: with the others p50", report["delivery_ms"][0], "ms"))
            rows.append((f"{name}: with the others p99", report["delivery_ms"][1], "ms"))
    return rows


async def pause(seconds: float) -> None:
    waited: Deferred[None] = Deferred()
    clock.callLater(seconds, waited.callback, None)
    await waited


async def until(condition: Callable[[], bool], timeout_s: float = 30.0) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("the server has not answered everything in time")
        await pause(0.02)


SCENARIOS: tuple[Callable[[Node, bool], Awaitable[list[Row]]], ...] = (
    alone,
    together,
    replayed,
    large,
)
