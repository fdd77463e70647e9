"""Rights on live connections: what is revoked on one node is gone on the other within a second."""

from __future__ import annotations

import time
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from collab_wamp.client import ClientError, Document, connect
from tests.support.pair import NodesCase
from tests.support.raw_wamp import CallError, RawClient
from tests.support.waiting import until

IN_TIME_S = 1.0


class RightsTests(NodesCase):
    async def setUp(self) -> None:
        await super().setUp()
        self.boss = await self.client(self.pair.a, "boss")
        self.here = await self.join(self.boss, "client-boss")
        self.topic = self.here["topics"]["edits"]

    async def edit(self, client: RawClient, client_id: str, seq: int, revision: int) -> str:
        try:
            await client.call(
                "collab.session.edit", session_id="notes", epoch=self.here["epoch"],
                revision=revision, client_id=client_id, seq=seq, op=[f"{seq}"],
            )  # fmt: skip
        except CallError as error:
            return error.code
        return "ok"

    async def test_a_right_revoked_on_one_node_is_gone_on_the_other_within_a_second(self) -> None:
        bob = await self.client(self.pair.b, "bob")
        await self.join(bob, "client-bob1")
        self.assertEqual(await self.edit(bob, "client-bob1", 1, 0), "ok")
        await until(lambda: bob.events(self.topic))
        start = time.monotonic()
        await self.boss.call("collab.session.revoke", session_id="notes", user_id="bob")
        # Which of them depends on whether bob has been put out by then.
        refusals = ("denied", "not_joined", "no_such_session")
        self.assertIn(await self.edit(bob, "client-bob1", 2, 1), refusals)
        left = await until(
            lambda: [e["left"] for e in bob.events(self.here["topics"]["roster"]) if "left" in e]
        )
        took = time.monotonic() - start
        self.assertEqual(left[-1]["reason"], "revoked")
        self.assertLess(took, IN_TIME_S)
        heard = len(bob.received)
        self.assertEqual(await self.edit(self.boss, "client-boss", 1, 1), "ok")
        await until(lambda: len(self.boss.events(self.topic)) == 2)
        with self.assertRaises(CallError) as caught:
            await bob.call(
                "collab.session.fetch", session_id="notes", epoch=self.here["epoch"], after=0
            )
        self.assertEqual(caught.exception.code, "no_such_session")
        # The answer to that call, and nothing before it.
        self.assertEqual(len(bob.received), heard + 1)

    async def test_who_loses_the_right_to_edit_goes_on_reading(self) -> None:
        bob = await self.client(self.pair.b, "bob")
        await self.join(bob, "client-bob1")
        await self.boss.call(
            "collab.session.revoke", session_id="notes", user_id="bob", right="edit"
        )
        self.assertEqual(await self.edit(bob, "client-bob1", 1, 0), "denied")
        self.assertEqual(await self.edit(self.boss, "client-boss", 1, 0), "ok")
        await until(lambda: bob.events(self.topic))
        await self.boss.call(
            "collab.session.grant", session_id="notes", user_id="bob", right="edit"
        )
        self.assertEqual(await self.edit(bob, "client-bob1", 1, 1), "ok")

    async def test_a_refreshed_token_changes_what_one_may_where_one_is(self) -> None:
        bob = await self.client(self.pair.b, "bob")
        await self.join(bob, "client-bob1")
        await bob.call("collab.token.refresh", ticket=self.ticket("bob", notes="view"))
        rights = await until(
            lambda: [e["rights"] for e in self.boss.events(self.here["topics"]["roster"])
                     if "rights" in e]
        )  # fmt: skip
        self.assertEqual(rights[0]["right"], "view")
        self.assertEqual(await self.edit(bob, "client-bob1", 1, 0), "denied")


class ClientTests(NodesCase):
    """The Python client, while its rights change."""

    async def document(self, **rights: str) -> tuple[Any, Document]:
        client = await connect(reactor, self.pair.b.url, self.ticket("bob", **rights))
        self.addCleanup(lambda: Deferred.fromCoroutine(client.close()))
        return client, await client.open("notes")

    async def test_read_only_comes_and_goes_and_out_is_out(self) -> None:
        boss = await self.client(self.pair.a, "boss")
        await self.join(boss, "client-boss")
        _, document = await self.document(notes="edit")
        document.insert(0, "one")
        await document.saved()
        who = {"session_id": "notes", "user_id": "bob"}
        await boss.call("collab.session.revoke", **who, right="edit")
        await until(lambda: document.status.read_only)
        await boss.call("collab.session.grant", **who, right="edit")
        await until(lambda: not document.status.read_only)
        document.insert(0, "two ")
        await document.saved()
        await boss.call("collab.session.revoke", **who)
        await until(lambda: document.error is not None)
        assert isinstance(document.error, ClientError)
        self.assertEqual(document.error.code, "no_such_session")
        self.assertEqual(document.content, "two one")
