"""Reading traces."""

from __future__ import annotations

import gzip
import json
import tempfile
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from collab_wamp.ot import get_type
from collab_wamp.traces import Trace, TraceError, load, parse

TRACES = Path(__file__).parents[1] / "data" / "traces"


def parsed(*rows: tuple[int, list[int], list[Any]], agents: int = 2, end: str = "") -> Trace:
    """A concurrent trace of (agent, parents, patches)."""
    transactions = [
        {"agent": agent, "parents": parents, "patches": patches} for agent, parents, patches in rows
    ]
    return parse("made", {"numAgents": agents, "txns": transactions, "endContent": end})


class TraceTests(SynchronousTestCase):
    def test_a_sequential_trace_leads_to_its_end(self) -> None:
        for name, count in (("sveltecomponent", 18_335), ("automerge-paper", 259_778)):
            trace = load(TRACES / f"{name}.json.gz")
            self.assertEqual((trace.name, len(trace), len(trace.by_agent)), (name, count, 1))
            buffer = get_type("text").buffer(trace.start)
            for transaction in trace.by_agent[0]:
                buffer.apply(transaction.op)
            self.assertEqual(buffer.content(), trace.end)

    def test_a_concurrent_trace_says_what_each_had_seen(self) -> None:
        trace = parsed(
            (0, [], [[0, 0, "a"]]),
            (1, [0], [[1, 0, "b"]]),
            (0, [0], [[0, 0, "c"]]),
            (0, [1, 2], [[0, 1, ""]]),
        )
        self.assertEqual(len(trace), 4)
        self.assertEqual([t.seen for t in trace.by_agent[0]], [(0, 0), (1, 0), (2, 1)])
        self.assertEqual([t.seen for t in trace.by_agent[1]], [(1, 0)])
        self.assertEqual(trace.watched(0), {1})
        self.assertEqual(trace.watched(1), {0, 1})

    def test_the_real_concurrent_trace(self) -> None:
        trace = load(TRACES / "clownschool.json.gz")
        self.assertEqual((len(trace), len(trace.by_agent)), (23_136, 3))
        behind = sum(
            sum(transaction.seen) < len(transactions)
            for transactions in trace.by_agent
            for transaction in transactions[-1:]
        )
        self.assertEqual(behind, 0)

    def test_patches_of_a_step_follow_each_other(self) -> None:
        trace = parsed((0, [], [[0, 0, "abc"], [1, 1, "B😀"], [3, 1, ""]]), agents=1)
        self.assertEqual(trace.by_agent[0][0].op, ["aB😀"])

    def test_the_first_steps_alone(self) -> None:
        trace = load(TRACES / "sveltecomponent.json.gz").first(2)
        self.assertEqual(len(trace), 2)
        self.assertTrue(trace.end.startswith("<script >"))
        with self.assertRaisesRegex(TraceError, "several people"):
            load(TRACES / "clownschool.json.gz").first(2)

    def test_what_is_not_a_trace_is_said_to_be_none(self) -> None:
        whole = gzip.compress(json.dumps({"txns": [], "endContent": ""}).encode())
        for data in (b"", b"{}", b"[]", b"not JSON", b"\x1f\x8bnot gzip", whole[:-9]):
            with tempfile.NamedTemporaryFile() as file:
                file.write(data)
                file.flush()
                with self.assertRaises(TraceError, msg=repr(data)):
                    load(Path(file.name))
        with self.assertRaisesRegex(TraceError, "their own work"):
            parsed((0, [], [[0, 0, "a"]]), (0, [], [[0, 0, "b"]]))
        with self.assertRaises(TraceError):
            parsed((0, [], [[0, 0]]))
        with self.assertRaises(TraceError):
            parsed((0, [7], [[0, 0, "a"]]))
        with self.assertRaises(TraceError):
            parsed((2, [], [[0, 0, "a"]]))
