"""docs/shown.md names tests that are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from twisted.trial.unittest import TestCase

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| (.+) \| `(tests\.[\w.]+)` \|$", re.MULTILINE)


def is_there(name: str) -> bool:
    """Whether a module of tests, a class in it, or a test of that, is there."""
    parts = name.split(".")
    for size in range(len(parts), 0, -1):
        path = ROOT.joinpath(*parts[:size]).with_suffix(".py")
        if path.is_file():
            nodes: list[ast.stmt] = ast.parse(path.read_text(encoding="utf-8")).body
            for part in parts[size:]:
                found = [node for node in nodes if getattr(node, "name", "") == part]
                if not found:
                    return False
                nodes = getattr(found[0], "body", [])
            return True
    return False


class ShownTests(TestCase):
    def test_every_row_names_a_test(self) -> None:
        page = (ROOT / "docs" / "shown.md").read_text(encoding="utf-8")
        rows = ROW.findall(page)
        self.assertEqual(len(rows), page.count("\n| ") - 1, "each row has its test")
        for behaviour, name in rows:
            self.assertTrue(is_there(name), f"{behaviour}: there is no {name}")

    def test_what_is_not_there_is_found_missing(self) -> None:
        self.assertTrue(is_there("tests.unit.test_shown.ShownTests.test_every_row_names_a_test"))
        self.assertFalse(is_there("tests.unit.test_shown.ShownTests.test_another"))
        self.assertFalse(is_there("tests.unit.test_nowhere"))
