"""The Python client with a real node: router, components, Valkey."""

from __future__ import annotations

import random
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import gatherResults
from twisted.trial.unittest import TestCase

from collab_wamp.client import Client, ClientError, Document, Position, connect
from collab_wamp.client.observer import Rejection
from tests.support.node import Node, shared_node
from tests.support.parties import start
from tests.support.waiting import until


class ClientCase(TestCase):
    timeout = 120
    node: Node

    async def setUp(self) -> None:
        self.node = await shared_node()
        self.clients: list[Client] = []
        self.session_id = self.id().rsplit(".", 1)[-1][-60:]

    async def tearDown(self) -> None:
        for client in self.clients:
            await client.close()

    async def client(self, user: str = "ada", **rights: str) -> Client:
        token = self.node.token(user, **rights)
        # No chance in the delays: they are as short as they may be.
        client = await connect(reactor, self.node.url, token, random=lambda: 0.0)
        self.clients.append(client)
        return client

    async def document(self, user: str = "ada", **more: Any) -> Document:
        client = await self.client(user)
        return await client.open(self.session_id, **{"create": True, **more})

    async def together(self, *documents: Document) -> None:
        """Returns when all are at one revision, with nothing pending."""

        def same() -> bool:
            return all(document.status.pending == 0 for document in documents) and (
                len({(document.epoch, document.revision) for document in documents}) == 1
            )

        await until(same, what="all at one revision")


def cut(document: Document) -> None:
    """Break the TCP connection under a document."""
    connection: Any = document._connection
    connection.abort(ClientError("disconnected", "cut by the test"))


class ClientTests(ClientCase):
    async def test_two_people_type_at_once_and_have_the_same_text(self) -> None:
        ada, bob = await self.document("ada"), await self.document("bob")
        rng = random.Random(7)
        for number in range(100):
            for document, letter in ((ada, "a"), (bob, "b")):
                length = document.length
                if length > 5 and rng.random() < 0.3:
                    document.delete(rng.randrange(length - 2), 2)
                else:
                    document.insert(rng.randrange(length + 1), f"{letter}{number}😀")
            if number % 10 == 0:
                await gatherResults([start(ada.saved()), start(bob.saved())])
        await self.together(ada, bob)
        self.assertEqual(ada.content, bob.content)
        found = await self.clients[0].call("collab.session.snapshot", session_id=self.session_id)
        self.assertEqual((found["revision"], found["content"]), (ada.revision, ada.content))
        self.assertEqual(ada.status.state, "saved")

    async def test_words_typed_at_one_place_stay_whole(self) -> None:
        ada, bob = await self.document("ada"), await self.document("bob")
        for index in range(30):
            ada.insert(ada.content.index("A") + index if index else 0, "A" if not index else "a")
            bob.insert(bob.content.index("B") + index if index else 0, "B" if not index else "b")
            await gatherResults([start(ada.saved()), start(bob.saved())])
        await self.together(ada, bob)
        self.assertIn("A" + 29 * "a", ada.content)
        self.assertIn("B" + 29 * "b", ada.content)

    async def test_undo_takes_back_ones_own_and_keeps_the_others(self) -> None:
        ada, bob = await self.document("ada"), await self.document("bob")
        ada.insert(0, "Hello world")
        ada.delete(0, 5)
        await ada.saved()
        await self.together(ada, bob)
        bob.insert(6, "!!")
        bob.insert(0, "Oh,")
        await self.together(ada, bob)
        self.assertEqual(ada.content, "Oh, world!!")
        ada.undo()
        await self.together(ada, bob)
        self.assertEqual(bob.content, "Oh,Hello world!!")
        ada.undo()
        await self.together(ada, bob)
        self.assertEqual(bob.content, "Oh,!!")
        self.assertIsNone(ada.undo())
        ada.redo()
        ada.redo()
        await self.together(ada, bob)
        self.assertEqual(bob.content, "Oh, world!!")

    async def test_what_is_typed_offline_is_sent_when_the_node_is_back_in_reach(self) -> None:
        ada, bob = await self.document("ada"), await self.document("bob")
        ada.insert(0, "online ")
        await self.together(ada, bob)
        cut(ada)
        await until(lambda: ada.status.state == "offline")
        ada.insert(7, "typed offline")
        self.assertEqual((ada.status.state, ada.status.pending), ("offline", 1))
        bob.insert(0, "meanwhile ")
        await bob.saved()
        await self.together(ada, bob)
        self.assertEqual(ada.content, "meanwhile online typed offline")
        self.assertEqual(bob.content, ada.content)

    async def test_edits_are_made_once_however_often_the_connection_breaks(self) -> None:
        ada, bob = await self.document("ada"), await self.document("bob")
        copies: list[int] = []
        ada.on_sent(copies.append)
        typed = [chr(0x4E00 + number) for number in range(300)]
        for number, character in enumerate(typed):
            ada.insert(ada.length, character)
            if number % 50 == 29:
                # There is an edit on its way; it may arrive or not.
                self.assertEqual(ada.status.state, "saving")
                cut(ada)
                await until(lambda: ada.status.state in ("saving", "saved"))
            if number % 7 == 0:
                await ada.saved()
        await self.together(ada, bob)
        self.assertEqual(bob.content, "".join(typed))
        self.assertGreater(len(copies), len(set(copies)), "no edit was sent twice")
        log = await self.clients[0].call(
            "collab.session.fetch", session_id=self.session_id, epoch=ada.epoch, after=0
        )
        numbers = [seq for client_id, seq, *_ in log["edits"] if client_id == ada.client_id]
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))

    async def test_a_refused_edit_is_taken_back_and_told(self) -> None:
        ada = await self.document("ada")
        ada.insert(0, "x" * (1 << 20))
        await ada.saved()
        rejections: list[Rejection] = []
        ada.on_rejected(rejections.append)
        ada.insert(5, "too much")
        ada.insert(0, "also ")
        ada.delete(100, 50)
        await ada.saved()
        await until(lambda: len(rejections) == 1)
        self.assertEqual(rejections[0].error.code, "document_full")
        self.assertEqual(rejections[0].text, "too much")
        self.assertEqual(ada.content, "also " + "x" * ((1 << 20) - 50))

    async def test_who_may_only_view_cannot_edit_but_follows(self) -> None:
        ada = await self.document("ada")
        client = await self.client("eve", **{self.session_id: "view"})
        eve = await client.open(self.session_id, create=True)
        self.assertTrue(eve.status.read_only)
        with self.assertRaises(ClientError) as caught:
            eve.insert(0, "x")
        self.assertEqual(caught.exception.code, "denied")
        ada.insert(0, "look")
        await self.together(ada, eve)
        self.assertEqual(eve.content, "look")

    async def test_a_paste_larger_than_one_operation_may_be(self) -> None:
        ada, bob = await self.document("ada"), await self.document("bob")
        ada.insert(0, "äöü😀" * 40_000)
        await self.together(ada, bob)
        self.assertEqual(bob.content, "äöü😀" * 40_000)

    async def test_content_that_no_message_can_hold_is_refused(self) -> None:
        client = await self.client()
        with self.assertRaises(ClientError) as caught:
            await client.open(self.session_id, create=True, content="x" * (1 << 17))
        self.assertEqual(caught.exception.code, "bad_request")
        document = await client.open(self.session_id, create=True, content="x" * 1000)
        self.assertEqual(document.length, 1000)

    async def test_people_and_where_they_are(self) -> None:
        ada = await self.document("ada", user_info={"name": "Ada"})
        bob = await self.document("bob", user_info={"name": "Bob"})
        await until(lambda: len(ada.roster) == 2)
        self.assertEqual(
            [(p.user_id, p.user_info, p.right) for p in ada.roster.values()],
            [("ada", {"name": "Ada"}, "manage"), ("bob", {"name": "Bob"}, "manage")],
        )
        ada.insert(0, "Hello world")
        await self.together(ada, bob)
        bob.move(cursor=5, selection=[(6, 11)])
        here = bob.participant_id
        await until(lambda: here in ada.presence)
        self.assertEqual(ada.presence[here], Position(5, ((6, 11),)))
        ada.insert(0, "Oh, ")
        self.assertEqual(ada.presence[here], Position(9, ((10, 15),)))
        bob.move()
        await until(lambda: here not in ada.presence)
        bob.move(cursor=1)
        await until(lambda: here in ada.presence)
        await bob.close()
        await until(lambda: here not in ada.roster)
        self.assertNotIn(here, ada.presence)

    async def test_a_broken_connection_leaves_no_ghost(self) -> None:
        ada, bob = await self.document("ada"), await self.document("bob")
        await until(lambda: len(ada.roster) == 2)
        before = bob.participant_id
        cut(bob)
        await until(lambda: bob.participant_id != before and bob.status.state == "connected")
        # Ada hears that the old participant has left before she hears of the new one.
        await until(lambda: set(ada.roster) == {ada.participant_id, bob.participant_id})
        await until(lambda: set(bob.roster) == set(ada.roster))

    async def test_a_session_that_was_made_anew_keeps_what_was_typed(self) -> None:
        ada = await self.document("ada")
        ada.insert(0, "old")
        await ada.saved()
        client = await self.client("boss")
        await client.call("collab.session.destroy", session_id=self.session_id)
        await until(lambda: ada.error is not None)
        assert ada.error is not None
        self.assertEqual(ada.error.code, "no_such_session")
        self.assertEqual(ada.content, "old")
        again = await self.clients[0].open(self.session_id, create=True, content="new")
        self.assertEqual(again.content, "new")

    async def test_a_token_that_is_not_accepted_is_told_at_once(self) -> None:
        with self.assertRaises(ClientError) as caught:
            await connect(reactor, self.node.url, "not a token")
        self.assertEqual(caught.exception.code, "token_invalid")

    async def test_a_new_token_is_asked_for_at_each_connection(self) -> None:
        asked: list[str] = []

        async def token() -> str:
            asked.append(self.node.token("ada"))
            return asked[-1]

        client = await connect(reactor, self.node.url, token)
        self.clients.append(client)
        document = await client.open(self.session_id, create=True)
        cut(document)
        await until(lambda: document.status.state == "offline")
        await until(lambda: document.status.state == "connected")
        self.assertEqual(len(asked), 2)

    async def test_a_session_that_is_not_there(self) -> None:
        client = await self.client()
        with self.assertRaises(ClientError) as caught:
            await client.open(self.session_id)
        self.assertEqual(caught.exception.code, "no_such_session")
        document = await client.open(self.session_id, create=True)
        self.assertEqual(document.content, "")

    async def test_more_documents_one_after_another_than_topics_may_be_subscribed_to(self) -> None:
        client = await self.client()
        most = client.welcome["limits"]["subscriptions"] // 3 + 1
        for number in range(most):
            document = await client.open(f"{self.session_id[:50]}{number}", create=True)
            await document.close()
        document = await client.open(self.session_id, create=True)
        document.insert(0, "x")
        await document.saved()

    async def test_closed_and_opened_again_at_once(self) -> None:
        bob = await self.document("bob")
        client = await self.client()
        for number in range(1, 21):
            ada = await client.open(self.session_id)
            closing = start(ada.close())
            if number % 2:
                await closing
            again = await client.open(self.session_id)
            await closing
            bob.insert(0, "b")
            await self.together(again, bob)
            self.assertEqual((again.content, ada.status.read_only), ("b" * number, True))
            await again.close()
        self.assertIs(client.state, "connected")

    async def test_nobody_is_there(self) -> None:
        with self.assertRaises(ClientError) as caught:
            await connect(reactor, "ws://127.0.0.1:1/ws", "token")
        self.assertEqual(caught.exception.code, "disconnected")
