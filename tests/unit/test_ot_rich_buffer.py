"""A buffer is the document, only quicker: after every operation it has the same content."""

from __future__ import annotations

import random
import time
from typing import Any

from twisted.trial.unittest import TestCase

from collab_wamp.ot import OpError, rich_buffer
from collab_wamp.ot.rich_buffer import RichTextBuffer
from tests.support.rich_operations import Op, cells_of, random_document, random_edit, written

SEEDS = 30
STEPS = 60
BOLD = {"bold": True}


class RichBufferTests(TestCase):
    def play(self, seed: int, *, pieces: int, longest: int, runs: int) -> RichTextBuffer:
        """Apply a sequence of operations to a buffer and to the document, and compare."""
        chance = random.Random(seed)
        document = random_document(chance, runs, longest=longest)
        made = RichTextBuffer(document)
        for step in range(STEPS):
            op, document = random_edit(chance, document, pieces=pieces, longest=longest)
            made.apply(op)
            where = f"seed {seed}, step {step}: {op}"
            self.assertEqual(made.length, len(cells_of(document)), where)
            self.assertEqual(written(made.content()), written(document), where)
            self.assertEqual(sum(made._lengths), made.length, where)
        return made

    def test_small_chunks(self) -> None:
        """With small chunks every operation crosses borders, and chunks split, empty and merge."""
        for size, runs in ((1, 1), (2, 8), (3, 2), (8, 2), (8, 8)):
            self.patch(rich_buffer, "CHUNK", size)
            self.patch(rich_buffer, "RUNS", runs)
            for seed in range(SEEDS):
                self.play(seed, pieces=8, longest=9, runs=12)

    def test_chunks_as_they_are(self) -> None:
        """Longer texts, in which operations reach over several chunks."""
        self.patch(rich_buffer, "CHUNK", 256)
        for seed in range(2):
            self.play(seed, pieces=9, longest=2 * rich_buffer.CHUNK, runs=12)

    def test_all_is_deleted_and_typed_again(self) -> None:
        self.patch(rich_buffer, "CHUNK", 2)
        made = RichTextBuffer([{"insert": "abcdefgh"}])
        for op, expected in (
            ([{"delete": 8}], []),
            ([{"insert": "xyzxyz"}], [{"insert": "xyzxyz"}]),
            ([{"retain": 6}, {"insert": "!"}], [{"insert": "xyzxyz!"}]),
            ([{"delete": 6}], [{"insert": "!"}]),
            ([{"insert": "12"}, {"delete": 1}], [{"insert": "12"}]),
            ([{"delete": 2}], []),
            ([], []),
        ):
            made.apply(op)
            self.assertEqual((made.content(), made.length), (expected, len(cells_of(expected))))

    def test_an_operation_that_does_not_fit_changes_nothing(self) -> None:
        self.patch(rich_buffer, "CHUNK", 4)
        document: Op = [{"insert": "abcdefgh"}]
        made = RichTextBuffer(document)
        ops: list[tuple[Op, int]] = [
            ([{"retain": 9}, {"insert": "x"}], 0),
            ([{"insert": "y"}, {"delete": 9}], 1),
            ([{"retain": 7}, {"insert": "x"}, {"retain": 2, "attributes": BOLD}], 2),
        ]
        for op, part in ops:
            with self.assertRaises(OpError) as caught:
                made.apply(op)
            self.assertEqual(caught.exception.part, part)
            self.assertEqual((made.content(), made.length), (document, 8))

    def test_what_shrinks_does_not_stay_in_crumbs(self) -> None:
        """A text that was long and is short again is not kept in thousands of chunks."""
        self.patch(rich_buffer, "CHUNK", 64)
        for starts in (range(200), range(199 * 64, -1, -64)):
            made = RichTextBuffer([{"insert": "x" * 64 * 200}])
            for start in starts:
                made.apply([*([{"retain": start}] if start else []), {"delete": 63}])
            self.assertEqual(made.content(), [{"insert": "x" * 200}])
            self.assertLess(len(made._chunks), 200 * 2 / (64 / 2) + 2)

    def test_many_small_runs_are_in_many_chunks(self) -> None:
        runs: Op = [{"insert": "x", "attributes": {"n": i}} for i in range(1000)]
        made = RichTextBuffer([])
        made.apply(runs)
        self.assertEqual(made.content(), runs)
        self.assertLessEqual(max(map(len, made._chunks)), 2 * rich_buffer.RUNS)

    def test_an_edit_of_a_long_document_costs_little_more_than_of_a_short_one(self) -> None:
        """A hundred times the document takes less than ten times as long, by far."""
        spent = [min(self.cost(runs) for _ in range(3)) for runs in (200, 20_000)]
        self.assertLess(spent[1], 10 * spent[0])

    def cost(self, runs: int) -> float:
        """Seconds of processor time for letters typed all over a document of so many runs."""
        document: Op = [
            {"insert": "word " * 5, **({"attributes": BOLD} if i % 2 else {})} for i in range(runs)
        ]
        made = RichTextBuffer(document)
        chance = random.Random(1)
        ops: list[list[dict[str, Any]]] = [
            [{"retain": chance.randint(1, made.length)}, {"insert": "x"}] for _ in range(200)
        ]
        start = time.process_time()
        for op in ops:
            made.apply(op)
        return time.process_time() - start
