"""Canonical JSON: the same bytes as the reference package, and as the examples of RFC 8785."""

from __future__ import annotations

import hashlib
import json
import random

import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from collab_wamp.ot.canonical import canonical, sha256

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
NUMBERS = (
    st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.decimals(-(10**16), 10**16, places=4).map(float)
    | st.integers(-20, 20).map(float)
)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


class CanonicalTests(TestCase):
    @given(VALUES)
    def test_it_is_what_the_reference_makes_also_when_read_again(self, value: object) -> None:
        written = canonical(value)
        self.assertEqual(written, rfc8785.dumps(value))
        self.assertEqual(canonical(json.loads(written)), written)

    def test_fractions_of_every_size(self) -> None:
        chance = random.Random(8785)
        for _ in range(20_000):
            number = chance.choice((1, -1)) * chance.random() * 10 ** chance.uniform(-9, 23)
            for value in (number, round(number, chance.randint(0, 6))):
                self.assertEqual(canonical(value), rfc8785.dumps(value), value)

    def test_the_example_of_the_rfc(self) -> None:
        """Section 3.2.2 and 3.2.3: numbers, escapes, and the order of keys."""
        value = {
            "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
            "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/",
            "literals": [None, True, False],
        }
        expected = (
            '{"literals":[null,true,false],'
            '"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
            '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
        )
        self.assertEqual(canonical(value).decode(), expected)

    def test_keys_are_sorted_by_utf_16_units(self) -> None:
        """Section 3.2.3: an astral character comes before U+FB33, whatever their code points."""
        keys = {
            "\u20ac": 1,
            "\r": 2,
            "\ufb33": 3,
            "1": 4,
            "\U0001f600": 5,
            "\u0080": 6,
            "\u00f6": 7,
        }
        order = [json.loads(canonical(dict.fromkeys(keys, 0))).keys()]
        self.assertEqual(
            [*order[0]], ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
        )

    def test_every_character_of_a_text(self) -> None:
        for first in range(0, 0x11000, 0x100):
            text = "".join(
                map(chr, (at for at in range(first, first + 0x100) if not 0xD800 <= at < 0xE000))
            )
            self.assertEqual(canonical(text), rfc8785.dumps(text))

    def test_what_json_cannot_say_exactly_is_refused(self) -> None:
        for value in (
            2**53 + 1,
            10**400,
            [-(2**53) - 1],
            float("nan"),
            {"a": float("inf")},
            "\ud800",
            ["\udc00"],
        ):
            with self.assertRaises(ValueError, msg=repr(value)):
                canonical(value)

    def test_a_large_double_without_a_fraction_is_read_as_an_integer_and_is_good_again(
        self,
    ) -> None:
        for value in (1e17, 2.0**53, -5.516061781590223e16, 123456789012345680000.0):
            written = canonical([value])
            self.assertIs(type(json.loads(written)[0]), int)
            self.assertEqual(canonical(json.loads(written)), written)

    def test_the_hash_is_of_the_canonical_text(self) -> None:
        expected = hashlib.sha256(b'{"a":1,"b":"x"}').hexdigest()
        self.assertEqual(sha256({"b": "x", "a": 1}), expected)
        self.assertEqual(sha256({"a": 1.0, "b": "x"}), expected)
