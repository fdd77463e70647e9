"""The reference store keeps the contract."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import TestCase

from collab_wamp.store.memory import MemoryStore
from tests.support.store_contract import StoreContract


class MemoryStoreTests(StoreContract, TestCase):
    def setUp(self) -> None:
        self.store = MemoryStore(now_ms=lambda: 0)

    async def wait(self, heard: list[Any], count: int) -> None:
        self.assertEqual(len(heard), count)
