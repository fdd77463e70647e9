"""Two nodes, and the link of one of them to the store breaks, or falls silent."""

from __future__ import annotations

import time

from twisted.internet import reactor
from twisted.internet.defer import gatherResults
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from collab_wamp.client import Client, Document, connect
from collab_wamp.tokens import Claims, Keyring
from tests.support.link import Link
from tests.support.node import SECRET, Node
from tests.support.raw_wamp import CallError, RawClient, logged_in
from tests.support.valkey import ValkeyServer
from tests.support.waiting import until
from tests.system.test_health import get


def ticket(user: str, *capabilities: str, token_id: str = "") -> str:
    claims = Claims(user, "acme", {"*": "manage"}, token_id=token_id, capabilities=capabilities)
    return Keyring(secret=SECRET).issue(claims, now_s=time.time(), ttl_s=900)


class StoreLinkTests(TestCase):
    timeout = 180

    async def setUp(self) -> None:
        self.store = ValkeyServer()
        self.addCleanup(self.store.stop)
        self.store.start()
        self.link = Link(self.store.url)
        self.link.mend()
        self.addCleanup(self.link.cut)
        self.a = Node(REDIS_URL=self.store.url, INSTANCE_ID="a")
        self.b = Node(REDIS_URL=self.link.url, INSTANCE_ID="b")
        for node in (self.a, self.b):
            self.addCleanup(lambda node=node: deferToThread(node.stop))
        await gatherResults([deferToThread(node.start) for node in (self.a, self.b)])
        self.clients: list[Client] = []

    async def tearDown(self) -> None:
        for client in self.clients:
            await client.close()

    async def document(self, node: Node, user: str) -> Document:
        client = await connect(reactor, node.url, node.token(user))
        self.clients.append(client)
        return await client.open("notes", create=True, undo=False)

    async def ready(self, node: Node, status: int) -> None:
        # In a thread: the link is passed on by this one.
        end = time.monotonic() + 30
        while (await deferToThread(get, node, "/ready"))[0] != status:
            self.assertLess(time.monotonic(), end, f"/ready says {status}")

    async def together(self, *documents: Document) -> None:
        def same() -> bool:
            return all(document.status.pending == 0 for document in documents) and (
                len({document.content for document in documents}) == 1
            )

        await until(same, 60, "one text for all")

    async def test_nothing_diverges_and_nothing_is_lost(self) -> None:
        ada, bob = await self.document(self.a, "ada"), await self.document(self.b, "bob")
        ada.insert(0, "one ")
        await ada.saved()
        await self.together(ada, bob)
        words = {"one"}
        for number, (breaks, lasts_s) in enumerate(
            ((self.link.cut, 0.0), (self.fall_silent, 0.0), (self.link.cut, 12.0))
        ):
            await breaks()
            await self.ready(self.b, 503)
            start = time.monotonic()
            ada.insert(0, f"ada{number} ")
            bob.insert(0, f"bob{number} ")
            words |= {f"ada{number}", f"bob{number}"}
            await ada.saved()
            # To bob's client nothing counts as saved, and to another the node says why.
            raw = await logged_in(self.b.port, self.b.token("raw"))
            with self.assertRaises(CallError) as caught:
                await raw.call("collab.session.create", session_id="other")
            await raw.cut()
            self.assertEqual(caught.exception.code, "store_unavailable")
            self.assertEqual(bob.status.pending, 1)
            self.assertNotIn(f"bob{number}", ada.content)
            if lasts_s:
                # So long that the others count the node as dead, and remove its people.
                await until(lambda: set(ada.roster) == {ada.participant_id}, 30)
                self.assertGreater(time.monotonic() - start, 5)
            self.link.mend()
            await self.ready(self.b, 200)
            await bob.saved()
            await self.together(ada, bob)
        self.assertEqual(sorted(ada.content.split()), sorted(words), "each word once")
        here = {ada.participant_id, bob.participant_id}
        await until(
            lambda: set(ada.roster) == here and set(bob.roster) == here, 30, "both see both"
        )

    async def test_what_was_revoked_meanwhile_is_cut_when_the_link_is_back(self) -> None:
        """Also where the announcements are heard again before the store answers."""
        boss = await logged_in(self.a.port, ticket("boss", "tokens"))
        self.addCleanup(boss.cut)
        for number, breaks in enumerate((self.link.cut, self.fall_silent) * 2):
            token = ticket("eve", "edit", token_id=f"stolen{number}")
            eve = await logged_in(self.b.port, token)
            self.addCleanup(eve.cut)
            await breaks()
            await self.ready(self.b, 503)
            await boss.call("collab.token.revoke", token_id=f"stolen{number}")
            self.link.mend()
            await eve.until_closed(20)
            await self.ready(self.b, 200)
            late = await RawClient(self.b.port).connect()
            answer = await late.login(token)
            await late.cut()
            self.assertEqual(answer[2], "collab.error.token_revoked")

    async def fall_silent(self) -> None:
        self.link.fall_silent()
