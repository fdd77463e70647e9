"""The laws that stand in `collab_wamp/ot/base.py` and `json_type.py`, for the type `json`."""

from __future__ import annotations

import random
from copy import deepcopy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from collab_wamp.ot import Limits, OpError
from collab_wamp.ot.json_type import JSON
from collab_wamp.ot.json_values import MAX_NUMBER, same
from collab_wamp.ot.undo import UndoStack
from tests.support.json_operations import Op, random_document, random_json_edit

LIMITS = Limits()
many = settings(max_examples=300, deadline=None)
some = settings(max_examples=100, deadline=None)
chances = st.randoms(use_true_random=False)


def falsified(op: Op) -> Op:
    """An operation that lies about what it deletes."""
    result = []
    for component in op:
        lie = {key: ["a lie"] for key in ("od", "ld") if key in component}
        if "o" in component:
            lie["o"] = [
                {"d": len(each["d"])} if isinstance(each, dict) else each for each in component["o"]
            ]
        result.append(component | lie)
    return result


class JsonCase(TestCase):
    def assertSame(self, one: Any, other: Any) -> None:
        """Equal as JSON: `1 == True` is not enough."""
        self.assertTrue(same(one, other), f"{one!r} != {other!r}")

    def assertMisfit(self, document: Any, op: Op, part: int, *words: str) -> None:
        with self.assertRaises(OpError) as caught:
            JSON.fit(JSON.measure(document), op)
        self.assertEqual(caught.exception.part, part)
        for word in words:
            self.assertIn(word, str(caught.exception))

    def assertRefused(self, op: Any, part: int | None, limits: Limits = LIMITS) -> OpError:
        with self.assertRaises(OpError, msg=repr(op)[:200]) as caught:
            JSON.check(op, limits)
        self.assertEqual(caught.exception.part, part, f"{op!r:.200}: {caught.exception}")
        return caught.exception


class ApplyTests(JsonCase):
    @many
    @given(chances)
    def test_applying_gives_what_was_made_independently(self, chance: random.Random) -> None:
        document = random_document(chance)
        before = deepcopy(document)
        op, expected = random_json_edit(chance, document)
        self.assertSame(JSON.apply(document, op), expected)
        self.assertSame(document, before)

    @some
    @given(chances)
    def test_a_buffer_does_the_same(self, chance: random.Random) -> None:
        document = random_document(chance)
        buffer = JSON.buffer(document)
        for _ in range(4):
            op, document = random_json_edit(chance, document)
            buffer.apply(op)
            self.assertSame(buffer.content(), document)
            self.assertEqual(buffer.length, JSON.size(JSON.measure(document)))

    @some
    @given(chances)
    def test_nothing_is_changed_in_place(self, chance: random.Random) -> None:
        document = random_document(chance)
        a, after = random_json_edit(chance, document)
        b, _ = random_json_edit(chance, document)
        c, _ = random_json_edit(chance, after)
        before = repr((document, after, a, b, c))
        JSON.transform(a, b, "left")
        JSON.transform(a, b, "right")
        JSON.compose(a, c)
        JSON.fit(JSON.measure(document), a)
        JSON.invert(a, document)
        JSON.normalize(a)
        JSON.check(a, LIMITS)
        JSON.split(a, 2, 6)
        JSON.conflicts(a, b)
        JSON.difference(document, after)
        self.assertEqual(repr((document, after, a, b, c)), before)

    def test_what_is_not_on_the_way_is_shared(self) -> None:
        document = {"a": {"x": [1, 2]}, "b": {"y": [1]}}
        after = JSON.apply(document, [{"p": ["a", "x", 0], "na": 1}])
        self.assertEqual(after, {"a": {"x": [2, 2]}, "b": {"y": [1]}})
        self.assertIs(after["b"], document["b"])
        self.assertIsNot(after["a"], document["a"])

    def test_a_container_is_copied_once_for_an_operation(self) -> None:
        document: Any = [list(range(20_000))]
        op = [{"p": [0, index], "na": 1} for index in range(1_000)]
        after = JSON.apply(document, op)
        self.assertEqual((after[0][999], document[0][999], after[0][1000]), (1000, 999, 1000))

    def test_what_an_operation_inserts_stays_as_it_is(self) -> None:
        op: Op = [{"p": ["a"], "oi": {"b": [1]}}, {"p": ["a", "b", 0], "na": 5}]
        before = deepcopy(op)
        self.assertEqual(JSON.apply({}, op), {"a": {"b": [6]}})
        self.assertEqual(op, before)


class FitTests(JsonCase):
    @many
    @given(chances)
    def test_what_is_deleted_is_filled_in_and_the_size_kept(self, chance: random.Random) -> None:
        document = random_document(chance)
        op, expected = random_json_edit(chance, document)
        measure = JSON.measure(document)
        fitted, after = JSON.fit(measure, falsified(op))
        self.assertSame(fitted, op)
        self.assertSame(after.content, expected)
        self.assertEqual(JSON.size(after), JSON.size(JSON.measure(expected)))
        before = JSON.before(after, fitted)
        self.assertSame(before.content, document)
        self.assertEqual(before.size, measure.size)
        self.assertSame(JSON.make_invertible(falsified(op), document), op)

    @many
    @given(chances)
    def test_a_transformed_operation_fits_and_says_what_it_deletes(
        self, chance: random.Random
    ) -> None:
        document = random_document(chance)
        a, _ = random_json_edit(chance, document)
        b, after_b = random_json_edit(chance, document)
        for side in ("left", "right"):
            moved = JSON.transform(a, b, side)  # type: ignore[arg-type]
            fitted, _ = JSON.fit(JSON.measure(after_b), moved)
            self.assertSame(fitted, moved)
            JSON.check(moved, LIMITS)

    @some
    @given(chances)
    def test_what_is_deleted_is_there_again_after_it_was_left_out(
        self, chance: random.Random
    ) -> None:
        document = random_document(chance)
        a, after_a = random_json_edit(chance, document)
        b, _ = random_json_edit(chance, document)
        lean = JSON.transform(JSON.lean(b), JSON.lean(a), "left")
        full = JSON.transform(b, a, "left")
        measure = JSON.measure(after_a)
        self.assertSame(JSON.fit(measure, lean)[0], JSON.fit(measure, full)[0])

    def test_what_is_large_and_deleted_is_left_out(self) -> None:
        op: Op = [
            {"p": ["a"], "od": {"b": 1}, "oi": [1]},
            {"p": ["l", 0], "ld": ["x"]},
            {"p": ["l", 0], "ld": "short", "li": "y"},
            {"p": ["t"], "od": "x" * 2000},
            {"p": ["n"], "na": 1},
        ]
        nulls = {0: {"od": None}, 1: {"ld": None}, 3: {"od": None}}
        self.assertEqual(
            JSON.lean(op), [each | nulls.get(index, {}) for index, each in enumerate(op)]
        )

    @many
    @given(chances)
    def test_lies_about_what_is_deleted_do_not_matter(self, chance: random.Random) -> None:
        document = random_document(chance)
        a, _ = random_json_edit(chance, document)
        b, after_b = random_json_edit(chance, document)
        measure = JSON.measure(after_b)
        honest = JSON.fit(measure, JSON.transform(a, b, "left"))[1]
        lying = JSON.fit(measure, JSON.transform(falsified(a), b, "left"))[1]
        self.assertSame(lying.content, honest.content)

    def test_the_size_is_about_that_of_the_json_text(self) -> None:
        self.assertEqual(JSON.size(JSON.measure({"ab": [1, None, "xyz"]})), 23)
        self.assertEqual(JSON.size(JSON.measure([])), 2)

    def test_what_does_not_fit_is_refused_with_the_part_and_the_path(self) -> None:
        document = {"a": {"t": "text", "n": 5, "f": 0.5, "b": True}, "l": [1, 2], "~/": {}}
        good = {"p": ["l", 0], "na": 1}
        for component, *words in (
            ({"p": ["x", "y"], "oi": 1}, "/x/y", "leads nowhere", "/x is nothing"),
            ({"p": ["a", "t", "y"], "oi": 1}, "leads nowhere", "/a/t is a text"),
            ({"p": ["a", 0], "oi": 1}, "/a/0", "an object needs"),
            ({"p": ["l", "0"], "li": 1}, "/l/0", "a list needs"),
            ({"p": ["l", "0", "x"], "oi": 1}, "leads nowhere"),
            ({"p": ["l", 3], "li": 1}, "/l/3", "2 items"),
            ({"p": ["l", 2], "ld": 1}, "/l/2", "2 items"),
            ({"p": ["l", 2], "ld": 1, "li": 1}, "2 items"),
            ({"p": ["l", 2], "lm": 0}, "/l/2"),
            ({"p": ["l", 0], "lm": 2}, "/l/2"),
            ({"p": ["l", 0], "oi": 1}, "an object"),
            ({"p": ["l", 0], "od": 1}, "an object"),
            ({"p": ["a", "n"], "li": 1}, "list"),
            ({"p": ["a", "n"], "ld": 5}, "list"),
            ({"p": ["a", "n"], "lm": 5}, "list"),
            ({"p": ["a", "n"], "oi": 1}, "/a/n", "od"),
            ({"p": ["a", "z"], "od": 1}, "/a/z", "od"),
            ({"p": ["a", "z"], "od": 1, "oi": 1}, "/a/z", "od"),
            ({"p": ["a", "t"], "na": 1}, "whole number"),
            ({"p": ["a", "f"], "na": 1}, "whole number"),
            ({"p": ["a", "b"], "na": 1}, "whole number"),
            ({"p": ["a", "z"], "na": 1}, "whole number"),
            ({"p": ["a", "n"], "na": MAX_NUMBER}, "2^53"),
            ({"p": ["a", "n"], "t": "text-unicode", "o": ["x"]}, "no text"),
            ({"p": ["a", "z"], "t": "text-unicode", "o": ["x"]}, "no text"),
            ({"p": ["a", "t"], "t": "text-unicode", "o": [5, "x"]}, "/a/t", "past the end"),
            ({"p": ["~/", "a", "b"], "oi": 1}, "/~0~1/a/b"),
            ({"p": [], "oi": {}}, "the root"),
        ):
            self.assertMisfit(document, [good, component], 1, *words)


class ComposeTests(JsonCase):
    @many
    @given(chances)
    def test_composition_is_associative_by_effect(self, chance: random.Random) -> None:
        document = random_document(chance)
        a, one = random_json_edit(chance, document)
        b, two = random_json_edit(chance, one)
        c, three = random_json_edit(chance, two)
        self.assertSame(JSON.apply(document, JSON.compose(a, b)), two)
        self.assertSame(JSON.apply(document, JSON.compose(JSON.compose(a, b), c)), three)
        self.assertSame(JSON.apply(document, JSON.compose(a, JSON.compose(b, c))), three)

    @many
    @given(chances)
    def test_inversion(self, chance: random.Random) -> None:
        document = random_document(chance)
        a, middle = random_json_edit(chance, document)
        b, after = random_json_edit(chance, middle)
        self.assertSame(JSON.apply(after, JSON.invert(JSON.compose(a, b))), document)
        self.assertSame(JSON.apply(middle, JSON.invert(falsified(a), document)), document)

    def test_a_text_that_is_not_said_cannot_be_inverted_alone(self) -> None:
        with self.assertRaises(OpError) as caught:
            JSON.invert([{"p": ["n"], "na": 1}, {"p": ["t"], "t": "text-unicode", "o": [{"d": 2}]}])
        self.assertEqual(caught.exception.part, 1)

    @some
    @given(chances)
    def test_undo_keeps_what_others_did(self, chance: random.Random) -> None:
        document = random_document(chance)
        stack = UndoStack(JSON, lambda: content)
        own, content = random_json_edit(chance, document)
        stack.own(own)
        other, content = random_json_edit(chance, content)
        stack.others(other)
        for step in (stack.undo, stack.redo, stack.undo):
            op = step()
            if op is not None:
                op, measure = JSON.fit(JSON.measure(content), op)
                content = measure.content

    @some
    @given(chances)
    def test_normalize(self, chance: random.Random) -> None:
        document = random_document(chance)
        op, middle = random_json_edit(chance, document)
        more, expected = random_json_edit(chance, middle)
        normal = JSON.normalize([*op, {"p": ["a"], "na": 0.0}, {"p": [3], "lm": 3}, *more])
        self.assertSame(JSON.apply(document, normal), expected)
        self.assertSame(JSON.normalize(normal), normal)
        self.assertEqual(JSON.is_noop(normal), normal == [])

    def test_normalize_makes_numbers_and_texts_canonical_and_refuses_what_is_no_operation(
        self,
    ) -> None:
        op = [
            {"p": ["a"], "oi": [1.0, -0.0, 2.5]},
            {"p": ["t"], "t": "text-unicode", "o": [1, 1, "", "x", 0]},
            {"p": ["n"], "na": 3.0},
        ]
        normal = [
            {"p": ["a"], "oi": [1, 0, 2.5]},
            {"p": ["t"], "t": "text-unicode", "o": [2, "x"]},
            {"p": ["n"], "na": 3},
        ]
        self.assertSame(JSON.normalize(op), normal)
        for wrong in (None, {}, ["a"], [{"p": ["a"]}], [{"p": "a", "oi": 1}]):
            with self.assertRaises(OpError):
                JSON.normalize(wrong)

    @many
    @given(chances, st.integers(1, 4), st.integers(20, 80))
    def test_split(self, chance: random.Random, parts: int, size: int) -> None:
        rest, expected = random_json_edit(chance, document := random_document(chance), most=6)
        for _ in range(200):
            if JSON.is_noop(rest):
                break
            first, rest = JSON.split(rest, parts, size)
            self.assertFalse(JSON.is_noop(first), "sent alone, it would never be committed")
            if len(first) > 1:
                self.assertLessEqual(sum(len(each.get("o", "1")) for each in first), parts)
            document = JSON.apply(document, first)
        self.assertSame(document, expected)

    def test_a_large_value_is_cut(self) -> None:
        value = {"l": [["x" * 30, 1], "é" * 50], "e": {}, "t": "y" * 99}
        for op in (
            [{"p": ["k"], "od": 0, "oi": value}],
            [{"p": ["k"], "od": 0, "oi": [value]}, {"p": ["k", 0], "ld": value, "li": value}],
            [{"p": [], "od": {"k": 0}, "oi": value}],
        ):
            document: Any = {"k": 0}
            expected, rest, sent = JSON.apply(document, op), op, 0
            while rest:
                first, rest = JSON.split(rest, 100, 90)
                self.assertEqual(JSON.check(first, Limits(100, 90)), first)
                document, sent = JSON.apply(document, first), sent + 1
                self.assertLess(sent, 30)
            self.assertSame(document, expected)

    def test_what_is_long_and_deleted_is_not_sent(self) -> None:
        document = {"long": ["x" * 999], "short": ["x" * 990], "l": [{"t": "é" * 500}, 2]}
        op: Op = [
            {"p": ["long"], "od": document["long"], "oi": 1},
            {"p": ["short"], "od": document["short"]},
            {"p": ["l", 0], "ld": document["l"][0]},
        ]
        sent = JSON.to_send(op)
        self.assertEqual(
            [each.get("od", each.get("ld")) for each in sent], [None, ["x" * 990], None]
        )
        self.assertSame(JSON.fit(JSON.measure(document), sent)[0], op)
        self.assertEqual(JSON.split(op, 5, 1100), (op, []))

    def test_a_long_text_is_cut(self) -> None:
        op: Op = [{"p": ["t"], "t": "text-unicode", "o": ["abcdef" * 10]}]
        first, rest = JSON.split(op, 10, 20)
        self.assertLess(len(first[0]["o"][0]), 21)
        self.assertSame(JSON.apply(JSON.apply({"t": ""}, first), rest), {"t": "abcdef" * 10})

    @many
    @given(chances)
    def test_difference(self, chance: random.Random) -> None:
        old = random_document(chance)
        for new in (random_json_edit(chance, old)[1], random_document(chance)):
            op = JSON.difference(old, new)
            fitted, measure = JSON.fit(JSON.measure(old), op)
            self.assertSame(fitted, op)
            self.assertSame(measure.content, new)
            self.assertEqual(op == [], same(old, new))

    def test_difference_is_small(self) -> None:
        old = {"a": [1, {"t": "a text"}, 3], "b": True, "c": None}
        new = {"a": [1, {"t": "a long text"}, 3], "b": 1, "d": None}
        self.assertEqual(
            JSON.difference(old, new),
            [
                {"p": ["a", 1, "t"], "t": "text-unicode", "o": [2, "long "]},
                {"p": ["b"], "od": True, "oi": 1},
                {"p": ["c"], "od": None},
                {"p": ["d"], "oi": None},
            ],
        )
        self.assertEqual(JSON.difference([1, 2, 3], [1, 9, 2, 3]), [{"p": [1], "li": 9}])
        # What begins alike does not also count as ending alike.
        self.assertEqual(JSON.difference([1, 1], [1, 1, 1]), [{"p": [2], "li": 1}])
        self.assertEqual(JSON.difference([1, 1, 1], [1, 1]), [{"p": [2], "ld": 1}])
        self.assertEqual(
            JSON.difference([1, 2, 3], [3]), [{"p": [0], "ld": 1}, {"p": [0], "ld": 2}]
        )

    def test_what_differs_in_very_many_places_is_replaced(self) -> None:
        old, new = [0] * 1002, [0]
        self.assertEqual(len(JSON.difference(old[:1001], new)), 1000)
        self.assertEqual(JSON.difference(old, new), [{"p": [], "od": old, "oi": new}])
        self.assertEqual(
            JSON.difference([1, {"a": 1, "b": old}], [1, {"a": 2, "b": new}]),
            [{"p": [1, "a"], "od": 1, "oi": 2}, {"p": [1, "b"], "od": old, "oi": new}],
        )
        wide = [{str(number): value for number in range(600)} for value in range(2)]
        self.assertEqual(
            JSON.difference([[wide[0], wide[0]], 1], [[wide[1], wide[1]], 2]),
            [
                {"p": [0], "ld": [wide[0], wide[0]], "li": [wide[1], wide[1]]},
                {"p": [1], "ld": 1, "li": 2},
            ],
        )

    def test_the_text_of_an_operation_is_what_it_sets(self) -> None:
        op: Op = [
            {"p": ["a"], "od": 1, "oi": {"é": [1, "x"]}},
            {"p": ["t"], "t": "text-unicode", "o": [1, "typed", {"d": "x"}]},
            {"p": ["l", 0], "lm": 1},
        ]
        self.assertEqual(JSON.text_of(op), '{"é":[1,"x"]}\ntyped')
        self.assertEqual(JSON.text_of(op[2:]), "")

    def test_a_larger_operation_weighs_more(self) -> None:
        small: Op = [{"p": ["a"], "oi": 1}]
        large: Op = [{"p": ["a"], "oi": {"k": ["x" * 10_000]}}]
        self.assertGreater(JSON.weight(small), 100)
        self.assertGreater(JSON.weight(large), 10_000)
        self.assertEqual(JSON.bare(large), large)
        self.assertEqual(JSON.transform_position(7, large), 7)
