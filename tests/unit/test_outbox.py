"""The outbox's law: screen == server's document, then the edit in flight, then the buffer."""

from __future__ import annotations

import random
from typing import Any

from twisted.trial.unittest import TestCase

from collab_wamp.ot.outbox import Gap, Message, Outbox
from collab_wamp.ot.text import TEXT
from tests.support.operations import CHARACTERS, Op, random_edit, random_text

SEEDS = 500
PEOPLE = ("anna-001", "bert-001", "cleo-001")


class Server:
    """One order of edits, each once. A few lines, so that it is plain what is right.

    Attributes:
        log: (client id, seq, op) of revision 1, 2, ….
        contents: the document at revision 0, 1, ….
    """

    def __init__(self, content: str) -> None:
        self.log: list[tuple[str, int, Op]] = []
        self.contents = [content]
        self.revisions: dict[tuple[str, int], int] = {}
        self.bodies: dict[tuple[str, int], Message] = {}

    def commit(self, client_id: str, message: Message) -> int:
        name = client_id, message.seq
        if name in self.revisions:
            assert self.bodies[name] == message, "an edit was changed after it was sent"
            return self.revisions[name]
        op = message.op
        for other, _, theirs in self.log[message.revision :]:
            op = TEXT.transform(op, theirs, "left" if client_id < other else "right")
        self.contents.append(TEXT.apply(self.contents[-1], op))
        self.log.append((client_id, message.seq, op))
        self.bodies[name] = message
        self.revisions[name] = len(self.log)
        return len(self.log)

    def next_seq(self, client_id: str) -> int:
        return 1 + max((seq for author, seq, _ in self.log if author == client_id), default=0)


class Person:
    """An outbox and the screen that it belongs to."""

    def __init__(self, server: Server, client_id: str) -> None:
        self.server = server
        self.outbox = Outbox(TEXT, client_id, 0, 1)
        self.screen = server.contents[0]
        self.answers: list[tuple[int, int]] = []

    def edit(self, chance: random.Random) -> None:
        op, self.screen = random_edit(chance, self.screen, alphabet=CHARACTERS, invertible=True)
        self.outbox.local(op)

    def show(self, op: Any) -> None:
        if op is not None:
            self.screen = TEXT.apply(self.screen, op)

    def send(self, message: Message | None) -> None:
        if message is not None:
            revision = self.server.commit(self.outbox.client_id, message)
            self.answers.append((message.seq, revision))

    def receive(self, revision: int) -> None:
        if revision <= len(self.server.log):
            author, seq, op = self.server.log[revision - 1]
            self.show(self.outbox.receive(revision, author, seq, op))

    def reset(self) -> None:
        """Take the snapshot."""
        box = self.outbox
        known = TEXT.apply(self.screen, box.undo_pending())
        assert known == self.server_document()
        self.answers.clear()
        difference = TEXT.difference(known, self.server.contents[-1])
        head = len(self.server.log)
        self.show(box.reset(head, difference, self.server.next_seq(box.client_id)))

    def server_document(self) -> str:
        return self.server.contents[self.outbox.revision]

    def expected_screen(self) -> str:
        content = self.server_document()
        if self.outbox.in_flight is not None:
            content = TEXT.apply(content, self.outbox.in_flight.now)
        return TEXT.apply(content, self.outbox.buffer or [])


class LawTests(TestCase):
    def step(self, chance: random.Random, person: Person) -> None:
        box = person.outbox
        match chance.choice("esssrrraaxz"):
            case "e":
                person.edit(chance)
            case "s" if chance.random() < 0.3:
                person.send(box.next(3, 8))
            case "s":
                person.send(box.next() or (box.resend() if chance.random() < 0.3 else None))
            case "r":
                # Also what is known already.
                person.receive(max(1, box.revision + chance.choice((1, 1, 1, 0, -2))))
            case "a" if person.answers:
                box.answered(*person.answers.pop(chance.randrange(len(person.answers))))
            case "x" if box.in_flight is not None and box.in_flight.seq >= person.server.next_seq(
                box.client_id
            ):
                undo, _ = box.reject()
                person.show(undo)
            case "z" if chance.random() < 0.3:
                person.reset()

    def test_the_screen_is_the_servers_document_and_what_is_pending(self) -> None:
        for seed in range(SEEDS):
            chance = random.Random(seed)
            server = Server(random_text(chance, 6, CHARACTERS))
            people = [Person(server, name) for name in PEOPLE]
            for person in people:
                person.outbox.compares = seed % 2 == 1
            for _ in range(60):
                person = chance.choice(people)
                self.step(chance, person)
                self.assertEqual(person.screen, person.expected_screen(), f"seed {seed}")
                self.assertEqual(
                    TEXT.apply(person.screen, person.outbox.undo_pending()),
                    person.server_document(),
                    f"seed {seed}",
                )
            self.quiet(server, people, f"seed {seed}")

    def quiet(self, server: Server, people: list[Person], where: str) -> None:
        """Bring all to all, and compare."""
        while any(p.outbox.state != "synchronized" for p in people):
            for person in people:
                person.send(person.outbox.resend() or person.outbox.next())
                for revision in range(person.outbox.revision + 1, len(server.log) + 1):
                    person.receive(revision)
        for person in people:
            for revision in range(person.outbox.revision + 1, len(server.log) + 1):
                person.receive(revision)
            self.assertEqual(person.screen, server.contents[-1], where)
        for name in PEOPLE:
            seqs = [seq for author, seq, _ in server.log if author == name]
            self.assertEqual(seqs, list(range(1, len(seqs) + 1)), where)

    def test_words_typed_at_one_place_at_once_stay_whole(self) -> None:
        for seed in range(SEEDS):
            chance = random.Random(seed)
            server = Server("[]")
            people = [Person(server, name) for name in PEOPLE]
            left = {person.outbox.client_id: 5 for person in people}
            while any(left.values()) or any(p.outbox.state != "synchronized" for p in people):
                person = chance.choice(people)
                name, box = person.outbox.client_id, person.outbox
                letter = name[0].upper()
                if left[name] and chance.random() < 0.4:
                    position = person.screen.rfind(letter) + 1 or 1
                    person.show([position, letter])
                    box.local([position, letter])
                    left[name] -= 1
                elif chance.random() < 0.5:
                    person.send(box.next())
                else:
                    person.receive(box.revision + 1)
            self.assertEqual(len(server.contents[-1]), 17, f"seed {seed}")
            for word in ("AAAAA", "BBBBB", "CCCCC"):
                self.assertIn(word, server.contents[-1], f"seed {seed}")


class StateTests(TestCase):
    def setUp(self) -> None:
        self.box = Outbox(TEXT, "bert-001", 3, 1)

    def test_states(self) -> None:
        states = [self.box.state]
        self.box.local(["a"])
        self.box.next()
        states.append(self.box.state)
        self.box.local([1, "b"])
        states.append(self.box.state)
        self.box.receive(4, "bert-001", 1, ["a"])
        states.append(self.box.state)
        self.assertEqual(
            states, ["synchronized", "awaiting", "awaiting_with_buffer", "awaiting_with_buffer"]
        )
        self.assertEqual(self.box.next(), Message(2, 4, [1, "b"]))

    def test_one_edit_is_in_flight_and_a_resend_is_the_same(self) -> None:
        self.assertIsNone(self.box.next())
        self.assertIsNone(self.box.resend())
        self.box.local([2, "a"])
        sent = self.box.next()
        self.assertEqual(sent, Message(1, 3, [2, "a"]))
        self.box.local([3, "b"])
        self.assertIsNone(self.box.next())
        self.box.receive(4, "anna-001", 1, ["xyz"])
        self.assertEqual(self.box.resend(), sent)
        assert self.box.in_flight is not None
        self.assertEqual((self.box.in_flight.now, self.box.buffer), ([5, "a"], [6, "b"]))

    def test_what_a_join_gives_back_may_be_taken_back_already(self) -> None:
        box = Outbox(TEXT, "bert-001", 0, 1)
        box.local(["ab"])
        box.next()
        box.local([1, {"d": "b"}])
        box.rejoined(1000, 1)
        self.assertEqual((box.in_flight.now, box.buffer), (["a"], None))
        self.assertIsNotNone(box.resend())

    def test_what_is_typed_and_deleted_again_is_not_sent(self) -> None:
        self.box.local([2, "ab"])
        self.box.local([2, {"d": "ab"}])
        self.assertEqual((self.box.state, self.box.next()), ("synchronized", None))
        self.box.local([])
        self.assertEqual(self.box.state, "synchronized")

    def test_an_own_edit_before_the_answer(self) -> None:
        self.box.local(["a"])
        self.box.next()
        self.assertIsNone(self.box.receive(4, "bert-001", 1, ["a"]))
        self.assertTrue(self.box.answered(1, 4))
        self.assertEqual((self.box.state, self.box.revision), ("synchronized", 4))

    def test_an_own_edit_after_the_answer(self) -> None:
        self.box.local(["a"])
        self.box.next()
        self.assertTrue(self.box.answered(1, 4))
        self.assertEqual((self.box.state, self.box.revision), ("synchronized", 4))
        self.assertIsNone(self.box.receive(4, "bert-001", 1, ["a"]))
        self.assertEqual(self.box.revision, 4)

    def test_an_answer_ahead_of_the_stream_waits_for_it(self) -> None:
        self.box.local(["a"])
        self.box.next()
        self.assertFalse(self.box.answered(1, 5))
        self.assertEqual(self.box.state, "awaiting")
        assert self.box.in_flight is not None
        self.assertEqual(self.box.in_flight.answered, 5)
        self.assertEqual(self.box.receive(4, "anna-001", 7, ["x"]), ["x"])
        self.assertIsNone(self.box.receive(5, "bert-001", 1, [1, "a"]))
        self.assertEqual((self.box.state, self.box.revision), ("synchronized", 5))

    def test_an_answer_for_an_edit_that_is_done_changes_nothing(self) -> None:
        self.box.local(["a"])
        self.box.next()
        self.box.answered(1, 4)
        self.box.local(["b"])
        self.box.next()
        self.assertTrue(self.box.answered(1, 4))
        self.assertEqual((self.box.state, self.box.revision), ("awaiting", 4))

    def test_an_own_edit_of_an_earlier_life_is_somebody_elses(self) -> None:
        """An edit of this client id that this outbox did not send: it is to be applied."""
        self.box.local(["b"])
        self.assertEqual(self.box.receive(4, "bert-001", 9, ["a"]), ["a"])
        self.assertEqual(self.box.buffer, [1, "b"])

    def test_a_gap_is_told_and_changes_nothing(self) -> None:
        self.box.local(["a"])
        with self.assertRaises(Gap) as caught:
            self.box.receive(5, "anna-001", 1, ["x"])
        self.assertEqual((caught.exception.expected, caught.exception.revision), (4, 5))
        self.assertEqual((self.box.revision, self.box.buffer), (3, ["a"]))

    def test_a_refused_edit_is_taken_back_and_its_number_used_again(self) -> None:
        self.box.local(["abc"])
        self.box.next()
        self.box.local([3, "xyz"])
        undo, lost = self.box.reject()
        self.assertEqual(TEXT.apply("abcxyz", undo), "xyz")
        self.assertEqual(lost, ["abc"])
        self.assertEqual(self.box.next(), Message(1, 3, ["xyz"]))

    def test_nothing_in_flight_cannot_be_refused(self) -> None:
        self.assertRaises(ValueError, self.box.reject)

    def test_where_the_server_compares_the_buffer_keeps_its_base(self) -> None:
        box = self.compared()
        box.local(["a"])
        self.assertEqual(box.receive(4, "anna-001", 1, ["xyz"]), ["xyz"])
        flight = box.in_flight
        assert flight is not None
        self.assertEqual((flight.base, flight.now, flight.unsent), (3, [3, "a"], True))
        box.local([4, "b"])
        box.receive(5, "anna-001", 2, ["!"])
        self.assertEqual((box.buffer, box.next()), ([5, "b"], None))
        self.assertEqual(box.resend(), Message(1, 3, ["a"]))
        self.assertFalse(flight.unsent)

    def test_what_is_known_or_comes_too_early_freezes_nothing(self) -> None:
        box = self.compared()
        box.local(["a"])
        self.assertIsNone(box.receive(3, "anna-001", 1, ["x"]))
        self.assertRaises(Gap, box.receive, 5, "anna-001", 2, ["x"])
        self.assertEqual((box.in_flight, box.buffer), (None, ["a"]))

    def test_what_is_frozen_keeps_to_the_limits(self) -> None:
        box = self.compared()
        box.limits = (10, 2)
        box.local(["abc"])
        box.receive(4, "anna-001", 1, ["x"])
        self.assertEqual((box.resend(), box.buffer), (Message(1, 3, ["ab"]), [3, "c"]))

    def test_at_a_join_all_that_is_pending_becomes_one_edit(self) -> None:
        box = self.compared()
        box.local(["a"])
        box.next()
        box.local([1, "b"])
        self.assertTrue(box.rejoining(1, 2))
        box.receive(4, "anna-001", 1, ["x"])
        box.receive(5, "anna-001", 2, ["y"])
        box.rejoined()
        self.assertEqual((box.resend(), box.buffer), (Message(1, 3, ["ab"]), None))

    def test_at_a_join_an_edit_stays_that_would_not_be_compared_with_more(self) -> None:
        box = self.compared()
        box.local(["a"])
        for revision in (4, 5):
            box.receive(revision, "anna-001", revision, ["x"])
        sent = box.resend()
        box.local([3, "b"])
        self.assertFalse(box.rejoining(1, 1))
        box.receive(6, "anna-001", 6, ["y"])
        box.rejoined()
        self.assertEqual((sent, box.buffer), (Message(1, 3, ["a"]), [4, "b"]))
        assert box.in_flight is not None
        self.assertTrue(box.in_flight.unsent)
        self.assertEqual(box.resend(), sent)

    def test_a_base_that_is_too_old_is_given_up_and_so_is_what_is_too_large_now(self) -> None:
        for give_up in (Outbox.too_old, lambda box: setattr(box, "limits", (10, 1))):
            box = self.compared()
            box.local(["ab"])
            box.receive(4, "anna-001", 1, ["x"])
            give_up(box)
            self.assertTrue(box.rejoining(1, 0))
            box.rejoined()
            self.assertEqual(box.next(), Message(1, 4, [1, "ab"]))

    def test_an_edit_that_is_committed_stays_in_flight_at_a_join(self) -> None:
        box = self.compared()
        box.local(["a"])
        box.next()
        box.local([1, "b"])
        self.assertFalse(box.rejoining(2, 2))
        self.assertIsNone(box.receive(4, "bert-001", 1, ["a"]))
        box.receive(5, "anna-001", 1, ["x"])
        self.assertEqual(box.resend(), Message(2, 4, [1, "b"]))

    def compared(self) -> Outbox:
        """One whose edits the server compares."""
        self.box.compares = True
        box, self.box = self.box, Outbox(TEXT, "bert-001", 3, 1)
        return box

    def test_a_snapshot_with_the_edit_in_flight_in_it(self) -> None:
        self.box.local(["mine"])
        self.box.next()
        self.box.local([4, "!"])
        shown = self.box.reset(9, ["theirs, mine"], 2)
        self.assertEqual(TEXT.apply("mine!", shown), "theirs, mine!")
        self.assertEqual(self.box.next(), Message(2, 9, [12, "!"]))

    def test_a_snapshot_without_the_edit_in_flight(self) -> None:
        self.box.local(["mine"])
        self.box.next()
        self.box.local([4, "!"])
        shown = self.box.reset(9, ["theirs, "], 1)
        self.assertEqual(TEXT.apply("mine!", shown), "theirs, mine!")
        self.assertEqual(self.box.next(), Message(1, 9, [8, "mine!"]))

    def test_what_is_too_large_for_one_message_goes_in_several(self) -> None:
        self.box.local(["a" * 10])
        first = self.box.next(10, 4)
        assert first is not None
        self.assertEqual(first.op, ["aaaa"])
        self.box.answered(1, 4)
        second = self.box.next(10, 4)
        assert second is not None
        self.assertEqual((second.seq, second.revision, second.op), (2, 4, [4, "aaaa"]))
