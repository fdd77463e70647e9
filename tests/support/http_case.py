"""A node that is asked over HTTP, and tokens for that."""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import TestCase

from collab_wamp.access import ORDINARY
from collab_wamp.tokens import Claims, Keyring

from .http import Reply, asked
from .node import SECRET, Node, shared_node
from .raw_wamp import RawClient, logged_in


def token(user: str = "ada", tenant: str = "acme", *, ago_s: float = 0, **more: Any) -> str:
    """Good for a quarter of an hour from when it was issued, `ago_s` seconds before now."""
    rights = more.pop("rights", {"*": "manage"})
    claims = Claims(user, tenant, rights, **more)
    return Keyring(secret=SECRET).issue(claims, now_s=time.time() - ago_s, ttl_s=900)


def boss(tenant: str = "acme", **more: Any) -> str:
    """Of one who issues tokens, and looks at figures."""
    return token("boss", tenant, capabilities=(*ORDINARY, "tokens", "stats"), **more)


class HttpCase(TestCase):
    """Sessions have names of their own in each test."""

    timeout = 120

    async def setUp(self) -> None:
        self.node: Node = await self.make_node()
        self.session_id = f"http-{secrets.token_hex(6)}"
        self.path = f"/sessions/{self.session_id}"
        self.clients: list[RawClient] = []

    async def make_node(self) -> Node:
        return await shared_node()

    async def tearDown(self) -> None:
        for client in self.clients:
            await client.cut()

    async def ask(self, method: str, path: str, status: int = 200, **more: Any) -> Reply:
        """A request, as Ada unless another token is given, and the status that it must have."""
        more.setdefault("token", token())
        reply = await asked(self.node, method, path, **more)
        self.assertEqual(reply.status, status, reply.data[:500])
        return reply

    async def refused(self, method: str, path: str, code: str, status: int, **more: Any) -> Reply:
        """A request that is answered with an error of our form."""
        reply = await self.ask(method, path, status, **more)
        self.assertEqual(reply.headers["content-type"], "application/json")
        self.assertEqual(set(reply.json), {"error"})
        error = reply.json["error"]
        self.assertEqual(set(error), {"code", "message", "error_id", "timestamp"})
        self.assertEqual(error["code"], code)
        return reply

    async def until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        """Ask until it holds, for twenty seconds at most."""
        end = time.monotonic() + 20
        while not await condition():
            self.assertLess(time.monotonic(), end, "not in 20 s")

    async def client(self, ticket: str) -> RawClient:
        client = await logged_in(self.node.port, ticket)
        self.clients.append(client)
        return client

    async def written(self, people: int, edits: int) -> str:
        """The text that so many people have made by so many edits each, all at once."""

        async def write(number: int) -> None:
            client = await self.client(token(f"writer-{number}"))
            client_id = f"writer-{number:04}"
            at = await client.call(
                "collab.session.join", session_id=self.session_id, client_id=client_id
            )
            base = at["revision"]
            for seq in range(1, edits + 1):
                answer = await client.call(
                    "collab.session.edit",
                    session_id=self.session_id,
                    epoch=at["epoch"],
                    revision=base,
                    client_id=client_id,
                    seq=seq,
                    op=[f"{number}é😀" if seq % 5 else f"{number}\n"],
                )
                base = answer["revision"]

        await gatherResults(
            [Deferred.fromCoroutine(write(number)) for number in range(people)], consumeErrors=True
        )
        return (await self.ask("GET", f"{self.path}/content?format=text")).data.decode()
