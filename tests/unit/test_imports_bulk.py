"""An imported history of rich text keeps to the bound on attributes, as edits do."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from collab_wamp.bulk import most_bulk
from collab_wamp.errors import CollabError
from collab_wamp.imports import Settings, plan

LONGEST = 3000
SETTINGS = Settings(parts=1000, document_length=LONGEST, now_ms=1)


class BulkTests(SynchronousTestCase):
    def body(self, edits: list[Any]) -> dict[str, Any]:
        rows = [["client-0001", seq, op, "ada", seq] for seq, op in enumerate(edits, 1)]
        return {
            "format": "collab_wamp.session.1",
            "type": "rich_text",
            "content": [{"insert": "ab" * 400}],
            "edits": rows,
        }

    def formatted(self, size: int) -> list[Any]:
        """All characters, one bold and one not, then a large attribute on all of them."""
        bold: list[Any] = [{"retain": 1, "attributes": {"bold": True}}, {"retain": 1}] * 400
        return [bold[:-1], [{"retain": 800, "attributes": {"link": "x" * size}}]]

    def test_too_much_is_refused_and_the_edit_named(self) -> None:
        size = most_bulk(LONGEST) // 800
        with self.assertRaises(CollabError) as caught:
            plan(self.body(self.formatted(size)), SETTINGS)
        self.assertEqual(caught.exception.code, "document_full")
        self.assertIn("edits[1]", caught.exception.message)

    def test_what_is_within_it_comes_in(self) -> None:
        made = plan(self.body(self.formatted(most_bulk(LONGEST) // 2000)), SETTINGS)
        self.assertEqual(len(made.edits), 2)
