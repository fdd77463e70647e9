"""The reference store keeps the contract."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import TestCase

from collab_wamp.store.memory import MemoryStore
from collab_wamp.store.memory_commons import MemoryCommons
from tests.support.commons_contract import CommonsContract
from tests.support.held_contract import HeldContract
from tests.support.rights_contract import RightsContract
from tests.support.store_contract import KEY, StoreContract
from tests.support.versions_contract import VersionsContract


class MemoryStoreTests(StoreContract, VersionsContract, RightsContract, HeldContract, TestCase):
    def setUp(self) -> None:
        self.now_ms = 0
        self.store = MemoryStore(now_ms=lambda: self.now_ms)

    async def pass_time(self, seconds: float) -> None:
        self.now_ms += int(seconds * 1000)

    async def wait(self, heard: list[Any], count: int) -> None:
        self.assertEqual(len(heard), count)

    async def drop_checkpoints(self) -> None:
        self.store._records[KEY].checkpoints.clear()


class MemoryCommonsTests(CommonsContract, TestCase):
    def setUp(self) -> None:
        self.now_ms = 1_000_000.0
        self.commons = MemoryCommons(lambda: self.now_ms)

    async def fill_in_the_future(self, name: str, ms: float) -> None:
        self.commons._full[name] = self.now_ms + ms

    async def until(self, condition: Any) -> None:
        self.assertTrue(condition())

    async def pass_time(self, seconds: float) -> None:
        self.now_ms += seconds * 1000
