"""Clients and the server's use cases in one process, over a network that delays and loses."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import orjson
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from collab_wamp import documents
from collab_wamp.caller import Caller
from collab_wamp.client.change import Change
from collab_wamp.client.conflicts import Conflict
from collab_wamp.client.errors import ClientError, from_wamp
from collab_wamp.client.observer import Rejection
from collab_wamp.client.requests import Call, Compare, GiveUp, Publish, Request, Subscribe
from collab_wamp.client.self_check import Divergence
from collab_wamp.client.settings import Settings
from collab_wamp.client.sync import Sync
from collab_wamp.errors import CollabError
from collab_wamp.joining import SessionLimits
from collab_wamp.ot.canonical import sha256
from collab_wamp.protocol import Arguments
from collab_wamp.retention import Retention
from collab_wamp.store.values import SessionKey
from tests.support.parties import Party, claims
from tests.support.surroundings import ClockSurroundings

KEY = SessionKey("acme", "notes")
NEVER = float("inf")


class Network(ClockSurroundings):
    """A relay's surroundings that bring what it publishes to the connections."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[int, Line] = {}

    def publish(self, topic: str, event: dict[str, Any], receivers: Any) -> None:
        assert receivers
        for wamp_session_id in receivers:
            if wamp_session_id in self.lines:
                self.lines[wamp_session_id].publish(topic, event)


class Line:
    """One connection: what is sent either way arrives in order, late, or not at all."""

    numbers = iter(range(1, 1 << 30))

    def __init__(self, person: Person) -> None:
        self.wamp_session_id = next(self.numbers)
        self.person = person
        self.topics: dict[str, Subscribe] = {}
        self.open = True
        self._arrives = {"up": 0.0, "down": 0.0}
        person.network.lines[self.wamp_session_id] = self
        person.world.users[self.wamp_session_id] = person.name

    def later(self, way: str, call: Any) -> None:
        clock = self.person.network.clock
        delay = self.person.random.uniform(0.001, self.person.world.slowest)
        self._arrives[way] = max(self._arrives[way], clock.seconds() + delay)
        clock.callLater(self._arrives[way] - clock.seconds(), call)

    def publish(self, topic: str, event: dict[str, Any]) -> None:
        if topic in self.topics:
            event = orjson.loads(orjson.dumps(event))
            self.later("down", lambda: self.hear(topic, event))

    def hear(self, topic: str, event: dict[str, Any]) -> None:
        if self.open:
            self.person.event(self.topics[topic], event)

    def request(self, request: Request) -> None:
        # What was sent before a connection broke may arrive or not.
        lost = self.person.random.random() < self.person.world.loss / 2
        self.later("up", lambda: self.arrived(request, lost and self.open))

    def arrived(self, request: Request, lost: bool) -> None:
        if lost:
            return
        if isinstance(request, Subscribe):
            if self.open:
                self.topics[request.topic] = request
                self.answer(request, None)
            return
        answered = self.person.world.serve(self.wamp_session_id, request)
        answered.addCallbacks(
            lambda result: self.answer(request, orjson.loads(orjson.dumps(result))),
            lambda failure: self.refuse(request, failure.value),
        )

    def answer(self, request: Request, result: Any) -> None:
        if self.person.random.random() < self.person.world.loss:
            # The worker died between the commit and the answer, or the answer never came.
            if self.person.random.random() < 0.5:
                self.fail(request, from_wamp("wamp.error.canceled"))
            return
        self.later("down", lambda: self.open and self.person.answered(request, result))

    def refuse(self, request: Request, error: Exception) -> None:
        if not isinstance(error, CollabError):
            raise error
        kwargs = orjson.loads(orjson.dumps(error.kwargs))
        self.fail(request, from_wamp(error.uri, [error.message], kwargs))

    def fail(self, request: Request, error: ClientError) -> None:
        self.later("down", lambda: self.open and self.person.failed(request, error))

    def cut(self) -> None:
        self.open = False
        del self.person.network.lines[self.wamp_session_id]
        self.person.world.party.relay.connection_lost(self.wamp_session_id)


class Person:
    """A client, driven as `Document` drives it, and what it was told."""

    def __init__(self, world: World, name: str, **settings: Any) -> None:
        self.world = world
        self.name = name
        self.network = world.network
        self.random = world.random
        settings = {"create": True, **settings}
        self.sync = Sync(
            Settings(KEY.session_id, client_id=f"client-{name}", **settings),
            self,
            self.random.random,
        )
        self.line: Line | None = None
        self.changes: list[Change] = []
        self.rejections: list[Rejection] = []
        self.conflicts: list[Conflict] = []
        self.checks = 0
        self.divergences: list[Divergence] = []
        self.ends: list[ClientError] = []
        self.sent_seqs: list[int] = []
        self.acknowledged_seqs: list[int] = []
        self.calls: list[Call] = []
        self._timer: Any = None

    @property
    def now(self) -> float:
        return self.network.now_s()

    def connect(self) -> None:
        self.line = Line(self)
        self.sync.connected(self.now)
        self.pump()

    def disconnect(self) -> None:
        line, self.line = self.line, None
        if line is not None:
            line.cut()
            self.sync.disconnected()

    def edit(self, op: Any) -> None:
        assert self.sync.replica is not None
        self.sync.replica.edit(op)
        self.pump()

    @property
    def content(self) -> str:
        assert self.sync.replica is not None
        return str(self.sync.replica.content)

    def pump(self) -> None:
        for action in self.sync.due(self.now):
            line = self.line
            if isinstance(action, Compare):
                self.checks += 1
                found = sha256(action.check.content)
                self.sync.compared(action.check, found, self.now)
            if line is None or isinstance(action, Compare):
                continue
            if isinstance(action, GiveUp):
                self.disconnect()
                self.network.clock.callLater(self.random.random(), self.reconnect)
            elif isinstance(action, Publish):
                line.later("up", lambda line=line, a=action: self.world.presence(line, a))
            else:
                if isinstance(action, Call):
                    self.calls.append(action)
                line.request(action)
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        if self.sync.wake_at != NEVER:
            self._timer = self.network.clock.callLater(
                max(0.0, self.sync.wake_at - self.now), self.pump
            )

    def reconnect(self) -> None:
        if self.line is None:
            self.connect()

    def answered(self, request: Request, result: Any) -> None:
        self.sync.answered(request, result, self.now)
        self.pump()

    def failed(self, request: Request, error: ClientError) -> None:
        self.sync.failed(request, error, self.now)
        self.pump()

    def event(self, subscribe: Subscribe, event: dict[str, Any]) -> None:
        self.sync.event(subscribe, event, self.now)
        self.pump()

    # --- Observer ---
    def changed(self, change: Change) -> None:
        self.changes.append(change)

    def placed(self, participant_ids: list[str]) -> None: ...

    def roster_changed(self) -> None: ...

    def sent(self, seq: int) -> None:
        self.sent_seqs.append(seq)

    def acknowledged(self, seq: int) -> None:
        self.acknowledged_seqs.append(seq)

    def rejected(self, rejection: Rejection) -> None:
        self.rejections.append(rejection)

    def conflicted(self, conflict: Conflict) -> None:
        self.conflicts.append(conflict)

    def merged(self, conflicts: list[Mapping[str, Any]]) -> None: ...

    def patches_changed(self) -> None: ...

    def diverged(self, divergence: Divergence) -> None:
        self.divergences.append(divergence)

    def ended(self, error: ClientError) -> None:
        self.ends.append(error)


class World:
    """A node without a router, and people on it.

    Args:
        loss: how many of the answers get lost, of 1.
        slowest: seconds a message may take.
    """

    def __init__(
        self, seed: int = 0, loss: float = 0.0, slowest: float = 0.02, **limits: Any
    ) -> None:
        self.random = random.Random(seed)
        self.loss = loss
        self.slowest = slowest
        self.network = Network()
        session_limits = SessionLimits(**limits)
        kept = Retention(session_limits.window)
        self.party = Party(around=self.network, limits=session_limits, retention=kept)
        # By connection; also of those that are gone, as their calls may arrive late.
        self.users: dict[int, str] = {}
        self.rights: dict[int, str] = {}

    @property
    def clock(self) -> Clock:
        return self.network.clock

    def serve(self, wamp_session_id: int, call: Call) -> Deferred[Any]:
        name = call.procedure.rsplit(".", 1)[1]
        method = self.party.method(name)
        right = self.rights.get(wamp_session_id, "manage")
        user = self.users.get(wamp_session_id, "nobody")
        caller = Caller(claims(user, **{"*": right}), wamp_session_id)
        kwargs = orjson.loads(orjson.dumps(call.kwargs))

        async def run() -> Any:
            return await method(caller, Arguments((), kwargs))

        return Deferred.fromCoroutine(run())

    def presence(self, line: Line, publish: Publish) -> None:
        if line.open:
            self.party.relay.presence(publish.topic, line.wamp_session_id, publish.kwargs)

    def run(self, seconds: float) -> None:
        end = self.clock.seconds() + seconds
        while self.clock.seconds() < end:
            self.clock.advance(0.005)
        assert not self.network.failures, self.network.failures

    def settle(self, *people: Person, seconds: float = 60) -> None:
        """Let time pass until nobody has anything to do, and all have heard of everything."""
        self.loss = 0.0
        end = self.clock.seconds() + seconds
        while not self.is_quiet(*people):
            assert self.clock.seconds() < end, [
                (p.name, p.sync.joined, p.sync.replica and p.sync.replica.outbox.__dict__)
                for p in people
            ]
            self.run(0.1)

    def is_quiet(self, *people: Person) -> bool:
        return all(
            person.sync.joined
            and person.sync.replica is not None
            and person.sync.replica.pending == 0
            and person.sync.replica.revision == self.head()[0]
            for person in people
        )

    def head(self) -> tuple[int, str]:
        found: list[Any] = []
        call = Call("collab.session.snapshot", {"session_id": KEY.session_id})
        self.serve(0, call).addCallback(found.append)
        return found[0]["revision"], found[0]["content"]

    def log(self) -> list[tuple[str, int]]:
        """(client id, seq) of every edit that is committed, in order."""
        found: list[Any] = []

        async def read() -> None:
            meta = await self.party.store.meta(KEY)
            assert meta is not None
            edits, _ = await self.party.store.edits(KEY, meta.epoch, meta.floor_revision, 10_000)
            found.extend((edit.client_id, edit.seq) for edit in edits)

        Deferred.fromCoroutine(read())
        return found


class ClientSimulationTests(SynchronousTestCase):
    def play(
        self, seed: int, *, undo: bool = False, epochs: bool = False, **limits: Any
    ) -> list[Person]:
        slowest = (0.005, 0.05, 0.3, 1.0)[seed % 4]
        world = World(seed, loss=0.1, slowest=slowest, **limits)
        rng = world.random
        people = [Person(world, name) for name in ("anna0001", "bert0002", "cleo0003")]
        for person in people:
            person.connect()
        typed: list[str] = []
        for step in range(200):
            world.run(rng.choice((0.005, 0.02, 0.1)))
            person = rng.choice(people)
            chance = rng.random()
            if chance < 0.03:
                person.disconnect()
            elif chance < 0.2:
                person.reconnect()
            elif chance < 0.22 and epochs:
                self.renew_epoch(world, f"epoch{step}")
            elif chance < 0.3 and undo and person.sync.replica is not None:
                undone = person.sync.replica.undo()
                person.pump()
                for part in undone or []:
                    if isinstance(part, dict):
                        typed.remove(part["d"])
                    elif isinstance(part, str):
                        typed.append(part)
            elif person.sync.replica is not None:
                # Every character is typed once, so that it can be told what became of it.
                character = chr(0x4E00 + step)
                typed.append(character)
                person.edit([rng.randrange(person.sync.replica.length + 1), character])
        for person in people:
            person.reconnect()
        world.settle(*people)
        _, content = world.head()
        for person in people:
            self.assertEqual(person.content, content)
            self.assertEqual(person.ends, [])
            self.assertEqual((person.rejections, person.divergences), ([], []))
        self.assertEqual(len(set(world.log())), len(world.log()))
        self.assertEqual(sorted(content), sorted(typed))
        return people

    def renew_epoch(self, world: World, epoch: str) -> None:
        """As after lost history: the session goes on under a new epoch."""

        async def renew() -> None:
            meta = await world.party.store.meta(KEY)
            if meta is not None:
                await world.party.store.renew_epoch(KEY, meta.epoch, epoch, "topic" + epoch)

        Deferred.fromCoroutine(renew())

    def test_everybody_converges_and_every_edit_is_made_once(self) -> None:
        for seed in range(100):
            with _Seed(seed):
                people = self.play(seed, undo=True)
                for person in people:
                    self.assertEqual({c.origin for c in person.changes} - {"remote"}, set())

    def test_those_far_behind_go_on_from_a_snapshot(self) -> None:
        resets = checks = 0
        self.patch(documents, "SNAPSHOT_EVERY", 2)
        self.patch(documents, "CHECKPOINT_EVERY", 2)
        for seed in range(50):
            with _Seed(seed):
                for person in self.play(seed, window=2):
                    resets += sum(change.origin == "reset" for change in person.changes)
                    checks += person.checks
        self.assertGreater(resets, 10)
        self.assertGreater(checks, 500)

    def test_those_whose_base_is_too_old_go_on_with_another(self) -> None:
        """Where the log still has what they missed, no snapshot is needed."""
        for seed in range(50):
            with _Seed(seed):
                for person in self.play(seed, undo=True, window=2):
                    self.assertEqual({c.origin for c in person.changes} - {"remote"}, set())

    def test_a_new_epoch_takes_over_all_that_was_typed(self) -> None:
        resets = 0
        for seed in range(50):
            with _Seed(seed):
                for person in self.play(seed, epochs=True):
                    resets += sum(change.origin == "reset" for change in person.changes)
        self.assertGreater(resets, 10)


class _Seed:
    """Says which seed failed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def __enter__(self) -> None: ...

    def __exit__(self, kind: Any, error: Any, _traceback: Any) -> None:
        if error is not None:
            error.add_note(f"seed {self.seed}")
