"""Two nodes on one store: everybody hears everything once, figures and notices are of all nodes."""

from __future__ import annotations

from typing import Any

from twisted.internet.threads import deferToThread

from tests.support.node import Node
from tests.support.pair import NodesCase
from tests.support.raw_wamp import CallError, RawClient
from tests.support.waiting import until
from tests.system.test_health import get

NOTICE = "collab.notice"


class DoubleTests(NodesCase):
    async def test_a_node_under_the_name_of_another_is_not_ready_and_says_why(self) -> None:
        node = Node(REDIS_URL=self.pair.store.url, INSTANCE_ID="a")
        await deferToThread(node.launch)
        await until(lambda: "'a'" in str(missing(node)), 40)
        self.assertIn("give each its INSTANCE_ID", str(missing(node)))
        self.assertEqual(missing(self.pair.a), [])
        # Neither its coming nor its going changes what others know of the one whose name it is.
        reader = await self.client(self.pair.b, "reader", "registry")
        for _ in range(2):
            found = (await reader.call("collab.registry.instances"))["instances"]
            ports = {row["instance_id"]: row["port"] for row in found}
            self.assertEqual(ports, {"a": self.pair.a.port, "b": self.pair.b.port})
            await deferToThread(node.stop)


def missing(node: Node) -> list[str]:
    """What a node says that it lacks; nothing while it does not answer."""
    try:
        # While it is starting, the path may not be there yet.
        return list(get(node, "/ready")[1].get("missing", []))
    except OSError:
        return []


class NodesTests(NodesCase):
    async def test_an_edit_reaches_everybody_on_both_nodes_exactly_once(self) -> None:
        people = [
            await self.client(node, f"user{number}")
            for number in range(3)
            for node in self.pair.nodes
        ]
        joined = [
            await self.join(client, f"client-{number:04}") for number, client in enumerate(people)
        ]
        for number, client in enumerate(people):
            await client.call(
                "collab.session.edit", session_id="notes", epoch=joined[0]["epoch"], revision=0,
                client_id=f"client-{number:04}", seq=1, op=[f"<{number}>"],
            )  # fmt: skip
        topic = joined[0]["topics"]["edits"]
        for client in people:
            rows = await until(
                lambda c=client: (
                    [row for e in c.events(topic) for row in e["edits"]][5:]
                    and [row for e in c.events(topic) for row in e["edits"]]
                )
            )
            self.assertEqual([row[0] for row in rows], [f"client-{n:04}" for n in range(6)])
            events = client.events(topic)
            after = [event["after"] for event in events]
            lengths = [len(event["edits"]) for event in events]
            self.assertEqual(after, [sum(lengths[:n]) for n in range(len(lengths))])

    async def test_one_of_two_tabs_goes_and_the_other_stays(self) -> None:
        bob = await self.client(self.pair.b, "bob")
        here = await self.join(bob, "client-bob1")
        one, other = [await self.client(node, "ada") for node in self.pair.nodes]
        tabs = {await self.tab(one, "client-ada1"), await self.tab(other, "client-ada2")}
        self.assertEqual(len(tabs), 2, "two participants of one user")
        for tab, stays in ((one, other), (other, one)):
            await tab.cut()
            if stays is other:
                left = await until(lambda: self.left(bob, here))
                self.assertEqual(len(left), 1)
                self.assertIn(left[0], tabs)
                info = await stays.call("collab.session.info", session_id="notes")
                users = sorted(row["user_id"] for row in info["roster"])
                self.assertEqual(users, ["ada", "bob"])
        await until(lambda: len(self.left(bob, here)) == 2)
        self.assertEqual(set(self.left(bob, here)), tabs)

    async def tab(self, client: RawClient, client_id: str) -> str:
        joined = await self.join(client, client_id)
        return str(joined["participant_id"])

    def left(self, client: RawClient, here: dict[str, Any]) -> list[str]:
        """Who has left, as a participant heard."""
        events = client.events(here["topics"]["roster"])
        return [event["left"]["participant_id"] for event in events if "left" in event]

    async def test_a_cursor_on_one_node_is_seen_on_the_other_while_it_moves(self) -> None:
        ada, bob = await self.client(self.pair.a, "ada"), await self.client(self.pair.b, "bob")
        here = await self.join(ada, "client-0001")
        await self.join(bob, "client-0002")
        await ada.call(
            "collab.session.edit", session_id="notes", epoch=here["epoch"], revision=0,
            client_id="client-0001", seq=1, op=["Hello world"],
        )  # fmt: skip
        seen = set()
        for position in range(1, 11):
            ada.publish(here["topics"]["cursor"], revision=1, position=position)

            def positions() -> set[Any]:
                return {
                    (row or {}).get("cursor")
                    for event in bob.events(here["topics"]["presence"])
                    for row in event["presence"].values()
                }

            await until(lambda p=position: p in positions(), what=f"cursor at {position}")
            seen |= positions()
        self.assertLessEqual(set(range(1, 11)), seen)
        ada.publish(here["topics"]["selection"], revision=1, ranges=[[0, 5]])
        await until(
            lambda: any(
                (row or {}).get("selection") == [[0, 5]]
                for event in bob.events(here["topics"]["presence"])
                for row in event["presence"].values()
            )
        )

    async def test_figures_are_of_all_nodes_and_of_the_tenant_alone(self) -> None:
        ada = await self.client(self.pair.a, "ada", "stats")
        bob = await self.client(self.pair.b, "bob")
        await self.client(self.pair.b, "eve", tenant="rival")
        await self.join(ada, "client-0001")
        await self.join(bob, "client-0002")
        sessions: dict[str, Any] = {}
        connections: dict[str, Any] = {}
        while sessions.get("participants") != 2 or connections.get("connections") != 2:
            sessions = await ada.call("collab.stats.sessions")
            connections = await ada.call("collab.stats.connections")
        self.assertEqual((sessions["tenant"], sessions["sessions"]), (self.tenant, 1))
        self.assertEqual(sessions["active"], 1, "one session, though on two nodes")
        self.assertEqual(
            connections["instances"],
            {"a": {"connections": 1, "users": 1}, "b": {"connections": 1, "users": 1}},
        )
        health = await ada.call("collab.node.health")
        self.assertEqual((health["status"], health["instance_id"]), ("ok", "a"))
        for procedure in ("collab.stats.sessions", "collab.node.health"):
            with self.assertRaises(CallError) as caught:
                await bob.call(procedure)
            self.assertEqual(caught.exception.code, "denied")

    async def test_notices_reach_a_tenant_or_a_user_on_every_node_and_nobody_else(self) -> None:
        boss = await self.client(self.pair.a, "boss", "notify")
        ada, bob = await self.client(self.pair.a, "ada"), await self.client(self.pair.b, "bob")
        eve = await self.client(self.pair.b, "eve", tenant="rival")
        for client in (ada, bob, eve):
            await client.subscribe(NOTICE)
        await boss.call("collab.notice.send", message="to bob", user_id="bob")
        await boss.call("collab.notice.send", message="to all")

        def messages(client: RawClient) -> list[Any]:
            return [event["message"] for event in client.events(NOTICE)]

        await until(lambda: "to all" in messages(ada) and "to all" in messages(bob))
        self.assertEqual(messages(ada), ["to all"])
        self.assertEqual(messages(bob), ["to bob", "to all"])
        await boss.call("collab.session.list")
        self.assertEqual(messages(eve), [])
