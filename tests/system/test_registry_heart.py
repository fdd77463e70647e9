"""A heart on the reactor, with a real store that is killed, stopped and started again."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from collab_wamp.errors import CollabError
from collab_wamp.registry.heart import Heart
from collab_wamp.registry.opening import open_registry
from tests.support.registry_contract import eventually, instance
from tests.support.valkey import ValkeyServer
from tests.support.waiting import until


class ReactorSurroundings:
    def __init__(self) -> None:
        self.failures: list[Any] = []

    def now_s(self) -> float:
        return time.monotonic()

    def later(self, seconds: float, call: Callable[[], None]) -> Any:
        return reactor.callLater(seconds, call)  # type: ignore[attr-defined]

    def background(self, work: Awaitable[None]) -> None:
        async def run() -> None:
            await work

        Deferred.fromCoroutine(run()).addErrback(self.failures.append)


class HeartOnTheReactorTests(TestCase):
    timeout = 90

    async def setUp(self) -> None:
        self.server = ValkeyServer()
        self.addCleanup(self.server.stop)
        self.server.start()
        self.registry, self.watching = self.open(), self.open()
        self.around = ReactorSurroundings()
        self.heart = Heart(
            self.registry,
            instance(load={}),
            load=lambda: {"connections": 7},
            surroundings=self.around,
            chance=random.Random(7).random,
            ttl_s=1,
            heartbeat_s=0.3,
        )
        self.addCleanup(self.heart.stop)
        self.heart.start()
        await eventually(self.seen, [{"connections": 7}])

    def tearDown(self) -> None:
        self.assertEqual(self.around.failures, [])

    def open(self) -> Any:
        registry = open_registry(
            "redis", reactor=reactor, store_url=self.server.url, monotonic=time.monotonic
        )
        self.addCleanup(registry.close)
        return registry

    async def seen(self) -> Any:
        """The loads of the instances that others see, or what goes wrong."""
        try:
            return [one.load for one in await self.watching.instances("chat")]
        except CollabError as error:
            return error.code

    async def test_it_outlives_a_store_that_is_killed(self) -> None:
        self.server.kill()
        await until(lambda: not self.heart.registered)
        self.server.start()
        await eventually(self.seen, [{"connections": 7}])
        await until(lambda: self.heart.registered)
        await self.heart.stop()
        self.assertEqual(await self.seen(), [])

    async def test_it_outlives_a_store_that_is_silent_for_longer_than_the_ttl(self) -> None:
        self.server.signal(signal.SIGSTOP)
        await until(lambda: not self.heart.registered)
        self.server.signal(signal.SIGCONT)
        await eventually(self.seen, [{"connections": 7}])

    async def test_it_ends_in_time_though_the_store_is_silent(self) -> None:
        """And what was given up mixes up no replies of what comes later."""
        self.server.signal(signal.SIGSTOP)
        begun = time.monotonic()
        await self.heart.stop(0.5)
        self.assertLess(time.monotonic() - begun, 1.5)
        self.server.signal(signal.SIGCONT)
        await eventually(self.seen, [])
        await self.registry._connection.until_ready(20)
        await self.registry.register(instance("a"), 60)
        self.assertEqual(await self.registry.services(), ("chat",))
        self.assertEqual([one.instance_id for one in await self.registry.instances("chat")], ["a"])
