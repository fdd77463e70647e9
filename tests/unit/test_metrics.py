"""Metrics: what there is, how it is named, and what moves it."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from subprocess import run

import prometheus_client
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from collab_wamp import metrics
from collab_wamp.errors import TABLE
from collab_wamp.metrics import OURS, Calls
from collab_wamp.metrics_folder import FOLDER_VARIABLE, PROCESS_VARIABLE, mark_dead, wipe
from collab_wamp.wamp.pulse import Pulse

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"


def value(name: str, **labels: str) -> float:
    """Of a metric in this process; 0 where it has none yet."""
    metrics.flush()
    return OURS.get_sample_value(name, labels) or 0.0


def in_process(part: str, folder: Path, code: str) -> str:
    """What a process of a node prints that keeps its metrics in a folder."""
    environment = {**os.environ, PROCESS_VARIABLE: part, FOLDER_VARIABLE: str(folder)}
    done = run(
        [sys.executable, "-c", "from collab_wamp import metrics\n" + code],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


class PageTests(TestCase):
    def test_the_page_has_each_metric_as_it_is(self) -> None:
        text = PAGE.read_text(encoding="utf-8")
        table = text.split("<!-- metrics:")[1].split("<!-- /metrics -->")[0]
        rows = [
            [cell.strip() for cell in line.strip("|").split("|")]
            for line in table.splitlines()
            if line.startswith("| `")
        ]
        said = {row[0].strip("`"): (row[1], re.findall(r"`(\w+)`", row[2])) for row in rows}
        are = {
            name: (metric._type, list(metric._labelnames))
            for name, metric in metrics.defined().items()
        }
        self.assertEqual(said, are)
        for row in rows:
            self.assertEqual(len(row), 5, row)
            self.assertTrue(row[3], row)

    def test_no_label_grows_with_what_people_do(self) -> None:
        """Each label, and where its values come from, is known here."""
        bounded = {"kind", "procedure", "outcome", "code", "topic", "script", "process",
                   "version", "python"}  # fmt: skip
        for name, metric in metrics.defined().items():
            self.assertLessEqual(set(metric._labelnames), bounded, name)


class MovingTests(TestCase):
    def test_calls_and_their_outcomes(self) -> None:
        def counted(outcome: str) -> float:
            return value("collab_calls_total", procedure="test.call", outcome=outcome)

        calls = Calls("test.call", rejects=TABLE)
        rejected = value("collab_edits_rejected_total", code="bad_op")
        calls.answered(0.02)
        calls.answered(0.02)
        calls.answered(0.3, "bad_op")
        self.assertEqual((counted("ok"), counted("bad_op")), (2, 1))
        self.assertEqual(value("collab_edits_rejected_total", code="bad_op"), rejected + 1)
        self.assertEqual(value("collab_call_seconds_count", procedure="test.call"), 3)
        self.assertEqual(value("collab_call_seconds_bucket", procedure="test.call", le="0.025"), 2)

    def test_the_calls_of_other_procedures_are_no_rejected_edits(self) -> None:
        before = value("collab_edits_rejected_total", code="bad_op")
        Calls("test.other").answered(0.1, "bad_op")
        self.assertEqual(value("collab_edits_rejected_total", code="bad_op"), before)

    def test_codes_are_there_before_they_happen(self) -> None:
        """Else the first of a kind would be no increase to whoever looks at rates."""
        Calls("test.edit", rejects=TABLE)
        self.assertEqual(
            {labels[0] for labels in metrics.EDITS_REJECTED._metrics} & set(TABLE), set(TABLE)
        )

    def test_what_is_kept_is_what_the_histogram_would_have(self) -> None:
        """The tally goes past the library's `observe`: both must come to the same."""
        values = [0, 0.0005, 0.00051, 0.2, 0.25, 4.9, 5, 5.1, 1e9]
        registry = prometheus_client.CollectorRegistry()
        kept, plain = (
            prometheus_client.Histogram(name, "x", buckets=metrics.FAST, registry=registry)
            for name in ("kept", "plain")
        )
        tally = metrics.tally(kept)
        for number in range(2):
            for one in values:
                tally.observe(one)
                plain.observe(one)
            self.assertEqual(registry.get_sample_value("kept_count"), number * len(values))
            metrics.flush()
            metrics.flush()
            said = [
                [(sample.name.split("_")[1], sample.labels, sample.value)
                 for sample in family.samples if not sample.name.endswith("_created")]
                for family in registry.collect()
            ]  # fmt: skip
            self.assertEqual(*said)
            self.assertEqual(registry.get_sample_value("kept_count"), (number + 1) * len(values))
        self.assertIs(metrics.tally(kept), tally)

    def test_an_event_loop_that_is_late(self) -> None:
        clock = Clock()
        asked: list[float] = []
        pulse = Pulse(clock.seconds, [(metrics.DOCUMENTS, lambda: 7.0 + len(asked))])
        name = "collab_loop_lag_seconds"
        labels = {"process": metrics.PROCESS}
        count, total = value(f"{name}_count", **labels), value(f"{name}_sum", **labels)
        pulse.beat()
        clock.advance(Pulse.EVERY_S)
        pulse.beat()
        asked.append(1.0)
        clock.advance(Pulse.EVERY_S + 0.25)
        pulse.beat()
        self.assertEqual(value(f"{name}_count", **labels), count + 2)
        self.assertAlmostEqual(value(f"{name}_sum", **labels), total + 0.25)
        self.assertEqual(value("collab_documents"), 8)
        self.assertGreater(value("collab_process_resident_memory_bytes", **labels), 1e6)
        self.assertGreater(value("collab_process_start_time_seconds", **labels), 1.6e9)

    def test_a_part_that_shares_its_process_tells_of_itself_alone(self) -> None:
        clock = Clock()
        part = Pulse(clock.seconds, [(metrics.DOCUMENTS, lambda: 3.0)], whole=False)
        labels = {"process": metrics.PROCESS}
        names = ("collab_loop_lag_seconds_count", "collab_process_cpu_seconds_total")
        before = [value(name, **labels) for name in names]
        for _ in range(2 * Pulse.SELDOM):
            part.beat()
            clock.advance(Pulse.EVERY_S)
        self.assertEqual([value(name, **labels) for name in names], before)
        self.assertEqual(value("collab_documents"), 3)


class FolderTests(TestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        wipe(self.folder)

    def read(self) -> dict[str, float]:
        text = in_process("router", self.folder, "print(metrics.as_text('')[0].decode())")
        rows = (line.rsplit(" ", 1) for line in text.splitlines() if line and line[0] != "#")
        return {row[0]: float(row[1]) for row in rows}

    def test_processes_are_added_up_and_the_dead_count_for_what_they_did(self) -> None:
        in_process("sessions", self.folder, "metrics.EDITS_COMMITTED.inc(3)")
        in_process("relay", self.folder, "metrics.EDITS_COMMITTED.inc(4)")
        self.assertEqual(self.read()["collab_edits_committed_total"], 7)

    def test_who_is_started_again_counts_on(self) -> None:
        for _ in range(3):
            in_process("sessions", self.folder, "metrics.EDITS_COMMITTED.inc(2)")
        self.assertEqual(self.read()["collab_edits_committed_total"], 6)
        files = {file.name for file in self.folder.glob("*sessions*")}
        self.assertEqual(
            files, {"counter_sessions.db", "gauge_livesum_sessions.db", "histogram_sessions.db"}
        )

    def test_gauges_of_the_dead_do_not_count(self) -> None:
        in_process("sessions", self.folder, "metrics.DOCUMENTS.set(5)")
        in_process("relay", self.folder, "metrics.DOCUMENTS.set(2)")
        self.assertEqual(self.read()["collab_documents"], 7)
        mark_dead("sessions", str(self.folder))
        self.assertEqual(self.read()["collab_documents"], 2)

    def test_a_file_that_has_only_just_been_made_is_passed_over(self) -> None:
        in_process("sessions", self.folder, "metrics.EDITS_COMMITTED.inc(2)")
        for name in ("counter_relay.db", "gauge_livesum_relay.db"):
            (self.folder / name).touch()
        self.assertEqual(self.read()["collab_edits_committed_total"], 2)

    def test_a_node_that_is_started_again_begins_at_zero(self) -> None:
        in_process("sessions", self.folder, "metrics.EDITS_COMMITTED.inc(2)")
        wipe(self.folder)
        self.assertEqual(self.read()["collab_edits_committed_total"], 0)


class FormTests(TestCase):
    def test_whichever_form_is_asked_for(self) -> None:
        metrics.EDITS_COMMITTED.inc()
        for accept in (
            "",
            "*/*",
            "text/plain;version=0.0.4",
            "text/plain; version=nonsense",
            "text/plain; version=1.0.0; escaping=nonsense",
            "application/openmetrics",
        ):
            body, content_type = metrics.as_text(accept)
            self.assertTrue(content_type.startswith("text/plain"), content_type)
            self.assertIn(b"# TYPE collab_edits_committed_total counter", body)
        body, content_type = metrics.as_text("application/openmetrics-text; version=1.0.0")
        self.assertTrue(content_type.startswith("application/openmetrics-text"))
        families = {family.name for family in text_string_to_metric_families(body.decode())}
        self.assertIn("collab_edits_committed", families)

    def test_json_has_the_same_names_and_values(self) -> None:
        said = metrics.as_json()
        self.assertEqual(set(said), set(metrics.defined()))
        (row,) = said["collab_edits_committed_total"]["values"]
        self.assertEqual(row["name"], "collab_edits_committed_total")
        self.assertEqual(row["value"], value("collab_edits_committed_total"))

    def test_nothing_of_ours_is_in_the_registry_that_others_share(self) -> None:
        shared = prometheus_client.generate_latest().decode()
        self.assertNotIn("collab_", shared)
