"""Recorded sessions of several people, put into one line."""

from __future__ import annotations

import random
from typing import Any

import attrs
from twisted.trial.unittest import SynchronousTestCase

from collab_wamp.linear import TEXT, client_id_of, linear
from collab_wamp.ot import rebase
from collab_wamp.ot.outbox import other_side
from collab_wamp.traces import Row, TraceError, read_rows

SEEDS = 300


@attrs.define
class Person:
    """A client that sends its operations one by one, as they are by then.

    Attributes:
        has: how many edits of the server it has.
        pending: [recorded operation, what it had then, operation as it is now] of those that
            are not committed.
    """

    agent: int
    text: str = ""
    has: int = 0
    pending: list[list[Any]] = attrs.field(factory=list)

    def type(self, chance: random.Random, letter: str) -> None:
        """Insert a letter that is nowhere else, or delete something."""
        at = chance.randint(0, len(self.text))
        if self.text and chance.random() < 0.3:
            at = min(at, len(self.text) - 1)
            op = TEXT.normalize([at, {"d": chance.randint(1, min(3, len(self.text) - at))}])
        else:
            op = TEXT.normalize([at, letter])
        self.text = TEXT.apply(self.text, op)
        self.pending.append([op, self.has, op])

    def receive(self, author: int, op: Any) -> None:
        """The server's next edit, of somebody else."""
        side = TEXT.side(client_id_of(self.agent), client_id_of(author))
        for row in self.pending:
            row[2], op = (
                TEXT.transform(row[2], op, side),
                TEXT.transform(op, row[2], other_side(side)),
            )
        self.text = TEXT.apply(self.text, op)
        self.has += 1


@attrs.define
class Server:
    """Has committed `log`, of (author, operation), and has recorded `rows` of a trace."""

    log: list[tuple[int, Any]] = attrs.field(factory=list)
    rows: list[Row] = attrs.field(factory=list)

    def commit(self, person: Person) -> None:
        recorded, seen, op = person.pending[0]
        concurrent = [(client_id_of(author), other) for author, other in self.log[person.has :]]
        op = rebase(TEXT, op, client_id_of(person.agent), concurrent)
        index = len(self.log)
        newest = {author: place for place, (author, _) in enumerate(self.log[:seen])}
        own = (place for place, (author, _) in enumerate(self.log) if author == person.agent)
        parents = {*newest.values(), *own}
        self.rows.append(Row(person.agent, tuple(sorted(parents)), recorded, None))
        # Its own comes in the stream after those that it lacks.
        while person.has < index:
            self.deliver(person)
        assert person.pending.pop(0)[2] == op, (person.pending, op)
        person.has += 1
        self.log.append((person.agent, op))

    def deliver(self, person: Person) -> None:
        """Give a person the next edit that they lack."""
        person.receive(*self.log[person.has])


def recorded(seed: int) -> tuple[list[Row], list[Any], str]:
    """The rows of a session that a server was in the middle of, its line of edits, and its text."""
    chance = random.Random(seed)
    people = [Person(agent) for agent in range(chance.randint(2, 4))]
    server = Server()
    letters = iter(map(chr, range(0x4E00, 0x4E00 + 60)))
    left = 40
    while left or any(person.pending for person in people):
        person = chance.choice(people)
        what = chance.random()
        if what < 0.4 and left:
            left -= 1
            person.type(chance, next(letters))
        elif what < 0.7 and person.pending:
            server.commit(person)
        elif person.has < len(server.log):
            server.deliver(person)
    text = ""
    for _author, op in server.log:
        text = TEXT.apply(text, op)
    return server.rows, [op for _author, op in server.log], text


def row(agent: int, parents: list[int], *patches: list[Any]) -> dict[str, Any]:
    return {"agent": agent, "parents": parents, "patches": list(patches)}


def in_line(*rows: dict[str, Any], agents: int = 2) -> tuple[list[int], str]:
    text, order = "", []
    for index, op in linear(read_rows({"txns": list(rows), "numAgents": agents})[0]):
        order.append(index)
        text = TEXT.apply(text, op)
    return order, text


class LinearTests(SynchronousTestCase):
    def test_a_server_that_was_in_the_middle_had_the_same_line(self) -> None:
        concurrent = 0  # transactions that had not seen the one before
        for seed in range(SEEDS):
            rows, log, text = recorded(seed)
            found = list(linear(rows))
            self.assertEqual([index for index, _ in found], list(range(len(rows))), seed)
            self.assertEqual([op for _, op in found], log, seed)
            end = ""
            for _, op in found:
                end = TEXT.apply(end, op)
            self.assertEqual(end, text, seed)
            concurrent += sum(
                index - 1 not in row.parents for index, row in enumerate(rows) if index
            )
        self.assertGreater(concurrent, SEEDS * 5)

    def test_what_two_type_at_one_place_stays_together(self) -> None:
        rows = [row(0, [], [0, 0, "-"])]
        for place, word in ((1, "abc"), (0, "xyz")):
            before = 0
            for offset, letter in enumerate(word):
                rows.append(row(place, [before], [1 + offset, 0, letter]))
                before = len(rows) - 1
        self.assertEqual(in_line(*rows)[1], "-xyzabc")

    def test_another_order_is_found_where_the_listed_one_does_not_do(self) -> None:
        # The third person has seen the second's, and not the first's, which is listed before it.
        order, text = in_line(
            row(0, [], [0, 0, "a"]), row(1, [], [0, 0, "b"]), row(2, [1], [1, 0, "c"]), agents=3
        )
        self.assertEqual((order, text), ([1, 0, 2], "abc"))

    def test_where_there_is_no_line_it_is_refused(self) -> None:
        with self.assertRaisesRegex(TraceError, r"txns\[0\]: .* no line"):
            in_line(
                row(0, [], [0, 0, "a"]),
                row(1, [], [0, 0, "b"]),
                row(2, [0], [1, 0, "c"]),
                row(3, [1], [1, 0, "d"]),
                agents=4,
            )

    def test_what_would_take_too_much_work_is_refused(self) -> None:
        rows, _log, _text = recorded(1)
        with self.assertRaisesRegex(TraceError, "too much"):
            list(linear(rows, work=200))
        with self.assertRaisesRegex(TraceError, "agents at one time"):
            in_line(*(row(agent, [], [0, 0, "x"]) for agent in range(101)), agents=101)

    def test_any_number_may_have_worked_one_after_the_other(self) -> None:
        rows = [row(n, [n - 1] if n else [], [n, 0, "x"]) for n in range(2000)]
        self.assertEqual(in_line(*rows, agents=2000)[1], "x" * 2000)

    def test_patches_keep_their_order(self) -> None:
        for patches, op in (
            ([[0, 2, ""], [0, 0, "ab"]], [{"d": 2}, "ab"]),
            ([[0, 0, "ab"], [2, 2, ""]], ["ab", {"d": 2}]),
            ([[1, 1, "ab"], [5, 1, ""]], [1, "ab", {"d": 1}, 2, {"d": 1}]),
            ([[5, 1, ""], [1, 0, "x"]], [1, "x", 4, {"d": 1}]),
            ([], []),
        ):
            rows, _ = read_rows({"txns": [{"patches": patches}]})
            self.assertEqual(rows[0].op, op, patches)
