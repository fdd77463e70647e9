"""What operations and contents of type `rich_text` are refused."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from collab_wamp.ot import Limits, OpError, get_type
from collab_wamp.ot.canonical import canonical
from collab_wamp.ot.rich_checks import MAX_DEPTH, MAX_INTEGER, MAX_NUMBER
from collab_wamp.ot.rich_text import RICH_TEXT
from tests.support.rich_operations import (
    CHARACTERS,
    EMBEDS,
    Op,
    documents,
    edits,
)
from tests.unit.test_ot_rich_text import BOLD, LIMITS, RichTestCase, many, some


def nested(depth: int) -> Any:
    value: Any = 1
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


class CheckTests(RichTestCase):
    @many
    @given(st.data(), documents(CHARACTERS))
    def test_what_is_canonical_is_let_through(self, data: Any, document: Op) -> None:
        op, _ = data.draw(edits(document, CHARACTERS))
        self.assertIs(RICH_TEXT.check(op, LIMITS), op)

    def test_what_is_no_list_is_refused(self) -> None:
        for op in (None, "abc", 5, {"ops": []}, ({"insert": "a"},), True, 1.5):
            with self.assertRaises(OpError) as caught:
                RICH_TEXT.check(op, LIMITS)
            self.assertIsNone(caught.exception.part)
            self.assertFalse(caught.exception.too_large)

    def test_what_is_not_canonical_is_refused_with_the_part_that_is_wrong(self) -> None:
        x = {"insert": "x"}
        for op, part in (
            ([None], 0), (["a"], 0), ([1], 0), ([[x]], 0), ([x, {}], 1),
            ([{"attributes": BOLD}], 0),
            ([{"insert": "a", "delete": 1}], 0), ([{"retain": 1, "insert": "a"}], 0),
            ([{"insert": "a", "more": 1}], 0), ([{"delete": 1, "attributes": BOLD}], 0),
            ([{"Insert": "a"}], 0),
            ([{"insert": ""}], 0), ([{"insert": 1}], 0), ([{"insert": None}], 0),
            ([{"insert": True}], 0), ([{"insert": ["a"]}], 0), ([{"insert": b"a"}], 0),
            ([{"insert": {}}], 0), ([{"insert": {"image": "a", "alt": "b"}}], 0),
            ([{"insert": {"": "a"}}], 0), ([{"insert": {1: "a"}}], 0),
            ([{"insert": {"n" * 129: "a"}}], 0),
            ([{"insert": "a\0"}], 0), ([x, {"insert": "\ud800", "attributes": BOLD}], 1),
            ([{"insert": {"image": "a\0"}}], 0), ([{"insert": {"i": {"a\0": 1}}}], 0),
            ([{"insert": {"\udc00": "a"}}], 0), ([{"insert": {"i": ["\udc00"]}}], 0),
            ([{"retain": 0}, x], 0), ([{"retain": -1}, x], 0), ([{"retain": True}, x], 0),
            ([{"retain": 1.0}, x], 0), ([{"retain": "1"}, x], 0), ([{"retain": None}, x], 0),
            ([{"retain": MAX_NUMBER + 1}, x], 0), ([{"retain": {"image": 1}}, x], 0),
            ([{"delete": 0}], 0), ([{"delete": -1}], 0), ([{"delete": False}], 0),
            ([{"delete": 1.5}], 0), ([{"delete": "a"}], 0), ([{"delete": MAX_NUMBER + 1}], 0),
            ([x, {"insert": "y"}], 1), ([{"delete": 1}, {"delete": 1}], 1),
            ([{"retain": 1}, {"retain": 1}, x], 1),
            ([{"retain": 1, "attributes": BOLD}, {"retain": 1, "attributes": BOLD}], 1),
            ([{"insert": "a", "attributes": {"l": {"a": 1}}},
              {"insert": "b", "attributes": {"l": {"a": 1}}}], 1),
            ([{"delete": 1}, x], 1), ([{"delete": 1}, {"insert": EMBEDS[0]}], 1),
            ([{"retain": 1}], 0), ([x, {"delete": 1}, {"retain": 7}], 2),
            ([{"insert": "a", "attributes": {}}], 0), ([{"retain": 1, "attributes": {}}, x], 0),
            ([{"insert": "a", "attributes": None}], 0), ([{"insert": "a", "attributes": []}], 0),
            ([{"insert": "a", "attributes": {"bold": None}}], 0),
            ([{"retain": 1, "attributes": {"": 1}}], 0),
            ([{"retain": 1, "attributes": {"a" * 129: 1}}], 0),
            ([{"retain": 1, "attributes": {"a\0": 1}}], 0),
            ([{"retain": 1, "attributes": {"a": "\0"}}], 0),
            ([{"retain": 1, "attributes": {"a": ["\ud800"]}}], 0),
            ([{"retain": 1, "attributes": {"a": float("nan")}}], 0),
            ([{"retain": 1, "attributes": {"a": [float("inf")]}}], 0),
            ([{"retain": 1, "attributes": {"a": MAX_INTEGER + 1}}], 0),
            ([{"retain": 1, "attributes": {"a": float(MAX_INTEGER + 1)}}], 0),
            ([{"retain": 1, "attributes": {"a": [-1e18]}}], 0), ([{"insert": {"a": 1e300}}], 0),
            ([{"retain": 1, "attributes": {"a": b"x"}}], 0),
            ([{"retain": 1, "attributes": {"a": {1: 2}}}], 0),
            ([{"retain": 1, "attributes": {"a": nested(MAX_DEPTH + 1)}}], 0),
            ([{"insert": {"a": nested(MAX_DEPTH)}}], 0),
        ):  # fmt: skip
            with self.assertRaises(OpError, msg=repr(op)) as caught:
                RICH_TEXT.check(op, LIMITS)
            self.assertEqual(caught.exception.part, part, op)
            self.assertFalse(caught.exception.too_large, op)
            self.assertTrue(str(caught.exception).startswith(f"part {part}: "))

    def test_keys_that_reach_into_an_object_are_refused(self) -> None:
        for key in ("__proto__", "constructor", "prototype"):
            for part in (
                {"insert": {key: 1}},
                {"insert": {"a": [{key: 1}]}},
                {"insert": "a", "attributes": {key: 1}},
                {"retain": 1, "attributes": {"a": {"b": {key: 1}}}},
            ):
                with self.assertRaises(OpError) as caught:
                    RICH_TEXT.check([part], LIMITS)
                self.assertIn(key, str(caught.exception))

    def test_what_is_just_allowed(self) -> None:
        for op in (
            [],
            [{"retain": MAX_NUMBER}, {"delete": MAX_NUMBER}],
            [{"retain": 1, "attributes": {"a": nested(MAX_DEPTH)}}],
            [{"insert": {"a": nested(MAX_DEPTH - 1)}}],
            [{"insert": {"n" * 128: None}, "attributes": {"n" * 128: MAX_INTEGER}}],
            [{"insert": EMBEDS[0]}, {"insert": EMBEDS[0]}],
            [{"insert": "a", "attributes": {"a": 1}}, {"insert": "b", "attributes": {"a": True}}],
            [{"retain": 1, "attributes": {"a": None, "b": {"c": None}}}],
            [{"insert": "a"}, {"insert": "b", "attributes": BOLD}, {"delete": 1}, {"retain": 1,
             "attributes": BOLD}],
        ):  # fmt: skip
            self.assertIs(RICH_TEXT.check(op, LIMITS), op)

    @given(st.floats(allow_nan=False, allow_infinity=False) | st.integers())
    def test_a_number_that_is_let_through_can_be_loaded_again(self, number: float) -> None:
        op: Op = [{"insert": "a", "attributes": {"n": number}}, {"insert": {"e": [number]}}]
        try:
            RICH_TEXT.check(op, LIMITS)
        except OpError:
            self.assertGreater(abs(number), MAX_INTEGER)
        else:
            kept = canonical(RICH_TEXT.apply([], op))
            self.assertEqual(RICH_TEXT.create(orjson.loads(kept)), op)

    def test_limits(self) -> None:
        limits = Limits(parts=3, insert_bytes=30)
        for fits in (
            [{"retain": 1}, {"insert": "€" * 10}, {"delete": 99}],
            [{"insert": {"image": "x" * 18}}],
            [{"retain": 5, "attributes": {"link": "x" * 19}}],
        ):
            self.assertIs(RICH_TEXT.check(fits, limits), fits)
        for op, part in (
            ([{"delete": 1}, {"retain": 1}] * 2, None),
            ([{"insert": "€" * 11}], 0),
            ([{"insert": {"image": "x" * 19}}], 0),
            ([{"retain": 5, "attributes": {"link": "x" * 20}}], 0),
            ([{"insert": "a" * 20}, {"retain": 1}, {"insert": "b", "attributes": BOLD}], 2),
        ):
            with self.assertRaises(OpError) as caught:
                RICH_TEXT.check(op, limits)
            self.assertEqual((caught.exception.part, caught.exception.too_large), (part, True))

    def test_the_number_of_parts_is_looked_at_before_any_of_them(self) -> None:
        with self.assertRaises(OpError) as caught:
            RICH_TEXT.check([object()] * 4, Limits(parts=3))
        self.assertTrue(caught.exception.too_large)

    def test_a_document_is_created_of_sound_insertions(self) -> None:
        self.assertSame(RICH_TEXT.create(None), [{"insert": "\n"}])
        self.assertSame(RICH_TEXT.create([]), [])
        self.assertSame(RICH_TEXT.create({"ops": [{"insert": "a\n"}]}), [{"insert": "a\n"}])
        self.assertSame(
            RICH_TEXT.create(
                [{"insert": "a", "attributes": {"bold": None}}, {"insert": "b", "attributes": {}}]
            ),
            [{"insert": "ab"}],
        )
        for content in (
            5, "a", b"a", {"ops": 1}, {"ops": [], "more": 1}, {}, [{"retain": 1}], [{"delete": 1}],
            [{"insert": "a"}, {"retain": 1, "attributes": BOLD}], [{"insert": "\0"}], ["a"],
        ):  # fmt: skip
            with self.assertRaises(OpError):
                RICH_TEXT.create(content)

    @some
    @given(documents(CHARACTERS))
    def test_a_document_is_created_as_it_is(self, document: Op) -> None:
        self.assertSame(RICH_TEXT.create(document), document)

    def test_the_type_is_found_by_its_name(self) -> None:
        self.assertIs(get_type("rich_text"), RICH_TEXT)
