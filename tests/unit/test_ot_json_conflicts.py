"""Where two concurrent operations of type `json` touch the same thing."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given

from collab_wamp.ot import json_conflicts
from collab_wamp.ot.json_type import JSON
from tests.support.json_operations import Op, random_document, random_json_edit, random_value
from tests.unit.test_ot_json import JsonCase, chances, some


class ConflictTests(JsonCase):
    def found(self, op: Op, other: Op) -> list[tuple[str, list[Any]]]:
        return [(conflict.kind, conflict.where) for conflict in JSON.conflicts(op, other)]

    def test_conflicts(self) -> None:
        text = {"p": ["t"], "t": "text-unicode"}
        for op, other, expected in (
            ([{"p": ["k"], "od": 0, "oi": 1}], [{"p": ["k"], "od": 0, "oi": 2}], [("set", ["k"])]),
            ([{"p": ["k"], "oi": 1}], [{"p": ["k"], "oi": 2}], [("set", ["k"])]),
            ([{"p": ["k"], "od": 0, "oi": 1}], [{"p": ["k"], "od": 0}], [("set", ["k"])]),
            ([{"p": [1], "ld": 0, "li": 1}], [{"p": [1], "ld": 0, "li": 2}], [("set", [1])]),
            ([{"p": [1], "ld": 0}], [{"p": [1], "ld": 0, "li": 2}], [("set", [1])]),
            ([{"p": [1], "lm": 0}], [{"p": [1], "lm": 2}], [("moved", [1])]),
            ([{"p": ["k"], "od": {}}], [{"p": ["k", "x"], "oi": 2}], [("inside_deleted", ["k"])]),
            ([{"p": ["k"], "od": 1, "oi": 2}], [{"p": ["k"], "na": 2}],
             [("inside_deleted", ["k"])]),
            ([{"p": [2], "ld": [1]}], [{"p": [2, 0], "na": 2}], [("inside_deleted", [2])]),
            ([text | {"o": ["a", {"d": "x"}]}], [text | {"o": ["b", {"d": "x"}]}],
             [("replaced", ["t"])]),
            ([{"p": ["t"], "od": "x"}], [text | {"o": ["b"]}], [("inside_deleted", ["t"])]),
        ):  # fmt: skip
            self.assertEqual(self.found(op, other), expected)
            turned = [(kind, other[0]["p"]) for kind, _ in expected]
            self.assertEqual(self.found(other, op), turned)

    def test_what_agrees_or_is_beside_is_none(self) -> None:
        text = {"p": ["t"], "t": "text-unicode"}
        for op, other in (
            ([{"p": ["k"], "od": 0, "oi": 1}], [{"p": ["k"], "od": 0, "oi": 1}]),
            ([{"p": ["k"], "od": 0}], [{"p": ["k"], "od": 0}]),
            ([{"p": ["k"], "od": 0}], [{"p": ["l"], "od": 0}]),
            ([{"p": [1], "li": 1}], [{"p": [1], "li": 2}]),
            ([{"p": [1], "ld": 0}], [{"p": [1], "ld": 0}]),
            ([{"p": [1], "lm": 0}], [{"p": [1], "lm": 0}]),
            ([{"p": [1], "lm": 0}], [{"p": [1, "x"], "oi": 0}]),
            ([{"p": [1], "na": 1}], [{"p": [1], "na": 2}]),
            ([{"p": [1], "ld": 5}], [{"p": [1], "li": 2}]),
            ([text | {"o": ["a"]}], [text | {"o": [2, "b"]}]),
            ([], [{"p": ["k"], "od": 0}]),
        ):
            self.assertEqual(self.found(op, other), [])
            self.assertEqual(self.found(other, op), [])

    def test_where_is_in_the_document_both_were_made_in(self) -> None:
        op: Op = [{"p": [0], "li": "new"}, {"p": [3], "lm": 1}, {"p": [1], "ld": 2, "li": 5}]
        other: Op = [{"p": [0], "ld": 0}, {"p": [1], "ld": 2, "li": 7}]
        self.assertEqual(self.found(op, other), [("set", [2])])

    def test_where_of_what_an_operation_has_put_there_itself(self) -> None:
        op: Op = [
            {"p": ["k"], "od": [1, 2], "oi": {"x": 1}},
            {"p": ["k", "x"], "od": 1, "oi": 2},
        ]
        other: Op = [{"p": ["k"], "od": [1, 2], "oi": {"y": 1}}, {"p": ["k", "y"], "na": 1}]
        self.assertEqual(self.found(op, other), [("set", ["k"]), ("inside_deleted", ["k"])])
        root: Op = [{"p": [], "od": {}, "oi": {"a": 1}}, {"p": ["a"], "na": 1}]
        self.assertIn(("set", []), self.found(root, [{"p": [], "od": {}, "oi": []}]))

    def test_places_are_told_only_where_there_are_conflicts_and_of_a_few(self) -> None:
        told = 0

        def counted(op: Op, index: int) -> list[Any]:
            nonlocal told
            told += 1
            return at_base(op, index)

        at_base = json_conflicts._at_base
        self.patch(json_conflicts, "_at_base", counted)
        items = [{"p": ["a", number], "li": 1} for number in range(1000)]
        self.assertEqual(self.found(items, [{"p": ["a", 0], "li": 2}]), [])
        self.assertEqual(told, 0)
        found = self.found(items, [{"p": ["a"], "od": []}])
        self.assertEqual((len(found), told), (1, json_conflicts.MOST))
        numbers: Op = [{"p": ["a", "n"], "na": 1}] * 1000
        found = self.found(numbers, [{"p": ["a"], "od": {"n": 0}}])
        self.assertEqual(found, [("inside_deleted", ["a", "n"])])
        self.assertEqual(told, 2 * json_conflicts.MOST)

    @some
    @given(chances)
    def test_of_single_components_it_is_symmetric(self, chance: random.Random) -> None:
        document = random_document(chance)
        a, _ = random_json_edit(chance, document, most=1)
        b, _ = random_json_edit(chance, document, most=1)
        self.assertEqual(bool(JSON.conflicts(a, b)), bool(JSON.conflicts(b, a)))

    @some
    @given(chances)
    def test_who_does_the_same_has_no_conflict_about_a_value(self, chance: random.Random) -> None:
        document = {"k": random_value(chance)}
        op: Op = [{"p": ["k"], "od": document["k"], "oi": random_value(chance)}]
        self.assertEqual(JSON.conflicts(op, op), [])
