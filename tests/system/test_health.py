"""How a node says that it is well, or what ails it, and gets well by itself."""

from __future__ import annotations

import http.client
import json
import signal
import time
from typing import Any

from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from tests.support.node import Node
from tests.support.raw_wamp import CallError, logged_in
from tests.support.valkey import ValkeyServer
from tests.support.waiting import until


def get(node: Node, path: str) -> tuple[int, Any]:
    link = http.client.HTTPConnection("127.0.0.1", node.port, timeout=10)
    try:
        link.request("GET", path)
        answer = link.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        link.close()


class HealthTests(TestCase):
    timeout = 120

    async def setUp(self) -> None:
        self.store = ValkeyServer()
        self.addCleanup(self.store.stop)
        self.store.start()
        self.node = Node(REDIS_URL=self.store.url, INSTANCE_ID="here")
        self.addCleanup(lambda: deferToThread(self.node.stop))
        await deferToThread(self.node.start)

    async def get(self, path: str) -> tuple[int, Any]:
        status, body = await deferToThread(get, self.node, path)
        return status, body

    async def test_a_node_that_is_well(self) -> None:
        client = await logged_in(self.node.port, self.node.token())
        await client.call("collab.session.create", session_id="notes", if_absent=True)
        await client.call("collab.session.join", session_id="notes", client_id="client-0001")
        status, body = await self.get("/health")
        await client.cut()
        self.assertEqual((status, body["status"], body["instance_id"]), (200, "ok", "here"))
        self.assertEqual(body["load"], {"connections": 1, "sessions": 1, "participants": 1})
        for name in ("sessions", "relay"):
            part = body["parts"][name]
            self.assertTrue(part["ok"])
            self.assertGreater(part["latency_ms"], 0)
            self.assertGreater(part["store"]["latency_ms"], 0)
            self.assertEqual(part["store"]["maxmemory_policy"], "noeviction")
        self.assertEqual((await self.get("/ready"))[0], 200)

    async def test_a_store_that_is_gone_silent_or_back(self) -> None:
        client = await logged_in(self.node.port, self.node.token())
        for number, what in ((signal.SIGSTOP, "silent"), (signal.SIGKILL, "gone")):
            self.store.signal(number)
            status, body = await self.get("/health")
            self.assertEqual((status, body["status"]), (503, "failing"), what)
            for name in ("sessions", "relay"):
                self.assertIn("The store cannot answer", body["parts"][name]["problem"])
            status, body = await self.get("/ready")
            self.assertEqual((status, len(body["missing"])), (503, 2), what)
            with self.assertRaises(CallError) as caught:
                await client.call("collab.session.create", session_id="notes")
            self.assertEqual(caught.exception.code, "store_unavailable")
            if number == signal.SIGSTOP:
                self.store.signal(signal.SIGCONT)
            else:
                self.store.start()
            await until(lambda: get(self.node, "/ready")[0] == 200, 20)
        await client.call("collab.session.create", session_id="notes")
        await client.cut()

    async def test_a_store_that_is_full_read_only_or_slow(self) -> None:
        """Nothing is taken for saved meanwhile, and all goes on by itself afterwards."""
        client = await logged_in(self.node.port, self.node.token())
        await client.call("collab.session.create", session_id="notes")
        at = await client.call("collab.session.join", session_id="notes", client_id="client-0001")

        async def edit() -> Any:
            return await client.call(
                "collab.session.edit", session_id="notes", epoch=at["epoch"], revision=0,
                client_id="client-0001", seq=1, op=["saved once"],
            )  # fmt: skip

        for ails, cures in (
            (("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0")),
            (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE")),
            (("CLIENT", "PAUSE", "8000", "ALL"), ("PING",)),
        ):
            await deferToThread(self.store.command, *ails)
            start = time.monotonic()
            with self.assertRaises(CallError) as caught:
                await edit()
            self.assertEqual(caught.exception.code, "store_unavailable", ails)
            self.assertLess(time.monotonic() - start, 3.5, ails)
            await until(lambda: get(self.node, "/ready")[0] == 503, 20)
            self.assertEqual((await self.get("/health"))[0], 503)
            await deferToThread(self.store.command, *cures)
            await until(lambda: get(self.node, "/ready")[0] == 200, 20)
        while True:
            try:
                answer = await edit()
                break
            except CallError as error:
                self.assertTrue(error.kwargs["retryable"])
        self.assertEqual(answer["revision"], 1)
        found = await client.call("collab.session.snapshot", session_id="notes")
        self.assertEqual(found["content"], "saved once")
        await client.cut()
