"""A node that ends in order: nobody new, everybody told, work under way answered."""

from __future__ import annotations

import signal
import time
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import gatherResults
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from collab_wamp.client import connect
from collab_wamp.store.redis import RedisStore
from collab_wamp.store.values import SessionKey
from collab_wamp.tokens import Claims, Keyring
from tests.support.node import SECRET, Node
from tests.support.raw_wamp import CallError, RawClient, logged_in
from tests.support.valkey import ValkeyServer
from tests.support.waiting import until
from tests.system.test_health import get

NOTICE = "collab.notice"


class DrainTests(TestCase):
    timeout = 180

    async def setUp(self) -> None:
        self.store = ValkeyServer()
        self.addCleanup(self.store.stop)
        self.store.start()

    async def node(self, drain_s: float, name: str = "here", **environment: str) -> Node:
        node = Node(REDIS_URL=self.store.url, INSTANCE_ID=name, DRAIN_S=str(drain_s), **environment)
        self.addCleanup(lambda: deferToThread(node.stop))
        await deferToThread(node.start)
        return node

    def ticket(self, *capabilities: str) -> str:
        named = ("edit", "cursor", "selection", *capabilities)
        claims = Claims("ada", "acme", {"*": "manage"}, capabilities=named)
        return Keyring(secret=SECRET).issue(claims, now_s=time.time(), ttl_s=900)

    async def client(self, node: Node, *capabilities: str) -> RawClient:
        client = await logged_in(node.port, self.ticket(*capabilities))
        self.addCleanup(client.cut)
        await client.subscribe(NOTICE)
        return client

    async def join(self, client: RawClient, client_id: str = "client-0001") -> Any:
        await client.call("collab.session.create", session_id="notes", if_absent=True)
        return await client.call("collab.session.join", session_id="notes", client_id=client_id)

    async def what_is_left(self) -> tuple[list[str], list[str]]:
        """Participants of the session, and instances that are alive, as the store has them."""
        store = RedisStore(
            reactor, self.store.url, durability="committed", instance_id="test",
            monotonic=time.monotonic,
        )  # fmt: skip
        store.start()
        try:
            await store.until_ready()
            found = await store.roster(SessionKey("acme", "notes"))
            assert found is not None
            return [row.participant_id for row in found[1]], list(await store.commons.reports())
        finally:
            await store.close()

    async def test_a_node_ends_in_order(self) -> None:
        node = await self.node(drain_s=3)
        lingers, goes = await self.client(node), await self.client(node)
        here = await self.join(lingers)
        await self.join(goes, "client-0002")
        self.assertEqual(len((await self.what_is_left())[0]), 2)
        assert node.process is not None
        start = time.monotonic()
        node.process.send_signal(signal.SIGTERM)
        for client in (lingers, goes):
            [notice] = await until(lambda c=client: c.events(NOTICE))
            self.assertEqual(notice["kind"], "drain")
            self.assertTrue(0 < notice["within_ms"] <= 3000, notice)
        # 1. It takes nobody new, and says so.
        self.assertEqual((await deferToThread(get, node, "/ready"))[0], 503)
        status, health = await deferToThread(get, node, "/health")
        self.assertEqual((status, health["status"]), (200, "draining"))
        late = await RawClient(node.port).connect()
        refused = await late.login(self.ticket())
        self.assertEqual(refused[2], "collab.error.draining")
        await late.cut()
        # 2. Who is there works on until they go.
        answer = await lingers.call(
            "collab.session.edit", session_id="notes", epoch=here["epoch"], revision=0,
            client_id="client-0001", seq=1, op=["not lost"],
        )  # fmt: skip
        self.assertEqual(answer["revision"], 1)
        await goes.cut()
        # 3. Who does not go is told to when the time is over.
        goodbye = await until(lambda: lingers._first(6))
        self.assertEqual(goodbye[2], "collab.error.draining")
        self.assertGreaterEqual(time.monotonic() - start, 2.5)
        status = await deferToThread(node.process.wait, 20)
        self.assertEqual(status, 0, node.said())
        # 4. Nobody is left on the roster, and the instance has said farewell.
        self.assertEqual(await self.what_is_left(), ([], []))

    async def test_without_connections_it_ends_at_once(self) -> None:
        node = await self.node(drain_s=600)
        assert node.process is not None
        node.process.send_signal(signal.SIGTERM)
        self.assertEqual(await deferToThread(node.process.wait, 30), 0)

    async def test_a_second_signal_ends_it_at_once(self) -> None:
        node = await self.node(drain_s=600)
        client = await self.client(node)
        assert node.process is not None
        node.process.send_signal(signal.SIGTERM)
        await until(lambda: client.events(NOTICE))
        node.process.send_signal(signal.SIGTERM)
        self.assertEqual(await deferToThread(node.process.wait, 20), 1)

    async def test_an_operator_drains_the_node_that_they_call_and_nobody_else_does(self) -> None:
        node = await self.node(drain_s=60)
        client, boss = await self.client(node), await self.client(node, "operate")
        with self.assertRaises(CallError) as caught:
            await client.call("collab.node.drain")
        self.assertEqual(caught.exception.code, "denied")
        answer = await boss.call("collab.node.drain", within_s=1)
        self.assertLessEqual(answer["within_ms"], 1000)
        assert node.process is not None
        self.assertEqual(await deferToThread(node.process.wait, 30), 0)
        self.assertIn("drained", node.said())

    async def noticed(self, client: RawClient, count: int) -> list[dict[str, Any]]:
        """The first so many notices of a drain."""
        await until(lambda: len(client.events(NOTICE)) >= count, 30)
        notices = client.events(NOTICE)[:count]
        self.assertEqual([notice["kind"] for notice in notices], ["drain"] * count)
        return notices

    async def test_a_drain_goes_on_with_its_deadline_when_its_component_is_restarted(self) -> None:
        """Whoever asked for it."""
        for drain_s, asked in ((600, True), (8, False)):
            node = await self.node(drain_s, LAYOUT="apart")
            client, boss = await self.client(node), await self.client(node, "operate")
            assert node.process is not None
            if asked:
                await boss.call("collab.node.drain", within_s=8)
            else:
                node.process.send_signal(signal.SIGTERM)
            await self.noticed(client, 1)
            node.kill("relay")
            first, again = await self.noticed(client, 2)
            # It is started again after 200 ms at the least.
            self.assertLessEqual(again["within_ms"], first["within_ms"] - 200)
            goodbye = await until(lambda c=client: c._first(6), 40)
            self.assertEqual(goodbye[2], "collab.error.draining")
            self.assertEqual(await deferToThread(node.process.wait, 40), 0)
            self.assertEqual("drained" in node.said(), asked, node.said())

    async def test_a_drain_under_way_is_shortened_and_never_made_longer(self) -> None:
        for drain_s, signalled in ((600, False), (2, True)):
            node = await self.node(drain_s)
            client, boss = await self.client(node), await self.client(node, "operate")
            first = await boss.call("collab.node.drain", within_s=300)
            await self.noticed(client, 1)
            more = await boss.call("collab.node.drain", within_s=500)
            self.assertLessEqual(more["within_ms"], first["within_ms"])
            assert node.process is not None
            if signalled:
                node.process.send_signal(signal.SIGTERM)
            else:
                less = await boss.call("collab.node.drain", within_s=2)
                self.assertLessEqual(less["within_ms"], 2000)
            _, notice = await self.noticed(client, 2)
            self.assertLessEqual(notice["within_ms"], 2000)
            goodbye = await until(lambda c=client: c._first(6))
            self.assertEqual(goodbye[2], "collab.error.draining")
            self.assertEqual(await deferToThread(node.process.wait, 30), 0)

    async def test_a_note_without_a_time_means_the_configured_one(self) -> None:
        node = await self.node(drain_s=2)
        client = await self.client(node)
        note = node.data_dir / "node" / "drain"
        note.touch()
        [notice] = await self.noticed(client, 1)
        self.assertLessEqual(notice["within_ms"], 2000)
        self.assertLessEqual(float(note.read_text()), time.time() + 2)
        assert node.process is not None
        self.assertEqual(await deferToThread(node.process.wait, 30), 0)

    async def test_a_store_that_dies_meanwhile_is_restarted_and_the_drain_goes_on(self) -> None:
        node = Node(DRAIN_S="4")
        self.addCleanup(lambda: deferToThread(node.stop))
        await deferToThread(node.start)
        client = await self.client(node)
        assert node.process is not None
        node.process.send_signal(signal.SIGTERM)
        await self.noticed(client, 1)
        node.kill("store")
        goodbye = await until(lambda: client._first(6))
        self.assertEqual(goodbye[2], "collab.error.draining")
        self.assertEqual(await deferToThread(node.process.wait, 30), 0)
        self.assertIn("store is started again", node.said())

    async def test_an_edit_beyond_the_end_is_refused_and_not_lost(self) -> None:
        """Everybody who types while the node ends has each edit acknowledged exactly once."""
        one, other = await self.node(4, "one"), await self.node(4, "other")
        clients = await gatherResults(
            [connect_to(self, node, self.ticket()) for node in ([one, other], [other, one])]
        )
        documents = []
        for client in clients:
            documents.append(await client.open("notes", create=True))
        assert one.process is not None
        one.process.send_signal(signal.SIGTERM)
        typed = 0
        while one.process.poll() is None:
            for document in documents:
                document.insert(0, "x")
                typed += 1
                await document.saved()
        self.assertEqual(one.process.wait(), 0)
        for document in documents:
            await document.saved()
            self.assertIsNone(document.error)
        await until(lambda: all(d.content == "x" * typed for d in documents), what=str(typed))
        self.assertGreater(typed, 10)


def connect_to(case: TestCase, nodes: list[Node], ticket: str) -> Any:
    from twisted.internet.defer import Deferred

    async def open_it() -> Any:
        client = await connect(reactor, [node.url for node in nodes], ticket)
        case.addCleanup(lambda: Deferred.fromCoroutine(client.close()))
        return client

    return Deferred.fromCoroutine(open_it())
