"""Who tries tokens by the hundred keeps nobody else out."""

from __future__ import annotations

import time
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from tests.support import raw_wamp
from tests.support.node import Node
from tests.support.raw_wamp import RawClient, logged_in
from tests.support.waiting import until

# All of 127.0.0.0/8 is this machine.
ELSEWHERE = "127.0.0.9"


def endpoint_from(address: str) -> Any:
    return lambda clock, host, port: TCP4ClientEndpoint(clock, host, port, bindAddress=(address, 0))


class BadLoginTests(TestCase):
    timeout = 120
    node: Node

    def setUp(self) -> None:
        self.clients: list[RawClient] = []

    async def started(self, **environment: str) -> Node:
        node = Node(**environment)
        await deferToThread(node.start)
        self.addCleanup(deferToThread, node.stop)
        return node

    async def tearDown(self) -> None:
        for client in self.clients:
            await client.cut()

    async def waits(self, address: str) -> RawClient:
        """Somebody whose token is not accepted, and who is not told so yet."""
        self.patch(raw_wamp, "TCP4ClientEndpoint", endpoint_from(address))
        client = await RawClient(self.node.port).connect()
        self.clients.append(client)
        client.send([1, "collab", {"roles": raw_wamp.ROLES, "authmethods": ["ticket"]}])
        await until(lambda: client.received)
        client.send([5, "no token", {}])
        return client

    async def all_wait(self, count: int) -> list[RawClient]:
        waiting = [Deferred.fromCoroutine(self.waits(ELSEWHERE)) for _ in range(count)]
        done: list[RawClient] = await gatherResults(waiting, consumeErrors=True)
        return done

    async def comes_in(self, address: str) -> bool:
        self.patch(raw_wamp, "TCP4ClientEndpoint", endpoint_from(address))
        try:
            self.clients.append(await logged_in(self.node.port, self.node.token()))
        except Exception:  # in whichever way it was closed
            return False
        return True

    async def test_who_waits_for_a_refusal_keeps_nobody_out(self) -> None:
        self.node = await self.started(COLLAB_LIMITS_BAD_LOGIN_S="5", COLLAB_LIMITS_BAD_LOGINS="0")
        waiting = await self.all_wait(300)
        begun = time.monotonic()
        self.assertTrue(await self.comes_in("127.0.0.1"))
        self.assertLess(time.monotonic() - begun, 5)
        await until(lambda: all(client.closed or len(client.received) > 1 for client in waiting))
        self.assertEqual({client.received[1][2] for client in waiting},
                         {"collab.error.token_invalid"})  # fmt: skip

    async def test_so_many_wait_and_the_others_are_told_at_once(self) -> None:
        self.node = await self.started(
            COLLAB_LIMITS_BAD_LOGIN_S="60",
            COLLAB_LIMITS_BAD_LOGINS="0",
            COLLAB_LIMITS_BAD_LOGINS_WAITING="20",
            COLLAB_LIMITS_HELLO_S="60",
        )
        clients = await self.all_wait(50)
        await until(lambda: sum(len(client.received) > 1 for client in clients) == 30)

    async def test_where_logins_fail_nobody_is_let_in_for_a_while(self) -> None:
        self.node = await self.started(COLLAB_LIMITS_BAD_LOGIN_S="0", COLLAB_LIMITS_BAD_LOGINS="3")
        with self.assertRaises(ConnectionError):
            for _ in range(10):
                client = await self.waits(ELSEWHERE)
                await until(lambda client=client: len(client.received) > 1)
        self.assertFalse(await self.comes_in(ELSEWHERE))
        self.assertTrue(await self.comes_in("127.0.0.1"))
        end = time.monotonic() + 20
        while not await self.comes_in(ELSEWHERE):
            self.assertLess(time.monotonic(), end, "it is not forgotten")
