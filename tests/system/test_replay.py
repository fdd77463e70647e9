"""Real editing sessions, replayed through a real node by the command line."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import tempfile
from typing import Any

from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from tests.support.node import Node, shared_node


class ReplayTests(TestCase):
    timeout = 120
    node: Node

    async def setUp(self) -> None:
        self.node = await shared_node()

    async def replay(self, *arguments: str) -> tuple[int, str, str]:
        """(exit status, output, complaints) of `collab-wamp replay`."""
        command = [sys.executable, "-m", "collab_wamp.cli", "replay", *arguments]
        done: Any = await deferToThread(
            subprocess.run,
            command,
            env=self.node.environment,
            capture_output=True,
            text=True,
            timeout=100,
        )
        return done.returncode, done.stdout, done.stderr

    async def report(self, *arguments: str) -> dict[str, Any]:
        status, output, complaints = await self.replay("--json", *arguments)
        self.assertEqual(status, 0, complaints)
        [report] = json.loads(output)
        self.assertTrue(report["equal"])
        return dict(report)

    async def test_two_people_at_once(self) -> None:
        report = await self.report("clownschool", "--clients", "4")
        self.assertEqual((report["steps"], report["clients"]), (23_136, 4))
        self.assertGreater(report["rebased"], 500)
        self.assertLess(report["edits"], report["steps"])
        self.assertLess(report["store_bytes"], 200)

    async def test_a_quarter_of_a_million_keystrokes(self) -> None:
        report = await self.report("automerge-paper")
        self.assertEqual(report["steps"], 259_778)

    async def test_several_cursors(self) -> None:
        report = await self.report("sveltecomponent", "--sessions", "2")
        self.assertEqual((report["steps"], report["sessions"]), (2 * 18_335, 2))

    async def test_one_edit_for_each_step(self) -> None:
        report = await self.report("automerge-paper", "--mode", "one-by-one", "--first", "2000")
        self.assertEqual((report["steps"], report["edits"]), (2000, 2000))
        # The first goal for a keystroke in the store.
        self.assertLess(report["store_bytes"], 120)

    async def test_a_text_that_is_not_the_recorded_one_is_told(self) -> None:
        trace = {"txns": [{"patches": [[0, 0, "Hello"]]}], "endContent": "Hullo"}
        with tempfile.NamedTemporaryFile(suffix=".json.gz") as file:
            file.write(gzip.compress(json.dumps(trace).encode()))
            file.flush()
            status, output, complaints = await self.replay(file.name)
        self.assertEqual(status, 1, complaints)
        self.assertRegex(output, r"everybody has the recorded text +NO")

    async def test_what_cannot_be_done_is_said(self) -> None:
        for arguments, status, complaint in (
            (("nonsense",), 2, "there is no file nonsense"),
            (("clownschool", "--first", "5"), 2, "several people"),
            (("clownschool", "--sessions", "0"), 2, "--sessions 0"),
            (("sveltecomponent", "--url", "ws://127.0.0.1:1/ws"), 1, "disconnected"),
            (("sveltecomponent", "--token", "nonsense"), 1, "token_invalid"),
        ):
            found, _, complaints = await self.replay(*arguments)
            self.assertEqual(found, status, complaints)
            self.assertIn(complaint, complaints)
