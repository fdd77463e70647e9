"""A node does the same however its parts are spread over processes, on the short way and the long.

There is one node for each layout; what is tried is tried on all of them at the same time.
"""

from __future__ import annotations

import re
import secrets
import socket
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, ClassVar

from twisted.internet import reactor
from twisted.internet.defer import Deferred, FirstError, gatherResults
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from collab_wamp import node as node_files
from collab_wamp.layout import LAYOUTS
from tests.support.guards import LIMITS
from tests.support.node import Node
from tests.support.raw_wamp import CallError, RawClient, logged_in
from tests.support.scrape import scrape_until
from tests.support.waiting import until
from tests.system.test_health import get

WORKERS = {"workers": 2}
# Only so much unread, not how long it is, gets somebody cut.
UNREAD = {
    "COLLAB_LIMITS_SEND_BUFFER_BYTES": "5000000",
    "COLLAB_LIMITS_SEND_BUFFER_SLOW_BYTES": "5000000",
}
# Of a node beside its components: supervisor, store, controller and router.
ALWAYS = {"node": 1, "router": 1, "store": 1}
PROCESSES = {
    "together": {},
    "workers": {"watcher sessions": 1, "sessions": 2},
    "apart": {"watcher sessions": 1, "sessions": 1, "watcher relay": 1, "relay": 1},
}
JSON, MSGPACK = "wamp.2.json", "wamp.2.msgpack"
EDIT, JOIN = "collab.session.edit", "collab.session.join"
CALL, ERROR, RESULT, EVENT, PUBLISHED = 48, 8, 50, 36, 17
EDITS_EACH = 25
PART, PARTS = "x" * 30_000, 8


def names(layout: str) -> dict[str, str]:
    """The settings for a layout."""
    return {"LAYOUT": layout, "WORKERS": str(WORKERS.get(layout, 0))}


class Person:
    """Somebody on a session, who edits at its head."""

    def __init__(self, client: RawClient, name: str, session_id: str, at: Any) -> None:
        self.client, self.name, self.session_id, self.at = client, name, session_id, at
        self.revision, self.seq = at["revision"], at["next_seq"] - 1
        self.answers: dict[int, int] = {}

    @property
    def topics(self) -> dict[str, str]:
        return self.at["topics"]  # type: ignore[no-any-return]

    def an_edit(self, **more: Any) -> dict[str, Any]:
        body = {
            "session_id": self.session_id, "epoch": self.at["epoch"], "revision": self.revision,
            "client_id": self.name, "seq": self.seq + 1, "op": [self.name[-1]],
        }  # fmt: skip
        return body | more

    async def edit(self, **more: Any) -> int:
        """The revision that it is acknowledged to be."""
        answer = await self.client.call(EDIT, **self.an_edit(**more))
        self.seq += 1
        self.revision = answer["revision"]
        self.answers[self.seq] = self.revision
        return int(self.revision)

    def heard(self) -> list[tuple[int, list[Any]]]:
        """(revision, edit) of what came on the topic `edits`."""
        return [
            (number, edit)
            for event in self.client.events(self.topics["edits"])
            for number, edit in enumerate(event["edits"], event["after"] + 1)
        ]


class LayoutTests(TestCase):
    timeout = 120
    nodes: ClassVar[dict[str, Node]] = {}

    async def setUp(self) -> None:
        if not self.nodes:
            nodes = {layout: Node(**LIMITS | UNREAD | names(layout)) for layout in LAYOUTS}
            await gatherResults([deferToThread(node.start) for node in nodes.values()])
            self.nodes.update(nodes)
        self.clients: list[RawClient] = []
        self.session_id = f"s{secrets.token_hex(6)}"

    async def tearDown(self) -> None:
        for client in self.clients:
            await client.cut()

    async def in_each(self, check: Callable[[Node], Awaitable[Any]]) -> list[Any]:
        """What is so in each layout, tried in all at the same time."""

        async def tried(layout: str, node: Node) -> Any:
            try:
                return await check(node)
            except Exception as error:
                error.add_note(f"with LAYOUT={layout}")
                raise

        trying = [
            Deferred.fromCoroutine(tried(layout, node)) for layout, node in self.nodes.items()
        ]
        try:
            return list(await gatherResults(trying, consumeErrors=True))
        except FirstError as first:
            raise first.subFailure.value from None

    async def client(self, node: Node, user: str, subprotocol: str = JSON) -> RawClient:
        client = await logged_in(node.port, node.token(user), subprotocol)
        self.clients.append(client)
        return client

    async def person(self, node: Node, name: str, subprotocol: str = JSON) -> Person:
        """Joined, and subscribed to everything."""
        return await self.joined(await self.client(node, name, subprotocol), name)

    async def joined(self, client: RawClient, name: str) -> Person:
        await client.call("collab.session.create", session_id=self.session_id, if_absent=True)
        at = await client.call(JOIN, session_id=self.session_id, client_id=name)
        for topic in ("edits", "roster", "presence"):
            await client.subscribe(at["topics"][topic])
        return Person(client, name, self.session_id, at)

    async def test_it_has_the_processes_that_it_should_have(self) -> None:
        for layout, node in self.nodes.items():
            expected = {**ALWAYS, **PROCESSES[layout]}
            others = {"sessions", "relay", "watcher sessions", "watcher relay"} - set(expected)
            found = {what: len(node.pids(what)) for what in (*expected, *others)}
            self.assertEqual(found, expected | dict.fromkeys(others, 0), layout)
            # And the supervisor.
            self.assertEqual(len(node.all_pids()), 1 + sum(expected.values()), layout)

    async def test_health_and_metrics_tell_of_the_parts_that_there_are(self) -> None:
        async def check(node: Node) -> None:
            people = [await self.person(node, f"client-{letter}") for letter in "abc"]
            await people[0].edit()
            load: dict[str, int] = {}
            while (load.get("connections"), load.get("participants")) != (3, 3):
                # Those of the test before may be on their way out.
                status, body = await deferToThread(get, node, "/health")
                load = body["load"]
            self.assertGreaterEqual(load["sessions"], 1)
            self.assertEqual((status, body["status"]), (200, "ok"), body)
            layout = node.layout
            sessions = {"sessions"}
            if layout.workers > 1:
                sessions = {f"sessions-{number}" for number in range(1, layout.workers + 1)}
            self.assertEqual(set(body["parts"]), {*sessions, "relay", "node"})
            for part in body["parts"].values():
                self.assertTrue(part["ok"], body)
            edits = "collab_edits_committed_total"
            found = await scrape_until(node, lambda found: found.total(edits) >= 1, "an edit")
            titles = [f"sessions-{number}" for number in range(2, layout.workers + 1)]
            processes = {"router", *layout.guests, *titles}
            start_s = "collab_process_start_time_seconds"
            self.assertEqual(found.labels(start_s, "process"), processes)
            self.assertGreater(found.total(edits), 0)
            links = len(processes) - (0 if layout.inside else 1)
            self.assertEqual(found.total("collab_store_up"), links)

        await self.in_each(check)

    async def test_everybody_hears_the_same_edits_and_what_is_acknowledged_is_committed(
        self,
    ) -> None:
        async def check(node: Node) -> None:
            people = [
                await self.person(node, f"client-{number}{letter}", subprotocol)
                for number, subprotocol in ((1, JSON), (2, MSGPACK))
                for letter in "ab"
            ]

            async def type_away(person: Person) -> None:
                for _ in range(EDITS_EACH):
                    await person.edit()

            await gatherResults([Deferred.fromCoroutine(type_away(person)) for person in people])
            total = EDITS_EACH * len(people)
            log = await people[0].client.call(
                "collab.session.fetch",
                session_id=self.session_id, epoch=people[0].at["epoch"], after=0,
            )  # fmt: skip
            self.assertEqual((len(log["edits"]), log["revision"]), (total, total))
            committed = {(edit[0], edit[1]): n for n, edit in enumerate(log["edits"], 1)}
            for person in people:
                self.assertEqual(len(person.answers), EDITS_EACH)
                for seq, revision in person.answers.items():
                    self.assertEqual(committed[person.name, seq], revision)
                await until(lambda person=person: len(person.heard()) >= total, what=person.name)
                self.assertEqual(person.heard(), list(enumerate(log["edits"], 1)), person.name)
            found = await people[0].client.call(
                "collab.session.snapshot", session_id=self.session_id
            )
            self.assertEqual(sorted(found["content"]), sorted("ab" * EDITS_EACH * 2))

        await self.in_each(check)

    async def test_presence_comes_after_the_edits_that_it_refers_to(self) -> None:
        async def check(node: Node) -> None:
            ada = await self.person(node, "client-ada", MSGPACK)
            bobs = [await self.person(node, f"client-bob{n}", kind)
                    for n, kind in ((1, JSON), (2, MSGPACK))]  # fmt: skip
            for _ in range(10):
                revision = await ada.edit()
                ada.client.publish(ada.topics["cursor"], revision=revision, position=revision)
            for bob in bobs:
                topic = bob.topics["presence"]
                await until(
                    lambda bob=bob, topic=topic: any(
                        event["revision"] == 10 and event["presence"]
                        for event in bob.client.events(topic)
                    )
                )
                self.check_order(bob)

        await self.in_each(check)

    def check_order(self, person: Person) -> None:
        head = 0
        for row in person.client.received:
            event = row[5] if row[0] == EVENT else {}
            if "edits" in event:
                self.assertEqual(event["after"], head)
                head += len(event["edits"])
            elif "presence" in event:
                self.assertEqual(event["revision"], head)

    async def test_of_whom_presence_is_heard_and_that_it_is_acknowledged(self) -> None:
        async def check(node: Node) -> None:
            ada = await self.person(node, "client-ada")
            token = node.token("eve", capabilities=("edit",))
            mute = await self.joined(await logged_in(node.port, token), "client-eve")
            self.clients.append(mute.client)
            bob = await self.person(node, "client-bob")
            wanted = {"acknowledge": True}
            number = mute.client.publish(mute.topics["cursor"], wanted, revision=0, position=0)
            self.assertEqual((await mute.client.answer(PUBLISHED, number))[:2], [PUBLISHED, number])
            # What follows was sent when the former had been taken.
            revision = await mute.edit()
            number = ada.client.publish(ada.topics["cursor"], wanted, revision=revision, position=1)
            answer = await ada.client.answer(PUBLISHED, number)
            self.assertIsInstance(answer[2], int)
            ada.client.publish(ada.topics["selection"], revision=revision, ranges=[[0, 1]])
            me = ada.at["participant_id"]
            topic = bob.topics["presence"]
            await until(
                lambda: any(
                    event["presence"].get(me) == {"cursor": 1, "selection": [[0, 1]]}
                    for event in bob.client.events(topic)
                )
            )
            heard = {who for event in bob.client.events(topic) for who in event["presence"]}
            self.assertEqual(heard, {me})
            for _ in range(3):
                ada.client.publish("collab.s.abc.edits", wanted, edits=[])
            refused = await until(
                lambda: [row for row in ada.client.received if row[:2] == [ERROR, 16]][2:]
            )
            self.assertEqual(refused[0][4], "wamp.error.not_authorized")

        await self.in_each(check)

    async def test_an_error_is_the_same_in_each(self) -> None:
        async def rows(node: Node) -> list[Any]:
            found = []
            for subprotocol in (JSON, MSGPACK):
                ada = await self.person(node, f"client-{subprotocol[7:]}", subprotocol)
                view = await logged_in(
                    node.port, node.token("viewer", **{self.session_id: "view"}), subprotocol
                )
                self.clients.append(view)
                await view.call(JOIN, session_id=self.session_id, client_id="client-view")
                ahead = ada.an_edit(revision=7)
                for client, procedure, arguments in (
                    (ada.client, EDIT, ahead),
                    (ada.client, EDIT, ada.an_edit(seq=5)),
                    (ada.client, EDIT, ada.an_edit(op=[1, 2])),
                    (ada.client, EDIT, ada.an_edit(colour="red")),
                    (view, EDIT, ada.an_edit(client_id="client-view")),
                    (view, "collab.session.destroy", {"session_id": self.session_id}),
                    (ada.client, JOIN, {"session_id": "nowhere", "client_id": "client-0001"}),
                    (ada.client, JOIN, {"session_id": "a b", "client_id": "client-0001"}),
                    (ada.client, "collab.token.issue", {"user_id": "eve", "rights": {}}),
                    (ada.client, "collab.session.dance", {}),
                    (ada.client, "collab.relay.watch", {"session_id": self.session_id}),
                    (ada.client, "collab.worker.1.edit", ahead),
                ):
                    with self.assertRaises(CallError) as caught:
                        await client.call(procedure, **arguments)
                    number = max(row[2] for row in client.received if row[0] == ERROR)
                    [row] = [row for row in client.received if row[:3] == [ERROR, CALL, number]]
                    self.assertEqual(caught.exception.uri, row[4])
                    found.append(row)
                code = found[-12][4], found[-8][4], found[-2][4]
                self.assertEqual(
                    code, ("collab.error.base_ahead", "collab.error.denied",
                           "wamp.error.not_authorized"),
                )  # fmt: skip
            return found

        # Crossbar's own say which of its sessions it was.
        each = [re.sub(r"\d{5,}", "…", repr(found)) for found in await self.in_each(rows)]
        self.assertEqual(each, each[:1] * len(LAYOUTS))

    async def test_who_is_not_on_a_session_hears_nothing(self) -> None:
        async def check(node: Node) -> None:
            ada = await self.person(node, "client-ada")
            silent = {}
            for number, name in enumerate(("leaves", "revoked", "unsubscribes")):
                kind = (JSON, MSGPACK)[number % 2]
                silent[name] = (await self.person(node, f"client-{name}", kind)).client
            stranger = silent["stranger"] = await self.client(node, "stranger")
            subscription = await stranger.subscribe(ada.topics["edits"])
            await ada.edit()
            for name in ("leaves", "revoked", "unsubscribes"):
                await until(lambda name=name: silent[name].events(ada.topics["edits"]), what=name)
            await silent["leaves"].call("collab.session.leave", session_id=self.session_id)
            await ada.client.call(
                "collab.session.revoke", session_id=self.session_id, user_id="client-revoked"
            )
            silent["unsubscribes"].send([34, 900, subscription])
            await silent["unsubscribes"].answer(35, 900)
            before = {name: self.edits_heard(client) for name, client in silent.items()}
            self.assertEqual(before, {"leaves": 1, "revoked": 1, "unsubscribes": 1, "stranger": 0})
            for _ in range(5):
                await ada.edit()
            await until(lambda: len(ada.heard()) == 6)
            for client in silent.values():
                await client.call("collab.session.list")
            self.assertEqual({n: self.edits_heard(c) for n, c in silent.items()}, before)

        await self.in_each(check)

    def edits_heard(self, client: RawClient) -> int:
        return sum(
            len(row[5]["edits"])
            for row in client.received
            if row[0] == EVENT and "edits" in row[5] and row[5]["edits"]
        )

    async def test_so_many_calls_at_one_time_and_no_more(self) -> None:
        async def check(node: Node) -> Any:
            client = await self.client(node, "hasty")
            numbers = [client.start_call("collab.session.list") for _ in range(300)]
            await until(
                lambda: len([row for row in client.received if row[0] in (ERROR, RESULT)]) >= 300
            )
            answered = {row[1] for row in client.received if row[0] == RESULT}
            refused = [row for row in client.received if row[0] == ERROR]
            self.assertGreaterEqual(len(answered), 100)
            self.assertGreater(len(refused), 0)
            self.assertEqual(answered | {row[2] for row in refused}, set(numbers))
            # They are over, and others are taken.
            for _ in range(150):
                await client.call("collab.session.list")
            return refused[0][4:]

        each = await self.in_each(check)
        self.assertEqual(each[0][0], "collab.error.overloaded")
        self.assertEqual(each, each[:1] * len(LAYOUTS))

    async def test_who_does_not_read_is_cut(self) -> None:
        async def check(node: Node) -> None:
            ada, slow = await self.large(node, JSON)
            tcp = slow.client.protocol.transport
            tcp.pauseProducing()
            for _ in range(90):  # 22 MB
                slow.client.start_call("collab.session.snapshot", session_id=self.session_id)
            roster = ada.topics["roster"]
            await until(lambda: any("left" in event for event in ada.client.events(roster)))
            await ada.edit()
            await until(lambda: len(ada.heard()) == PARTS + 1)
            tcp.resumeProducing()
            await slow.client.until_closed()

        await self.in_each(check)

    async def test_who_reads_late_gets_everything_whole_and_in_order(self) -> None:
        """What the system's buffers do not take waits, and nothing overtakes it."""

        async def check(node: Node) -> None:
            for kind in (JSON, MSGPACK):
                ada, slow = await self.large(node, kind)
                tcp = slow.client.protocol.transport
                tcp.pauseProducing()
                snapshot = "collab.session.snapshot"
                asked = [
                    slow.client.start_call(snapshot, session_id=self.session_id)
                    for _ in range(20)  # 4.8 MB
                ]
                for _ in range(5):
                    await ada.edit()
                await until(lambda ada=ada: len(ada.heard()) >= 5)
                tcp.resumeProducing()
                for number in asked:
                    answer = await slow.client.answer(RESULT, number)
                    self.assertGreaterEqual(len(answer[3][0]["content"]), PARTS * len(PART))
                heard = await until(lambda slow=slow: len(slow.heard()) >= 5 and slow.heard())
                self.assertEqual(heard, ada.heard()[-5:])

        await self.in_each(check)

    async def large(self, node: Node, subprotocol: str) -> tuple[Person, Person]:
        """Two on a session with a large document."""
        ada = await self.person(node, "client-ada")
        while len(ada.heard()) < PARTS and ada.at["revision"] == 0:
            await ada.edit(op=[PART])
        slow = await self.person(node, f"client-slow-{subprotocol[7:]}", subprotocol)
        return ada, slow

    async def test_who_hears_and_does_not_read_is_cut(self) -> None:
        async def check(node: Node) -> None:
            ada, slow = (
                await self.person(node, "client-ada"),
                await self.person(node, "client-slow"),
            )
            tcp = slow.client.protocol.transport
            tcp.getHandle().setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            tcp.pauseProducing()
            roster, text = ada.topics["roster"], "x" * 30_000
            gone = False
            for _ in range(500):
                await ada.edit(op=[text])
                await ada.edit(op=[{"d": len(text)}])
                gone = any("left" in event for event in ada.client.events(roster))
                if gone:
                    break
            self.assertTrue(gone)
            tcp.resumeProducing()
            await slow.client.until_closed()

        await self.in_each(check)

    async def test_frames_in_pieces_and_several_at_one_time(self) -> None:
        async def check(node: Node) -> None:
            client = await self.client(node, f"t{secrets.token_hex(4)}")
            transport, pongs = client.protocol.transport, []
            client.protocol.onPong = pongs.append
            transport.setTcpNoDelay(True)

            def call(number: int, filler: int = 0, mask: bytes = b"\1\2\3\4") -> bytes:
                text = f'[48,{number},{{}},"collab.session.list",[],{{}}{" " * filler}]'.encode()
                return frame(0x81, text, mask)

            # Many in one segment, with a ping between them, of both lengths.
            ping = frame(0x89, b"ping", b"\5\6\7\x08")
            transport.write(call(101) + call(102, 500) + ping + call(103) + call(104)[:9])
            await client.answer(RESULT, 103)
            self.assertEqual(pongs, [b"ping"])
            transport.write(call(104)[9:] + call(105)[:1])
            await client.answer(RESULT, 104)
            transport.write(call(105)[1:])
            await client.answer(RESULT, 105)
            for part in split(call(106, 200)):
                transport.write(part)
                await deferLater(reactor, 0)
            await client.answer(RESULT, 106)
            # The rest of a frame may look like a whole one: spaces under this mask; or a mask.
            for number, mask, at in ((109, b"\xa1\xa1\xa1\xa1", 100), (110, b"\x81\x81\1\2", 4)):
                alike = call(number, 300, mask)
                self.assertEqual(alike[at : at + 2], b"\x81\x81")
                transport.write(call(number + 10) + alike[:at])
                await client.answer(RESULT, number + 10)
                transport.write(alike[at:])
                await client.answer(RESULT, number)
            # One message of several frames, with a ping between them, and whole ones behind.
            text = b'[48,107,{},"collab.session.list",[],{}]'
            no = b"\0\0\0\0"
            transport.write(
                frame(0x01, text[:5], no) + ping + frame(0x80, text[5:], no) + call(108)
            )
            await client.answer(RESULT, 107)
            await client.answer(RESULT, 108)
            answers = [row[1] for row in client.received if row[0] == RESULT]
            self.assertEqual(sorted(answers), [*range(101, 111), 119, 120])
            self.assertEqual(pongs, [b"ping", b"ping"])
            # Inside a message another one cannot begin.
            transport.write(frame(0x01, text[:5], no) + ping)
            await until(lambda: len(pongs) == 3)
            transport.write(call(111))
            self.assertEqual((await client.until_closed())[0], 1002)

        await self.in_each(check)


def frame(first: int, payload: bytes, mask: bytes) -> bytes:
    """A client's frame (RFC 6455, 5.2)."""
    size = len(payload)
    head = (
        bytes((first, 0x80 | size))
        if size < 126
        else bytes((first, 0xFE)) + size.to_bytes(2, "big")
    )
    return head + mask + bytes(byte ^ mask[n % 4] for n, byte in enumerate(payload))


def split(data: bytes, size: int = 3) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


class OwnConfigurationTests(TestCase):
    """The short way goes nowhere that the operator has closed."""

    timeout = 120

    async def test_what_an_operator_takes_from_clients_they_may_not_do(self) -> None:
        folder = Path(tempfile.mkdtemp(prefix="cw-"))
        (folder / ".crossbar").mkdir()
        taken = re.compile(
            r'^ *- \{uri: (collab\.session\.destroy|"collab\.in\."),.*\n', re.MULTILINE
        )
        text, count = taken.subn("", node_files.template())
        self.assertEqual(count, 2)
        (folder / ".crossbar" / "config.yaml").write_text(text)
        node = Node(LAYOUT="together")
        node.cwd = folder
        self.addCleanup(lambda: deferToThread(node.stop))
        await deferToThread(node.start)
        ada, bob = [await logged_in(node.port, node.token(user)) for user in ("ada", "bob")]
        for client in (ada, bob):
            self.addCleanup(client.cut)
            await client.call("collab.session.create", session_id="notes", if_absent=True)
            at = await client.call(JOIN, session_id="notes", client_id=f"client-{id(client)}")
            for topic in ("edits", "presence"):
                await client.subscribe(at["topics"][topic])
        for _again in range(2):
            with self.assertRaises(CallError) as caught:
                await ada.call("collab.session.destroy", session_id="notes")
            self.assertEqual(caught.exception.uri, "wamp.error.not_authorized")
            number = ada.publish(
                at["topics"]["cursor"], {"acknowledge": True}, revision=0, position=0
            )
            with self.assertRaises(CallError) as caught:
                await ada.answer(PUBLISHED, number)
            self.assertEqual(caught.exception.uri, "wamp.error.not_authorized")
        # All else is as it was, and nothing of that was heard.
        answer = await ada.call(
            EDIT, session_id="notes", epoch=at["epoch"], revision=0, client_id=f"client-{id(ada)}",
            seq=1, op=["x"],
        )  # fmt: skip
        self.assertEqual(answer["revision"], 1)
        await until(lambda: bob.events(at["topics"]["edits"]))
        self.assertEqual(bob.events(at["topics"]["presence"]), [])
