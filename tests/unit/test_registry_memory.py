"""The reference registry keeps the contract."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from collab_wamp.registry.memory import MemoryRegistry
from tests.support.registry_contract import RegistryContract


class MemoryRegistryTests(RegistryContract, TestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.registry = MemoryRegistry(self.clock.seconds)

    async def tick(self) -> None:
        self.clock.advance(0.1)
