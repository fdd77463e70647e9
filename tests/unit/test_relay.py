"""What a node's connections hear: in order, without gaps, nobody too many, nobody forgotten."""

from __future__ import annotations

import hashlib
from typing import Any

import attrs
from twisted.internet.defer import Deferred

from collab_wamp import documents, feed
from collab_wamp.errors import CollabError
from collab_wamp.store.announcements import ChannelReset, CheckAnnounced, EditsAnnounced
from collab_wamp.store.values import Edit, SessionKey
from collab_wamp.telling import LONGEST_WINDOW_S
from tests.support.parties import KEY, Party, claims
from tests.support.relay_case import RelayCase, connections


class OrderTests(RelayCase):
    async def test_everybody_hears_every_edit_once_and_in_order(self) -> None:
        at = await self.joined(1)
        await self.joined(2)
        for number in range(20):
            await self.edit(1, at, number, number + 1)
            self.around.clock.advance(0.0003)
        await self.party.settle()
        for receiver in (1, 2):
            self.assertEqual(self.revisions(receiver), list(range(1, 21)))

    async def test_a_quiet_session_is_told_at_once(self) -> None:
        at = await self.joined(1)
        self.around.clock.advance(1)
        await self.edit(1, at, 0, 1)
        self.assertEqual(self.revisions(1), [1])

    async def test_many_people_make_a_window_of_50_ms_at_most(self) -> None:
        for number in range(1, 301):
            at = await self.joined(number)
        self.around.clock.advance(1)
        self.around.published.clear()
        await self.edit(1, at, 0, 1)
        for number in range(1, 10):
            await self.edit(1, at, number, number + 1)
        self.assertEqual(self.revisions(2), [1])
        self.around.clock.advance(LONGEST_WINDOW_S)
        self.assertEqual(len(self.around.events("edits")), 2)
        self.assertEqual(self.revisions(300), list(range(1, 11)))

    async def test_what_the_channel_lost_is_read_from_the_log(self) -> None:
        at = await self.joined(1)
        feed = self.feed()
        await self.party.store.unlisten(KEY, feed.announced)
        await self.edit(1, at, 0, 1)
        await self.edit(1, at, 1, 2)
        self.assertEqual(self.revisions(1), [])
        await self.party.store.listen(KEY, feed.announced)
        await self.edit(1, at, 2, 3)
        await self.party.settle()
        self.assertEqual(self.revisions(1), [1, 2, 3])

    async def test_who_is_far_behind_the_log_is_told_where_the_head_is(self) -> None:
        """However much is kept: what is sent after a long interruption is bounded."""
        self.patch(feed, "MOST_MISSED", 5)
        at = await self.joined(1)
        following = self.feed()
        await self.party.store.unlisten(KEY, following.announced)
        for number in range(6):
            await self.edit(1, at, number, number + 1)
        await self.party.store.listen(KEY, following.announced)
        self.around.published.clear()
        following.announced(KEY, ChannelReset())
        await self.party.settle()
        [event] = self.around.events("edits")
        self.assertEqual(event, {"epoch": at["epoch"], "after": 6, "edits": []})
        await self.edit(1, at, 6, 7)
        await self.party.settle()
        self.assertEqual(self.revisions(1), [7])

    async def test_what_the_content_is_is_told_after_the_edits_that_lead_there(self) -> None:
        self.patch(documents, "SNAPSHOT_EVERY", 3)
        for number in range(1, 301):
            at = await self.joined(number)
        self.around.clock.advance(1)
        self.around.published.clear()
        for number in range(4):
            await self.edit(1, at, number, number + 1)
        told = [(topic.rpartition(".")[2], event) for topic, event, _ in self.around.published]
        self.assertEqual([kind for kind, _ in told], ["edits", "edits", "roster"])
        sha256 = hashlib.sha256(b'"xxx"').hexdigest()
        check = {"epoch": at["epoch"], "revision": 3, "sha256": sha256}
        self.assertEqual(told[2][1], {"check": check})
        self.assertEqual(self.revisions(1), [1, 2, 3])
        self.feed().announced(KEY, CheckAnnounced("another", 3, sha256))
        self.assertEqual(len(self.around.events("roster")), 1)

    async def test_what_comes_twice_is_told_once(self) -> None:
        at = await self.joined(1)
        await self.edit(1, at, 0, 1)
        edit = Edit("client-0001", 1, ["x"], "ada", 0)
        self.feed().announced(KEY, EditsAnnounced(at["epoch"], 0, (edit,)))
        await self.edit(1, at, 1, 2)
        await self.party.settle()
        self.assertEqual(self.revisions(1), [1, 2])

    async def test_an_interrupted_channel_is_made_good(self) -> None:
        at = await self.joined(1)
        await self.joined(2)
        feed = self.feed()
        await self.party.store.unlisten(KEY, feed.announced)
        await self.edit(1, at, 0, 1)
        await self.party.call("leave", self.party.caller(2), session_id="notes")
        await self.party.store.listen(KEY, feed.announced)
        feed.announced(KEY, ChannelReset())
        await self.party.settle()
        self.assertEqual(self.revisions(1), [1])
        self.assertIn("left", self.around.events("roster", 1)[-1])

    async def test_a_session_that_cannot_be_read_is_not_listened_to(self) -> None:
        await self.party.call("create", self.party.caller(1), session_id="notes")

        async def gone(_key: Any) -> Any:
            raise CollabError("store_unavailable", "gone")

        self.party.store.roster, roster = gone, self.party.store.roster
        with self.assertRaises(CollabError):
            await self.party.relay.watch(KEY)
        self.assertEqual(self.party.store._listeners, {})
        self.party.store.roster = roster
        await self.party.relay.watch(KEY)
        self.assertEqual(len(self.party.store._listeners[KEY]), 1)

    async def test_history_that_was_rewritten_sends_everybody_to_join_again(self) -> None:
        at = await self.joined(1)
        for number in range(2):
            await self.edit(1, at, number, number + 1)
        record = self.party.store._records[KEY]
        record.log[1] = attrs.evolve(record.log[1], client_id="client-0009")
        self.feed().announced(KEY, ChannelReset())
        await self.party.settle()
        self.assertEqual(self.around.events("roster", 1)[-1], {"epoch": {"epoch": at["epoch"]}})

    async def test_large_edits_are_told_in_several_events(self) -> None:
        at = await self.joined(1)
        self.around.clock.advance(1)
        for number in range(40):
            replaced = [{"d": 30_000}] if number else []
            await self.edit(1, at, number, number + 1, ["x" * 30_000, *replaced])
        await self.party.settle()
        self.assertEqual(self.revisions(1), list(range(1, 41)))
        largest = max(len(str(event)) for event in self.around.events("edits"))
        self.assertLess(largest, 600_000)

    async def test_two_nodes_hear_the_same(self) -> None:
        at = await self.joined(1)
        other = Party(self.party.store, instance_id="node-2")
        await self.joined(7, other)
        for number in range(5):
            await self.edit(1, at, number, number + 1)
        await self.party.settle()
        await other.settle()
        heard = [row for event in other.around.events("edits", 7) for row in event["edits"]]
        self.assertEqual([row[1] for row in heard], [1, 2, 3, 4, 5])
        self.assertEqual(self.around.events("edits", 7), [])
        self.assertEqual(other.around.failures, [])


class ReceiverTests(RelayCase):
    async def test_only_participants_hear(self) -> None:
        at = await self.joined(1)
        stranger = self.party.caller(9, claims("mallory"))
        await self.party.call("info", stranger, session_id="notes")
        await self.edit(1, at, 0, 1)
        await self.party.settle()
        self.assertTrue(self.around.published)
        for _topic, _event, receivers in self.around.published:
            self.assertEqual(receivers, {1})

    async def test_nothing_is_heard_after_leaving(self) -> None:
        at = await self.joined(1)
        await self.joined(2)
        await self.party.call("leave", self.party.caller(2), session_id="notes")
        self.around.published.clear()
        await self.edit(1, at, 0, 1)
        await self.party.settle()
        self.assertEqual(self.revisions(1), [1])
        self.assertEqual(self.revisions(2), [])

    async def test_one_of_two_tabs_is_lost_and_the_other_stays(self) -> None:
        await self.joined(1)
        at = await self.joined(2)
        self.party.relay.connection_lost(1)
        await self.party.settle()
        info = await self.party.call("info", self.party.caller(2), session_id="notes")
        self.assertEqual([row["client_id"] for row in info["roster"]], ["client-0002"])
        left = [event["left"] for event in self.around.events("roster", 2) if "left" in event]
        self.assertEqual([row["reason"] for row in left], ["disconnected"])
        await self.edit(2, at, 0, 1)

    async def test_a_new_relay_takes_up_the_living_and_removes_the_dead(self) -> None:
        at = await self.joined(1)
        await self.joined(2)
        successor = Party(self.party.store, self.around)
        await self.party.relay.stop()
        await self.edit(1, at, 0, 1)
        self.around.published.clear()
        await successor.relay.reconcile(connections(1))
        await self.party.settle()
        self.assertIn(
            {"epoch": at["epoch"], "after": 1, "edits": []}, self.around.events("edits", 1)
        )
        info = await self.party.call("info", self.party.caller(1), session_id="notes")
        self.assertEqual([row["client_id"] for row in info["roster"]], ["client-0001"])
        self.party.relay = successor.relay

    async def test_a_connection_that_went_unheard_is_noticed(self) -> None:
        await self.joined(1)
        await self.joined(2)
        await self.party.relay.tidy(connections(2))
        await self.party.settle()
        self.assertEqual(set(self.feed().by_connection), {2})

    async def test_who_joins_while_the_relay_tidies_stays(self) -> None:
        await self.joined(1)
        asked: list[Any] = []

        async def live() -> set[int]:
            asked.append(await self.party.store.joined_on("node-1"))
            await self.joined(2)
            return {1}

        await self.party.relay.tidy(live)
        self.assertEqual(len(asked), 1)
        roster = (await self.party.store.roster(KEY))[1]
        self.assertEqual({person.wamp_session_id for person in roster}, {1, 2})

    async def test_who_is_joined_but_not_followed_is_taken_up(self) -> None:
        """As where a session was destroyed and made anew while somebody joined it."""
        await self.joined(1)
        await self.party.relay.stop()
        self.around.published.clear()
        await self.party.relay.tidy(connections(1))
        self.assertIn(1, self.feed().by_connection)
        [event] = self.around.events("roster", 1)
        self.assertEqual(len(event["roster"]), 1)
        feed = self.feed()
        feed._left(next(iter(feed.participants)), "left")
        await self.party.relay.tidy(connections(1))
        self.assertIn(1, feed.by_connection)

    async def test_a_session_made_anew_while_somebody_joins_is_followed(self) -> None:
        caller = self.party.caller(1)
        await self.party.call("create", caller, session_id="notes")
        join = self.party.store.join

        async def late(*args: Any, **kwargs: Any) -> Any:
            await self.party.store.destroy(KEY)
            await self.party.call("create", caller, session_id="notes")
            return await join(*args, **kwargs)

        self.party.store.join = late
        at = await self.party.call("join", caller, session_id="notes", client_id="client-0001")
        self.assertEqual(self.feed().epoch, at["epoch"])
        self.assertIn(1, self.feed().by_connection)

    async def test_one_made_anew_while_it_is_read_is_followed(self) -> None:
        caller = self.party.caller(1)
        await self.party.call("create", caller, session_id="notes")
        roster = self.party.store.roster

        async def late(key: Any) -> Any:
            await self.party.store.destroy(key)
            await self.party.call("create", caller, session_id="notes")
            return await roster(key)

        self.party.store.roster = late
        epoch = await self.party.relay.watch(KEY)
        self.party.store.roster = roster
        self.assertEqual((self.feed().epoch, self.feed().ended), (epoch, False))

    async def test_a_feed_that_took_anothers_place_is_not_dropped_with_it(self) -> None:
        await self.joined(1)
        old = self.feed()
        await self.party.store.destroy(KEY)
        at = await self.joined(1)
        await self.party.relay._drop(KEY, old)
        self.assertIsNot(self.feed(), old)
        await self.edit(1, at, 0, 1)
        self.assertEqual(self.revisions(1), [1])

    async def test_records_of_sessions_that_are_gone_do_not_pile_up(self) -> None:
        for _ in range(3):
            await self.joined(1)
            await self.party.store.destroy(KEY)
        await self.party.relay.tidy(connections(1))
        self.assertEqual(await self.party.store.joined_on("node-1"), [])

    async def test_a_session_nobody_is_on_costs_nothing(self) -> None:
        await self.joined(1)
        await self.party.call("leave", self.party.caller(1), session_id="notes")
        self.around.clock.advance(30)
        await self.party.relay.tidy(connections())
        self.assertEqual(self.party.relay._feeds, {})
        self.assertEqual(self.party.relay._topics, {})

    async def test_many_join_a_session_at_once(self) -> None:
        await self.party.call("create", self.party.caller(1), session_id="notes")
        joins = []
        for number in range(1, 30):
            caller = self.party.caller(number)
            coroutine = self.party.call(
                "join", caller, session_id="notes", client_id=f"client-{number:04}"
            )
            joins.append(Deferred.fromCoroutine(coroutine))
        for joined in joins:
            await joined
        self.assertEqual(set(self.feed().by_connection), set(range(1, 30)))

    async def test_destroying_is_told_and_ends_the_feed(self) -> None:
        at = await self.joined(1)
        await self.party.call("destroy", self.party.caller(1), session_id="notes")
        self.assertEqual(self.around.events("roster", 1)[-1], {"destroyed": {"epoch": at["epoch"]}})
        now = await self.joined(1)
        self.around.published.clear()
        await self.edit(1, now, 0, 1)
        self.assertEqual(self.revisions(1), [1])


class NumberTests(RelayCase):
    async def join(self, session_id: str) -> str:
        caller = self.party.caller(1)
        await self.party.call("create", caller, session_id=session_id, if_absent=True)
        try:
            await self.party.call("join", caller, session_id=session_id, client_id="client-0001")
        except CollabError as error:
            return error.code
        return "ok"

    async def test_so_many_sessions_at_one_time_and_any_number_one_after_another(self) -> None:
        for number in range(120):
            self.assertEqual(await self.join(f"session-{number}"), "ok")
            await self.party.call("leave", self.party.caller(1), session_id=f"session-{number}")
        codes = [await self.join(f"other-{number}") for number in range(52)]
        self.assertEqual(codes, ["ok"] * 50 + ["too_many"] * 2)

    async def test_joins_under_way_count(self) -> None:
        for number in range(51):
            key = SessionKey("acme", f"session-{number}")
            await self.party.call("create", self.party.caller(1), session_id=key.session_id)
            if number < 50:
                await self.party.relay.watch(key, 1)
        with self.assertRaises(CollabError) as caught:
            await self.party.relay.watch(key, 1)
        self.assertEqual(caught.exception.code, "too_many")
        self.around.clock.advance(11)
        await self.party.relay.watch(key, 1)


class OtherSessions(RelayCase):
    async def test_sessions_of_two_tenants_under_one_id_are_apart(self) -> None:
        at = await self.joined(1)
        stranger = self.party.caller(2, claims("bob", tenant="globex"))
        await self.party.call("create", stranger, session_id="notes")
        await self.party.call("join", stranger, session_id="notes", client_id="client-0002")
        self.around.published.clear()
        await self.edit(1, at, 0, 1)
        await self.party.settle()
        self.assertEqual(self.revisions(2), [])
        self.assertIn(SessionKey("globex", "notes"), self.party.relay._feeds)
