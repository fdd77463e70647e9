"""Undo takes back one's own edits, and leaves what others have done around and inside them."""

from __future__ import annotations

import random

from twisted.trial.unittest import TestCase

from collab_wamp.ot.text import TEXT
from collab_wamp.ot.undo import MOST, UndoStack
from tests.support.operations import Op, random_edit, random_text

SEEDS = 400


class Screen:
    """A document that one person and others edit."""

    def __init__(self, content: str = "") -> None:
        self.content = content
        self.stack = UndoStack(TEXT)

    def own(self, op: Op, *, joined: bool = False) -> None:
        op = TEXT.make_invertible(op, self.content)
        self.content = TEXT.apply(self.content, op)
        self.stack.own(op, joined=joined)

    def others(self, op: Op) -> None:
        self.content = TEXT.apply(self.content, op)
        self.stack.others(op)

    def undo(self) -> bool:
        op = self.stack.undo()
        if op is not None:
            self.content = TEXT.apply(self.content, op)
        return op is not None

    def redo(self) -> bool:
        op = self.stack.redo()
        if op is not None:
            self.content = TEXT.apply(self.content, op)
        return op is not None


class UndoTests(TestCase):
    def test_all_is_undone_and_redone(self) -> None:
        for seed in range(SEEDS):
            chance = random.Random(seed)
            screen = Screen(random_text(chance, 10))
            states = [screen.content]
            for _ in range(8):
                op, after = random_edit(chance, screen.content)
                if op:
                    screen.own(op)
                    states.append(after)
            for state in states[-2::-1]:
                self.assertTrue(screen.undo(), f"seed {seed}")
                self.assertEqual(screen.content, state, f"seed {seed}")
            self.assertFalse(screen.stack.can_undo or screen.undo())
            for state in states[1:]:
                self.assertTrue(screen.redo(), f"seed {seed}")
                self.assertEqual(screen.content, state, f"seed {seed}")
            self.assertFalse(screen.stack.can_redo or screen.redo())

    def test_what_others_typed_stays_and_what_they_deleted_does_not_come_back(self) -> None:
        """Every character is typed once, so that it can be told whose it was."""
        for seed in range(SEEDS):
            chance = random.Random(seed)
            letters = iter(range(0x4E00, 0x9FFF))
            initial = "".join(chr(next(letters)) for _ in range(8))
            screen = Screen(initial)
            theirs = set(initial)
            deleted: set[str] = set()
            for _ in range(20):
                position = chance.randint(0, len(screen.content))
                skip = [position] if position else []
                rest = screen.content[position:]
                if chance.random() < 0.5:
                    typed = "".join(chr(next(letters)) for _ in range(chance.randint(1, 3)))
                    if chance.random() < 0.5:
                        screen.own([*skip, typed])
                    else:
                        theirs |= set(typed)
                        screen.others([*skip, typed])
                elif rest:
                    count = chance.randint(1, min(3, len(rest)))
                    if chance.random() < 0.5:
                        screen.own([*skip, {"d": count}])
                    else:
                        deleted |= set(rest[:count])
                        screen.others([*skip, {"d": count}])
            order = [c for c in screen.content if c in theirs]
            while screen.undo():
                pass
            found = set(screen.content)
            self.assertEqual(len(found), len(screen.content), f"seed {seed}: something is twice")
            self.assertEqual(found, theirs - deleted, f"seed {seed}")
            kept = [c for c in screen.content if c in set(order)]
            self.assertEqual(kept, order, f"seed {seed}: others' text changed its order")

    def test_undoing_and_redoing_among_others_edits_comes_back_to_the_same(self) -> None:
        for seed in range(SEEDS):
            chance = random.Random(seed)
            screen = Screen(random_text(chance, 10))
            for _ in range(12):
                op, _ = random_edit(chance, screen.content)
                (screen.own if chance.random() < 0.6 else screen.others)(op)
            before = screen.content
            steps = 0
            while screen.undo():
                steps += 1
            for _ in range(steps):
                self.assertTrue(screen.redo(), f"seed {seed}")
            self.assertEqual(sorted(screen.content), sorted(before), f"seed {seed}")

    def test_everything_fits_whatever_comes_in_between(self) -> None:
        """Undo, redo, own and others' edits in any order: what is returned fits the document."""
        for seed in range(SEEDS):
            chance = random.Random(seed)
            screen = Screen(random_text(chance, 10))
            for _ in range(40):
                what = chance.choice(("own", "joined", "others", "undo", "redo"))
                if what == "undo":
                    self.assertEqual(screen.stack.can_undo, screen.undo(), f"seed {seed}")
                elif what == "redo":
                    self.assertEqual(screen.stack.can_redo, screen.redo(), f"seed {seed}")
                else:
                    op, _ = random_edit(chance, screen.content)
                    if what == "others":
                        screen.others(op)
                    elif op:
                        screen.own(op, joined=what == "joined")

    def test_joined_edits_are_undone_together(self) -> None:
        screen = Screen()
        for position, letter in enumerate("word"):
            op = [position, letter] if position else [letter]
            screen.own(op, joined=position > 0)
        screen.own([4, "!"])
        screen.undo()
        self.assertEqual(screen.content, "word")
        screen.undo()
        self.assertEqual(screen.content, "")
        screen.redo()
        self.assertEqual(screen.content, "word")

    def test_others_edit_between_joined_edits(self) -> None:
        screen = Screen("><")
        screen.own([1, "a"])
        screen.others([2, "-"])
        screen.own([3, "b"], joined=True)
        self.assertEqual(screen.content, ">a-b<")
        screen.undo()
        self.assertEqual(screen.content, ">-<")

    def test_an_own_edit_ends_redoing(self) -> None:
        screen = Screen()
        screen.own(["a"])
        screen.undo()
        self.assertTrue(screen.stack.can_redo)
        screen.own(["b"])
        self.assertFalse(screen.stack.can_redo)
        self.assertFalse(screen.redo())
        self.assertEqual(screen.content, "b")

    def test_what_others_have_deleted_needs_no_undoing(self) -> None:
        screen = Screen()
        screen.own(["abc"])
        screen.others([{"d": 3}])
        self.assertFalse(screen.stack.can_undo)

    def test_only_so_many_are_kept(self) -> None:
        screen = Screen()
        for _ in range(MOST + 10):
            screen.own(["x"])
        while screen.undo():
            pass
        self.assertEqual(screen.content, "x" * 10)
