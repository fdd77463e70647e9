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
        overlapping = bool(changed_spans(a) & changed_spans(b))
        if not overlapping:
            self.assertNotIn("replaced", {kind for kind, _ in found(a, b)})
        elif deletions(a) != deletions(b):
            self.assertIn("replaced", {kind for kind, _ in found(a, b)})


def changed_spans(op: list[Any]) -> set[int]:
    """The characters that an operation deletes."""
    at, touched = 0, set()
    for part in op:
        size = part if isinstance(part, int) else 0
        if isinstance(part, dict):
            size = part["d"] if isinstance(part["d"], int) else len(part["d"])
            touched |= set(range(at, at + size))
        at += size
    return touched


def deletions(op: list[Any]) -> list[tuple[int, int, str]]:
    """What an operation puts in the place of what it deletes."""
    at, rows = 0, []
    for index, part in enumerate(op):
        if isinstance(part, dict):
            size = part["d"] if isinstance(part["d"], int) else len(part["d"])
            beside = [op[i] for i in (index - 1, index + 1) if 0 <= i < len(op)]
            rows.append((at, at + size, "".join(p for p in beside if isinstance(p, str))))
            at += size
        elif isinstance(part, int):
            at += part
    return rows
