"""Transforming over many edits quickly gives what transforming over one after the other gives."""

from __future__ import annotations

import json
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from collab_wamp.ot import OTType, TooLarge, TooMuchWork, get_type, rebase, rebase_over
from tests.support import json_operations, operations, rich_operations
from tests.support.folding import Found, folded

many = settings(max_examples=600, deadline=None)
some = settings(max_examples=150, deadline=None)
TEXT, RICH_TEXT, JSON = get_type("text"), get_type("rich_text"), get_type("json")
ME = "b"
clients = st.sampled_from(("a", ME, "c", "bb", "B", "😀"))
# Operations of one change at one place are what people nearly always make.
SIMPLE: tuple[tuple[str, ...], ...] = (
    ("insert",), ("insert",), ("delete",), ("insert", "delete"), ("delete_text",), (),
)  # fmt: skip


@st.composite
def simple(draw: st.DrawFn, document: str) -> operations.Edit:
    pieces: list[operations.Piece] = [("keep", draw(st.integers(0, len(document))), "")]
    for kind in draw(st.sampled_from(SIMPLE)):
        inserted = draw(st.text(operations.WITH_NUL, min_size=1, max_size=2))
        pieces.append((kind, draw(st.integers(1, 3)), inserted))
    return operations.build(document, pieces)


@st.composite
def simple_rich(draw: st.DrawFn, document: Any) -> rich_operations.Edit:
    kind = draw(st.sampled_from(("insert", "insert", "delete", "format")))
    given = draw(rich_operations.formats if kind == "format" else rich_operations.attributes)
    size = len(rich_operations.cells_of(document))
    return rich_operations.build(
        document,
        [("keep", draw(st.integers(0, size)), "", {}), (kind, draw(st.integers(1, 2)), "x", given)],
    )


def text_edits(document: str) -> st.SearchStrategy[Any]:
    return simple(document) | simple(document) | simple(document) | operations.edits(document)


def rich_edits(document: Any) -> st.SearchStrategy[Any]:
    one = simple_rich(document)
    return one | one | rich_operations.edits(document)


def drawn(data: Any, document: Any, edits: Any, most: int) -> tuple[Any, list[tuple[str, Any]]]:
    """An operation on a document, and others that were committed there one after the other."""
    op, _ = data.draw(edits(document))
    concurrent: list[tuple[str, Any]] = []
    for client_id in data.draw(st.lists(clients, max_size=most)):
        other, document = data.draw(edits(document))
        concurrent.append((client_id, other))
    return op, concurrent


class RebasingTests(TestCase):
    def verify(self, kind: OTType, op: Any, concurrent: list[tuple[str, Any]]) -> None:
        """It is the fold, finds what that finds, and is no more work than that."""
        edits = [kind.concurrent(*edit) for edit in concurrent]
        before = repr((op, edits))
        expected, conflicts, work = folded(kind, op, ME, concurrent)
        found: Found = []
        result, spent = rebase_over(kind, op, ME, edits, work=work + len(edits), found=found)
        self.assertEqual(json.dumps(result), json.dumps(expected))
        self.assertEqual(found, conflicts)
        # To pass over what does nothing is no work at all when it is counted by parts.
        idle = sum(kind.is_noop(other) for _, other in concurrent)
        self.assertLessEqual(spent, work + idle)
        self.assertEqual(rebase_over(kind, op, ME, edits)[0], expected)
        if spent:
            with self.assertRaises(TooMuchWork):
                rebase_over(kind, op, ME, edits, work=spent - 1, found=[])
        if concurrent and expected:
            with self.assertRaises(TooLarge):
                rebase_over(kind, op, ME, edits, parts=len(expected) - 1)
        self.assertEqual(repr((op, edits)), before)

    @many
    @given(st.data(), operations.texts(max_size=16))
    def test_text(self, data: Any, document: str) -> None:
        self.verify(TEXT, *drawn(data, document, text_edits, 10))

    @many
    @given(st.data(), st.text("xy", max_size=4))
    def test_text_where_all_are_close_together(self, data: Any, document: str) -> None:
        self.verify(TEXT, *drawn(data, document, simple, 6))

    @many
    @given(st.data(), rich_operations.documents())
    def test_rich_text(self, data: Any, document: Any) -> None:
        self.verify(RICH_TEXT, *drawn(data, document, rich_edits, 6))

    @some
    @given(st.integers(0, 1 << 32), st.lists(clients, max_size=4))
    def test_json(self, seed: int, client_ids: list[str]) -> None:
        chance = random.Random(seed)
        document = json_operations.random_document(chance)
        op, _ = json_operations.random_json_edit(chance, document)
        concurrent = []
        for client_id in client_ids:
            other, document = json_operations.random_json_edit(chance, document)
            concurrent.append((client_id, other))
        self.verify(JSON, op, concurrent)

    def test_edits_at_other_places_are_hardly_work(self) -> None:
        typed = [TEXT.concurrent("a", [place, "xy"]) for place in range(10, 1000, 3)]
        for op, expected in (
            ([5, "z"], [5, "z"]),
            ([1000, "z"], [1000 + 2 * len(typed), "z"]),
            ([1000, {"d": 1}, 4, "z"], [1000 + 2 * len(typed), {"d": 1}, 4, "z"]),
        ):
            self.assertEqual(rebase_over(TEXT, op, ME, typed), (expected, len(typed)))

    def test_what_comes_after_something_larger_is_quick_again(self) -> None:
        concurrent = [("a", ["x"])] * 50 + [("a", ["x", 60, "y"])] + [("a", ["z"])] * 50
        edits = [TEXT.concurrent(*edit) for edit in concurrent]
        self.assertEqual(rebase_over(TEXT, [1, "m"], ME, edits), ([102, "m"], 100 + 5))

    def test_who_has_not_seen_a_deletion_around_them_is_told_which(self) -> None:
        typed = [("a", [place, "x"]) for place in (0, 30, 40)]
        found: Found = []
        op = rebase(TEXT, [5, "m"], ME, [*typed, ("c", [4, {"d": 9}]), *typed], found=found)
        self.assertEqual(op, [5, "m"])
        self.assertEqual(
            [(index, conflict.kind, conflict.where) for index, [conflict] in found],
            [(3, "inside_deleted", [6, 6])],
        )
