"""Undo takes back one's own edits, and leaves what others have done around and inside them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

from twisted.trial.unittest import TestCase

from collab_wamp.ot import OTType
from collab_wamp.ot.outbox import Outbox
from collab_wamp.ot.text import TEXT
from collab_wamp.ot.undo import MOST, UndoStack
from tests.support.generators import GENERATORS, Generator
from tests.support.operations import random_edit, random_text

SEEDS = 400
SEEDS_OF_EACH = 150


class Screen:
    """A document that one person and others edit."""

    def __init__(self, content: Any = "", kind: OTType = TEXT) -> None:
        self.type = kind
        self.content = content
        self.stack = UndoStack(kind, lambda: self.content)

    def own(self, op: Any, *, joined: bool = False) -> None:
        op = self.type.make_invertible(op, self.content)
        self.stack.own(op, joined=joined)
        self.apply(op)

    @property
    def server(self) -> Any:
        """What others edit."""
        return self.content

    def others(self, op: Any) -> None:
        self.stack.others(op)
        self.apply(op)

    def undo(self) -> bool:
        return self.apply(self.stack.undo())

    def redo(self) -> bool:
        return self.apply(self.stack.redo())

    def apply(self, op: Any) -> bool:
        if op is not None:
            fitting, _ = self.type.fit(self.type.measure(self.content), op)
            self.content = self.type.apply(self.content, fitting)
        return op is not None


class Sender(Screen):
    """A screen whose edits a server takes or refuses, as `Replica` drives an undo stack."""

    def __init__(self, content: Any, kind: OTType = TEXT) -> None:
        super().__init__(content, kind)
        self.box = Outbox(kind, "client-mine", 0, 1, content)
        self.since_in_flight = self.since_buffered = self.until_in_flight = 0

    def own(self, op: Any, *, joined: bool = False) -> None:
        op = self.type.make_invertible(op, self.content)
        self.begin()
        super().own(op, joined=joined)
        self.box.local(op)

    def undo(self) -> bool:
        return self.step(self.stack.undo)

    def redo(self) -> bool:
        return self.step(self.stack.redo)

    def step(self, take: Callable[[], Any]) -> bool:
        self.begin()
        op = take()
        if op is not None:
            self.box.local(op)
        return self.apply(op)

    def begin(self) -> None:
        if self.box.buffer is None:
            self.since_buffered = self.stack.made

    def send(self) -> None:
        if self.box.next() is not None:
            self.since_in_flight, self.until_in_flight = self.since_buffered, self.stack.made

    def accepted(self) -> None:
        if self.box.in_flight is not None:
            self.box.answered(self.box.in_flight.seq, self.box.revision + 1)

    def refused(self) -> None:
        if self.box.in_flight is not None:
            op = self.type.make_invertible(self.box.reject()[0], self.content)
            self.stack.refused(op, self.since_in_flight, self.until_in_flight)
            self.apply(op)

    @property
    def server(self) -> Any:
        return self.type.apply(self.content, self.box.undo_pending())

    def others(self, op: Any) -> None:
        super().others(self.box.receive(self.box.revision + 1, "client-other", 1, op))


class EveryTypeTests(TestCase):
    """What holds of all types."""

    def each(self) -> Iterator[tuple[str, Generator, random.Random]]:
        for name, generator in GENERATORS.items():
            for seed in range(SEEDS_OF_EACH):
                yield f"{name}, seed {seed}", generator, random.Random(seed)

    def test_all_is_undone_and_redone(self) -> None:
        for case, generator, chance in self.each():
            screen = Screen(generator.document(chance), generator.type)
            states = [screen.content]
            for _ in range(8):
                op, after = generator.edit(chance, screen.content)
                if not generator.type.is_noop(op) and after != screen.content:
                    screen.own(op)
                    states.append(after)
            for state in states[-2::-1]:
                self.assertTrue(screen.undo(), case)
                self.assertEqual(screen.content, state, case)
            self.assertFalse(screen.stack.can_undo or screen.undo())
            for state in states[1:]:
                self.assertTrue(screen.redo(), case)
                self.assertEqual(screen.content, state, case)
            self.assertFalse(screen.stack.can_redo or screen.redo())

    def test_everything_fits_whatever_comes_in_between(self) -> None:
        """Undo, redo, own and others' edits in any order: what is returned fits the document."""
        for case, generator, chance in self.each():
            screen = Screen(generator.document(chance), generator.type)
            for _ in range(40):
                what = chance.choice(("own", "joined", "others", "undo", "redo"))
                if what == "undo":
                    self.assertEqual(screen.stack.can_undo, screen.undo(), case)
                elif what == "redo":
                    self.assertEqual(screen.stack.can_redo, screen.redo(), case)
                else:
                    op, _ = generator.edit(chance, screen.content)
                    if what == "others":
                        screen.others(op)
                    elif not generator.type.is_noop(op):
                        screen.own(op, joined=what == "joined")

    def test_what_is_redone_at_once_was_as_it_is(self) -> None:
        """Among others' edits: undoing one step and redoing it changes nothing."""
        for case, generator, chance in self.each():
            screen = Screen(generator.document(chance), generator.type)
            for _ in range(12):
                op, _ = generator.edit(chance, screen.content)
                if chance.random() < 0.4:
                    screen.others(op)
                elif not generator.type.is_noop(op):
                    screen.own(op)
                before = screen.content
                if screen.undo():
                    screen.redo()
                self.assertEqual(screen.content, before, case)

    def test_everything_fits_where_edits_are_refused(self) -> None:
        for case, generator, chance in self.each():
            screen = Sender(generator.document(chance), generator.type)
            for _ in range(40):
                match chance.choice(("own", "joined", "others", "undo", "redo", "send", "refuse",
                                     "accept")):  # fmt: skip
                    case "others":
                        screen.others(generator.edit(chance, screen.server)[0])
                    case "undo":
                        self.assertEqual(screen.stack.can_undo, screen.undo(), case)
                    case "redo":
                        self.assertEqual(screen.stack.can_redo, screen.redo(), case)
                    case "send":
                        screen.send()
                    case "refuse":
                        screen.refused()
                    case "accept":
                        screen.accepted()
                    case what:
                        op, _ = generator.edit(chance, screen.content)
                        if not generator.type.is_noop(op):
                            screen.own(op, joined=what == "joined")


class UndoTests(TestCase):
    def test_what_others_typed_stays_and_what_they_deleted_does_not_come_back(self) -> None:
        """Every character is typed once, so that it can be told whose it was."""
        for seed in range(SEEDS):
            chance = random.Random(seed)
            letters = iter(range(0x4E00, 0x9FFF))
            initial = "".join(chr(next(letters)) for _ in range(8))
            screen = Sender(initial) if seed % 2 else Screen(initial)
            theirs = set(initial)
            deleted: set[str] = set()
            # What undoing an own deletion brings back: what others deleted as well, unknowing; and
            # one's own text that the server did not take.
            either: set[str] = set()
            for _ in range(20):
                if isinstance(screen, Sender):
                    chance.choice((screen.send, screen.accepted, screen.refused))()
                elif chance.random() < 0.2:
                    chance.choice((screen.undo, screen.redo))()
                mine = chance.random() < 0.5
                content = screen.content if mine else screen.server
                position = chance.randint(0, len(content))
                skip = [position] if position else []
                rest = content[position:]
                if chance.random() < 0.5:
                    typed = "".join(chr(next(letters)) for _ in range(chance.randint(1, 3)))
                    either |= set(typed) if mine and isinstance(screen, Sender) else set()
                    theirs |= set() if mine else set(typed)
                    (screen.own if mine else screen.others)([*skip, typed])
                elif rest:
                    count = chance.randint(1, min(3, len(rest)))
                    gone = set() if mine else set(rest[:count])
                    deleted |= gone
                    either |= gone - set(screen.content)
                    (screen.own if mine else screen.others)([*skip, {"d": count}])
            order = [c for c in screen.content if c in theirs]
            while screen.undo():
                pass
            found = set(screen.content)
            self.assertEqual(len(found), len(screen.content), f"seed {seed}: something is twice")
            self.assertEqual(found - either, theirs - deleted - either, f"seed {seed}")
            kept = [c for c in screen.content if c in set(order)]
            self.assertEqual(kept, order, f"seed {seed}: others' text moved")

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

    def test_what_was_refused_is_not_undone(self) -> None:
        screen = Sender("abc")
        screen.own([3, "d"])
        screen.send()
        screen.accepted()
        screen.own([{"d": 1}])
        screen.send()
        screen.refused()
        self.assertEqual(screen.content, "abcd")
        self.assertTrue(screen.undo())
        self.assertEqual((screen.content, screen.stack.can_undo), ("abc", False))

    def test_an_undo_that_was_refused_can_be_tried_again(self) -> None:
        screen = Sender("")
        for position, letter in enumerate("ab"):
            screen.own([position, letter] if position else [letter])
            screen.send()
            screen.accepted()
        screen.undo()
        screen.send()
        screen.refused()
        self.assertEqual((screen.content, screen.stack.can_redo), ("ab", False))
        screen.undo()
        self.assertEqual(screen.content, "a")
        screen.undo()
        self.assertEqual(screen.content, "")
        screen.redo()
        screen.redo()
        self.assertEqual(screen.content, "ab")

    def test_what_is_typed_on_while_an_edit_is_refused_is_undone_alone(self) -> None:
        screen = Sender("-")
        screen.own([1, "old"])
        screen.send()
        screen.accepted()
        screen.own([4, "bad"])
        screen.send()
        screen.own([7, "good"])
        screen.refused()
        self.assertEqual(screen.content, "-oldgood")
        screen.undo()
        self.assertEqual(screen.content, "-old")
        screen.undo()
        self.assertEqual(screen.content, "-")

    def test_nothing_is_joined_to_a_step_before_the_one_that_is_gone(self) -> None:
        screen = Screen()
        screen.own(["a"])
        screen.own([1, "b"])
        screen.others([1, {"d": 1}])
        screen.own([1, "c"], joined=True)
        screen.undo()
        self.assertEqual(screen.content, "a")

    def test_what_is_done_after_an_undo_is_a_step_of_its_own(self) -> None:
        screen = Screen()
        screen.own(["a"])
        screen.own([1, "b"])
        screen.undo()
        screen.own([1, "c"], joined=True)
        screen.undo()
        self.assertEqual(screen.content, "a")
