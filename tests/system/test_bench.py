"""The benchmark, short, against a real node: every edit is saved and reaches everybody."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

ROOT = Path(__file__).parents[2]


class BenchTests(TestCase):
    timeout = 180

    async def test_every_edit_is_delivered(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "rows.json"
            command = [sys.executable, "-m", "bench", "--quick", "--only", "quiet,hot1,cursor"]
            done: Any = await deferToThread(
                subprocess.run,
                [*command, "--json", str(file)],
                cwd=ROOT,
                capture_output=True,
                text=True,
                timeout=150,
            )
            self.assertEqual(done.returncode, 0, done.stderr)
            body = json.loads(file.read_text())
        rows = {row["scenario"]: row["metrics"] for row in body["rows"]}
        self.assertEqual(list(rows), ["quiet", "hot1", "cursor"])
        for name in ("quiet", "hot1"):
            self.assertGreater(rows[name]["edits"], 0)
            self.assertEqual(rows[name]["undelivered"], 0)
            self.assertGreater(rows[name]["delivery_p50_ms"], 0)
            self.assertGreater(rows[name]["ack_p99_ms"], 0)
        for metrics in rows.values():
            for trouble in ("unsaved", "errors", "lost_connections"):
                self.assertEqual(metrics[trouble], 0, trouble)
            for part in ("router", "store", "rest"):
                self.assertGreater(metrics[f"rss_mib.{part}"], 0)
        self.assertGreater(rows["cursor"]["passed_on"], 0)
        self.assertIn("hot1 (collab_wamp): 10 people", done.stdout)
        self.assertIn("edits_per_user 20000/s", done.stdout)
