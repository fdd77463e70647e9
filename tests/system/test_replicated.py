"""`DURABILITY=replicated`: an edit counts as durable when it is on a replica's disk too."""

from __future__ import annotations

import signal

from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from tests.support.node import Node, free_port
from tests.support.raw_wamp import RawClient, logged_in
from tests.support.valkey import ValkeyServer
from tests.support.waiting import until


class ReplicatedTests(TestCase):
    timeout = 180

    async def setUp(self) -> None:
        port = free_port()
        self.primary = ValkeyServer("--port", str(port), "--appendfsync", "everysec")
        self.replica = ValkeyServer("--replicaof", "127.0.0.1", str(port))
        for server in (self.primary, self.replica):
            self.addCleanup(server.stop)
            server.start()
        self.node = Node(REDIS_URL=self.primary.url, DURABILITY="replicated")
        self.addCleanup(lambda: deferToThread(self.node.stop))
        await deferToThread(self.node.start)
        self.seq = 0

    async def durable(self, client: RawClient) -> bool:
        """What an edit's answer says."""
        self.seq += 1
        answer = await client.call(
            "collab.session.edit",
            session_id="notes",
            epoch=self.epoch,
            revision=self.seq - 1,
            client_id="client-0001",
            seq=self.seq,
            op=["x"],
        )
        self.assertEqual(answer["revision"], self.seq)
        return bool(answer["durable"])

    async def test_without_the_replica_nothing_is_claimed(self) -> None:
        client = await logged_in(self.node.port, self.node.token())
        await client.call("collab.session.create", session_id="notes")
        at = await client.call("collab.session.join", session_id="notes", client_id="client-0001")
        self.epoch = at["epoch"]
        for _ in range(20):
            if await self.durable(client):  # the replica has come
                break
        self.assertTrue(await self.durable(client))
        self.replica.signal(signal.SIGSTOP)
        self.assertFalse(await self.durable(client))
        self.replica.signal(signal.SIGCONT)
        for _ in range(20):
            if await self.durable(client):
                break
        self.assertTrue(await self.durable(client))
        await client.cut()
        await until(lambda: client.closed is not None)
