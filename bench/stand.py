"""What a scenario works with: nodes that are started for it, and where processes run."""

from __future__ import annotations

import contextlib
import http.client
import os
import random
import time
from collections.abc import AsyncIterator, Iterator

import attrs
from twisted.internet.defer import ensureDeferred, gatherResults
from twisted.internet.threads import deferToThread

from collab_wamp.access import ORDINARY
from collab_wamp.tokens import Claims, Keyring
from tests.support.node import SECRET, Node
from tests.support.pair import Pair
from tests.support.valkey import ValkeyServer

from .processes import STORE, Processes

TENANT = "acme"
HTTP_S = 240.0
# The default limits are on. Of a user, a session and a tenant they are raised for edits: here one
# person does what many do elsewhere.
RAISED = {
    "RATE_LIMITS": "1",
    "COLLAB_RATES_EDITS_PER_USER": "20000/s burst 100000",
    "COLLAB_RATES_EDITS_PER_SESSION": "20000/s burst 100000",
    "COLLAB_RATES_EDITS_PER_TENANT": "20000/s burst 100000",
}


@attrs.frozen
class Cores:
    """Where things run: the node on some cores, its store and the load driver on others.

    `Cores()` leaves that to the system.
    """

    node: frozenset[int] = frozenset()
    others: frozenset[int] = frozenset()

    def __str__(self) -> str:
        if not self.node:
            return "processes on whatever core the system gives them"
        node, others = (
            ",".join(str(core) for core in sorted(cores)) for cores in (self.node, self.others)
        )
        return f"node on core {node}, store and load driver on core {others}"

    @classmethod
    def parse(cls, text: str) -> Cores:
        """Of `0/1`, `0,1,2/3`, or `none`.

        Raises:
            ValueError: it is none of these.
        """
        if text == "none":
            return cls()
        node, others = (
            frozenset(int(core) for core in part.split(",")) for part in text.split("/")
        )
        return cls(node, others)

    @contextlib.contextmanager
    def for_node(self) -> Iterator[None]:
        """What this thread starts meanwhile runs where the node is to."""
        if not self.node:
            yield
            return
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, self.node)
        try:
            yield
        finally:
            os.sched_setaffinity(0, before)


def default_cores() -> str:
    """`0/1`, or `none` where there is one core only."""
    cores = sorted(os.sched_getaffinity(0))
    return f"{cores[0]}/{cores[1]}" if len(cores) > 1 else "none"


@attrs.define
class Stand:
    """
    Attributes:
        quick: everything short and small, on one node.
        chance: where and when things happen; seeded.
    """

    quick: bool
    cores: Cores
    chance: random.Random
    _shared: Node | None = None

    @property
    def seconds(self) -> float:
        """How long is measured."""
        return 1.2 if self.quick else 15.0

    @property
    def warm_up_s(self) -> float:
        return 0.3 if self.quick else 3.0

    def few(self, count: int, quick: int) -> int:
        """A count, or the small one."""
        return quick if self.quick else count

    @contextlib.asynccontextmanager
    async def node(self, **environment: str) -> AsyncIterator[Node]:
        """A node with these settings, ended afterwards.

        Where it is to be quick it is the same for all, and has the usual settings.
        """
        if self.quick:
            if self._shared is None:
                self._shared = await self._started(Node(**RAISED))
            yield self._shared
            return
        node = await self._started(Node(**RAISED, **environment))
        try:
            yield node
        finally:
            await deferToThread(node.stop)

    @contextlib.asynccontextmanager
    async def pair(self) -> AsyncIterator[Pair]:
        """Two nodes on one store."""
        pair = Pair(**RAISED)
        if self.cores.others:
            Processes(pair.store.pid).pin(STORE, self.cores.others)
        try:
            await gatherResults([ensureDeferred(self._started(node)) for node in pair.nodes])
            yield pair
        finally:
            await pair.stop()

    async def _started(self, node: Node) -> Node:
        def start() -> None:
            with self.cores.for_node():
                node.start()

        await deferToThread(start)
        if self.cores.others:
            processes(node).pin(STORE, self.cores.others)
        return node

    async def end(self) -> None:
        if self._shared is not None:
            await deferToThread(self._shared.stop)
            self._shared = None


def processes(*nodes: Node, store: ValkeyServer | None = None) -> Processes:
    """The processes of nodes, and of the store where that is not theirs."""
    roots = [node.process.pid for node in nodes if node.process is not None]
    return Processes(*roots, *([store.pid] if store is not None else []))


def token(user: str) -> str:
    """Of a user who may do everything on sessions, and import what others wrote."""
    claims = Claims(user, TENANT, {"*": "manage"}, capabilities=(*sorted(ORDINARY), "tokens"))
    return Keyring(secret=SECRET).issue(claims, now_s=time.time(), ttl_s=3600)


async def put(node: Node, session_id: str, body: bytes, media_type: str) -> None:
    """Make a session over HTTP.

    Raises:
        RuntimeError: it was refused.
    """

    def ask() -> tuple[int, bytes]:
        link = http.client.HTTPConnection("127.0.0.1", node.port, timeout=HTTP_S)
        try:
            headers = {"Authorization": f"Bearer {token('importer')}", "Content-Type": media_type}
            link.request("PUT", f"/sessions/{session_id}/content", body, headers)
            answer = link.getresponse()
            return answer.status, answer.read()
        finally:
            link.close()

    status, said = await deferToThread(ask)
    if status != 201:
        raise RuntimeError(f"{session_id}: {status} {said.decode(errors='replace')[:500]}")
