"""Traces that are off cost next to nothing, and traces that cannot be are refused in words."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import TestCase

from collab_wamp import tracing
from collab_wamp.config import ConfigError, load
from collab_wamp.settings import Tracing
from collab_wamp.tracing import ids_of


def without_opentelemetry(folder: Path) -> dict[str, str]:
    """The environment of a Python that has no OpenTelemetry."""
    package = folder / "opentelemetry"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ModuleNotFoundError('not installed')\n")
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), os.getcwd()])}


class OffTests(TestCase):
    def test_nothing_of_opentelemetry_is_imported(self) -> None:
        code = (
            "import sys\n"
            "from collab_wamp import config, tracing\n"
            "from collab_wamp.wamp import sessions_component, relay_component, worker\n"
            "tracing.start(config.Tracing(), 'here', 'sessions')\n"
            "with tracing.call() as trace: trace.mark('rights')\n"
            "print([name for name in sys.modules if name.startswith('opentelemetry')])\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True,
            cwd=Path(tracing.__file__).parents[1],
        )  # fmt: skip
        self.assertEqual(done.stdout.strip(), "[]")

    def test_the_trace_of_a_call_is_the_one_that_keeps_nothing(self) -> None:
        self.assertIs(tracing.call(), tracing.UNTRACED)


class NamesTests(TestCase):
    def test_an_edit_has_one_trace_wherever_it_is_met(self) -> None:
        name = ("epoch", "client-0001", 1)
        self.assertEqual(ids_of(name), ids_of(("epoch", "client-0001", 1)))
        others = {
            ids_of(("epoch", "client-0001", 11)),
            ids_of(("epoch1", "client-0001", 1)),
            ids_of(("epoch", "client-0002", 1)),
        }
        self.assertEqual(len(others | {ids_of(name)}), 4)
        trace_id, span_id = ids_of(name)
        self.assertTrue(0 < trace_id < 2**128 and 0 < span_id < 2**64)


class SettingsTests(TestCase):
    def test_by_default_it_is_off(self) -> None:
        self.assertFalse(load({}).tracing.enabled)
        self.assertFalse(Tracing().enabled)

    def test_wrong_settings_are_named(self) -> None:
        for name, value in (
            ("TRACING_ENDPOINT", "localhost:4317"),
            ("TRACING_ENDPOINT", "http://"),
            ("TRACING_SAMPLE_RATIO", "1.5"),
            ("TRACING_ENABLED", "maybe"),
        ):
            with self.assertRaises(ConfigError) as caught:
                load({name: value})
            self.assertIn(name, str(caught.exception))

    def test_without_the_packages_the_node_says_what_is_missing(self) -> None:
        environment = without_opentelemetry(Path(self.mktemp()).absolute())
        environment["DATA_DIR"] = str(Path(self.mktemp()).absolute())
        for enabled, status in (("true", 1), ("false", 0)):
            done = subprocess.run(
                [sys.executable, "-m", "collab_wamp.cli", "check"],
                env={**environment, "TRACING_ENABLED": enabled},
                cwd=Path(tracing.__file__).parents[1],
                capture_output=True, text=True,
            )  # fmt: skip
            said = done.stdout + done.stderr
            self.assertEqual("collab_wamp[tracing]" in said, bool(status), said)
            self.assertEqual(bool(done.returncode), bool(status), said)
            self.assertNotIn("Traceback", said)
