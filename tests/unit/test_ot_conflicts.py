"""Where two concurrent operations of type `text` touch the same thing."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from collab_wamp.ot.text import TEXT
from tests.support.operations import edits, texts


def found(op: list[Any], other: list[Any]) -> list[tuple[str, list[int]]]:
    return [(conflict.kind, conflict.where) for conflict in TEXT.conflicts(op, other)]


class TextConflictTests(SynchronousTestCase):
    def test_one_word_replaced_by_two_people(self) -> None:
        self.assertEqual(found([4, "cow", {"d": 3}], [4, "dog", {"d": 3}]), [("replaced", [4, 7])])

    def test_overlapping_deletions_with_different_results(self) -> None:
        self.assertEqual(found([{"d": 4}], [2, {"d": "cdef"}]), [("replaced", [2, 4])])

    def test_typed_inside_what_the_other_deleted(self) -> None:
        self.assertEqual(found([3, "x"], [1, {"d": 5}]), [("inside_deleted", [3, 3])])
        self.assertEqual(found([1, {"d": 5}], [3, "x"]), [("inside_deleted", [3, 3])])

    def test_what_agrees_or_only_touches_is_none(self) -> None:
        for op, other in (
            ([4, {"d": 3}], [4, {"d": 3}]),
            ([4, "dog", {"d": 3}], [4, "dog", {"d": 3}]),
            ([4, "a"], [4, "b"]),
            ([{"d": 3}], [3, {"d": 3}]),
            ([1, "x"], [1, {"d": 3}]),
            ([4, "x"], [1, {"d": 3}]),
            ([], [1, {"d": 3}]),
        ):
            self.assertEqual(found(op, other), [])
            self.assertEqual(found(other, op), [])

    def test_one_long_deletion_meets_several(self) -> None:
        several = [1, {"d": 1}, 1, "x", 2, "y", {"d": 2}]
        self.assertEqual(
            found([{"d": 9}], several),
            [("replaced", [1, 2]), ("inside_deleted", [3, 3]), ("replaced", [5, 7])],
        )

    @settings(deadline=None)
    @given(st.data())
    def test_it_is_symmetric_and_finds_what_a_look_at_each_character_finds(self, data: Any) -> None:
        document = data.draw(texts())
        (a, _), (b, _) = data.draw(edits(document)), data.draw(edits(document))
        self.assertEqual(sorted(found(a, b)), sorted(found(b, a)))
        expected = {
            ("replaced", mine, theirs)
            for mine in groups(a)
            for theirs in groups(b)
            if set(range(*mine[:2])) & set(range(*theirs[:2])) and mine != theirs
        } | {
            ("inside_deleted", mine, theirs)
            for mine, theirs in [(x, y) for x in groups(a) for y in groups(b)]
            for inner, outer in ((mine, theirs), (theirs, mine))
            if inner[0] == inner[1] and outer[0] < inner[0] < outer[1]
        }
        self.assertEqual(
            sorted(kind for kind, _, _ in expected), sorted(kind for kind, _ in found(a, b))
        )


def groups(op: list[Any]) -> list[tuple[int, int, str]]:
    """What an operation puts in the place of what: one for each run of changes side by side."""
    rows: list[tuple[int, int, str]] = []
    at = 0
    beside = False
    for part in op:
        if isinstance(part, int):
            at, beside = at + part, False
            continue
        start, end, text = rows.pop() if beside else (at, at, "")
        if isinstance(part, str):
            text += part
        else:
            at += part["d"] if isinstance(part["d"], int) else len(part["d"])
            end = at
        rows.append((start, end, text))
        beside = True
    return rows
