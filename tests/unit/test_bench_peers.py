"""The comparison with other servers: the table, and how many people one session takes."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from bench.peers import comparing, knee
from bench.report import Row, row_of, summary


def rows(**of_server: float) -> list[Row]:
    return [
        Row(server, "hot1", run, {"cpu_per_1k_edits.total": value + run / 10})
        for server, value in of_server.items()
        for run in (1, 2, 3)
    ]


class ComparingTests(SynchronousTestCase):
    def test_ours_is_compared_with_the_best_of_the_others(self) -> None:
        found = summary(rows(collab_wamp=0.4, quick=0.8, slow=1.8))
        best, times = comparing.ratio(found, "hot1", "cpu_per_1k_edits.total") or ("", 0)
        self.assertEqual((best, round(times, 6)), ("quick", 0.6))
        self.assertIsNone(comparing.ratio(found, "hot1", "people"))
        lines = comparing.table(found, ["hot1", "hot2"], ["collab_wamp", "quick", "slow"])
        self.assertEqual(len(lines), 2)
        for part in ("0.6 [0.5..0.7]", "1 [0.9..1.1]", "0.6 x quick", "goal ≤ 1.2: held"):
            self.assertIn(part, lines[1])

    def test_of_people_more_is_better(self) -> None:
        found = summary(
            Row(server, "knee", 1, {"people": people})
            for server, people in {"collab_wamp": 500.0, "one": 100.0, "two": 400.0}.items()
        )
        self.assertEqual(comparing.ratio(found, "knee", "people"), ("two", 1.25))

    def test_what_is_missed_is_said(self) -> None:
        found = summary(rows(collab_wamp=1.3))
        [_, line] = comparing.table(found, ["hot1"], ["collab_wamp"])
        self.assertIn("goal ≤ 1.2: MISSED", line)

    def test_a_run_of_the_driver_becomes_a_row(self) -> None:
        run = {
            "server": "sharedb", "scenario": "hot1", "run": 2, "mode": "edit", "errors": 0,
            "serverCpuPer1kEdits": 0.97, "missing": 0, "lat": {"p50": 2.0, "p95": 4.0, "p99": 5.1},
        }  # fmt: skip
        row = row_of(run)
        self.assertEqual((row.server, row.scenario, row.run), ("sharedb", "hot1", 2))
        self.assertEqual(row.metrics["cpu_per_1k_edits.total"], 0.97)
        self.assertEqual(row.metrics["delivery_p99_ms"], 5.1)


class KneeTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.driven: list[int] = []

    def server(self, takes: int, hiccups: int = 0) -> Any:
        """Serves so many people; is late now and then all the same."""
        left = hiccups

        def drive(people: int) -> dict[str, Any]:
            nonlocal left
            self.driven.append(people)
            late = people > takes
            if not late and left:
                left, late = left - 1, True
            return {"missing": 0, "lat": {"p99": 900.0 if late else 20.0}}

        return drive

    def test_it_is_found_within_a_twentieth(self) -> None:
        for takes in (60, 77, 111, 364, 540, 1900):
            found = knee.find(self.server(takes), 60)
            self.assertLessEqual(found, takes)
            self.assertGreater(found + max(3, found * knee.NEAR) + 1, takes)

    def test_one_late_run_is_not_believed(self) -> None:
        self.assertGreater(knee.find(self.server(300, hiccups=1), 60), 280)

    def test_too_few_are_none(self) -> None:
        self.assertEqual(knee.find(self.server(10), 60), 0)

    def test_what_is_lost_counts_as_late(self) -> None:
        self.assertFalse(knee.is_early({"missing": 1, "lat": {"p99": 5.0}}))
