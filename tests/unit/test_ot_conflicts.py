"""Where two concurrent operations of types `text` and `rich_text` touch the same thing."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from collab_wamp.ot.rich_text import RICH_TEXT
from collab_wamp.ot.text import TEXT
from tests.support import rich_operations
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


def rich(op: list[Any], other: list[Any]) -> list[tuple[str, list[int]]]:
    return [(conflict.kind, conflict.where) for conflict in RICH_TEXT.conflicts(op, other)]


def at(position: int, *parts: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"retain": position}, *parts] if position else [*parts]


def bold(count: int, value: Any = True) -> dict[str, Any]:
    return {"retain": count, "attributes": {"bold": value}}


COW, DOG = {"insert": "cow"}, {"insert": "dog"}


class RichTextConflictTests(SynchronousTestCase):
    def both_ways(self, op: list[Any], other: list[Any], *expected: tuple[str, list[int]]) -> None:
        self.assertEqual(rich(op, other), [*expected])
        self.assertEqual(rich(other, op), [*expected])

    def test_one_word_replaced_by_two_people(self) -> None:
        self.both_ways(at(4, COW, {"delete": 3}), at(4, DOG, {"delete": 3}), ("replaced", [4, 7]))
        in_bold = {**COW, "attributes": {"bold": True}}
        self.both_ways(
            at(4, COW, {"delete": 3}), at(4, in_bold, {"delete": 3}), ("replaced", [4, 7])
        )

    def test_overlapping_deletions_with_different_results(self) -> None:
        self.both_ways([{"delete": 4}], at(2, {"delete": 4}), ("replaced", [2, 4]))

    def test_typed_or_formatted_inside_what_the_other_deleted(self) -> None:
        self.both_ways(at(3, COW), at(1, {"delete": 5}), ("inside_deleted", [3, 3]))
        self.both_ways(at(3, bold(9)), at(1, {"delete": 5}), ("inside_deleted", [3, 6]))

    def test_one_range_formatted_differently(self) -> None:
        self.both_ways(at(3, bold(4)), at(1, bold(4, None)), ("formatted", [3, 5]))
        self.both_ways(
            [{"retain": 2, "attributes": {"link": {"a": 1}, "bold": True}}],
            [{"retain": 2, "attributes": {"link": {"a": True}, "bold": True}}],
            ("formatted", [0, 2]),
        )

    def test_what_agrees_or_only_touches_is_none(self) -> None:
        for op, other in (
            (at(4, {"delete": 3}), at(4, {"delete": 3})),
            (at(4, DOG, {"delete": 3}), at(4, DOG, {"delete": 3})),
            (at(4, COW), at(4, DOG)),
            (at(4, COW), at(2, bold(4))),
            ([{"delete": 3}], at(3, {"delete": 3})),
            ([{"delete": 3}], at(3, bold(3))),
            (at(1, COW), at(1, {"delete": 3})),
            (at(4, COW), at(1, {"delete": 3})),
            ([bold(5)], at(2, bold(9))),
            ([bold(5)], at(2, {"retain": 2, "attributes": {"italic": True}})),
            ([], at(1, {"delete": 3})),
        ):
            self.both_ways(op, other)

    def test_one_long_deletion_meets_several(self) -> None:
        self.both_ways(
            [{"delete": 12}],
            at(1, {"delete": 1}, {"retain": 1}, COW, bold(2), DOG, {"delete": 2}),
            ("replaced", [1, 2]),
            ("inside_deleted", [3, 3]),
            ("inside_deleted", [3, 5]),
            ("replaced", [5, 7]),
        )

    @settings(deadline=None)
    @given(st.data())
    def test_it_is_symmetric_and_finds_what_a_look_at_each_character_finds(self, data: Any) -> None:
        document = data.draw(rich_operations.documents())
        (a, _), (b, _) = [data.draw(rich_operations.edits(document)) for _ in range(2)]
        found = rich(a, b)
        self.assertEqual(sorted(found), sorted(rich(b, a)))
        ours, theirs = done_to_each(a), done_to_each(b)
        for i in ours.keys() & theirs.keys():
            mine, yours = ours[i], theirs[i]
            here = {kind for kind, (start, end) in found if start <= i < end}
            if mine is None and yours is None:
                self.assertLessEqual(here, {"replaced"})
            elif mine is None or yours is None:
                self.assertEqual(here, {"inside_deleted"})
            else:
                common = mine.keys() & yours.keys()
                differ = any(
                    rich_operations.written(mine[name]) != rich_operations.written(yours[name])
                    for name in common
                )
                self.assertEqual(here, {"formatted"} if differ else set())
        for kind, (start, end) in found:
            if kind != "inside_deleted" or start < end:
                self.assertLessEqual(set(range(start, end)), ours.keys() & theirs.keys())


def done_to_each(op: list[Any]) -> dict[int, Any]:
    """What an operation does to each character it touches: its format; None = it deletes it."""
    position, done = 0, {}
    for part in op:
        count = part.get("retain", part.get("delete", 0))
        if "delete" in part or ("attributes" in part and "retain" in part):
            done |= dict.fromkeys(range(position, position + count), part.get("attributes"))
        position += count
    return done
