"""Two real nodes on one real store, started once for a run of the suite."""

from __future__ import annotations

import atexit
import secrets
import time
from typing import Any

from twisted.internet.defer import gatherResults
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from collab_wamp.tokens import Claims, Keyring

from .node import SECRET, Node
from .raw_wamp import RawClient, logged_in
from .valkey import ValkeyServer


class Pair:
    """Nodes `a` and `b`; `environment` are settings of both."""

    def __init__(self, **environment: str) -> None:
        self.store = ValkeyServer()
        self.store.start()
        atexit.register(self._stop_store)
        self.nodes = [
            Node(REDIS_URL=self.store.url, INSTANCE_ID=name, **environment) for name in "ab"
        ]
        self.a, self.b = self.nodes

    async def start(self) -> None:
        await gatherResults([deferToThread(node.start) for node in self.nodes])

    async def stop(self) -> None:
        await gatherResults([deferToThread(node.stop) for node in self.nodes])
        self._stop_store()

    def _stop_store(self) -> None:
        atexit.unregister(self._stop_store)
        self.store.stop()


_shared: Pair | None = None


async def shared_pair() -> Pair:
    """The pair that the suite's tests share; who kills or configures one starts their own."""
    global _shared
    if _shared is None:
        _shared = Pair()
        await _shared.start()
    return _shared


class NodesCase(TestCase):
    """Has the shared pair, a tenant of its own, and clients that are cut when the test ends."""

    timeout = 120

    async def setUp(self) -> None:
        self.pair = await shared_pair()
        self.tenant = f"t{secrets.token_hex(6)}"
        self.clients: list[RawClient] = []

    async def tearDown(self) -> None:
        for client in self.clients:
            await client.cut()

    async def client(
        self, node: Node, user: str = "ada", *capabilities: str, tenant: str = ""
    ) -> RawClient:
        named = ("edit", "cursor", "selection", *capabilities)
        client = await logged_in(node.port, self.ticket(user, *named, tenant=tenant))
        self.clients.append(client)
        return client

    def ticket(self, user: str, *capabilities: str, tenant: str = "", **rights: str) -> str:
        claims = Claims(
            user, tenant or self.tenant, rights or {"*": "manage"}, capabilities=capabilities
        )
        return Keyring(secret=SECRET).issue(claims, now_s=time.time(), ttl_s=900)

    async def join(self, client: RawClient, client_id: str) -> dict[str, Any]:
        await client.call("collab.session.create", session_id="notes", if_absent=True)
        joined: dict[str, Any] = await client.call(
            "collab.session.join", session_id="notes", client_id=client_id
        )
        for name in ("edits", "roster", "presence"):
            await client.subscribe(joined["topics"][name])
        return joined
