"""The laws that stand in `collab_wamp/ot/base.py`, for the type `text`."""

from __future__ import annotations

from functools import reduce
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from collab_wamp.ot import TYPES, Limits, OpError, get_type, rebase
from collab_wamp.ot.text import TEXT
from collab_wamp.ot.text_checks import MAX_NUMBER
from tests.support.operations import CHARACTERS, Edit, Op, edits, texts

LIMITS = Limits()
many = settings(max_examples=200, deadline=None)
some = settings(max_examples=100, deadline=None)


def canonical(op: Any) -> Op:
    """The operation, after `check` found it in order (it was made of sound characters)."""
    return TEXT.check(op, LIMITS)


class ApplyTests(TestCase):
    @many
    @given(st.data(), texts())
    def test_applying_gives_what_was_made_independently(self, data: Any, document: str) -> None:
        op, expected = data.draw(edits(document))
        self.assertEqual(TEXT.apply(document, op), expected)

    @some
    @given(st.data(), texts())
    def test_length_after_is_the_length_after(self, data: Any, document: str) -> None:
        op, expected = data.draw(edits(document))
        self.assertEqual(TEXT.measure(expected), len(expected))
        self.assertEqual(TEXT.fit(TEXT.measure(document), op), (op, TEXT.measure(expected)))
        self.assertEqual(TEXT.before(TEXT.measure(expected), op), TEXT.measure(document))

    @some
    @given(st.data(), texts(), st.text(CHARACTERS, min_size=1, max_size=3))
    def test_what_reaches_past_the_end_is_refused(
        self, data: Any, document: str, more: str
    ) -> None:
        op, _ = data.draw(edits(document + more))
        reached, wrong = 0, None
        for index, part in enumerate(op):
            reached += TEXT_SIZES[type(part)](part)
            if wrong is None and reached > len(document):
                wrong = index
        assume(wrong is not None)
        for refuse in (
            lambda: TEXT.fit(len(document), op),
            lambda: TEXT.apply(document, op),
        ):
            with self.assertRaises(OpError) as caught:
                refuse()
            self.assertEqual(caught.exception.part, wrong)

    @some
    @given(st.data(), texts())
    def test_bare_and_make_invertible_change_nothing_but_what_deletions_say(
        self, data: Any, document: str
    ) -> None:
        op, expected = data.draw(edits(document, invertible=True))
        bare = TEXT.bare(op)
        self.assertEqual(TEXT.apply(document, bare), expected)
        self.assertTrue(all(type(p["d"]) is int for p in bare if isinstance(p, dict)))
        self.assertEqual(TEXT.make_invertible(bare, document), op)
        self.assertEqual(TEXT.is_noop(op), op == [])


# What of a part is counted in the old document.
TEXT_SIZES: dict[type, Any] = {
    int: lambda part: part,
    str: lambda part: 0,
    dict: lambda part: part["d"] if isinstance(part["d"], int) else len(part["d"]),
}


class TransformTests(TestCase):
    @many
    @given(st.data(), texts())
    def test_convergence(self, data: Any, document: str) -> None:
        a, after_a = data.draw(edits(document))
        b, after_b = data.draw(edits(document))
        self.assertEqual(
            TEXT.apply(after_a, TEXT.transform(b, a, "right")),
            TEXT.apply(after_b, TEXT.transform(a, b, "left")),
        )

    @some
    @given(st.data(), texts(CHARACTERS))
    def test_results_are_canonical(self, data: Any, document: str) -> None:
        a, after_a = data.draw(edits(document, CHARACTERS))
        b, _ = data.draw(edits(document, CHARACTERS))
        c, _ = data.draw(edits(after_a, CHARACTERS))
        for result in (
            TEXT.transform(a, b, "left"),
            TEXT.transform(a, b, "right"),
            TEXT.compose(a, c),
            TEXT.invert(a, document),
        ):
            canonical(result)

    @some
    @given(st.data(), texts())
    def test_nothing_is_changed_in_place(self, data: Any, document: str) -> None:
        a, after_a = data.draw(edits(document))
        b, _ = data.draw(edits(document))
        c, _ = data.draw(edits(after_a))
        before = repr((a, b, c))
        TEXT.transform(a, b, "left")
        TEXT.compose(a, c)
        TEXT.invert(a, document)
        TEXT.normalize(a)
        TEXT.bare(a)
        TEXT.split(a, 2, 6)
        self.assertEqual(repr((a, b, c)), before)

    def test_the_left_of_two_insertions_at_one_place_goes_first(self) -> None:
        self.assertEqual(TEXT.transform([1, "me"], [1, "you"], "left"), [1, "me"])
        self.assertEqual(TEXT.transform([1, "me"], [1, "you"], "right"), [4, "me"])

    def test_the_smaller_client_id_is_left(self) -> None:
        self.assertEqual(TEXT.side("client-1", "client-2"), "left")
        self.assertEqual(TEXT.side("client-2", "client-1"), "right")
        # Compared as ASCII: upper case is before lower case.
        self.assertEqual(TEXT.side("Zoe-0001", "adam-001"), "left")
        # A client's later edit is right of its earlier one.
        self.assertEqual(TEXT.side("client-1", "client-1"), "right")

    @many
    @given(st.data(), texts(), st.lists(st.sampled_from("abcd"), max_size=5))
    def test_rebase_is_a_fold(self, data: Any, document: str, others: list[str]) -> None:
        op, _ = data.draw(edits(document))
        concurrent: list[tuple[str, Op]] = []
        for client_id in others:
            other, document = data.draw(edits(document))
            concurrent.append((client_id, other))
        folded = reduce(
            lambda so_far, one: TEXT.transform(so_far, one[1], "left" if one[0] > "b" else "right"),
            concurrent,
            op,
        )
        self.assertEqual(rebase(TEXT, op, "b", concurrent), folded)
        TEXT.apply(document, folded)

    @some
    @given(st.data(), texts())
    def test_whoever_is_committed_first_the_document_is_the_same(
        self, data: Any, document: str
    ) -> None:
        """Sides come from the client ids, and so the order of two commits does not matter."""
        (a, after_a), (b, after_b) = data.draw(st.tuples(edits(document), edits(document)))
        a_first = TEXT.apply(after_a, rebase(TEXT, b, "bert", [("anna", a)]))
        b_first = TEXT.apply(after_b, rebase(TEXT, a, "anna", [("bert", b)]))
        self.assertEqual(a_first, b_first)

    def test_over_the_composition_is_another_thing_than_over_each(self) -> None:
        """Which is why history is never composed before transforming."""
        op, first, second = [1, "x"], [{"d": 2}], ["yz"]
        each = TEXT.transform(TEXT.transform(op, first, "left"), second, "left")
        self.assertEqual(each, ["x"])
        self.assertEqual(TEXT.transform(op, TEXT.compose(first, second), "left"), [2, "x"])


class PositionTests(TestCase):
    @many
    @given(st.data(), texts())
    def test_positions(self, data: Any, document: str) -> None:
        op, _ = data.draw(edits(document))
        position = data.draw(st.integers(0, len(document)))
        expected = at = 0
        for part in [*op, len(document)]:
            if at >= position:
                break
            size = TEXT_SIZES[type(part)](part)
            if isinstance(part, str):
                expected += len(part)
            elif isinstance(part, int):
                expected += min(size, position - at)
            at += size
        self.assertEqual(TEXT.transform_position(position, op), expected)

    @some
    @given(st.data(), texts())
    def test_a_position_moves_as_a_letter_typed_there_would(self, data: Any, document: str) -> None:
        op, after = data.draw(edits(document))
        position = data.draw(st.integers(0, len(document)))
        letter = [position, "☞"] if position else ["☞"]
        shown = TEXT.apply(after, TEXT.transform(letter, op, "left"))
        self.assertEqual(shown.index("☞"), TEXT.transform_position(position, op))


class ComposeTests(TestCase):
    def chain(self, data: Any, document: str, count: int) -> list[Edit]:
        chain: list[Edit] = []
        for _ in range(count):
            chain.append(data.draw(edits(document)))
            document = chain[-1][1]
        return chain

    @many
    @given(st.data(), texts())
    def test_composition(self, data: Any, document: str) -> None:
        (a, _), (c, expected) = self.chain(data, document, 2)
        self.assertEqual(TEXT.apply(document, TEXT.compose(a, c)), expected)

    @many
    @given(st.data(), texts())
    def test_compose_is_associative_by_effect(self, data: Any, document: str) -> None:
        (a, _), (b, _), (c, expected) = self.chain(data, document, 3)
        for composed in (
            TEXT.compose(TEXT.compose(a, b), c),
            TEXT.compose(a, TEXT.compose(b, c)),
        ):
            self.assertEqual(TEXT.apply(document, composed), expected)

    @many
    @given(st.data(), texts())
    def test_inversion(self, data: Any, document: str) -> None:
        op, after = data.draw(edits(document))
        self.assertEqual(TEXT.apply(after, TEXT.invert(op, document)), document)

    @some
    @given(st.data(), texts())
    def test_inversion_needs_no_document_where_deletions_say_what_they_delete(
        self, data: Any, document: str
    ) -> None:
        op, middle = data.draw(edits(document, invertible=True))
        more, after = data.draw(edits(middle, invertible=True))
        self.assertEqual(TEXT.apply(after, TEXT.invert(TEXT.compose(op, more))), document)

    @some
    @given(st.data(), texts())
    def test_an_invertible_operation_stays_so_when_it_is_transformed(
        self, data: Any, document: str
    ) -> None:
        op, _ = data.draw(edits(document, invertible=True))
        other, after = data.draw(edits(document))
        moved = TEXT.transform(op, other, "right")
        self.assertEqual(TEXT.make_invertible(moved, after), moved)

    def test_what_does_not_say_what_it_deletes_cannot_be_inverted_alone(self) -> None:
        with self.assertRaises(OpError) as caught:
            TEXT.invert([1, {"d": 2}])
        self.assertEqual(caught.exception.part, 1)

    @many
    @given(st.data(), texts(), st.integers(3, 6), st.integers(4, 12))
    def test_split(self, data: Any, document: str, parts: int, size: int) -> None:
        op, expected = data.draw(edits(document))
        first, rest = TEXT.split(op, parts, size)
        self.assertEqual(TEXT.apply(document, TEXT.compose(first, rest)), expected)
        self.assertLessEqual(len(first), parts)
        written = [p["d"] if isinstance(p, dict) else p for p in first]
        self.assertLessEqual(len("".join(p for p in written if isinstance(p, str)).encode()), size)
        self.assertEqual(TEXT.apply(TEXT.apply(document, first), rest), expected)

    @some
    @given(st.data(), texts(CHARACTERS), st.integers(3, 6), st.integers(4, 12))
    def test_splitting_comes_to_an_end(
        self, data: Any, document: str, parts: int, size: int
    ) -> None:
        rest, expected = data.draw(edits(document, CHARACTERS))
        for _ in range(100):
            if not rest:
                break
            first, rest = TEXT.split(rest, parts, size)
            self.assertTrue(canonical(first))
            canonical(rest)
            document = TEXT.apply(document, first)
        self.assertEqual(document, expected)

    @some
    @given(texts(), texts())
    def test_difference(self, old: str, new: str) -> None:
        op = TEXT.difference(old, new)
        self.assertEqual(TEXT.apply(old, op), new)
        self.assertEqual(TEXT.apply(new, TEXT.invert(op)), old)
        self.assertEqual(op == [], old == new)

    @some
    @given(st.data(), texts(CHARACTERS))
    def test_difference_is_small(self, data: Any, old: str) -> None:
        """Nothing that both have in common at an end is touched."""
        position = data.draw(st.integers(0, len(old)))
        op = TEXT.difference(old, old[:position] + "☞" + old[position:])
        self.assertEqual(op, [position, "☞"] if position else ["☞"])

    @some
    @given(st.data(), texts(CHARACTERS))
    def test_normalize(self, data: Any, document: str) -> None:
        op, expected = data.draw(edits(document, CHARACTERS))
        self.assertEqual(TEXT.normalize(op), op)
        messy: Op = []
        for part in op:
            messy += data.draw(st.lists(st.sampled_from([0, "", {"d": 0}, {"d": ""}]), max_size=2))
            if isinstance(part, dict):
                messy.append(part)
            else:
                half = part // 2 if isinstance(part, int) else part[: len(part) // 2]
                messy += [half, part - half if isinstance(part, int) else part[len(half) :]]
        messy += data.draw(st.lists(st.sampled_from([0, "", 3]), max_size=2))
        self.assertEqual(canonical(TEXT.normalize(messy)), op)
        self.assertEqual(TEXT.apply(document, TEXT.normalize(messy)), expected)


class CheckTests(TestCase):
    @many
    @given(st.data(), texts(CHARACTERS))
    def test_what_is_canonical_is_let_through(self, data: Any, document: str) -> None:
        op, _ = data.draw(edits(document, CHARACTERS))
        self.assertEqual(TEXT.check(op, LIMITS), op)

    def test_what_is_no_list_is_refused(self) -> None:
        for op in (None, "abc", 5, {"d": 1}, ("a",), True, 1.5):
            with self.assertRaises(OpError) as caught:
                TEXT.check(op, LIMITS)
            self.assertIsNone(caught.exception.part)
            self.assertFalse(caught.exception.too_large)

    def test_what_is_not_canonical_is_refused_with_the_part_that_is_wrong(self) -> None:
        for op, part in (
            ([0], 0),
            ([-1, "a"], 0),
            (["a", MAX_NUMBER + 1, "b"], 1),
            ([True, "a"], 0),
            ([1.0, "a"], 0),
            ([float("nan"), "a"], 0),
            ([None], 0),
            ([[]], 0),
            (["a", ("b",)], 1),
            ([""], 0),
            ([1, ""], 1),
            (["a\0"], 0),
            ([2, "\ud800"], 1),
            ([2, "\udc00"], 1),
            (["\ude00\ud83d"], 0),
            ([{}], 0),
            ([{"d": 1, "e": 1}], 0),
            ([{"D": 1}], 0),
            ([1, {"d": 0}], 1),
            ([1, {"d": -1}], 1),
            ([1, {"d": MAX_NUMBER + 1}], 1),
            ([1, {"d": True}], 1),
            ([1, {"d": 1.5}], 1),
            ([1, {"d": None}], 1),
            ([1, {"d": ["a"]}], 1),
            ([1, {"d": ""}], 1),
            ([1, {"d": "\ud800"}], 1),
            ([1, {"d": "a\0"}], 1),
            ([1, 1, "a"], 1),
            (["a", "b"], 1),
            ([1, {"d": 1}, {"d": "a"}], 2),
            (["a", 1], 1),
            (["a", {"d": 1}, 7], 2),
            ([7], 0),
        ):
            with self.assertRaises(OpError, msg=repr(op)) as caught:
                TEXT.check(op, LIMITS)
            self.assertEqual(caught.exception.part, part, op)
            self.assertFalse(caught.exception.too_large, op)
            self.assertTrue(str(caught.exception).startswith(f"part {part}: "))

    def test_a_number_of_any_length_is_refused(self) -> None:
        for op in ([10**5000, "a"], [{"d": -(10**5000)}]):
            with self.assertRaises(OpError):
                TEXT.check(op, LIMITS)

    def test_limits(self) -> None:
        limits = Limits(parts=3, insert_bytes=5)
        for fits in ([1, "ab", {"d": "a text that is longer than that"}], ["€é"], ["😀", 1, "a"]):
            self.assertEqual(TEXT.check(fits, limits), fits)
        for op, part in (
            ([1, "a", 1, "b"], None),
            (["abcdef"], 0),
            (["€€"], 0),
            (["😀", 1, "é"], 2),
        ):
            with self.assertRaises(OpError) as caught:
                TEXT.check(op, limits)
            self.assertEqual((caught.exception.part, caught.exception.too_large), (part, True))

    def test_the_number_of_parts_is_looked_at_before_any_of_them(self) -> None:
        with self.assertRaises(OpError) as caught:
            TEXT.check([object()] * 4, Limits(parts=3))
        self.assertTrue(caught.exception.too_large)

    def test_numbers_reach_up_to_the_greatest(self) -> None:
        op = [MAX_NUMBER, {"d": MAX_NUMBER}]
        self.assertEqual(TEXT.check(op, LIMITS), op)

    def test_a_document_is_created_of_sound_text(self) -> None:
        self.assertEqual(TEXT.create(None), "")
        self.assertEqual(TEXT.create(CHARACTERS), CHARACTERS)
        for content in (5, [], b"a", "a\0", "\ud800", "😀\udc00"):
            with self.assertRaises(OpError):
                TEXT.create(content)


class RegistryTests(TestCase):
    def test_a_type_is_found_by_its_name(self) -> None:
        self.assertIs(get_type("text"), TEXT)
        self.assertEqual([kind.name for kind in TYPES.values()], list(TYPES))
        with self.assertRaises(KeyError):
            get_type("texts")
