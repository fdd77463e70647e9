"""PROTOCOL.md says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from twisted.trial.unittest import TestCase

from collab_wamp import protocol
from collab_wamp.errors import TABLE

PAGE = (Path(__file__).parents[2] / "PROTOCOL.md").read_text(encoding="utf-8")


class ProtocolPageTests(TestCase):
    def test_the_table_of_errors_is_the_one_in_the_code(self) -> None:
        part = PAGE.split("<!-- errors")[1].split("<!-- /errors -->")[0]
        rows = re.findall(r"^\| `(\w+)` \| (yes|no) \| (.*) \|$", part, re.MULTILINE)
        expected = [
            (entry.code, "yes" if entry.retryable else "no", entry.meaning)
            for entry in TABLE.values()
        ]
        self.assertEqual(rows, expected)

    def test_every_procedure_for_clients_is_described(self) -> None:
        described = set(re.findall(r"^\| `(collab\.session\.\w+)`", PAGE, re.MULTILINE))
        in_code = {
            value
            for value in vars(protocol).values()
            if isinstance(value, str) and re.fullmatch(r"collab\.session\.\w+", value)
        }
        self.assertEqual(described, in_code)

    def test_the_defaults_of_the_limits_are_those_of_the_code(self) -> None:
        from collab_wamp.joining import SessionLimits

        limits = SessionLimits()
        self.assertIn(f"| parts of an operation | {limits.op.parts:,} |", PAGE)
        self.assertIn(f"| document | {limits.document_length:,} code points |", PAGE)
        self.assertIn(f"| base revision | {limits.window:,} behind |", PAGE)
        kib = limits.op.insert_bytes // 1024
        self.assertIn(f"| text inserted by one operation | {kib} KiB |", PAGE)
