"""Transforming operations of type `json`."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given

from collab_wamp.ot import TooMuchWork, rebase
from collab_wamp.ot.json_type import JSON
from collab_wamp.ot.json_values import MAX_NUMBER
from tests.support.json_operations import Op, random_document, random_json_edit
from tests.unit.test_ot_json import JsonCase, chances, many, some


class TransformTests(JsonCase):
    @many
    @given(chances)
    def test_convergence(self, chance: random.Random) -> None:
        document = random_document(chance)
        a, after_a = random_json_edit(chance, document, root=0.05)
        b, after_b = random_json_edit(chance, document, root=0.05)
        self.assertSame(
            JSON.apply(after_a, JSON.transform(b, a, "right")),
            JSON.apply(after_b, JSON.transform(a, b, "left")),
        )

    def test_convergence_of_all_pairs_of_components_on_short_lists(self) -> None:
        """Every pair of moves, insertions, deletions and replacements, and changes of items."""
        for length in (1, 2, 3, 4):
            document = [{"n": index} for index in range(length)]
            for a in list_components(document, "a"):
                after_a = JSON.apply(document, [a])
                for b in list_components(document, "b"):
                    right = JSON.transform([b], [a], "right")
                    left = JSON.transform([a], [b], "left")
                    after_b = JSON.apply(document, [b])
                    said = (document, a, b)
                    self.assertEqual(JSON.apply(after_a, right), JSON.apply(after_b, left), said)
                    self.assertEqual(JSON.make_invertible(right, after_a), right, said)
                    self.assertEqual(JSON.make_invertible(left, after_b), left, said)

    @some
    @given(chances)
    def test_three_people_on_a_server(self, chance: random.Random) -> None:
        """Each has made three edits offline; whoever is committed, all come to one document."""
        document = random_document(chance)
        waiting: dict[str, Op] = {}
        screens = {}
        for name in ("anna", "bert", "cleo"):
            op: Op = []
            screens[name] = document
            for _ in range(3):
                more, screens[name] = random_json_edit(chance, screens[name], most=2)
                op = JSON.compose(op, more)
            waiting[name] = op
        server = JSON.measure(document)
        while waiting:
            name = chance.choice(list(waiting))
            op, server = JSON.fit(server, waiting.pop(name))
            for other, pending in waiting.items():
                screens[other] = JSON.apply(screens[other], JSON.transform(op, pending, "right"))
                waiting[other] = JSON.transform(pending, op, JSON.side(other, name))
            for done in screens.keys() - waiting.keys() - {name}:
                screens[done] = JSON.apply(screens[done], op)
            self.assertSame(screens[name], server.content)
        for screen in screens.values():
            self.assertSame(screen, server.content)

    def test_the_value_committed_later_stands(self) -> None:
        first: Op = [{"p": ["k"], "od": 0, "oi": "first"}]
        later: Op = [{"p": ["k"], "od": 0, "oi": "later"}]
        self.assertEqual(
            rebase(JSON, later, "anna", [("bert", first)]),
            [{"p": ["k"], "od": "first", "oi": "later"}],
        )
        self.assertEqual(JSON.side("a", "b"), JSON.side("b", "a"))

    def test_the_later_of_two_insertions_at_one_place_goes_first(self) -> None:
        mine: Op = [{"p": [1], "li": "mine"}]
        other: Op = [{"p": [1], "li": "other"}]
        self.assertEqual(JSON.transform(mine, other, "left"), mine)
        self.assertEqual(JSON.transform(mine, other, "right"), [{"p": [2], "li": "mine"}])

    def test_the_later_of_two_moves_stands(self) -> None:
        mine: Op = [{"p": [0], "lm": 1}]
        self.assertEqual(JSON.transform(mine, [{"p": [0], "lm": 2}], "left"), [{"p": [2], "lm": 1}])
        self.assertEqual(JSON.transform(mine, [{"p": [0], "lm": 2}], "right"), [])
        # Of two items moved to one place, from the same direction, the left one comes first.
        other: Op = [{"p": [1], "lm": 3}]
        self.assertEqual(
            JSON.transform([{"p": [0], "lm": 3}], other, "left"), [{"p": [0], "lm": 2}]
        )
        self.assertEqual(
            JSON.transform([{"p": [0], "lm": 3}], other, "right"), [{"p": [0], "lm": 3}]
        )

    def test_a_value_stands_against_a_deletion_whichever_is_later(self) -> None:
        for place in ({"p": ["k"], "od": 0}, {"p": [1], "ld": 0}):
            setting = "oi" if "od" in place else "li"
            deletion, value = [place], [place | {setting: "value"}]
            for side in ("left", "right"):
                self.assertEqual(JSON.transform(deletion, value, side), [])  # type: ignore[arg-type]
                self.assertEqual(
                    JSON.transform(value, deletion, side),  # type: ignore[arg-type]
                    [{"p": place["p"], setting: "value"}],
                )

    def test_moves_and_changes_of_one_item_both_count(self) -> None:
        move: Op = [{"p": ["l", 0], "lm": 2}]
        change: Op = [{"p": ["l", 0, "n"], "na": 1}]
        self.assertEqual(JSON.transform(change, move, "left"), [{"p": ["l", 2, "n"], "na": 1}])
        self.assertEqual(JSON.transform(move, change, "right"), move)

    def test_the_work_is_that_of_all_pairs_of_components(self) -> None:
        op: Op = [{"p": ["l", 0], "li": 1}] * 30
        text: Op = [{"p": ["t"], "t": "text-unicode", "o": [1, "x"]}]
        self.assertEqual((JSON.work(op, op), JSON.work(op, text)), (3600, 122))
        with self.assertRaises(TooMuchWork):
            rebase(JSON, op, "anna", [("bert", op)], work=899)

    def test_texts_inside_are_edited_together(self) -> None:
        a: Op = [{"p": ["t"], "t": "text-unicode", "o": ["x"]}]
        b: Op = [{"p": ["t"], "t": "text-unicode", "o": [1, {"d": "b"}]}]
        self.assertEqual(
            JSON.transform(b, a, "left"),
            [{"p": ["t"], "t": "text-unicode", "o": [2, {"d": "b"}]}],
        )

    def test_a_deletion_says_what_others_made_of_what_it_deletes(self) -> None:
        deletion: Op = [{"p": ["a"], "od": {"n": 1, "t": "x"}}]
        change: Op = [
            {"p": ["a", "n"], "na": 4},
            {"p": ["a", "t"], "t": "text-unicode", "o": [1, "y"]},
        ]
        self.assertEqual(
            JSON.transform(deletion, change, "left"), [{"p": ["a"], "od": {"n": 5, "t": "xy"}}]
        )

    def test_additions_come_out_the_same_in_every_order(self) -> None:
        """Also while they are beyond what will be committed."""
        document = {"n": MAX_NUMBER - 1}
        a: Op = [{"p": ["n"], "na": 9}]
        b: Op = [{"p": ["n"], "na": -4}]
        one = JSON.apply(JSON.apply(document, a), b)
        self.assertEqual(one, JSON.apply(JSON.apply(document, b), a))
        self.assertEqual(JSON.apply(one, JSON.invert(JSON.compose(a, b))), document)


def list_components(document: list[Any], who: str) -> Op:
    result: Op = []
    for index, item in enumerate(document):
        result += [
            {"p": [index], "ld": item},
            {"p": [index], "ld": item, "li": who},
            {"p": [index, "n"], "na": 3 if who == "a" else 5},
            {"p": [index, "n"], "od": item["n"], "oi": who},
            {"p": [index, "n"], "od": item["n"]},
            {"p": [index, "new"], "oi": who},
        ]
        result += [{"p": [index], "lm": to} for to in range(len(document))]
    return result + [{"p": [index], "li": who} for index in range(len(document) + 1)]
