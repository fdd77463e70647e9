"""What every implementation of what nodes share must do."""

from __future__ import annotations

from typing import Any

from collab_wamp.store.announcements import NODES, NoticeAnnounced, RevokedAnnounced
from collab_wamp.store.commons import Bucket, Commons, Revocation, Taken

TOKEN = Revocation("acme", "token", "a\nb", 1000)
USER = Revocation("acme", "user", "ada", 2000)


class CommonsContract:
    """Mixed into a test case that has `commons`, `until` and `pass_time`."""

    commons: Commons
    assertEqual: Any
    assertLess: Any
    assertGreater: Any
    assertTrue: Any
    assertFalse: Any
    # Not methods: they would stand before those of a class further on.
    pass_time: Any

    async def until(self, condition: Any) -> None: ...

    async def test_revocations_are_kept_and_announced(self) -> None:
        heard: list[Any] = []
        await self.commons.listen_nodes(lambda key, what: heard.append((key, what)))
        self.assertEqual(await self.commons.revocations(), [])
        await self.commons.revoke(TOKEN, 60)
        await self.commons.revoke(USER, 60)
        found = await self.commons.revocations()
        self.assertEqual(sorted(found, key=lambda row: row.kind), [TOKEN, USER])
        await self.until(lambda: len(heard) == 2)
        self.assertEqual(
            heard,
            [
                (NODES, RevokedAnnounced("acme", "token", "a\nb", 1000)),
                (NODES, RevokedAnnounced("acme", "user", "ada", 2000)),
            ],
        )

    async def test_a_revocation_is_forgotten_after_its_time(self) -> None:
        await self.commons.revoke(TOKEN, 1)
        await self.commons.revoke(USER, 60)
        await self.pass_time(1.1)
        self.assertEqual(await self.commons.revocations(), [USER])

    async def test_notices_reach_all_nodes(self) -> None:
        heard: list[Any] = []
        await self.commons.listen_nodes(lambda _key, what: heard.append(what))
        notice = NoticeAnnounced("acme", "", {"kind": "message", "text": "Hello"})
        await self.commons.announce(notice)
        await self.until(lambda: heard)
        self.assertEqual(heard, [notice])

    async def test_who_beats_is_alive_with_a_report(self) -> None:
        self.assertEqual(await self.commons.reports(), {})
        await self.commons.beat("a", {"n": 1}, 60, "me")
        await self.commons.beat("b", {"n": 2}, 60, "me")
        await self.commons.beat("a", {"n": 3}, 60, "me")
        self.assertEqual(await self.commons.reports(), {"a": {"n": 3}, "b": {"n": 2}})
        self.assertEqual(await self.commons.dead(), [])
        self.assertFalse(await self.commons.bury("a"))
        await self.commons.farewell("a")
        self.assertEqual(await self.commons.reports(), {"b": {"n": 2}})
        self.assertEqual(await self.commons.dead(), [])

    async def test_a_name_is_for_one_node_as_long_as_that_is_alive(self) -> None:
        self.assertTrue(await self.commons.beat("a", {"n": 1}, 0.3, "one"))
        self.assertFalse(await self.commons.beat("a", {"n": 2}, 60, "other"))
        self.assertEqual(await self.commons.reports(), {"a": {"n": 1}})
        self.assertTrue(await self.commons.beat("a", {"n": 3}, 0.3, "one"))
        await self.pass_time(0.4)
        self.assertTrue(await self.commons.beat("a", {"n": 4}, 60, "other"))
        await self.commons.farewell("a")
        self.assertTrue(await self.commons.beat("a", {"n": 5}, 60, "third"))

    async def test_who_stops_beating_is_dead_until_buried(self) -> None:
        await self.commons.beat("a", {}, 0.2, "me")
        await self.commons.beat("b", {}, 60, "me")
        await self.pass_time(0.25)
        self.assertEqual(list(await self.commons.reports()), ["b"])
        self.assertEqual(await self.commons.dead(), ["a"])
        self.assertFalse(await self.commons.bury("b"))
        self.assertTrue(await self.commons.bury("a"))
        self.assertFalse(await self.commons.bury("a"))
        self.assertEqual(await self.commons.dead(), [])

    async def test_a_bucket_gives_what_it_holds_then_delays_then_refuses(self) -> None:
        bucket = Bucket("{rate:acme}:edits", per_s=0.1, burst=3)
        for _ in range(3):
            self.assertEqual(await self.commons.take([bucket], 15), Taken(0))
        taken = await self.commons.take([bucket], 15)
        self.assertEqual(taken.refused, "")
        self.assertGreater(taken.wait_ms, 5_000)
        taken = await self.commons.take([bucket], 15)
        self.assertEqual(taken.refused, bucket.name)
        self.assertGreater(taken.wait_ms, 15_000)
        again = await self.commons.take([bucket], 15)
        self.assertLess(again.wait_ms, taken.wait_ms + 1, "what is refused takes nothing")
        [left] = await self.commons.left([bucket])
        self.assertTrue(-1 <= left < -0.5, left)

    async def test_all_buckets_or_none(self) -> None:
        small = Bucket("{rate:acme}:small", per_s=0.1, burst=1)
        large = Bucket("{rate:acme}:large", per_s=0.1, burst=10)
        self.assertEqual(await self.commons.take([large, small], 0), Taken(0))
        self.assertEqual((await self.commons.take([large, small], 0)).refused, small.name)
        [left, none] = await self.commons.left([large, small])
        self.assertTrue(9 <= left < 9.5, left)
        self.assertTrue(0 <= none < 0.5, none)

    async def test_a_clock_that_is_set_back_locks_nobody_out_for_long(self) -> None:
        bucket = Bucket("{rate:acme}:edits", per_s=10, burst=2)
        await self.fill_in_the_future(bucket.name, 3_600_000)
        taken = await self.commons.take([bucket], 0.5)
        self.assertEqual(taken.refused, bucket.name)
        self.assertLess(taken.wait_ms, 1000)

    async def fill_in_the_future(self, name: str, ms: float) -> None:
        """As if the bucket was written by a clock that was ahead by so much."""

    async def test_a_bucket_fills_again(self) -> None:
        bucket = Bucket("{rate:acme}:edits", per_s=10, burst=2, cost=2)
        self.assertEqual(await self.commons.take([bucket], 0), Taken(0))
        self.assertEqual((await self.commons.take([bucket], 0)).refused, bucket.name)
        await self.pass_time(0.25)
        self.assertEqual(await self.commons.take([bucket], 0), Taken(0))
