"""A simulated world: nodes on one store, clients, misfortunes, and what must be true after them."""

from __future__ import annotations

import random
from typing import Any

from twisted.internet.defer import Deferred

from collab_wamp.caller import Caller
from collab_wamp.joining import SessionLimits
from collab_wamp.protocol import Arguments
from collab_wamp.store.announcements import Announcement, EditsAnnounced
from collab_wamp.store.held import Held
from collab_wamp.store.memory import MemoryStore
from collab_wamp.store.values import Edit, SessionKey

from .folding import folded
from .parties import claims
from .sim_client import SESSION_ID, Client
from .sim_node import SimNode
from .sim_weather import Time, Weather
from .sim_writers import TextWriter

KEY = SessionKey("acme", SESSION_ID)
PATIENCE_S = 300.0


class World:
    """One or two nodes on one store, and clients.

    Args:
        writer: what people do, and to which type of document.
        window: how far behind the base of an edit may be; where it is small, clients have to go on
            from snapshots.
        conflicts: what the session does about them: `merge` or `ask`.

    Attributes:
        log: every edit that was ever committed, in order.
        held: how many edits were held in the end.
    """

    def __init__(
        self, seed: int, writer: TextWriter, *, window: int = 2000, conflicts: str = "merge"
    ) -> None:
        self.writer = writer
        self.conflicts = conflicts
        self.chance = random.Random(seed)
        self.time = Time(self.chance)
        self.weather = Weather.by_chance(self.chance)
        self.time.tell("world", "weather", self.weather)
        self.store = MemoryStore(now_ms=lambda: int(self.time.now * 1000))
        limits = SessionLimits(window=window)
        # An edit may be held for longer than an edit's base may be behind.
        kept = window if conflicts == "merge" else 0
        self.nodes = [
            SimNode(f"node-{number}", self.store, self.time, self.weather, limits, kept)
            for number in range(1, self.chance.randint(1, 2) + 1)
        ]
        names = [f"client-{number}" for number in range(1, 9)]
        self.chance.shuffle(names)
        self.largest = self.chance.choice(((0, 0), (0, 0), (3, 12)))
        self.clients = [self.client(name) for name in names[: self.chance.randint(2, 4)]]
        self.log: list[Edit] = []
        self.held = 0
        self.time.start(self.store.listen(KEY, self._announced))

    def client(self, name: str) -> Client:
        writer = self.writer
        how = (writer.type, writer.initial, self.largest, self.conflicts)
        return Client(name, self.time, *how)

    def _announced(self, _key: SessionKey, announcement: Announcement) -> None:
        if isinstance(announcement, EditsAnnounced):
            assert announcement.after == len(self.log)
            self.log.extend(announcement.edits)

    def run(self, seconds: float) -> None:
        self.time.run(seconds)
        for failure in self.time.failures:
            failure.raiseException()
        for node in self.nodes:
            for failure in node.failures():
                failure.raiseException()

    # --- what happens -----------------------------------------------------------------------

    def begin(self) -> None:
        """Everybody sets out for the document; the first of them to arrive is waited for."""
        for client in self.clients:
            client.connect(self.chance.choice(self.nodes))
        while all(client.box is None for client in self.clients):
            self.run(0.1)

    def step(self) -> float:
        """Seconds between two things that people do: often less than a message takes."""
        weather = self.weather
        pace = self.chance.choice((0.0, 0.1, 0.5, 2.0)) * self.chance.random()
        return pace * (weather.network + weather.router + weather.store)

    def type_by_chance(self, client: Client) -> None:
        op, expected = self.writer.edit(self.chance, client.screen)
        client.type(op)
        assert client.screen == expected, f"{client.screen!r} != {expected!r}"

    def misfortune(self) -> None:
        chance, node = self.chance, self.chance.choice(self.nodes)
        client = chance.choice(self.clients)
        match chance.choice("ddollcccsrbit"):
            case "d":
                client.disconnect()
            case "o":
                client.connect_anew(node)
            case "l":
                client.leave()
            case "c":
                self.bring(client)
            case "s":
                node.start_sessions()
            case "r":
                node.start_relay()
            case "b":
                node.start_relay()
                node.start_sessions()
            case "i":
                chance.choice((node.relay_link, node.sessions_link)).interrupt(self.time.lag(2.0))
            case "t":
                self.time.start(node.tidy())

    def bring(self, client: Client) -> None:
        """Whoever is away comes back."""
        if client.line is None:
            client.connect(self.chance.choice(self.nodes))
        else:
            client.join()

    # --- coming to rest ---------------------------------------------------------------------

    def dismiss(self, away: list[Client]) -> None:
        """Who is to be away leaves; those whose connection broke are noticed to be gone."""
        self.weather.clear_up()
        for _ in range(2):  # again, for who was just joining
            for client in away:
                client.leave()
            for node in self.nodes:
                self.time.start(node.tidy())
            self.run(15.0)

    def settle(self, here: list[Client]) -> None:
        """Let everything arrive, and all that was typed by those who are here be committed."""
        end = self.time.now + PATIENCE_S
        while not self._at_rest(here):
            for client in here:
                self.bring(client)
            self.run(0.5)
            assert self.time.now < end, f"no rest within {PATIENCE_S} s"
        self.run(2.0)  # who joined just now is announced, and put in place of who was fenced

    def _at_rest(self, here: list[Client]) -> bool:
        return all(node.relay_ready for node in self.nodes) and all(
            client.is_quiet and client.revision == len(self.log) for client in here
        )

    # --- what must be true then -------------------------------------------------------------

    def verify(self, here: list[Client]) -> Any:
        """Everybody has the fold of the log, in which everything is once. Returns the document."""
        content = self.writer.initial
        for edit in self.log:
            content = self.writer.type.apply(content, edit.op)
        for client in here:
            assert client.screen == content, f"{client.name}: {client.screen!r} != {content!r}"
        for client in self.clients:
            self._verify_edits(client, complete=client in here)
        return content

    def _verify_edits(self, client: Client, complete: bool) -> None:
        """A client's edits are in the log once, in order, each as it was sent but transformed."""
        kind = self.writer.type
        mine = [(at, edit) for at, edit in enumerate(self.log) if edit.client_id == client.name]
        seqs = [edit.seq for _, edit in mine]
        assert seqs == list(range(1, len(mine) + 1)), f"{client.name}: {seqs}"
        if complete:
            assert len(mine) == len(client.sent), f"{client.name}: {seqs}, {len(client.sent)} sent"
        for at, edit in mine:
            sent = client.sent[edit.seq]
            if self.conflicts != "merge":
                seen = client.typed.get(edit.seq, sent.revision)
                assert sent.revision == seen, f"{client.name} {edit.seq}: {sent} was at {seen}"
            concurrent = [(other.client_id, other.op) for other in self.log[sent.revision : at]]
            expected, found, _ = folded(kind, kind.bare(sent.op), client.name, concurrent)
            assert self.conflicts == "merge" or not found, f"{client.name} {edit.seq}: {found}"
            assert edit.op == expected, f"{client.name} {edit.seq}: {edit.op} is not {expected}"

    def decide(self, here: list[Client]) -> int:
        """What is held is what those who are here know of; all of it is merged after all.

        Each is asked for twice at one time, on whichever node. Returns how many there were.
        """
        answers, waiting = [], []
        for client in self.clients:
            user_id = f"user-{client.name}"
            held = self._read(self.store.held_of(KEY, user_id))
            names = {row.conflict_id for row in held}
            assert client not in here or names == client.held.keys(), (names, client.held)
            waiting += held
        for row in waiting:
            arguments = {"session_id": KEY.session_id, "conflict_id": row.conflict_id}
            for _ in range(2):
                resolving = self.chance.choice(self.nodes).sessions.resolving
                asked = Arguments((), {**arguments, "choice": "both"})
                answer = resolving.resolve(Caller(claims(row.user_id), 0), asked)
                answers.append(self.time.start(answer))
        self.run(15.0)
        for row in waiting:
            self._verify_decided(row)
        return len(waiting)

    def _verify_decided(self, held: Held) -> None:
        """It is in the log once, as it was held but transformed; or it would do nothing there."""
        kind = self.writer.type
        places = [at for at, edit in enumerate(self.log) if edit.client_id == held.conflict_id]
        end = places[0] if places else len(self.log)
        since = [(edit.client_id, edit.op) for edit in self.log[held.revision : end]]
        expected, _, _ = folded(kind, held.merged, held.conflict_id, since)
        if places or not kind.is_noop(expected):
            assert [self.log[at].op for at in places] == [expected], (held, places)

    def _read(self, work: Any) -> Any:
        """What the store answers, at once."""
        found: list[Any] = []
        Deferred.fromCoroutine(work).addCallback(found.append)
        return found[0]

    def verify_written(self, content: Any, complete: bool) -> None:
        """Nothing that was written got lost, see `TextWriter.verify`."""
        # What somebody deletes of their own edit comes back with it, if that one was held.
        resets = any(client.resets or client.held for client in self.clients)
        self.writer.verify(content, complete=complete, from_snapshots=resets)

    def verify_people(self, here: list[Client]) -> None:
        """The roster and the relays know those who are here, and nobody else."""
        lines = {client.line.wamp_session_id for client in here if client.line is not None}
        roster = self.store._records[KEY].roster.values()
        joined = {p.wamp_session_id for p in roster}
        assert joined == lines, f"on the roster are {joined}, here are {lines}"
        heard: set[int] = set()
        for node in self.nodes:
            feed = node.relay._feeds.get(KEY)
            if feed is not None:
                heard |= set(feed.by_connection)
                assert {p.wamp_session_id for p in feed.participants.values()} == set(
                    feed.by_connection
                )
        assert heard == lines, f"relays have {heard}, here are {lines}"

    def verify_stream(self, here: list[Client], away: list[Client]) -> None:
        """An edit made now reaches all who are here, and nobody else."""
        before = {client.line: client.line.events for client in away if client.line is not None}
        for client in here:
            self.type_by_chance(client)
        self.settle(here)
        for line, events in before.items():
            assert line.events == events, f"{line.client.name} got events after leaving"
