"""The pictures of the benchmark are SVG with the names and the figures in them."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from xml.etree import ElementTree

from twisted.trial.unittest import SynchronousTestCase

from bench import plots
from bench.report import Row, number, read

TEXT = "{http://www.w3.org/2000/svg}text"


def row(server: str, scenario: str, cost: float, p50: float, p99: float, run: int = 1) -> Row:
    metrics = {
        "cpu_per_1k_edits.total": cost,
        "cpu_per_1k_edits.router": cost / 2,
        "delivery_p50_ms": p50,
        "delivery_p99_ms": p99,
    }
    return Row(server, scenario, run, metrics)


class PlotTests(SynchronousTestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def drawn(self, *rows: Row) -> dict[str, list[str]]:
        """The texts in each picture."""
        paths = plots.draw(rows, self.folder)
        return {
            path.name: [node.text or "" for node in ElementTree.parse(path).iter(TEXT)]
            for path in paths
        }

    def test_one_server(self) -> None:
        moves = Row("ours", "cursor", 1, {"cpu_per_1k_moves.total": 0.17})
        joins = Row("ours", "join1", 1, {"cpu_per_1k_joins.total": 34.5})
        drawn = self.drawn(row("ours", "hot1", 1.23, 3.4, 56.7), moves, joins)
        self.assertEqual(list(drawn), ["cost.svg", "latency.svg", "joins.svg"])
        self.assertIn("34.5", drawn["joins.svg"])
        self.assertNotIn("34.5", drawn["cost.svg"])
        for text in ("hot1", "cursor", "(1,000 moves)", "1.23", "0.17", "router", "relay"):
            self.assertIn(text, drawn["cost.svg"])
        for text in ("hot1", "3.4", "56.7"):
            self.assertIn(text, drawn["latency.svg"])
        self.assertNotIn("cursor", drawn["latency.svg"])

    def test_several_servers_with_one_scenario_of_one_of_them_only(self) -> None:
        drawn = self.drawn(
            row("ours", "hot1", 1.11, 2.22, 3.33),
            row("theirs", "hot1", 4.44, 5.55, 6.66),
            row("theirs", "hot2", 7.77, 8.88, 9.99),
        )
        for text in ("ours", "theirs", "hot1", "hot2", "1.11", "4.44", "7.77"):
            self.assertIn(text, drawn["cost.svg"])
        for text in ("ours", "theirs", "2.22", "3.33", "5.55", "6.66", "8.88", "9.99"):
            self.assertIn(text, drawn["latency.svg"])
        self.assertNotIn("router", drawn["cost.svg"])
        self.assertNotIn("joins.svg", drawn)

    def test_medians_of_runs_are_shown(self) -> None:
        costs = (5.0, 1.5, 2.5)
        drawn = self.drawn(*(row("a", "hot1", cost, 1, 2, n) for n, cost in enumerate(costs, 1)))
        self.assertIn(number(2.5), drawn["cost.svg"])

    def test_the_same_results_make_the_same_file(self) -> None:
        files = []
        for _ in range(2):
            paths = plots.draw([row("ours", "hot1", 1, 2, 3)], self.folder)
            files.append([path.read_bytes() for path in paths])
        self.assertEqual(files[0], files[1])

    def test_rows_of_others_are_read_from_a_list(self) -> None:
        path = self.folder / "theirs.json"
        body = {"server": "theirs", "scenario": "hot1", "run": 2, "metrics": {"edits": 3}}
        path.write_text(json.dumps([body]))
        self.assertEqual(read(path), [Row("theirs", "hot1", 2, {"edits": 3})])

    def test_lines_of_the_driver_of_other_servers_are_read(self) -> None:
        path = self.folder / "theirs.jsonl"
        latency = {"p50": 1.5, "p95": 2.5, "p99": 3.5}
        load = {"mode": "edit", "serverCpuPer1kEdits": 1.25, "lat": latency, "ack": None}
        moves = {"mode": "cursor", "serverCpuPer1kEdits": 0.5, "redisCpuPer1kEdits": 0.1}
        joins = {"mode": "join", "joinWallMs": 560, "serverCpuPerJoinMs": 1.1, "joinMs": latency}
        lines = [
            {"server": "theirs", "scenario": scenario, "run": 0, **run}
            for scenario, run in (("hot1", load), ("cursor", moves), ("join1", joins))
        ]
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        hot1, cursor, join1 = (dict(found.metrics) for found in read(path))
        self.assertEqual(hot1["cpu_per_1k_edits.total"], 1.25)
        self.assertEqual((hot1["delivery_p50_ms"], hot1["delivery_p99_ms"]), (1.5, 3.5))
        self.assertNotIn("ack_p50_ms", hot1)
        self.assertEqual(cursor, {"cpu_per_1k_moves.total": 0.5, "cpu_per_1k_moves.store": 0.1})
        self.assertEqual(join1["all_in_s"], 0.56)
        self.assertEqual((join1["cpu_per_1k_joins.total"], join1["join_p99_ms"]), (1.1, 3.5))
        path.write_text(json.dumps(lines[0]))
        self.assertEqual(len(read(path)), 1)
