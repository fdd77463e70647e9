"""Two real nodes on one real store, started once for a run of the suite."""

from __future__ import annotations

import atexit

from twisted.internet.defer import gatherResults
from twisted.internet.threads import deferToThread

from .node import Node
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
