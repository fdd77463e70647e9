"""The laws that stand in `collab_wamp/ot/base.py`, for the type `rich_text`."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from collab_wamp.ot import Limits, OpError, TooMuchWork, rebase
from collab_wamp.ot.rich_parts import extra_bytes, inserted_bytes, total
from collab_wamp.ot.rich_text import RICH_TEXT
from tests.support.rich_operations import (
    CHARACTERS,
    EMBEDS,
    Edit,
    Op,
    build,
    cells_of,
    documents,
    edits,
    runs_of,
    written,
)

LIMITS = Limits()
many = settings(max_examples=200, deadline=None)
some = settings(max_examples=100, deadline=None)
BOLD = {"bold": True}


class RichTestCase(TestCase):
    def assertSame(self, one: Any, other: Any, message: str | None = None) -> None:
        """Equal as JSON: unlike for `assertEqual`, true is not 1."""
        self.assertEqual(written(one), written(other), message)

    def canonical(self, op: Any) -> Op:
        """The operation, after `check` found it in order (it was made of sound characters)."""
        return RICH_TEXT.check(op, LIMITS)


class ApplyTests(RichTestCase):
    @many
    @given(st.data(), documents())
    def test_applying_gives_what_was_made_independently(self, data: Any, document: Op) -> None:
        op, expected = data.draw(edits(document))
        self.assertSame(RICH_TEXT.apply(document, op), expected)
        buffer = RICH_TEXT.buffer(document)
        buffer.apply(op)
        self.assertSame(buffer.content(), expected)
        self.assertEqual(buffer.length, total(expected))

    @some
    @given(st.data(), documents())
    def test_a_measure_is_the_length(self, data: Any, document: Op) -> None:
        op, expected = data.draw(edits(document))
        measure = RICH_TEXT.measure(document)
        self.assertEqual(RICH_TEXT.size(measure), len(cells_of(document)))
        self.assertEqual(RICH_TEXT.fit(measure, op), (op, len(cells_of(expected))))
        self.assertEqual(RICH_TEXT.before(len(cells_of(expected)), op), measure)

    @some
    @given(st.data(), documents(), st.text(CHARACTERS, min_size=1, max_size=3))
    def test_what_reaches_past_the_end_is_refused(self, data: Any, document: Op, more: str) -> None:
        op, _ = data.draw(edits(runs_of([*cells_of(document), *((c, {}) for c in more)])))
        size, reached, wrong = len(cells_of(document)), 0, None
        for index, part in enumerate(op):
            reached += part.get("retain", 0) + part.get("delete", 0)
            if wrong is None and reached > size:
                wrong = index
        assume(wrong is not None)
        for refuse in (
            lambda: RICH_TEXT.fit(size, op),
            lambda: RICH_TEXT.apply(document, op),
            lambda: RICH_TEXT.invert(op, document),
            lambda: RICH_TEXT.buffer(document).apply(op),
        ):
            with self.assertRaises(OpError) as caught:
                refuse()
            self.assertEqual(caught.exception.part, wrong)

    def test_formats_are_set_replaced_and_taken_away(self) -> None:
        document = [{"insert": "ab", "attributes": {"bold": True, "color": "red"}}, {"insert": "c"}]
        op = [{"retain": 1, "attributes": {"bold": None}}, {"retain": 2, "attributes": BOLD}]
        self.assertSame(
            RICH_TEXT.apply(document, op),
            [
                {"insert": "a", "attributes": {"color": "red"}},
                {"insert": "b", "attributes": {"bold": True, "color": "red"}},
                {"insert": "c", "attributes": BOLD},
            ],
        )

    def test_neighbours_that_become_alike_become_one_run(self) -> None:
        document = [{"insert": "a"}, {"insert": "b", "attributes": BOLD}, {"insert": "c"}]
        op = [{"retain": 1}, {"retain": 1, "attributes": {"bold": None}}]
        self.assertSame(RICH_TEXT.apply(document, op), [{"insert": "abc"}])
        self.assertSame(
            RICH_TEXT.apply(document, [{"retain": 1}, {"delete": 1}]), [{"insert": "ac"}]
        )

    def test_embeds_count_one_and_are_never_joined(self) -> None:
        image = {"insert": {"image": "a"}}
        document = RICH_TEXT.apply([image], [{"retain": 1}, image, {"insert": "😀"}])
        self.assertSame(document, [image, image, {"insert": "😀"}])
        self.assertEqual(RICH_TEXT.measure(document), 3)

    def test_what_is_told_of_an_operation(self) -> None:
        op = [{"insert": "a"}, {"insert": EMBEDS[0]}, {"insert": "b", "attributes": BOLD}]
        self.assertEqual(RICH_TEXT.text_of(op), "ab")
        self.assertEqual(RICH_TEXT.text_of([{"delete": 3}]), "")
        self.assertIs(RICH_TEXT.bare(op), op)
        self.assertIs(RICH_TEXT.make_invertible(op, []), op)
        self.assertFalse(RICH_TEXT.is_noop(op))
        self.assertTrue(RICH_TEXT.is_noop([]))
        self.assertGreater(RICH_TEXT.weight([{"insert": "x" * 1000}]), 1000)
        self.assertGreater(
            RICH_TEXT.weight([{"retain": 1, "attributes": {"link": "x" * 1000}}]), 1000
        )
        self.assertGreater(RICH_TEXT.weight(op), RICH_TEXT.weight(op[:1]))


class BulkTests(RichTestCase):
    @many
    @given(st.data(), documents())
    def test_the_bound_is_never_too_low_and_can_be_exact(self, data: Any, document: Op) -> None:
        buffer = RICH_TEXT.buffer(document)
        bound = RICH_TEXT.bulk(buffer)
        for _ in range(4):
            op, _ = data.draw(edits(buffer.content()))
            bound = RICH_TEXT.bulk_after(bound, op)
            buffer.apply(op)
            sizes = [extra_bytes(run) for run in buffer.content()]
            exact = RICH_TEXT.bulk(buffer)
            self.assertEqual(exact.widest, max(sizes, default=0))
            # Between chunks what would be one run may be two.
            self.assertGreaterEqual(exact.bytes, sum(sizes))
            self.assertGreaterEqual(bound.bytes, sum(sizes))
            self.assertGreaterEqual(bound.widest, exact.widest)


class TransformTests(RichTestCase):
    @many
    @given(st.data(), documents())
    def test_convergence(self, data: Any, document: Op) -> None:
        a, after_a = data.draw(edits(document))
        b, after_b = data.draw(edits(document))
        self.assertSame(
            RICH_TEXT.apply(after_a, RICH_TEXT.transform(b, a, "right")),
            RICH_TEXT.apply(after_b, RICH_TEXT.transform(a, b, "left")),
        )

    @some
    @given(st.data(), documents(CHARACTERS))
    def test_results_are_canonical(self, data: Any, document: Op) -> None:
        a, after_a = data.draw(edits(document, CHARACTERS))
        b, _ = data.draw(edits(document, CHARACTERS))
        c, _ = data.draw(edits(after_a, CHARACTERS))
        for result in (
            a,
            RICH_TEXT.transform(a, b, "left"),
            RICH_TEXT.transform(a, b, "right"),
            RICH_TEXT.compose(a, c),
            RICH_TEXT.invert(a, document),
            RICH_TEXT.difference(document, after_a),
            RICH_TEXT.apply(document, a),
        ):
            self.canonical(result)

    @some
    @given(st.data(), documents())
    def test_nothing_is_changed_in_place(self, data: Any, document: Op) -> None:
        a, after_a = data.draw(edits(document))
        b, _ = data.draw(edits(document))
        c, _ = data.draw(edits(after_a))
        before = copy.deepcopy((document, a, b, c))
        buffer = RICH_TEXT.buffer(document)
        buffer.apply(a)
        shown = buffer.content()
        unchanged = written(shown)
        buffer.apply(c)
        RICH_TEXT.transform(a, b, "left")
        RICH_TEXT.compose(a, c)
        RICH_TEXT.invert(a, document)
        RICH_TEXT.difference(document, after_a)
        RICH_TEXT.split(a, 2, 6)
        self.assertSame((document, a, b, c), before)
        self.assertEqual(written(shown), unchanged)

    def test_the_left_of_two_insertions_at_one_place_goes_first(self) -> None:
        mine, yours = [[{"retain": 1}, {"insert": text}] for text in ("me", "you")]
        self.assertSame(RICH_TEXT.transform(mine, yours, "left"), mine)
        self.assertSame(
            RICH_TEXT.transform(mine, yours, "right"), [{"retain": 4}, {"insert": "me"}]
        )

    def test_all_that_the_left_inserts_at_one_place_goes_first(self) -> None:
        mine = [{"insert": "a", "attributes": BOLD}, {"insert": "b"}]
        self.assertSame(RICH_TEXT.transform(mine, [{"insert": "x"}], "left"), mine)

    def test_the_format_of_the_left_stands(self) -> None:
        mine = [{"retain": 2, "attributes": {"color": "red", "bold": True}}]
        yours = [{"retain": 2, "attributes": {"color": "blue", "link": "x"}}]
        self.assertSame(RICH_TEXT.transform(mine, yours, "left"), mine)
        self.assertSame(
            RICH_TEXT.transform(mine, yours, "right"), [{"retain": 2, "attributes": BOLD}]
        )
        removed = [{"retain": 2, "attributes": {"color": None}}]
        self.assertSame(RICH_TEXT.transform(yours[:1], removed, "left"), yours)
        self.assertSame(RICH_TEXT.transform(removed, yours, "right"), [])

    def test_what_is_deleted_is_not_formatted(self) -> None:
        mine = [{"retain": 4, "attributes": BOLD}]
        self.assertSame(
            RICH_TEXT.transform(mine, [{"retain": 1}, {"delete": 2}], "left"),
            [{"retain": 2, "attributes": BOLD}],
        )

    def test_what_is_inserted_into_what_another_formats_stays_as_it_is(self) -> None:
        self.assertSame(
            RICH_TEXT.transform(
                [{"retain": 4, "attributes": BOLD}], [{"retain": 2}, {"insert": "x"}], "left"
            ),
            [{"retain": 2, "attributes": BOLD}, {"retain": 1}, {"retain": 2, "attributes": BOLD}],
        )

    def test_the_smaller_client_id_is_left(self) -> None:
        self.assertEqual(RICH_TEXT.side("client-1", "client-2"), "left")
        self.assertEqual(RICH_TEXT.side("client-2", "client-1"), "right")
        self.assertEqual(RICH_TEXT.side("Zoe-0001", "adam-001"), "left")
        self.assertEqual(RICH_TEXT.side("client-1", "client-1"), "right")

    @some
    @given(st.data(), documents())
    def test_whoever_is_committed_first_the_document_is_the_same(
        self, data: Any, document: Op
    ) -> None:
        """Sides come from the client ids, and so the order of two commits does not matter."""
        (a, after_a), (b, after_b) = data.draw(st.tuples(edits(document), edits(document)))
        a_first = RICH_TEXT.apply(after_a, rebase(RICH_TEXT, b, "bert", [("anna", a)]))
        b_first = RICH_TEXT.apply(after_b, rebase(RICH_TEXT, a, "anna", [("bert", b)]))
        self.assertSame(a_first, b_first)

    def test_the_work_counts_attributes_that_are_compared(self) -> None:
        wide: Op = [{"retain": 50, "attributes": {f"n{number}": 1 for number in range(80)}}]
        narrow: Op = [{"retain": 1, "attributes": {f"n{number}": 2}} for number in range(50)]
        self.assertEqual(RICH_TEXT.work(narrow, [{"retain": 1}, {"delete": 1}]), 52 + 2 // 8)
        self.assertEqual(RICH_TEXT.work(wide, narrow), 51 + (80 * 50 + 1) // 8)
        self.assertEqual(RICH_TEXT.work(narrow, wide), RICH_TEXT.work(wide, narrow))

    def test_what_is_cut_into_many_heavy_pieces_is_too_much(self) -> None:
        op: Op = [{"retain": 100, "attributes": {"link": "x" * 1000}}]
        typed: Op = [part for _ in range(99) for part in ({"retain": 1}, {"insert": "y"})]
        concurrent = [("bert", typed)]
        weight = RICH_TEXT.weight(RICH_TEXT.transform(op, typed, "left"))
        self.assertEqual(len(rebase(RICH_TEXT, op, "anna", concurrent, weight=weight)), 199)
        with self.assertRaises(TooMuchWork):
            rebase(RICH_TEXT, op, "anna", concurrent, weight=weight - 1)
        # As it came, it is let through.
        self.assertEqual(
            rebase(RICH_TEXT, op, "anna", [("bert", [{"delete": 1}])], weight=1),
            [{"retain": 99, "attributes": {"link": "x" * 1000}}],
        )


class PositionTests(RichTestCase):
    @many
    @given(st.data(), documents())
    def test_a_position_moves_as_a_letter_typed_there_would(self, data: Any, document: Op) -> None:
        op, after = data.draw(edits(document))
        position = data.draw(st.integers(0, len(cells_of(document))))
        letter: Op = [{"retain": position}] if position else []
        letter = [*letter, {"insert": "☞"}]
        shown = RICH_TEXT.apply(after, RICH_TEXT.transform(letter, op, "left"))
        place = [value for value, _ in cells_of(shown)].index("☞")
        self.assertEqual(RICH_TEXT.transform_position(position, op), place)

    def test_what_is_inserted_right_at_it_goes_after_it(self) -> None:
        op: Op = [{"retain": 2}, {"insert": {"image": "x"}}, {"insert": "yz"}, {"delete": 3}]
        for position, expected in ((0, 0), (2, 2), (3, 5), (5, 5), (6, 6)):
            self.assertEqual(RICH_TEXT.transform_position(position, op), expected)


class ComposeTests(RichTestCase):
    def chain(self, data: Any, document: Op, count: int) -> list[Edit]:
        chain: list[Edit] = []
        for _ in range(count):
            chain.append(data.draw(edits(document)))
            document = chain[-1][1]
        return chain

    @many
    @given(st.data(), documents())
    def test_composition(self, data: Any, document: Op) -> None:
        (a, _), (c, expected) = self.chain(data, document, 2)
        self.assertSame(RICH_TEXT.apply(document, RICH_TEXT.compose(a, c)), expected)

    @many
    @given(st.data(), documents())
    def test_compose_is_associative_by_effect(self, data: Any, document: Op) -> None:
        (a, _), (b, _), (c, expected) = self.chain(data, document, 3)
        compose = RICH_TEXT.compose
        for composed in (compose(compose(a, b), c), compose(a, compose(b, c))):
            self.assertSame(RICH_TEXT.apply(document, composed), expected)

    @many
    @given(st.data(), documents())
    def test_inversion(self, data: Any, document: Op) -> None:
        op, after = data.draw(edits(document))
        self.assertSame(RICH_TEXT.apply(after, RICH_TEXT.invert(op, document)), document)

    def test_it_takes_the_document_to_invert(self) -> None:
        self.assertFalse(RICH_TEXT.invertible_alone)
        with self.assertRaises(OpError):
            RICH_TEXT.invert([{"insert": "a"}])

    @many
    @given(st.data(), documents(), st.integers(2, 6), st.integers(1, 60))
    def test_split(self, data: Any, document: Op, parts: int, size: int) -> None:
        op, expected = data.draw(edits(document))
        first, rest = RICH_TEXT.split(op, parts, size)
        self.assertSame(RICH_TEXT.compose(first, rest), op)
        self.assertLessEqual(len(first), parts)
        changing = [part for part in first if part.keys() != {"retain"}]
        if len(changing) > 1 or len(cells_of([p for p in changing if "insert" in p])) > 1:
            self.assertLessEqual(sum(map(inserted_bytes, first)), size)
        self.assertSame(RICH_TEXT.apply(RICH_TEXT.apply(document, first), rest), expected)

    @some
    @given(st.data(), documents(CHARACTERS), st.integers(2, 6), st.integers(1, 40))
    def test_splitting_comes_to_an_end(
        self, data: Any, document: Op, parts: int, size: int
    ) -> None:
        rest, expected = data.draw(edits(document, CHARACTERS))
        for _ in range(100):
            if not rest:
                break
            first, rest = RICH_TEXT.split(rest, parts, size)
            self.assertTrue(self.canonical(first))
            self.canonical(rest)
            document = RICH_TEXT.apply(document, first)
        self.assertSame(document, expected)

    def test_what_does_not_fit_the_limit_goes_alone(self) -> None:
        op: Op = [{"insert": "a"}, {"insert": {"image": "x" * 90}}, {"insert": "b"}]
        first, rest = RICH_TEXT.split(op, 5, 20)
        self.assertSame(first, op[:1])
        first, rest = RICH_TEXT.split(rest, 5, 20)
        self.assertSame(first, [{"retain": 1}, op[1]])
        self.assertSame(rest, [{"retain": 2}, op[2]])

    @many
    @given(st.data(), documents())
    def test_difference(self, data: Any, old: Op) -> None:
        new = data.draw(st.one_of(documents(), edits(old).map(lambda edit: edit[1])))
        op = RICH_TEXT.difference(old, new)
        self.assertSame(RICH_TEXT.apply(old, op), new)
        self.assertEqual(op == [], written(old) == written(new))

    @some
    @given(st.data(), documents(CHARACTERS))
    def test_difference_is_small(self, data: Any, old: Op) -> None:
        """Nothing that both have in common is touched; what is only formatted stays there."""
        position = data.draw(st.integers(0, len(cells_of(old))))
        kept: Op = [{"retain": position}] if position else []
        typed = [*kept, {"insert": "☞", "attributes": {"code": 1}}]
        self.assertSame(RICH_TEXT.difference(old, RICH_TEXT.apply(old, typed)), typed)
        count = len(cells_of(old)) - position
        if count:
            formatted = [*kept, {"retain": count, "attributes": {"code": 1}}]
            self.assertSame(RICH_TEXT.difference(old, RICH_TEXT.apply(old, formatted)), formatted)

    def test_difference_of_one_letter_twice(self) -> None:
        bold = {"insert": "a", "attributes": BOLD}
        self.assertSame(RICH_TEXT.difference([{"insert": "a"}], [bold, {"insert": "a"}]), [bold])

    @some
    @given(st.data(), documents(CHARACTERS))
    def test_normalize(self, data: Any, document: Op) -> None:
        op, expected = data.draw(edits(document, CHARACTERS))
        self.assertSame(RICH_TEXT.normalize(op), op)
        nothing = [
            {"insert": ""}, {"retain": 0}, {"delete": 0}, {"retain": 0, "attributes": BOLD},
        ]  # fmt: skip
        messy: Op = []
        for part in op:
            messy += data.draw(st.lists(st.sampled_from(nothing), max_size=2))
            (kind, value), *rest = part.items()
            if isinstance(value, dict):
                messy.append(part)
                continue
            half = value // 2 if isinstance(value, int) else value[: len(value) // 2]
            other = value - half if isinstance(value, int) else value[len(half) :]
            more = {} if rest or kind == "delete" else {"attributes": {}}
            messy += [{kind: half, **dict(rest), **more}, {kind: other, **dict(rest)}]
        messy += data.draw(st.lists(st.sampled_from([*nothing, {"retain": 3}]), max_size=2))
        self.assertSame(self.canonical(RICH_TEXT.normalize(messy)), op)
        self.assertSame(RICH_TEXT.apply(document, RICH_TEXT.normalize(messy)), expected)

    def test_normalize_puts_insertions_first_and_drops_null(self) -> None:
        self.assertSame(
            RICH_TEXT.normalize(
                [
                    {"delete": 1},
                    {"insert": "a", "attributes": {"bold": None}},
                    {"delete": 2},
                    {"insert": "b", "attributes": {"bold": None, "list": 1}},
                    {"retain": 1, "attributes": {"bold": None}},
                ]
            ),
            [
                {"insert": "a"},
                {"insert": "b", "attributes": {"list": 1}},
                {"delete": 3},
                {"retain": 1, "attributes": {"bold": None}},
            ],
        )

    def test_normalize_refuses_what_is_no_operation(self) -> None:
        for op in (None, "a", [1], [{}], [{"insert": 1}], [{"retain": -1}], [{"delete": "1"}]):
            with self.assertRaises(OpError):
                RICH_TEXT.normalize(op)


class GeneratorTests(RichTestCase):
    def test_the_expected_document_is_what_a_person_would_expect(self) -> None:
        document: Op = [{"insert": "ab", "attributes": BOLD}, {"insert": {"image": "x"}}]
        op, expected = build(
            document,
            [
                ("delete", 1, "", {}),
                ("insert", 0, "😀", {"color": "red"}),
                ("format", 2, "", {"bold": None, "color": "red"}),
                ("keep", 5, "", {}),
            ],
        )
        self.assertSame(
            op,
            [
                {"insert": "😀", "attributes": {"color": "red"}},
                {"delete": 1},
                {"retain": 2, "attributes": {"bold": None, "color": "red"}},
            ],
        )
        self.assertSame(
            expected,
            [
                {"insert": "😀b", "attributes": {"color": "red"}},
                {"insert": {"image": "x"}, "attributes": {"color": "red"}},
            ],
        )
