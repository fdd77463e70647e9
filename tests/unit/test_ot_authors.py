"""Authors are those that a list with one entry for each character tells."""

from __future__ import annotations

import itertools
import random
from typing import Any

from twisted.trial.unittest import TestCase

from collab_wamp.ot import OpError, authors
from collab_wamp.ot.authors import Authors
from tests.support import rich_operations
from tests.support.operations import random_edit, random_text

SEEDS = 60
STEPS = 120
PEOPLE = ("ada", "bob", "eve")


def naive(people: list[Any], op: list[Any], author: str) -> list[Any]:
    """The author of each character after an operation of type `text`."""
    result: list[Any] = []
    rest = list(people)
    for part in op:
        if isinstance(part, str):
            result += [author] * len(part)
        else:
            count = part if isinstance(part, int) else part["d"]
            count = count if isinstance(count, int) else len(count)
            result += rest[:count] if isinstance(part, int) else []
            del rest[:count]
    return result + rest


def naive_rich(people: list[Any], op: list[Any], author: str) -> list[Any]:
    """The same of type `rich_text`."""
    result: list[Any] = []
    rest = list(people)
    for part in op:
        if "insert" in part:
            result += [author] * (len(part["insert"]) if isinstance(part["insert"], str) else 1)
        else:
            count = part.get("retain") or part["delete"]
            result += rest[:count] if "retain" in part else []
            del rest[:count]
    return result + rest


def of_each(made: Authors) -> list[Any]:
    return [author for author, length in made.runs() for _ in range(length)]


class AuthorsTests(TestCase):
    def play(self, seed: int, *, pieces: int, longest: int, initial: int, rich: bool) -> None:
        chance = random.Random(seed)
        document: Any = random_text(chance, initial)
        if rich:
            document = rich_operations.random_document(chance, initial // 3)
        length = len(rich_operations.cells_of(document) if rich else document)
        made, people = Authors(length), [None] * length
        change: Any = rich_operations.random_edit if rich else random_edit
        for step in range(STEPS):
            op, document = change(chance, document, pieces=pieces, longest=longest)
            author = chance.choice(PEOPLE)
            made.apply(op, author)
            people = (naive_rich if rich else naive)(people, op, author)
            length = len(rich_operations.cells_of(document) if rich else document)
            where = f"seed {seed}, step {step}: {op}"
            self.assertEqual(made.length, length, where)
            self.assertEqual(of_each(made), people, where)
            runs = made.runs()
            self.assertEqual(sum(count for _, count in runs), length, where)
            self.assertTrue(all(count > 0 for _, count in runs), where)
            pairs = itertools.pairwise(runs)
            self.assertTrue(all(first[0] != second[0] for first, second in pairs), where)

    def test_small_chunks(self) -> None:
        """With small chunks every operation crosses borders, and chunks split, empty and merge."""
        for size in (1, 2, 3, 5):
            self.patch(authors, "CHUNK", size)
            for seed in range(SEEDS):
                self.play(seed, pieces=8, longest=9, initial=40, rich=bool(seed % 2))

    def test_chunks_as_they_are(self) -> None:
        for seed in range(5):
            self.play(seed, pieces=60, longest=9, initial=4000, rich=False)

    def test_from_nothing(self) -> None:
        made = Authors(0)
        self.assertEqual(made.runs(), [])
        made.apply(["ab"], "ada")
        made.apply([1, "cd"], "bob")
        self.assertEqual(made.runs(), [("ada", 1), ("bob", 2), ("ada", 1)])
        made.apply([1, {"d": 2}], "ada")
        self.assertEqual(made.runs(), [("ada", 2)])
        made.apply([{"d": "ab"}], "ada")
        self.assertEqual((made.runs(), made.length), ([], 0))
        made.apply(["x"], "bob")
        self.assertEqual(made.runs(), [("bob", 1)])

    def test_an_embed_is_one_character(self) -> None:
        made = Authors(1)
        made.apply([{"insert": {"image": "x.png"}}], "ada")
        made.apply([{"retain": 1}, {"insert": "😀é"}, {"retain": {"image": {}}}], "bob")
        self.assertEqual(made.runs(), [("ada", 1), ("bob", 2), (None, 1)])

    def test_what_does_not_fit_changes_nothing(self) -> None:
        made = Authors(3)
        for op, part in (([4, "x"], 0), (["x", {"d": 4}], 1), (["x", 2, {"d": 1}, {"d": 1}], 3)):
            with self.assertRaises(OpError) as caught:
                made.apply(op, "ada")
            self.assertEqual(caught.exception.part, part)
            self.assertEqual(made.runs(), [(None, 3)])

    def test_chunks_stay_few_where_runs_do(self) -> None:
        """What was written by turns and deleted again leaves nothing behind to walk over."""
        self.patch(authors, "CHUNK", 4)
        made = Authors(0)
        for number in range(1000):
            made.apply([number, "x"] if number else ["x"], PEOPLE[number % 3])
        self.assertGreater(len(made._chunks), 100)
        for number in range(999, 5, -1):
            made.apply([number, {"d": 1}], "ada")
        self.assertLess(len(made._chunks), 6)
