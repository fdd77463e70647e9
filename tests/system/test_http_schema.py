"""Schemathesis against a real node: thousands of requests made from the document that it serves.

It generates requests that the document allows and such that it does not, and compares the answers
with the document: statuses, headers, bodies, what is refused and what is not.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from twisted.internet.threads import deferToThread

from tests.support.http_case import HttpCase, boss

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / ".venv" / "schemathesis" / "bin" / "schemathesis"
SEED = "20260101"


def examine(url: str, *more: str) -> tuple[int, str]:
    """The exit status of a run of Schemathesis, and what it says."""
    ran = subprocess.run(
        [
            PROGRAM,
            "--config-file", ROOT / "tests" / "schemathesis.toml",
            "run", f"{url}/openapi.json",
            "--seed", SEED,
            "--generation-deterministic",
            "--request-timeout", "20",
            "--no-color",
            *more,
        ],
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )  # fmt: skip
    return ran.returncode, ran.stdout + ran.stderr


class SchemaTests(HttpCase):
    timeout = 200

    async def setUp(self) -> None:
        await super().setUp()
        self.log = self.node.data_dir / "log" / "router.log"
        self.log_start = self.log.stat().st_size

    async def tearDown(self) -> None:
        self.assertNotIn("Traceback", self.log.read_text()[self.log_start :])
        await super().tearDown()

    async def test_with_a_token_that_may_do_everything(self) -> None:
        header = f"Authorization: Bearer {boss('schemathesis')}"
        status, said = await deferToThread(examine, self.node.http, "-H", header, "-n", "100")
        self.assertEqual(status, 0, said)
        self.assertIn("17 selected / 17 total", said)
        self.assertNotIn("Authentication failed", said)

    async def test_without_a_token(self) -> None:
        status, said = await deferToThread(
            examine, self.node.http, "-n", "10", "--phases", "coverage,fuzzing"
        )
        self.assertEqual(status, 0, said)
        self.assertIn("Authentication failed: 15 operations returned only 401/403", said)
