"""A heart keeps its instance in the registry, whatever becomes of that one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from twisted.internet.defer import Deferred
from twisted.logger import LogLevel, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from collab_wamp.registry.heart import Heart
from collab_wamp.registry.interface import Instance, unavailable
from collab_wamp.registry.memory import MemoryRegistry
from tests.support.surroundings import ClockSurroundings

SELF = Instance("collab_wamp", "node-1", "h", 8080, load={"connections": 99})


class ShakyRegistry(MemoryRegistry):
    """
    Attributes:
        trouble: what every call raises; None = it works.
        silent: calls wait for this one, if it is there.
        calls: the names of those that came.
    """

    def __init__(self, now_s: Any) -> None:
        super().__init__(now_s)
        self.trouble: Exception | None = None
        self.silent: Deferred[None] | None = None
        self.calls: list[str] = []

    async def _reached(self, name: str) -> None:
        self.calls.append(name)
        if self.silent is not None:
            await self.silent
        if self.trouble is not None:
            raise self.trouble

    async def register(self, instance: Instance, ttl_s: float) -> None:
        await self._reached("register")
        await super().register(instance, ttl_s)

    async def heartbeat(
        self, service: str, instance_id: str, load: Mapping[str, float], ttl_s: float
    ) -> bool:
        await self._reached("heartbeat")
        return await super().heartbeat(service, instance_id, load, ttl_s)

    async def deregister(self, service: str, instance_id: str) -> None:
        await self._reached("deregister")
        await super().deregister(service, instance_id)


class HeartCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.around = ClockSurroundings()
        self.registry = ShakyRegistry(self.around.now_s)
        self.connections = 1
        self.chance = 0.5
        self.heart = Heart(
            self.registry,
            SELF,
            load=self.load,
            surroundings=self.around,
            chance=lambda: self.chance,
            ttl_s=10,
            heartbeat_s=3,
        )
        self.logged: list[dict[str, Any]] = []
        globalLogPublisher.addObserver(self.observe)
        self.addCleanup(globalLogPublisher.removeObserver, self.observe)

    def tearDown(self) -> None:
        self.assertEqual(self.around.failures, [])

    def observe(self, event: dict[str, Any]) -> None:
        if event.get("log_namespace") == "collab_wamp.registry.heart.Heart":
            self.logged.append(event)

    def load(self) -> dict[str, float]:
        return {"connections": self.connections}

    def known(self) -> tuple[Instance, ...]:
        return self.successResultOf(Deferred.fromCoroutine(self.registry.instances("collab_wamp")))

    def advance(self, seconds: float) -> None:
        for _ in range(round(seconds * 20)):
            self.around.clock.advance(0.05)

    def stop(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self.heart.stop())


class HeartTests(HeartCase):
    def test_it_registers_and_tells_the_load_of_the_moment(self) -> None:
        self.assertFalse(self.heart.registered)
        self.heart.start()
        self.assertTrue(self.heart.registered)
        self.assertEqual(self.known(), (attrs.evolve(SELF, load={"connections": 1}),))
        self.connections = 2
        self.advance(3)
        self.assertEqual(self.known()[0].load, {"connections": 2})
        self.advance(100)
        self.assertEqual(len(self.known()), 1)
        self.assertEqual(self.registry.calls.count("register"), 1)
        self.assertGreater(self.registry.calls.count("heartbeat"), 33)
        self.assertEqual(self.logged, [])

    def test_hearts_that_began_together_do_not_beat_together(self) -> None:
        self.heart.start()
        for self.chance, due_s in ((0.0, 2.7), (0.999, 2.9997)):
            self.successResultOf(Deferred.fromCoroutine(self.heart.draining()))
            count = len(self.registry.calls)
            self.around.clock.advance(due_s - 0.001)
            self.assertEqual(len(self.registry.calls), count)
            self.around.clock.advance(0.002)
            self.assertEqual(len(self.registry.calls), count + 1)

    def test_who_expired_registers_again(self) -> None:
        self.heart.start()
        self.registry._known.clear()
        self.advance(3)
        self.assertEqual(len(self.known()), 1)
        self.assertEqual(self.registry.calls, ["register", "heartbeat", "register"])

    def test_an_outage_is_told_once_and_ends_by_itself(self) -> None:
        self.registry.trouble = unavailable("no route")
        self.heart.start()
        self.advance(60)
        self.assertFalse(self.heart.registered)
        self.assertIn("no route", self.heart.problem)
        self.assertEqual([event["log_level"] for event in self.logged], [LogLevel.warn])
        tries = len(self.registry.calls)
        self.assertTrue(20 <= tries <= 50, tries)
        self.registry.trouble = None
        self.advance(3)
        self.assertEqual(len(self.known()), 1)
        self.assertEqual((self.heart.registered, self.heart.problem), (True, ""))
        self.assertEqual([event["log_level"] for event in self.logged][1:], [LogLevel.info])
        self.registry.trouble = unavailable("again")
        self.advance(30)
        self.assertEqual(len(self.logged), 3)

    def test_after_an_outage_that_outlived_the_ttl_it_registers_again(self) -> None:
        self.heart.start()
        self.registry.trouble = unavailable("no route")
        self.advance(11)
        self.assertEqual(self.known(), ())
        self.registry.trouble = None
        self.advance(3)
        self.assertEqual(len(self.known()), 1)

    def test_the_first_tries_after_a_failure_come_soon_and_scattered(self) -> None:
        self.registry.trouble = unavailable("no route")
        self.chance = 0.0
        self.heart.start()
        self.around.clock.advance(0.126)
        self.assertEqual(len(self.registry.calls), 2)
        self.chance = 0.999
        self.around.clock.advance(0.251)
        self.assertEqual(len(self.registry.calls), 3)
        self.around.clock.advance(0.9)
        self.assertEqual(len(self.registry.calls), 3)
        self.around.clock.advance(0.1)
        self.assertEqual(len(self.registry.calls), 4)

    def test_a_defect_in_the_load_ends_nothing(self) -> None:
        self.heart._load = lambda: {}["nothing"]
        self.heart.start()
        self.advance(20)
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)
        self.heart._load = self.load
        self.advance(3)
        self.assertEqual(len(self.known()), 1)

    def test_draining_is_told_at_once_and_kept(self) -> None:
        self.heart.start()
        self.successResultOf(Deferred.fromCoroutine(self.heart.draining()))
        self.assertEqual(self.known()[0].status, "draining")
        self.advance(20)
        self.assertEqual(self.known()[0].status, "draining")

    def test_draining_during_a_beat_or_an_outage_is_told_later(self) -> None:
        self.registry.silent = Deferred()
        self.heart.start()
        told = Deferred.fromCoroutine(self.heart.draining())
        self.assertNoResult(told)
        self.registry.trouble = unavailable("no route")
        silent, self.registry.silent = self.registry.silent, None
        silent.callback(None)
        self.successResultOf(told)
        self.assertEqual(self.known(), ())
        self.registry.trouble = None
        self.advance(3)
        self.assertEqual(self.known()[0].status, "draining")

    def test_there_is_one_beat_at_a_time_and_one_timer(self) -> None:
        self.heart.start()
        for _ in range(5):
            self.successResultOf(Deferred.fromCoroutine(self.heart.draining()))
        self.assertEqual(len(self.around.clock.getDelayedCalls()), 1)


class StopTests(HeartCase):
    def test_it_takes_the_instance_out_and_is_still(self) -> None:
        self.heart.start()
        self.successResultOf(self.stop())
        self.assertEqual(self.known(), ())
        self.assertFalse(self.heart.registered)
        self.advance(30)
        self.assertEqual(self.registry.calls, ["register", "deregister"])
        self.assertEqual(self.around.clock.getDelayedCalls(), [])

    def test_who_never_began_asks_nobody(self) -> None:
        self.successResultOf(self.stop())
        self.assertEqual(self.registry.calls, [])

    def test_draining_after_the_end_enters_nothing(self) -> None:
        self.heart.start()
        self.successResultOf(self.stop())
        self.successResultOf(Deferred.fromCoroutine(self.heart.draining()))
        self.assertEqual(self.known(), ())

    def test_a_beat_that_is_under_way_does_not_enter_it_again(self) -> None:
        self.registry.silent = Deferred()
        self.heart.start()
        stopped = self.stop()
        self.assertEqual(self.registry.calls, ["register"])
        self.registry.silent.callback(None)
        self.successResultOf(stopped)
        self.assertEqual(self.registry.calls, ["register", "deregister"])
        self.assertEqual(self.known(), ())
        self.assertEqual(self.around.clock.getDelayedCalls(), [])

    def test_a_registry_that_is_away_is_not_waited_for(self) -> None:
        self.heart.start()
        self.registry.trouble = unavailable("no route")
        self.successResultOf(self.stop())
        self.assertEqual([event["log_level"] for event in self.logged], [LogLevel.warn])

    def test_a_registry_that_is_silent_is_waited_for_until_the_deadline(self) -> None:
        self.heart.start()
        self.registry.silent = Deferred()
        stopped = self.stop()
        self.around.clock.advance(2.9)
        self.assertNoResult(stopped)
        self.around.clock.advance(0.2)
        self.successResultOf(stopped)
        self.assertEqual(self.around.clock.getDelayedCalls(), [])
        self.assertEqual([event["log_level"] for event in self.logged], [LogLevel.warn])

    def test_a_beat_that_hangs_is_waited_for_until_the_deadline(self) -> None:
        self.registry.silent = Deferred()
        self.heart.start()
        stopped = self.stop()
        self.around.clock.advance(3.1)
        self.successResultOf(stopped)
        self.assertEqual(self.registry.calls, ["register"])
