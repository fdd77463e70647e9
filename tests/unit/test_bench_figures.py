"""The benchmark's figures: quantiles, CPU from /proc, what became of edits, medians, the table."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from bench import report
from bench.connection import Event
from bench.goals import Goal
from bench.measuring import Moment, Window, cursors, edits, latencies, quantile
from bench.person import Person, Room, growth
from bench.processes import Stat, below, parse_machine, parse_stat, part_of, used_between
from bench.report import Row
from bench.scenarios.documents import beginning
from bench.stand import Cores


def window(start: float, end: float, **cpu_s: float) -> Window:
    before = dict.fromkeys(cpu_s, 0.0)
    return Window(Moment(start, before, 0.0), Moment(end, cpu_s, 0.5))


class QuantileTests(SynchronousTestCase):
    def test_the_smallest_value_that_the_share_does_not_exceed(self) -> None:
        chance = random.Random(1)
        for count in (1, 2, 3, 10, 99, 100, 101, 1000):
            values = sorted(chance.random() for _ in range(count))
            for share in (0.5, 0.95, 0.99):
                found = quantile(values, share)
                self.assertGreaterEqual(sum(v <= found for v in values), share * count)
                self.assertLess(sum(v < found for v in values), share * count)

    def test_latencies_are_in_milliseconds(self) -> None:
        found = latencies("ack", [n / 1000 for n in range(1, 101)])
        self.assertEqual(found, {"ack_p50_ms": 50.0, "ack_p95_ms": 95.0, "ack_p99_ms": 99.0})
        self.assertEqual(latencies("ack", []), {})


class ProcessTests(SynchronousTestCase):
    def test_cpu_of_a_process_and_of_its_children_that_ended(self) -> None:
        text = "71 (a (strange) name) S 7 71 71 0 -1 4194560 9 0 0 0 250 50 30 20 20 0 1 0 5 0\n"
        self.assertEqual(parse_stat(text, ticks=100), Stat(parent=7, cpu_s=3.5))

    def test_cpu_of_the_machine(self) -> None:
        text = "cpu  100 20 300 4000 50 6 7 80 0 0\ncpu0 1 2 3 4 5 6 7 8 0 0\n"
        self.assertEqual(parse_machine(text, ticks=100), (4.33, 0.8))

    def test_what_others_used_meanwhile(self) -> None:
        start = Moment(0.0, {"router": 1.0, "store": 1.0}, 0.5, (10.0, 1.0))
        end = Moment(10.0, {"router": 3.0, "store": 2.0}, 1.5, (16.0, 1.5))
        found = Window(start, end).driver()
        self.assertEqual(found["driver_cpu_share"], 0.1)
        self.assertEqual((found["others_cpu_share"], found["stolen_cpu_share"]), (0.2, 0.05))

    def test_all_that_a_process_has_started(self) -> None:
        parents = {1: 0, 10: 1, 11: 10, 12: 11, 13: 11, 20: 1, 21: 20}
        found = below([10], {pid: Stat(parent, 0.0) for pid, parent in parents.items()})
        self.assertEqual(sorted(found), [10, 11, 12, 13])
        self.assertEqual(below([99], {1: Stat(0, 0.0)}), [])

    def test_parts_are_named_by_command_lines(self) -> None:
        commands = {
            "crossbar-worker [crossbar.worker.router.RouterController]": "router",
            "python -m collab_wamp.wamp.worker sessions 2": "sessions",
            "python -m collab_wamp.wamp.worker relay 1": "relay",
            "python -m collab_wamp.wamp.supervise sessions": "rest",
            "crossbar-controller": "rest",
            "/somewhere/valkey-server unixsocket:/tmp/valkey.sock": "store",
        }
        self.assertEqual({command: part_of(command) for command in commands}, commands)

    def test_the_store_is_not_in_the_total(self) -> None:
        used = used_between({"router": 1.0}, {"router": 3.0, "rest": 0.5, "store": 4.0})
        self.assertEqual(used, {"router": 2.0, "rest": 0.5, "store": 4.0, "total": 2.5})

    def test_cores(self) -> None:
        self.assertEqual(Cores.parse("0,2/1"), Cores(frozenset({0, 2}), frozenset({1})))
        self.assertEqual(Cores.parse("none"), Cores())
        self.assertIn("core 0,2, store", str(Cores.parse("0,2/1")))
        self.assertRaises(ValueError, Cores.parse, "0")


def told(room: Room, number: int, kwargs: object, **times: float) -> Event:
    """An event that came to these clients at these times."""
    message = [36, 1, number, {}, [], kwargs]
    event = room.stream.event(b"frame %d" % number, message)
    event.receivers, event.times = list(times), list(times.values())
    return event


class DeliveryTests(SynchronousTestCase):
    def test_edits_that_were_submitted_in_the_window(self) -> None:
        room = Room("s")
        room.submitted = {("a", 1): 9.0, ("a", 2): 11.0, ("b", 1): 12.0, ("b", 2): 13.0}
        room.answered = [(9.0, 0.5), (11.0, 0.25), (12.0, 0.75)]
        row = lambda who, seq: [who, seq, ["x"], "u", 0]  # noqa: E731
        told(room, 1, {"after": 0, "edits": [row("a", 1)]}, a=10.5, b=10.6, c=10.7)
        both = {"after": 1, "edits": [row("a", 2), row("b", 1)]}
        told(room, 2, both, a=12.5, b=12.6, c=12.7)
        found = edits([room], window(10.0, 20.0, router=0.3, store=0.1), people=3)
        # Of two edits, to two others each; the third was never told.
        self.assertEqual(found["undelivered"], 2)
        self.assertAlmostEqual(found["delivery_p50_ms"], 1600)
        self.assertEqual(found["delivery_p99_ms"], 60_000)
        self.assertEqual((found["ack_p50_ms"], found["ack_p99_ms"]), (250, 750))
        self.assertEqual((found["edits"], found["edits_per_s"]), (3, 0.3))
        self.assertAlmostEqual(found["deliveries_per_s"], 0.6)
        self.assertAlmostEqual(found["events_per_s"], 0.6)
        self.assertAlmostEqual(found["event_bytes_per_s"], 6 * len(b"frame 1") / 10)
        self.assertAlmostEqual(found["cpu_per_1k_edits.total"], 100)
        self.assertAlmostEqual(found["cpu_per_1k_deliveries.router"], 50)

    def test_an_edit_that_two_nodes_tell_is_one(self) -> None:
        room = Room("s")
        room.submitted = {("a", 1): 1.0}
        body = {"after": 0, "edits": [["a", 1, ["x"], "u", 0]]}
        told(room, 1, body, a=2.0)
        told(room, 2, body, b=3.0)
        found = edits([room], window(0.0, 10.0), people=2)
        self.assertEqual((found["edits"], found["undelivered"]), (1, 0))
        self.assertEqual(found["delivery_p50_ms"], 2000)

    def test_moves_that_are_left_out(self) -> None:
        room = Room("s")
        room.clients = {"p": "a"}
        room.moved = {("p", 1): 1.0, ("p", 2): 1.1}
        body = {"presence": {"p": {"cursor": 2, "selection": None}, "q": None}}
        told(room, 1, body, a=1.3, b=1.2, c=1.4)
        found = cursors([room], window(0.0, 10.0), people=3)
        self.assertAlmostEqual(found["delivery_p99_ms"], 300)
        self.assertEqual((found["passed_on"], found["moves_per_s"]), (0.5, 0.2))

    def test_growth(self) -> None:
        self.assertEqual(growth([3, "héllo", {"d": 2}, 1, {"d": "xyz"}]), 0)

    def test_the_beginning_of_a_trace(self) -> None:
        patches = ([[0, 0, "abc"]], [[1, 1, "XY"]], [[0, 4, ""]])
        txns = b",".join(b'{"patches": %s}' % str(p).replace("'", '"').encode() for p in patches)
        trace = b'{"startContent": "", "endContent": "", "txns": [%s]}' % txns
        self.assertIn(b'"endContent": "aXYc"', beginning(trace, 2))


class ReportTests(SynchronousTestCase):
    def rows(self) -> list[Row]:
        return [
            Row("one", "hot1", run, {"delivery_p99_ms": p99, "cpu_per_1k_edits.total": 1.0})
            for run, p99 in enumerate((7.0, 5.0, 12.0), 1)
        ]

    def test_medians_and_what_they_lie_between(self) -> None:
        found = report.summary([*self.rows(), Row("two", "hot1", 1, {"edits": 4})])
        self.assertEqual(list(found), [("one", "hot1"), ("two", "hot1")])
        spread = found["one", "hot1"]["delivery_p99_ms"]
        self.assertEqual((spread.median, spread.least, spread.most), (7.0, 5.0, 12.0))
        self.assertEqual(str(spread), "7 [5..12]")
        self.assertEqual(str(found["two", "hot1"]["edits"]), "4")

    def test_the_table_says_what_is_held(self) -> None:
        goals = [
            Goal("hot1", "delivery_p99_ms", 10),
            Goal("hot1", "cpu_per_1k_edits.total", 2, at_least=True),
            Goal("hot1", "join_p99_ms", 1),
        ]
        text = "\n".join(report.table(report.summary(self.rows()), {"hot1": "Ten."}, goals))
        self.assertIn("hot1 (one): Ten.", text)
        self.assertRegex(text, r"delivery ms +p99 7 \[5\.\.12\]\n")
        self.assertIn("goal: delivery_p99_ms ≤ 10: held", text)
        self.assertIn("goal: cpu_per_1k_edits.total ≥ 2: MISSED", text)
        self.assertNotIn("join_p99_ms", text)

    def test_a_disturbed_row_is_told(self) -> None:
        for share, told in ((0.05, False), (0.3, True)):
            found = report.summary([Row("one", "hot1", 1, {"others_cpu_share": share})])
            self.assertIs("DISTURBED" in "".join(report.table(found, {}, ())), told)

    def test_numbers(self) -> None:
        shown = {
            0.0: "0",
            1234.5: "1,234",
            12.345: "12.3",
            1.5: "1.5",
            0.1234: "0.123",
            300.0: "300",
            -0.5: "-0.5",
        }
        self.assertEqual({value: report.number(value) for value in shown}, shown)

    def test_what_is_written_is_read(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "rows.json"
            report.write(path, {"cores": 2}, self.rows())
            self.assertEqual(report.read(path), self.rows())


class PersonTests(SynchronousTestCase):
    """One edit in flight: the next goes when the one before is acknowledged and has come back."""

    def setUp(self) -> None:
        self.room = Room("s")
        self.sent: list[dict[str, object]] = []
        self.answers: list[object] = []
        self.person = Person(self.room, "client-a", random.Random(1))
        self.person.joined = {"epoch": "e"}
        self.patch(self.person, "ask", self.ask)

    def ask(self, _kind: int, rest: list[object], take: object) -> None:
        self.sent.append(dict(rest[2]))  # type: ignore[call-overload]
        self.answers.append(take)

    def come(self, number: int, after: int, *keys: tuple[str, int]) -> None:
        body = {"after": after, "edits": [[*key, ["x"], "u", 0] for key in keys]}
        self.person.on_event(told(self.room, number, body), 0.0)

    def answer(self) -> None:
        self.answers.pop()([50, 1, {}, [{"revision": 1}]])  # type: ignore[operator]

    def test_answered_first(self) -> None:
        self.person.submit("x")
        self.person.submit("y")
        self.come(1, 0, ("client-b", 1))
        self.answer()
        self.assertEqual(len(self.sent), 1)
        self.come(2, 1, ("client-a", 1))
        self.assertEqual([row["seq"] for row in self.sent], [1, 2])
        self.assertEqual([row["revision"] for row in self.sent], [0, 2])
        self.assertIn("y", self.sent[1]["op"])  # type: ignore[arg-type]
        self.assertEqual((self.person.revision, self.person.length), (2, 2))

    def test_come_back_first(self) -> None:
        self.person.submit("x")
        self.come(1, 0, ("client-a", 1))
        self.person.submit("y")
        self.assertEqual(len(self.sent), 1)
        self.answer()
        self.assertEqual([row["seq"] for row in self.sent], [1, 2])
        self.assertFalse(self.person.idle)

    def test_what_is_known_is_passed_over(self) -> None:
        self.come(1, 0, ("client-b", 1))
        self.come(2, 0, ("client-b", 1))
        self.assertEqual(self.person.revision, 1)

    def test_a_refused_edit_is_counted(self) -> None:
        self.person.submit("x")
        self.answers.pop()([8, 48, 1, {}, "collab.error.denied"])  # type: ignore[operator]
        self.assertEqual(self.room.errors, {"collab.error.denied": 1})
        self.assertFalse(self.person.idle)
