"""Rates: what is within them passes, what is beyond is delayed, then refused; never let through."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from collab_wamp.config import ConfigError, load
from collab_wamp.errors import CollabError
from collab_wamp.rates import LARGEST_LEASE, LEASE_S, Limiter, Rate, Rates, parse_rate
from collab_wamp.store.memory_commons import MemoryCommons
from collab_wamp.wamp.throttle import MOST_TOPICS, Throttle
from tests.support.surroundings import ClockSurroundings

RATES = Rates(edits_per_user=Rate(20, 60), edits_per_session=Rate(100, 300), longest_delay_s=1.0)


class RatesCase(TestCase):
    def setUp(self) -> None:
        self.around = ClockSurroundings()
        self.commons = MemoryCommons(lambda: self.around.clock.seconds() * 1000)
        self.fetched = 0
        take = self.commons.take

        async def counted(*args: Any) -> Any:
            self.fetched += 1
            return await take(*args)

        self.commons.take = counted  # type: ignore[method-assign]

    def limiter(self, rates: Rates = RATES) -> Limiter:
        return Limiter(self.commons, rates, now_s=self.around.now_s, sleep=self.around.sleep)

    def ask(self, limiter: Limiter, user: str = "ada", session: str = "notes") -> Deferred[None]:
        return Deferred.fromCoroutine(limiter.take("edits", "acme", user, session))

    def flood(self, limiters: list[Limiter], count: int, seconds: float, **who: str) -> int:
        """How many of `count` edits a limiter passed within the time, one asked after the other."""
        passed = 0
        asked: dict[Limiter, Deferred[None]] = {}
        for _step in range(count):
            for limiter in limiters:
                if limiter not in asked or asked[limiter].called:
                    asked[limiter] = self.ask(limiter, **who)

                    def done(result: Any) -> None:
                        nonlocal passed
                        passed += result is None

                    asked[limiter].addBoth(done)
            self.around.clock.advance(seconds / count)
        return passed


class LimiterTests(RatesCase):
    def test_a_burst_passes_at_once_and_then_it_goes_at_the_rate(self) -> None:
        limiter = self.limiter()
        passed = self.flood([limiter], 10_000, 10.0)
        # 60 and 20 a second; what is left of leases, and what is reserved ahead, is between.
        self.assertTrue(60 + 200 - 2 * LARGEST_LEASE <= passed <= 60 + 200 + 20, passed)
        self.assertLess(self.fetched, passed / 3, "leases spare the store")

    async def test_leases_that_are_over_take_no_memory(self) -> None:
        limiter = self.limiter()
        for number in range(100):
            await self.ask(limiter, f"user-{number}")
        self.assertEqual(len(limiter._leases), 100)
        self.around.clock.advance(LEASE_S)
        await self.ask(limiter, "user-0")
        self.assertEqual(len(limiter._leases), 100, "how many were used is still worth something")
        self.around.clock.advance(LEASE_S + 1)
        await self.ask(limiter, "ada")
        self.assertEqual(len(limiter._leases), 2)

    async def test_what_is_being_fetched_is_not_lost_when_others_are_over(self) -> None:
        limiter, fetched = self.limiter(), Deferred[None]()
        await self.ask(limiter, "ada")
        self.around.clock.advance(3 * LEASE_S)
        take = self.commons.take

        async def slow(*args: Any) -> Any:
            if "ada" in args[0][0].name:
                await fetched
            return await take(*args)

        self.commons.take = slow  # type: ignore[method-assign]
        asked = self.ask(limiter, "ada")
        await self.ask(limiter, "bob")
        before = self.fetched
        fetched.callback(None)
        await asked
        self.assertEqual(self.fetched, before + 1)

    def test_on_two_nodes_it_is_one_limit(self) -> None:
        passed = self.flood([self.limiter(), self.limiter()], 10_000, 10.0)
        self.assertTrue(60 + 200 - 4 * LARGEST_LEASE <= passed <= 60 + 200 + 20, passed)

    def test_each_user_has_their_own_and_the_session_one_for_all(self) -> None:
        limiters = [self.limiter() for _ in range(8)]
        passed = 0
        for number, limiter in enumerate(limiters):
            passed += self.flood([limiter], 200, 0.01, user=f"user{number}")
        self.assertLessEqual(passed, 300 + 100)
        self.assertGreater(passed, 250)

    def test_nobody_waits_who_types_as_people_do(self) -> None:
        limiter = self.limiter()
        for _ in range(600):
            self.assertTrue(self.ask(limiter).called)
            self.around.clock.advance(0.08)

    def test_who_edits_now_and_then_asks_seldom_and_loses_little(self) -> None:
        for per_s in (0.5, 1, 2, 5, 15):
            limiter, user = self.limiter(Rates(edits_per_user=Rate(20, 60))), f"user-{per_s}"
            self.fetched, asked, taken = 0, 300, 0.0
            take = self.commons.take

            async def weighed(buckets: Any, wait_s: float, take: Any = take) -> Any:
                nonlocal taken
                taken += buckets[0].cost
                return await take(buckets, wait_s)

            self.patch(self.commons, "take", weighed)
            for _ in range(asked):
                self.assertTrue(self.ask(limiter, user).called)
                self.around.clock.advance(1 / per_s)
            self.patch(self.commons, "take", take)
            self.assertLess(taken, 1.1 * asked, f"{per_s}/s: tokens that nobody used")
            self.assertLess(self.fetched, asked / min(LARGEST_LEASE, 2 * per_s) + 10, f"{per_s}/s")

    def test_who_is_refused_is_told_when_to_come_back(self) -> None:
        limiter = self.limiter(Rates(edits_per_user=Rate(1, 3), longest_delay_s=0.5))
        for _ in range(3):
            self.successResultOf(self.ask(limiter))
        error = self.failureResultOf(self.ask(limiter), CollabError).value
        self.assertEqual((error.code, error.details["limit"]), ("rate_limited", "edits_per_user"))
        self.around.clock.advance(error.details["retry_after_ms"] / 1000 + 0.001)
        self.successResultOf(self.ask(limiter))

    def test_a_short_wait_is_waited(self) -> None:
        limiter = self.limiter(Rates(edits_per_user=Rate(10, 1), longest_delay_s=0.5))
        self.successResultOf(self.ask(limiter))
        asked = self.ask(limiter)
        self.assertNoResult(asked)
        self.around.clock.advance(0.11)
        self.successResultOf(asked)

    def test_without_any_delay_what_is_there_is_given(self) -> None:
        limiter = self.limiter(Rates(edits_per_user=Rate(1, 3), longest_delay_s=0.0))
        self.around.clock.advance(1)
        ticks = iter(range(10_000))
        limiter._now_s = lambda: self.around.now_s() + next(ticks) / 1e6  # as a real clock goes
        asked = [self.ask(limiter) for _ in range(6)]
        results = [self.code_of(each) for each in asked]
        self.assertEqual(results, ["passed"] * 3 + ["rate_limited"] * 3)

    def code_of(self, asked: Deferred[None]) -> str:
        ended: list[str] = []
        asked.addBoth(lambda r: ended.append("passed" if r is None else r.value.code))
        return ended[0]

    def test_nobody_waits_longer_than_the_longest_delay_by_much(self) -> None:
        limiter = self.limiter(Rates(edits_per_user=Rate(10, 10), longest_delay_s=1.0))
        ended: list[tuple[float, str]] = []
        for _ in range(200):
            self.ask(limiter).addBoth(
                lambda result: ended.append(
                    (self.around.now_s(), "passed" if result is None else result.value.code)
                )
            )
        for _ in range(400):
            self.around.clock.advance(0.01)
        self.assertEqual(len(ended), 200)
        self.assertLessEqual(max(at for at, _ in ended), 2.2)
        passed = sum(how == "passed" for _, how in ended)
        self.assertTrue(10 <= passed <= 32, passed)
        self.assertEqual({how for _, how in ended}, {"passed", "rate_limited"})

    def test_those_who_ask_together_pass_in_their_order(self) -> None:
        limiter = self.limiter(Rates(edits_per_user=Rate(10, 1), longest_delay_s=5))
        order: list[int] = []
        for number in range(5):
            self.ask(limiter).addCallback(lambda _result, n=number: order.append(n))
        for _ in range(100):
            self.around.clock.advance(0.01)
        self.assertEqual(order, [0, 1, 2, 3, 4])

    def test_without_rates_the_store_is_not_asked(self) -> None:
        limiter = self.limiter(Rates())
        for _ in range(1000):
            self.successResultOf(self.ask(limiter))
        self.assertEqual(self.fetched, 0)

    async def test_what_is_left_is_told(self) -> None:
        limiter = self.limiter()
        await limiter.take("edits", "acme", "ada", "notes")
        left = await limiter.left("acme", "ada", "notes")
        self.assertEqual(left["edits_per_user"], {"left": 59, "burst": 60, "per_s": 20.0})
        self.assertEqual(left["edits_per_session"], {"left": 299, "burst": 300, "per_s": 100.0})
        self.assertEqual(await limiter.left("acme", "ada", ""), {})
        other = await limiter.left("acme", "bob", "notes")
        self.assertEqual(other["edits_per_user"]["left"], 60)


class SettingsTests(TestCase):
    def test_rates_are_read_as_people_write_them(self) -> None:
        self.assertEqual(parse_rate("20/s burst 60"), Rate(20, 60))
        self.assertEqual(parse_rate("0.5/s burst 1"), Rate(0.5, 1))
        self.assertFalse(parse_rate("off"))
        for text in ("", "20", "20/s", "0/s burst 5", "5/s burst 0", "-1/s burst 5", "1/m burst 5"):
            with self.assertRaises(ValueError):
                parse_rate(text)

    def test_what_is_wrong_is_named(self) -> None:
        with self.assertRaises(ConfigError) as caught:
            load({"COLLAB_RATES_EDITS_PER_USER": "20"})
        self.assertIn("COLLAB_RATES_EDITS_PER_USER = '20': must be such as", str(caught.exception))

    def test_all_can_be_switched_off(self) -> None:
        self.assertTrue(load({}).rates.rates().edits_per_user)
        self.assertEqual(load({"RATE_LIMITS": "0"}).rates.rates(), Rates())
        self.assertFalse(load({"RATE_LIMITS": "0"}).rates.presence_rate())


class ThrottleTests(TestCase):
    def setUp(self) -> None:
        self.around = ClockSurroundings()
        self.went: list[tuple[float, Any]] = []
        self.superseded: list[Any] = []
        self.throttle = Throttle(
            Rate(20, 20),
            now_s=self.around.now_s,
            later=self.around.later,
            go=lambda message: self.went.append((self.around.now_s(), message)),
            superseded=self.superseded.append,
        )

    def test_the_latest_goes_on_and_the_rate_is_kept(self) -> None:
        for number in range(1000):
            self.throttle.offer("cursor", number)
            self.around.clock.advance(0.001)
        self.around.clock.advance(0.1)
        self.assertEqual([message for _, message in self.went[:20]], list(range(20)))
        self.assertTrue(38 <= len(self.went) <= 42, len(self.went))
        self.assertEqual(self.went[-1][1], 999, "the last word is told")
        self.assertEqual(len(self.superseded) + len(self.went), 1000)
        times = [at for at, _ in self.went[20:]]
        self.assertTrue(all(b - a >= 0.0499 for a, b in itertools.pairwise(times)))

    @given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 0.1)), max_size=200))
    def test_each_topic_ends_with_its_last_message(self, offers: list[tuple[str, float]]) -> None:
        self.setUp()
        last = {}
        for number, (topic, pause) in enumerate(offers):
            self.throttle.offer(topic, (topic, number))
            last[topic] = number
            self.around.clock.advance(pause)
        self.around.clock.advance(1)
        for topic, number in last.items():
            told = [row[1] for _, row in self.went if row[0] == topic]
            self.assertEqual(told[-1], number)
            self.assertEqual(told, sorted(told))

    def test_topics_without_end_are_not_remembered(self) -> None:
        for number in range(10 * MOST_TOPICS):
            self.throttle.offer(f"topic{number}", number)
        self.assertLessEqual(len(self.throttle._topics), MOST_TOPICS)

    def test_nothing_goes_on_once_it_is_stopped(self) -> None:
        for number in range(30):
            self.throttle.offer("cursor", number)
        self.throttle.stop()
        self.around.clock.advance(1)
        self.assertEqual(len(self.went), 20)
