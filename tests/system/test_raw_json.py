"""A client written from PROTOCOL.md alone: WebSocket frames with JSON, no WAMP library."""

from __future__ import annotations

from typing import Any, ClassVar

from twisted.trial.unittest import TestCase

from collab_wamp.layout import AUTO
from tests.support.node import Node, shared_node
from tests.support.raw_wamp import CallError, RawClient, logged_in
from tests.support.waiting import until


class RawCase(TestCase):
    """
    Attributes:
        layout: how the node's parts are spread over processes.
    """

    timeout = 120
    layout: ClassVar[str] = AUTO
    node: Node

    async def setUp(self) -> None:
        self.node = await shared_node(self.layout)
        self.clients: list[RawClient] = []
        self.session_id = self.id().rsplit(".", 1)[-1][-60:]

    async def tearDown(self) -> None:
        for client in self.clients:
            await client.cut()

    async def client(self, user: str = "ada", **rights: str) -> RawClient:
        client = await logged_in(self.node.port, self.node.token(user, **rights))
        self.clients.append(client)
        return client

    async def joined(self, client: RawClient, client_id: str, **more: Any) -> Any:
        """Join as the protocol's rules for a client say."""
        await client.call("collab.session.create", session_id=self.session_id, if_absent=True)
        at = await client.call(
            "collab.session.join", session_id=self.session_id, client_id=client_id, **more
        )
        for name in ("edits", "roster", "presence"):
            await client.subscribe(at["topics"][name])
        missed = await client.call(
            "collab.session.fetch",
            session_id=self.session_id,
            epoch=at["epoch"],
            after=at["revision"],
        )
        at["missed"] = missed["edits"]
        return at

    def edit(self, at: Any, client_id: str, revision: int, seq: int, op: Any) -> dict[str, Any]:
        return {
            "session_id": self.session_id,
            "epoch": at["epoch"],
            "revision": revision,
            "client_id": client_id,
            "seq": seq,
            "op": op,
        }


class RawClientTests(RawCase):
    async def test_create_join_edit_and_follow(self) -> None:
        ada, bob = await self.client("ada"), await self.client("bob")
        at = await self.joined(ada, "client-ada")
        also = await self.joined(bob, "client-bob")
        topic = at["topics"]["edits"]
        self.assertEqual((also["revision"], also["content"], also["next_seq"]), (0, "", 1))
        done = await ada.call("collab.session.edit", **self.edit(at, "client-ada", 0, 1, ["Hello"]))
        self.assertEqual(done, {"revision": 1, "durable": True})
        done = await bob.call("collab.session.edit", **self.edit(at, "client-bob", 0, 1, ["World"]))
        self.assertEqual(done["revision"], 2)
        for client in (ada, bob):
            await until(
                lambda client=client: sum(len(e["edits"]) for e in client.events(topic)) == 2
            )
            rows = [row[:4] for event in client.events(topic) for row in event["edits"]]
            # "client-ada" < "client-bob", so Ada's word stays left of Bob's.
            self.assertEqual(
                rows,
                [["client-ada", 1, ["Hello"], "ada"], ["client-bob", 1, [5, "World"], "bob"]],
            )
        found = await ada.call("collab.session.snapshot", session_id=self.session_id)
        self.assertEqual((found["revision"], found["content"]), (2, "HelloWorld"))
        await until(lambda: ada.events(at["topics"]["roster"]))
        self.assertEqual(ada.events(at["topics"]["roster"])[0]["joined"]["client_id"], "client-bob")

    async def test_presence_goes_in_and_comes_out(self) -> None:
        ada, bob = await self.client("ada"), await self.client("bob")
        at = await self.joined(ada, "client-ada")
        also = await self.joined(bob, "client-bob")
        await ada.call("collab.session.edit", **self.edit(at, "client-ada", 0, 1, ["Hello"]))
        bob.publish(also["topics"]["cursor"], revision=1, position=5)
        bob.publish(also["topics"]["selection"], revision=1, ranges=[[1, 5]])
        topic = at["topics"]["presence"]
        row = {"cursor": 5, "selection": [[1, 5]]}
        event = await until(
            lambda: next((e for e in ada.events(topic) if row in e["presence"].values()), None)
        )
        self.assertEqual(event["presence"], {also["participant_id"]: row})
        self.assertEqual(event["revision"], 1)

    async def test_a_cut_connection_leaves_and_its_edit_is_made_once(self) -> None:
        ada, bob = await self.client("ada"), await self.client("bob")
        at = await self.joined(ada, "client-ada")
        await self.joined(bob, "client-bob")
        body = self.edit(at, "client-ada", 0, 1, ["once"])
        ada.start_call("collab.session.edit", **body)
        await until(lambda: bob.events(at["topics"]["edits"]))
        await ada.cut()
        left = await until(
            lambda: next(
                (e["left"] for e in bob.events(at["topics"]["roster"]) if "left" in e), None
            )
        )
        self.assertEqual(left, {"participant_id": at["participant_id"], "reason": "disconnected"})
        again = await self.client("ada")
        now = await self.joined(again, "client-ada", epoch=at["epoch"], revision=0)
        self.assertEqual(now["next_seq"], 2)
        self.assertEqual([row[2] for row in now["edits"]], [["once"]])
        resent = await again.call("collab.session.edit", **body)
        self.assertEqual(resent["revision"], 1)
        found = await again.call("collab.session.snapshot", session_id=self.session_id)
        self.assertEqual((found["revision"], found["content"]), (1, "once"))

    async def test_errors_are_registered_and_say_what_is_wrong(self) -> None:
        ada = await self.client("ada")
        with self.assertRaises(CallError) as caught:
            await ada.call("collab.session.join", session_id="../", client_id="client-ada")
        self.assertEqual(caught.exception.uri, "collab.error.bad_session_id")
        self.assertEqual(caught.exception.kwargs["retryable"], False)
        self.assertIn("session_id", caught.exception.args_given[0])

    async def test_welcome_tells_what_the_server_can(self) -> None:
        client = await RawClient(self.node.port).connect()
        self.clients.append(client)
        welcome = await client.login(self.node.token("ada"), authid="mallory")
        self.assertEqual(welcome[2]["authid"], "ada")
        extra = welcome[2]["authextra"]
        self.assertEqual((extra["protocol"], extra["user_id"], extra["tenant"]), (1, "ada", "acme"))
        self.assertIn("edit", extra["capabilities"])
        self.assertEqual(extra["limits"]["op_parts"], 1000)
