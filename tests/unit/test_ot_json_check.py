"""What operations and contents of type `json` are refused."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given

from collab_wamp.ot import Limits, OpError, get_type
from collab_wamp.ot.json_type import JSON
from collab_wamp.ot.json_values import MAX_NUMBER
from tests.support.json_operations import random_document, random_json_edit
from tests.unit.test_ot_json import LIMITS, JsonCase, chances, many


class CheckTests(JsonCase):
    @many
    @given(chances)
    def test_what_is_canonical_is_let_through(self, chance: random.Random) -> None:
        op, _ = random_json_edit(chance, random_document(chance))
        self.assertSame(JSON.check(op, LIMITS), op)

    def test_what_is_no_operation_is_refused(self) -> None:
        for op in (None, "abc", 5, {"p": []}, ({"p": ["a"], "oi": 1},), True):
            self.assertRefused(op, None)

    def test_what_is_not_canonical_is_refused_with_the_part_that_is_wrong(self) -> None:
        good = {"p": ["a", 0], "na": 1}
        for component in (
            None, [], "x", 1, {}, {"p": ["a"]}, {"oi": 1}, {"p": None, "oi": 1},
            {"p": "a", "oi": 1},
            {"p": ["a"], "oi": 1, "x": 1}, {"p": ["a"], 1: 1}, {"p": ["a"], "oi": 1, "li": 1},
            {"p": ["a"], "oi": 1, "na": 1}, {"p": [0], "lm": 1, "li": 1},
            {"p": [0], "od": 1, "ld": 1},
            {"p": ["a"], "t": "text-unicode"}, {"p": ["a"], "o": []}, {"p": ["a"], "si": "x"},
            {"p": ["a", 0], "sd": "x"}, {"p": ["a"], "t": "text0", "o": [{"p": 0, "i": "x"}]},
            {"p": ["a"], "t": "text-unicode", "o": "x"},
            {"p": ["a"], "t": "text-unicode", "o": [""]},
            {"p": ["a"], "t": "text-unicode", "o": [3]},
            {"p": ["a"], "t": ["text-unicode"], "o": []},
            {"p": ["a"], "t": "text-unicode", "o": ["x"], "na": 1},
            {"p": [], "oi": {}}, {"p": [], "od": {}}, {"p": [], "na": 1}, {"p": [], "lm": 1},
            {"p": [], "li": 1}, {"p": [], "od": {}, "oi": 5}, {"p": [], "od": {}, "oi": None},
            {"p": [], "t": "text-unicode", "o": ["x"]},
            {"p": [True], "li": 1}, {"p": [1.0], "li": 1}, {"p": [-1], "li": 1},
            {"p": [2**31 + 1], "li": 1}, {"p": [None], "li": 1}, {"p": [["a"]], "oi": 1},
            {"p": ["a"] * 65, "oi": 1}, {"p": [10**400], "li": 1},
            {"p": ["__proto__"], "oi": 1}, {"p": ["a", "constructor", "prototype"], "oi": 1},
            {"p": ["prototype", "x"], "na": 1}, {"p": ["a"], "oi": {"__proto__": 1}},
            {"p": ["a"], "od": [{"constructor": 1}]}, {"p": ["a"], "oi": {1: 2}},
            {"p": ["a\0"], "oi": 1}, {"p": ["\ud800"], "oi": 1}, {"p": ["a"], "oi": "\0"},
            {"p": ["a"], "oi": ["x", "\udc00"]}, {"p": ["a"], "oi": {"\ud83d": 1}},
            {"p": ["a"], "od": "\0"}, {"p": ["a"], "t": "text-unicode", "o": ["\ud800"]},
            {"p": ["a"], "oi": float("nan")}, {"p": ["a"], "oi": float("inf")},
            {"p": ["a"], "oi": 2**53}, {"p": ["a"], "oi": -(2**53)}, {"p": ["a"], "oi": 1e21},
            {"p": ["a"], "oi": 10**4000}, {"p": ["a"], "oi": b"x"}, {"p": ["a"], "oi": (1,)},
            {"p": ["a"], "na": True}, {"p": ["a"], "na": "1"}, {"p": ["a"], "na": 0.5},
            {"p": ["a"], "na": float("nan")}, {"p": ["a"], "na": 2**53}, {"p": ["a"], "na": None},
            {"p": [0], "lm": True}, {"p": [0], "lm": -1}, {"p": [0], "lm": 1.0},
            {"p": [0], "lm": "1"},
            {"p": ["a"], "oi": deep(64)}, {"p": [0], "ld": deep(65)}, {"p": [0], "li": deep(64)},
            {"p": [], "od": {}, "oi": deep(65)}, {"p": ["a"] * 63, "oi": deep(2)},
            {"p": ["a"] * 64, "oi": {}},
        ):  # fmt: skip
            error = self.assertRefused([good, component], 1)
            self.assertFalse(error.too_large)

    def test_numbers_of_any_length_are_refused(self) -> None:
        for component in ({"p": ["a"], "oi": 10**5000}, {"p": [10**5000], "li": 1}):
            with self.assertRaises(OpError):
                JSON.check([component], LIMITS)

    def test_it_says_how_texts_are_edited(self) -> None:
        error = self.assertRefused([{"p": ["a", 3], "si": "x"}], 0)
        self.assertIn('"t": "text-unicode"', str(error))

    def test_what_is_just_within_bounds(self) -> None:
        for component in (
            {"p": ["a"], "oi": deep(63)},
            {"p": [], "od": {}, "oi": deep(64)},
            {"p": ["a"] * 63, "oi": deep(1)},
            {"p": ["a"] * 64, "oi": None},
            {"p": [2**31], "li": MAX_NUMBER},
            {"p": ["toString", "hasOwnProperty"], "oi": "\U0010ffff"},
            {"p": [0], "lm": 0},
            {"p": [0], "na": 0},
            {"p": ["t"], "t": "text-unicode", "o": []},
        ):
            self.assertEqual(JSON.check([component], LIMITS), [component])

    def test_numbers_come_out_canonical(self) -> None:
        op = [{"p": [0], "li": [1.0, -0.0, {"a": 5e3}]}, {"p": [0], "na": 2.0}]
        canonical = [{"p": [0], "li": [1, 0, {"a": 5000}]}, {"p": [0], "na": 2}]
        self.assertSame(JSON.check(op, LIMITS), canonical)

    def test_limits(self) -> None:
        limits = Limits(parts=3, insert_bytes=20)
        texts = {"p": ["t"], "t": "text-unicode"}
        for fits in (
            [{"p": ["a"], "oi": "x" * 18}],
            [{"p": ["a"], "od": "x" * 200}],
            [texts | {"o": [1, "x" * 20, {"d": 9}]}],
            [{"p": ["a"], "na": 1}] * 3,
        ):
            self.assertEqual(JSON.check(fits, limits), fits)
        for op, part in (
            ([{"p": ["a"], "na": 1}] * 4, None),
            ([texts | {"o": [1, "x", 1, "y"]}], 0),
            ([texts | {"o": [1, "x"]}] * 2, 1),
            ([{"p": ["a"], "oi": "x" * 19}], 0),
            ([{"p": ["a"], "oi": "€" * 7}], 0),
            ([{"p": ["a"], "oi": [[]] * 10}], 0),
            ([{"p": ["a"], "oi": {"k" * 20: 1}}], 0),
            ([{"p": ["a"], "oi": "x" * 10}, {"p": [0], "li": "x" * 10}], 1),
            ([{"p": ["a"], "oi": "x" * 10}, texts | {"o": ["x" * 12]}], 1),
            ([{"p": ["a"], "od": "x" * 400}], 0),
            ([{"p": ["k" * 400], "na": 1}], 0),
        ):
            self.assertTrue(self.assertRefused(op, part, limits).too_large, op)

    def test_the_number_of_parts_is_looked_at_before_any_of_them(self) -> None:
        self.assertTrue(self.assertRefused([object()] * 4, None, Limits(parts=3)).too_large)

    def test_a_value_without_an_end_is_not_gone_through(self) -> None:
        endless: list[Any] = []
        endless.append(endless)
        self.assertRefused([{"p": ["a"], "oi": endless}], 0)
        wide: list[Any] = [0] * 10_000_000
        self.assertTrue(self.assertRefused([{"p": ["a"], "oi": wide}], 0).too_large)

    def test_a_document_is_created_of_an_object_or_a_list(self) -> None:
        self.assertEqual(JSON.create(None), {})
        for content in ({}, [], {"a": [1, {"b": None}]}, [deep(63)]):
            self.assertSame(JSON.create(content), content)
        self.assertSame(JSON.create({"a": [1.0]}), {"a": [1]})
        for content in (
            "a text", 5, True, {"a": 2**53}, {"__proto__": {}}, ["\0"], {"\ud800": 1}, [deep(64)],
            [float("nan")], {"a": b""}, {1: 1},
        ):  # fmt: skip
            with self.assertRaises(OpError):
                JSON.create(content)

    def test_a_document_is_not_what_the_caller_may_go_on_changing(self) -> None:
        content = {"a": [1]}
        document = JSON.create(content)
        content["a"].append(2)
        self.assertEqual(document, {"a": [1]})

    def test_the_type_is_found_by_its_name(self) -> None:
        self.assertIs(get_type("json"), JSON)


def deep(levels: int) -> Any:
    value: Any = []
    for _ in range(levels - 1):
        value = [value]
    return value
