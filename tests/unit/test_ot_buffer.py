"""A buffer is the document, only quicker: after every operation it has the same content."""

from __future__ import annotations

import random
from typing import Any

from twisted.trial.unittest import TestCase

from collab_wamp.ot import OpError, buffer
from collab_wamp.ot.buffer import TextBuffer
from collab_wamp.ot.text import TEXT
from tests.support.operations import random_edit, random_text

SEEDS = 60
STEPS = 120


class BufferTests(TestCase):
    def play(self, seed: int, *, pieces: int, longest: int, initial: int) -> TextBuffer:
        """Apply a sequence of operations to a buffer and to the text, and compare."""
        chance = random.Random(seed)
        document = random_text(chance, initial)
        made = TEXT.buffer(document)
        for step in range(STEPS):
            op, document = random_edit(chance, document, pieces=pieces, longest=longest)
            made.apply(op)
            where = f"seed {seed}, step {step}: {op}"
            self.assertEqual(made.length, len(document), where)
            self.assertEqual(made.content(), document, where)
            start = chance.randint(0, len(document))
            end = chance.randint(start, len(document) + 2)
            self.assertEqual(made.text(start, end), document[start:end], where)
        return made

    def test_small_chunks(self) -> None:
        """With small chunks every operation crosses borders, and chunks split, empty and merge."""
        for size in (1, 2, 3, 5, 8):
            self.patch(buffer, "CHUNK", size)
            for seed in range(SEEDS):
                self.play(seed, pieces=8, longest=9, initial=40)

    def test_chunks_as_they_are(self) -> None:
        """Longer texts, in which operations reach over several chunks."""
        for seed in range(3):
            self.play(seed, pieces=9, longest=2 * buffer.CHUNK, initial=6 * buffer.CHUNK)

    def test_all_is_deleted_and_typed_again(self) -> None:
        self.patch(buffer, "CHUNK", 2)
        made = TextBuffer("abcdefgh")
        for op, expected in (
            ([{"d": 8}], ""),
            (["xyzxyz"], "xyzxyz"),
            ([6, "!"], "xyzxyz!"),
            ([{"d": 6}], "!"),
            ([{"d": 1}, "12345"], "12345"),
            ([{"d": "12345"}], ""),
            ([], ""),
        ):
            made.apply(op)
            self.assertEqual((made.content(), made.length), (expected, len(expected)))

    def test_an_operation_that_does_not_fit_changes_nothing(self) -> None:
        self.patch(buffer, "CHUNK", 4)
        made = TextBuffer("abcdefgh")
        for op, part in (([9, "x"], 0), (["y", {"d": 9}], 1), ([7, "x", {"d": "hi"}], 2)):
            with self.assertRaises(OpError) as caught:
                made.apply(op)
            self.assertEqual(caught.exception.part, part)
            self.assertEqual((made.content(), made.length), ("abcdefgh", 8))

    def test_what_shrinks_does_not_stay_in_crumbs(self) -> None:
        """A text that was long and is short again is not kept in thousands of chunks."""
        self.patch(buffer, "CHUNK", 64)
        made = TextBuffer("x" * 64 * 200)
        ops: list[list[Any]] = [
            [start, {"d": 63}] if start else [{"d": 63}] for start in range(200)
        ]
        for op in ops:
            made.apply(op)
        self.assertEqual(made.content(), "x" * 200)
        self.assertLess(len(made._chunks), 200 * 2 / (64 / 2) + 2)
