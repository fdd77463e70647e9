"""Nodes in the registry, as clients see it: they enter, tell their load, drain, end, and die."""

from __future__ import annotations

import time
from typing import Any

from twisted.internet.threads import deferToThread

from tests.support.node import Node
from tests.support.pair import NodesCase
from tests.support.raw_wamp import CallError, RawClient
from tests.support.waiting import until

TTL_S = 10.0


class RegistryTests(NodesCase):
    async def setUp(self) -> None:
        await super().setUp()
        self.reader = await self.client(self.pair.a, "reader", "registry")

    async def call(self, name: str, client: RawClient | None = None, **arguments: Any) -> Any:
        return await (client or self.reader).call(f"collab.registry.{name}", **arguments)

    async def until_there(self, names: set[str], timeout_s: float = 20) -> list[dict[str, Any]]:
        end = time.monotonic() + timeout_s
        while True:
            found = (await self.call("instances"))["instances"]
            if {row["instance_id"] for row in found} == names:
                return list(found)
            self.assertLess(time.monotonic(), end, found)

    async def test_nodes_are_there_with_what_others_need_to_know(self) -> None:
        found = await self.until_there({"a", "b"})
        for row, node in zip(found, self.pair.nodes, strict=True):
            self.assertEqual((row["host"], row["port"]), ("127.0.0.1", node.port))
            self.assertEqual(row["service"], "collab_wamp")
            self.assertEqual((row["status"], row["environment"]), ("ready", "development"))
            self.assertIn("text", row["capabilities"])
            self.assertLessEqual(row["started_ms"], time.time() * 1000)
        self.assertIn("collab_wamp", (await self.call("services"))["services"])

    async def test_the_load_is_told(self) -> None:
        crowd = [await self.client(self.pair.b, f"user{number}") for number in range(5)]

        async def loads() -> dict[str, float]:
            found = (await self.call("instances"))["instances"]
            return {row["instance_id"]: row["load"].get("connections", -1) for row in found}

        end = time.monotonic() + 20
        while (await loads())["b"] < len(crowd):
            self.assertLess(time.monotonic(), end)
        picked = await self.call("pick", strategy="least_loaded")
        self.assertEqual(picked["instance"]["instance_id"], "a")

    async def test_picking(self) -> None:
        turns = [(await self.call("pick"))["instance"]["instance_id"] for _ in range(4)]
        self.assertEqual(sorted(turns[:2]), ["a", "b"])
        self.assertEqual(turns[:2], turns[2:])
        named = {
            (await self.call("pick", strategy="rendezvous", key="notes"))["instance"]["instance_id"]
            for _ in range(4)
        }
        self.assertEqual(len(named), 1)
        self.assertIsNone((await self.call("pick", service="nobody"))["instance"])
        with self.assertRaises(CallError) as caught:
            await self.call("pick", strategy="best")
        self.assertEqual(caught.exception.kwargs["argument"], "strategy")

    async def test_another_service_enters_is_found_and_expires(self) -> None:
        mail = {"service": "mail", "instance_id": "mail-1", "host": "10.0.0.9", "port": 25}
        await self.call("register", **mail, metadata={"zone": "b"}, ttl_s=1)
        on_b = await self.client(self.pair.b, "other", "registry")
        found = (await self.call("instances", on_b, service="mail"))["instances"]
        self.assertEqual([row["metadata"] for row in found], [{"zone": "b"}])
        who = {"service": "mail", "instance_id": "mail-1"}
        answer = await self.call("heartbeat", **who, load={"queue": 3}, ttl_s=1)
        self.assertEqual(answer, {"registered": True})
        picked = (await self.call("pick", service="mail"))["instance"]
        self.assertEqual(picked["load"], {"queue": 3})
        end = time.monotonic() + 20
        while (await self.call("instances", service="mail"))["instances"]:
            self.assertLess(time.monotonic(), end, "it has expired")
        self.assertEqual(await self.call("heartbeat", **who), {"registered": False})
        await self.call("register", **mail)
        await self.call("deregister", **who)
        self.assertEqual((await self.call("instances", service="mail"))["instances"], [])

    async def test_who_may_not_and_what_is_wrong(self) -> None:
        nobody = await self.client(self.pair.a, "nobody")
        viewer = await self.client(self.pair.a, "viewer", "stats")
        mail = {"service": "mail", "instance_id": "m", "host": "10.0.0.9", "port": 25}
        for client, name, arguments, code in (
            (nobody, "instances", {}, "denied"),
            (nobody, "pick", {}, "denied"),
            (viewer, "register", mail, "denied"),
            (self.reader, "register", {**mail, "service": "collab_wamp"}, "denied"),
            (self.reader, "deregister", {"service": "collab_wamp", "instance_id": "a"}, "denied"),
            (self.reader, "register", {**mail, "port": 70000}, "bad_request"),
            (self.reader, "register", {**mail, "ttl_s": 0}, "bad_request"),
            (self.reader, "register", {**mail, "fun": 1}, "bad_request"),
            (self.reader, "instances", {"service": "A B"}, "bad_request"),
        ):
            with self.assertRaises(CallError) as caught:
                await self.call(name, client, **arguments)
            self.assertEqual(caught.exception.code, code, (name, arguments))
        await self.call("instances", viewer)

    async def test_a_node_that_ends_leaves_at_once_and_one_that_dies_within_its_ttl(self) -> None:
        await self.until_there({"a", "b"})
        node = Node(REDIS_URL=self.pair.store.url, INSTANCE_ID="c")
        self.addCleanup(lambda: deferToThread(node.stop))
        await deferToThread(node.start)
        await self.until_there({"a", "b", "c"})
        self.assertEqual(await deferToThread(node.end), 0)
        found = (await self.call("instances"))["instances"]
        self.assertEqual({row["instance_id"] for row in found}, {"a", "b"})
        await deferToThread(node.start)
        await self.until_there({"a", "b", "c"})
        start = time.monotonic()
        await deferToThread(node.kill_all)
        await self.until_there({"a", "b"}, timeout_s=TTL_S + 5)
        self.assertLess(time.monotonic() - start, TTL_S + 5)

    async def test_a_draining_node_is_not_picked(self) -> None:
        node = Node(REDIS_URL=self.pair.store.url, INSTANCE_ID="d", DRAIN_S="30")
        self.addCleanup(lambda: deferToThread(node.stop))
        await deferToThread(node.start)
        await self.until_there({"a", "b", "d"})
        stays = await self.client(node, "stays", "operate")
        await stays.call("collab.node.drain")

        async def status() -> Any:
            found = (await self.call("instances"))["instances"]
            return {row["instance_id"]: row["status"] for row in found}.get("d")

        end = time.monotonic() + 20
        while await status() != "draining":
            self.assertLess(time.monotonic(), end)
        picked = {(await self.call("pick"))["instance"]["instance_id"] for _ in range(4)}
        self.assertEqual(picked, {"a", "b"})
        await stays.cut()
        await until(lambda: node.process is not None and node.process.poll() is not None)
