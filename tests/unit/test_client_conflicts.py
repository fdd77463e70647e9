"""What a client does about conflicts: it takes its edit back, and keeps what it has to decide."""

from __future__ import annotations

from collections import Counter
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from collab_wamp import holding, protocol
from collab_wamp.caller import Caller
from collab_wamp.client.conflicts import Conflicts
from collab_wamp.client.errors import ClientError
from collab_wamp.client.persistence import persistently
from collab_wamp.client.requests import Call
from collab_wamp.protocol import Arguments
from collab_wamp.store.held import Held
from tests.support.parties import claims, start
from tests.support.sync_client import ME, OTHER, Client, body, edit, joined
from tests.unit.test_client_simulation import KEY, Person, World, _Seed

SEEDS = 50
NAMED = {
    "kind": "replaced",
    "where": [0, 1],
    "revision": 1,
    "user_id": "user",
    "client_id": OTHER,
}


def held(conflict_id: str = "conflict1", **more: Any) -> dict[str, Any]:
    return {
        "conflict_id": conflict_id,
        "state": "held",
        "client_id": ME,
        "seq": 1,
        "mine": ["1"],
        "revision": 1,
        "theirs": [{"op": ["z", {"d": 1}], "revision": 1, "user_id": "user", "client_id": OTHER}],
        "conflicts": [NAMED],
        "expires_ms": 5,
    } | more


class ConflictTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.client = Client()
        self.client.connect(joined(content="abc"))

    def states(self) -> list[tuple[str, str]]:
        return [(told.conflict_id, told.state) for told in self.client.conflicts]

    def test_a_refused_edit_is_taken_back_and_its_number_is_free(self) -> None:
        client = self.client
        call = client.submit(["1", {"d": 1}])
        client.fail(call, "conflict", conflicts=[NAMED], requires_manual_resolution=False)
        self.assertEqual(client.content, "abc")
        [told], [rejection] = client.conflicts, client.rejections
        self.assertEqual((told.state, told.conflicts), ("refused", [NAMED]))
        self.assertIs(told.requires_manual_resolution, False)
        self.assertEqual((rejection.op, rejection.text), (["1", {"d": "a"}], "1"))
        self.assertEqual(told.lost, rejection.op)
        self.assertEqual(client.sync.conflicts.held, {})
        self.assertEqual(body(client.submit(["x"]))[3], 1)

    def test_a_held_edit_is_kept_to_be_decided(self) -> None:
        client = self.client
        call = client.submit(["1"])
        client.type([1, "2"])
        client.fail(call, "conflict", **held(), requires_manual_resolution=True)
        self.assertEqual(client.content, "2abc")
        [told] = client.conflicts
        self.assertEqual((told.lost, told.mine, told.expires_ms), (["1"], ["1"], 5))
        self.assertIs(told.requires_manual_resolution, True)
        self.assertEqual(client.rejections, [])
        self.assertEqual(client.sync.conflicts.held, {"conflict1": told})
        self.assertEqual(body(client.call(protocol.EDIT))[3:], (1, ["2"]))

    def test_the_answer_to_a_copy_is_the_last_word_too(self) -> None:
        client = self.client
        client.fail(client.submit(["1"]), "wamp.error.canceled")
        client.due()
        client.wait(client.sync.wake_at - client.now)
        client.fail(client.call(protocol.EDIT), "conflict", **held())
        self.assertEqual((client.content, self.states()), ("abc", [("conflict1", "held")]))
        self.assertTrue(client.sync.joined)

    def test_an_answer_that_was_lost_is_found_in_the_join(self) -> None:
        client = self.client
        client.submit(["1"])
        client.sync.disconnected()
        rows = [edit(OTHER, 1, ["z", {"d": 1}])]
        client.connect(joined(revision=1, content=None, edits=rows, held=[held()]))
        self.assertEqual((client.content, client.resent), ("zbc", None))
        [told] = client.conflicts
        self.assertEqual((told.lost, told.state), (["1"], "held"))

    def test_also_where_the_join_brings_the_content(self) -> None:
        client = self.client
        client.submit(["1"])
        client.sync.disconnected()
        client.connect(joined(revision=9, content="zbc", held=[held(state="expired")]))
        self.assertEqual((client.content, client.resent), ("zbc", None))
        self.assertEqual(self.states(), [("conflict1", "expired")])

    def test_what_a_join_lists_besides_is_not_the_answer(self) -> None:
        client = self.client
        client.fail(client.submit(["1"]), "conflict", **held())
        client.submit(["2"])
        client.sync.disconnected()
        rows = [held(), held("conflict2", client_id=OTHER), held("conflict3", seq=9)]
        client.connect(joined(content=None, edits=[], held=rows))
        assert client.resent is not None
        self.assertEqual(body(client.resent)[3:], (1, ["2"]))
        self.assertEqual(list(client.sync.conflicts.held), ["conflict1", "conflict2", "conflict3"])
        self.assertEqual(client.sync.conflicts.held["conflict1"].lost, ["1"])

    def test_what_a_join_does_not_list_any_more_is_resolved(self) -> None:
        client = self.client
        client.fail(client.submit(["1"]), "conflict", **held())
        client.sync.disconnected()
        client.connect(joined(content=None, edits=[], held=[]))
        self.assertEqual(self.states(), [("conflict1", "held"), ("conflict1", "resolved")])
        self.assertEqual(client.sync.conflicts.held, {})

    def test_what_expires_or_is_resolved_elsewhere_is_told(self) -> None:
        client = self.client
        client.fail(client.submit(["1"]), "conflict", **held())
        expired = {"conflict_id": "conflict1", "state": "expired", "op": ["1"], "revision": 1}
        for _ in range(2):
            client.event("roster", conflict=expired)
        client.event("roster", conflict=expired | {"conflict_id": "conflict2"})
        for conflict_id in ("conflict1", "conflict3"):
            row = {"conflict_id": conflict_id, "state": "resolved", "revision": 4}
            client.event("roster", conflict=row)
        self.assertEqual(
            self.states(),
            [
                ("conflict1", "held"),
                ("conflict1", "expired"),
                ("conflict2", "expired"),
                ("conflict1", "resolved"),
            ],
        )
        self.assertEqual(client.conflicts[1].lost, ["1"])
        self.assertEqual(client.conflicts[3].revision, 4)
        self.assertEqual(client.conflicts[2].mine, ["1"])
        self.assertEqual(list(client.sync.conflicts.held), ["conflict2"])

    def test_conflicts_that_were_merged_are_told_whichever_comes_first(self) -> None:
        for stream_first in (False, True):
            client = Client()
            client.connect(joined(content="abc"))
            call = client.submit(["1", {"d": 1}])
            rows = [edit(OTHER, 1, ["z", {"d": 1}]), edit(ME, 1, [1, "1"])]
            if stream_first:
                client.edits(0, *rows)
            client.answer(call, revision=2, durable=True, conflicts=[NAMED])
            client.edits(0, *rows)
            self.assertEqual((client.merges, client.pending), ([[NAMED]], 0))


class PersistenceTests(SynchronousTestCase):
    def test_it_asks_until_the_answer_is_the_last_word(self) -> None:
        answers: list[Any] = [
            ClientError("timeout", ""),
            ClientError("overloaded", "", {"retryable": True, "retry_after_ms": 200}),
            ClientError("draining", ""),
            {"revision": 3},
        ]
        slept: list[float] = []

        async def ask() -> Any:
            answer = answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        async def sleep(seconds: float) -> None:
            slept.append(seconds)

        result = self.successResultOf(start(persistently(ask, sleep)))
        self.assertEqual((result, slept), ({"revision": 3}, [0.5, 0.2, 0.5]))
        for code in ("no_such_conflict", "base_too_old", "left", "internal"):
            answers[:] = [ClientError(code, "")]
            failure = self.failureResultOf(start(persistently(ask, sleep)), ClientError)
            self.assertEqual(failure.value.code, code)


class ConflictSimulationTests(SynchronousTestCase):
    """People who replace what others replace, with answers that get lost and workers that forget.

    Every character is typed once. In the end each is in the log, or in an edit that is held, and
    in one of both only; when all is decided, each is in the log once.
    """

    def play(self, seed: int) -> tuple[World, list[Person], int]:
        world = World(seed, loss=0.2, slowest=(0.1, 0.5)[seed % 2])
        self.made(world)
        rng = world.random
        people = [Person(world, name) for name in ("anna0001", "bert0002", "cleo0003")]
        for person in people:
            person.connect()
        by: dict[str, Person] = {}
        for step in range(150):
            world.run(rng.choice((0.05, 0.2, 0.4)))
            person = rng.choice(people)
            chance = rng.random()
            if chance < 0.04:
                person.disconnect()
            elif chance < 0.2:
                person.reconnect()
            elif chance < 0.24:
                world.party.sessions.documents.forget(KEY)
            elif person.sync.replica is not None:
                character = chr(0x4E00 + step)
                by[character] = person
                person.edit(self.op(rng, person, by, character))
        for person in people:
            person.reconnect()
        world.settle(*people)
        _, content = world.head()
        for person in people:
            self.assertEqual((person.content, person.ends, person.rejections), (content, [], []))
        waiting = []
        for person in people:
            held = self.result(world.party.store.held_of(KEY, person.name))
            names = {row.conflict_id for row in held}
            self.assertEqual(set(person.sync.conflicts.held), names)
            waiting += held
        typed = self.inserted(world)
        for row in waiting:
            typed.update("".join(part for part in row.merged if isinstance(part, str)))
        self.assertEqual(typed, Counter(list(by)))
        for row in waiting:
            self.resolve(world, row, rng.choice(("both", "op")))
        world.settle(*people)
        self.assertEqual([person.sync.conflicts.held for person in people], [{}, {}, {}])
        self.assertEqual(self.inserted(world), Counter(list(by)))
        self.assertEqual(len(set(world.log())), len(world.log()))
        return world, people, len(waiting)

    def made(self, world: World) -> None:
        settings = {"session_id": KEY.session_id, "conflicts": "ask", "content": "-" * 9}
        self.successResultOf(world.serve(0, Call(protocol.CREATE, settings)))

    def op(self, rng: Any, person: Person, by: dict[str, Person], character: str) -> list[Any]:
        """Replace what others have typed, or else insert."""
        content = person.content
        at = rng.randrange(len(content) + 1)
        end = at
        while end < min(len(content), at + 8) and by.get(content[end]) is not person:
            end += 1
        op = [at, character, {"d": end - at}] if end - at > 1 else [at, character]
        return op if at else op[1:]

    def resolve(self, world: World, held: Held, choice: str) -> None:
        """Decide, twice at one time."""
        arguments = {"session_id": KEY.session_id, "conflict_id": held.conflict_id}
        arguments |= {"choice": choice} | ({"op": held.merged} if choice == "op" else {})
        who = Caller(claims(held.user_id), 0)
        answers = [
            start(world.party.sessions.resolving.resolve(who, Arguments((), arguments)))
            for _ in range(2)
        ]
        world.run(1)
        revisions = {self.successResultOf(answer)["revision"] for answer in answers}
        self.assertEqual(len(revisions), 1)

    def result(self, work: Any) -> Any:
        return self.successResultOf(start(work))

    def inserted(self, world: World) -> Counter[str]:
        """How often each character was inserted by the log."""
        edits, _ = self.result(world.party.store.edits(KEY, self.epoch(world), 0, 10_000))
        texts = (part for row in edits for part in row.op if isinstance(part, str))
        return Counter("".join(texts))

    def epoch(self, world: World) -> str:
        return str(self.result(world.party.store.meta(KEY)).epoch)

    def test_what_is_held_is_neither_lost_nor_made_twice(self) -> None:
        conflicts = 0
        self.patch(holding, "MOST_HELD", 1000)
        for seed in range(SEEDS):
            with _Seed(seed):
                conflicts += self.play(seed)[2]
        self.assertGreater(conflicts, 50)

    def test_an_answer_in_the_join_that_is_passed_over_is_noticed(self) -> None:
        """Then an edit is sent again though it is held; if with another, it is made twice."""
        self.patch(holding, "MOST_HELD", 1000)
        self.patch(Conflicts, "answer_to", lambda *_args: "")
        with self.assertRaises(AssertionError):
            for seed in range(2 * SEEDS):
                self.play(seed)
