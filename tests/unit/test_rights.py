"""Rights that change while people are at work: what they may do, and what they hear."""

from __future__ import annotations

from typing import Any

import attrs

from collab_wamp.errors import CollabError
from collab_wamp.store.values import SessionKey
from collab_wamp.tokens import Claims
from tests.support.parties import KEY, Party
from tests.support.relay_case import RelayCase, connections


class RightsTests(RelayCase):
    """Ada (connection 1) manages, bob (2) is here, cy (3) is on another node."""

    async def setUp(self) -> None:
        super().setUp()
        self.other = Party(store=self.party.store, around=self.around, instance_id="node-2")
        self.bob = Claims("bob", "acme", {"*": "edit"})
        self.at = await self.joined(1)
        await self.join(2, self.bob)
        await self.settled()

    async def settled(self) -> None:
        await self.party.settle()
        self.around.published.clear()

    async def join(self, number: int, who: Claims, party: Party | None = None) -> dict[str, Any]:
        party = party or self.party
        return await party.call(
            "join", party.caller(number, who), session_id="notes", client_id=f"client-{number:04}"
        )

    async def grant(self, user_id: str, right: str) -> None:
        await self.party.sessions.rights.grant(
            self.party.caller(1),
            self.party.arguments(session_id="notes", user_id=user_id, right=right),
        )
        await self.party.settle()

    async def revoke(self, user_id: str, **more: str) -> None:
        await self.party.sessions.rights.revoke(
            self.party.caller(1), self.party.arguments(session_id="notes", user_id=user_id, **more)
        )
        await self.party.settle()

    async def code(self, name: str, number: int, who: Claims, **arguments: Any) -> str:
        party = self.party
        try:
            await party.call(name, party.caller(number, who), session_id="notes", **arguments)
        except CollabError as error:
            return error.code
        return "ok"

    async def bob_edits(self, seq: int, revision: int) -> str:
        return await self.code(
            "edit", 2, self.bob, epoch=self.at["epoch"], revision=revision,
            client_id="client-0002", seq=seq, op=["b"],
        )  # fmt: skip

    def roster_events(self, receiver: int) -> list[dict[str, Any]]:
        return self.around.events("roster", receiver)

    async def test_who_is_revoked_is_put_out_and_hears_nothing_more(self) -> None:
        self.assertEqual(await self.bob_edits(1, 0), "ok")
        await self.settled()
        await self.revoke("bob")
        [gone] = self.roster_events(2)
        self.assertEqual(gone["left"]["reason"], "revoked")
        self.assertEqual(self.roster_events(1), [gone])
        self.around.published.clear()
        await self.edit(1, self.at, 1, 1)
        await self.party.settle()
        self.assertEqual(self.revisions(1), [2])
        self.assertEqual(self.around.events("edits", 2), [])
        found = await self.party.store.roster(KEY)
        assert found is not None
        self.assertEqual([row.user_id for row in found[1]], ["ada"])
        self.assertEqual(await self.bob_edits(2, 2), "no_such_session")
        for name, more in (
            ("join", {"client_id": "client-0002"}), ("info", {}), ("snapshot", {}),
            ("fetch", {"epoch": self.at["epoch"], "after": 0}), ("destroy", {}),
        ):  # fmt: skip
            self.assertEqual(await self.code(name, 2, self.bob, **more), "no_such_session", name)

    async def test_a_list_has_what_one_may_view(self) -> None:
        await self.party.call("create", self.party.caller(1), session_id="other")
        caller = self.party.caller(2, self.bob)
        found = await self.party.call("list_sessions", caller)
        self.assertEqual(found["sessions"], ["notes", "other"])
        await self.revoke("bob", right="edit")
        self.assertEqual(await self.party.call("list_sessions", caller), found)
        await self.revoke("bob")
        found = await self.party.call("list_sessions", caller)
        self.assertEqual(found["sessions"], ["other"])

    async def test_who_may_only_view_hears_and_does_not_edit(self) -> None:
        await self.revoke("bob", right="edit")
        participant_id = self.feed().by_connection[2]
        event = {"rights": {"participant_id": participant_id, "right": "view"}}
        self.assertEqual(self.roster_events(1), [event])
        self.assertEqual(self.roster_events(2), [event])
        self.assertEqual(await self.bob_edits(1, 0), "denied")
        await self.edit(1, self.at, 0, 1)
        await self.party.settle()
        self.assertEqual(self.revisions(2), [1])
        await self.grant("bob", "edit")
        self.assertEqual(await self.bob_edits(1, 1), "ok")

    async def test_a_right_that_is_granted_lets_in_whom_the_token_does_not(self) -> None:
        eve = Claims("eve", "acme", {})
        self.assertEqual(
            await self.code("join", 4, eve, client_id="client-0004"), "no_such_session"
        )
        await self.grant("eve", "edit")
        joined = await self.join(4, eve)
        self.assertEqual(joined["rights"], "edit")
        self.around.published.clear()
        await self.edit(1, self.at, 0, 1)
        await self.party.settle()
        self.assertEqual(self.revisions(4), [1])

    async def test_it_counts_on_the_other_node(self) -> None:
        await self.join(3, Claims("cy", "acme", {"*": "edit"}), self.other)
        await self.settled()
        await self.revoke("cy")
        self.assertEqual(self.roster_events(3)[0]["left"]["reason"], "revoked")
        self.around.published.clear()
        await self.edit(1, self.at, 0, 1)
        await self.party.settle()
        self.assertEqual(self.around.events("edits", 3), [])

    async def test_an_edit_under_way_is_not_committed(self) -> None:
        """What the use cases remember of a participant does not let an edit through."""
        self.assertEqual(await self.bob_edits(1, 0), "ok")
        # As on another node: nothing told the use cases here to look again.
        await self.party.store.grant(KEY, "bob", "view")
        self.assertEqual(await self.bob_edits(2, 1), "denied")

    async def test_who_was_put_out_learns_nothing_by_editing(self) -> None:
        """Neither by what commits nothing, nor by what is refused for another reason."""
        self.assertEqual(await self.bob_edits(1, 0), "ok")
        people = self.party.sessions._participants
        remembered = people.remembered(KEY, 2)
        # As on another node, and so long ago that it has been heard of.
        await self.party.store.grant(KEY, "bob", "none")
        await self.party.settle()
        mine = {"epoch": self.at["epoch"], "revision": 1, "client_id": "client-0002", "seq": 2}
        for changed in (
            {"op": []},
            {"op": ["x"], "epoch": "another"},
            {"op": [9, "x"]},
            {"op": ["x"], "revision": 9},
        ):
            people._known[remembered.participant_id] = (-99.0, remembered)
            code = await self.code("edit", 2, self.bob, **{**mine, **changed})
            self.assertEqual(code, "no_such_session", str(changed)[:50])

    async def test_only_managers_change_rights_and_see_them(self) -> None:
        for procedure in (self.party.sessions.rights.grant, self.party.sessions.rights.revoke):
            with self.assertRaises(CollabError) as caught:
                await procedure(
                    self.party.caller(2, self.bob),
                    self.party.arguments(session_id="notes", user_id="bob", right="manage"),
                )
            self.assertEqual(caught.exception.code, "denied")
        await self.grant("bob", "view")
        call, caller = self.party.call, self.party.caller
        mine = await call("info", caller(1), session_id="notes")
        self.assertEqual((mine["rights"], mine["granted"]), ("manage", {"bob": "view"}))
        bobs = await call("info", caller(2, self.bob), session_id="notes")
        self.assertEqual(bobs["rights"], "view")
        self.assertNotIn("granted", bobs)

    async def test_bad_arguments_are_named(self) -> None:
        for arguments, argument in (
            ({"user_id": "bob"}, "right"), ({"right": "edit"}, "user_id"),
            ({"user_id": "bob", "right": "own"}, "right"),
            ({"user_id": 7, "right": "edit"}, "user_id"),
        ):  # fmt: skip
            with self.assertRaises(CollabError) as caught:
                await self.party.sessions.rights.grant(
                    self.party.caller(1),
                    self.party.arguments(session_id="notes", **arguments),
                )
            self.assertEqual(caught.exception.details["argument"], argument)
        with self.assertRaises(CollabError) as caught:
            await self.party.sessions.rights.grant(
                self.party.caller(1),
                self.party.arguments(session_id="none", user_id="bob", right="edit"),
            )
        self.assertEqual(caught.exception.code, "no_such_session")

    async def test_another_token_counts_where_one_has_joined(self) -> None:
        self.party.relay.refreshed(2, attrs.evolve(self.bob, rights={"*": "view"}))
        self.party.sessions.refreshed(2)
        await self.party.settle()
        self.assertEqual(self.roster_events(2)[0]["rights"]["right"], "view")
        self.bob = attrs.evolve(self.bob, rights={"*": "view"})
        self.assertEqual(await self.bob_edits(1, 0), "denied")
        self.around.published.clear()
        self.party.relay.refreshed(2, attrs.evolve(self.bob, rights={}))
        await self.party.settle()
        self.assertEqual(self.roster_events(2)[0]["left"]["reason"], "revoked")
        self.assertNotIn(2, self.feed().by_connection)

    async def test_another_token_counts_although_the_store_was_away(self) -> None:
        viewer = attrs.evolve(self.bob, rights={"*": "view"})
        renew, self.failing = self.party.store.renew, True

        async def renew_later(key: SessionKey, participant: Any) -> bool:
            if self.failing:
                raise CollabError("store_unavailable", "away")
            return await renew(key, participant)

        self.party.store.renew = renew_later  # type: ignore[method-assign]
        self.party.relay.refreshed(2, viewer)
        await self.party.settle()
        # The stored roster still says what the old token gave; all else goes by the new one.
        self.bob = viewer
        self.assertEqual(await self.bob_edits(1, 0), "denied")
        self.assertEqual(self.roster_events(2)[0]["rights"]["right"], "view")
        participant_id = self.feed().by_connection[2]
        stored = await self.party.store.participant(KEY, participant_id)
        assert stored is not None
        self.assertEqual(stored.may, "edit")
        self.failing = False
        await self.party.settle()
        stored = await self.party.store.participant(KEY, participant_id)
        assert stored is not None
        self.assertEqual(stored.may, "view")

    async def test_another_token_counts_for_a_join_that_was_under_way(self) -> None:
        eve = Claims("eve", "acme", {"*": "edit"})
        self.party.relay.refreshed(4, attrs.evolve(eve, rights={}))
        await self.join(4, eve)  # by what her token said when the call came
        await self.party.settle()
        self.assertNotIn(4, self.feed().by_connection)
        found = await self.party.store.roster(KEY)
        assert found is not None
        self.assertNotIn("eve", [row.user_id for row in found[1]])

    async def test_of_several_tokens_the_last_counts(self) -> None:
        for right in ("view", "edit", "view"):
            self.party.relay.refreshed(2, attrs.evolve(self.bob, rights={"*": right}))
        await self.party.settle()
        participant_id = self.feed().by_connection[2]
        self.assertEqual(self.feed().participants[participant_id].may, "view")
        stored = await self.party.store.participant(KEY, participant_id)
        assert stored is not None
        self.assertEqual(stored.may, "view")

    async def test_a_revoked_participant_that_went_unnoticed_is_found(self) -> None:
        """A relay that starts when a right has gone removes who lost it."""
        await self.party.store.leave(KEY, self.feed().by_connection[1], "left")
        await self.party.relay.stop()
        await self.party.store.grant(KEY, "bob", "none")
        again = Party(store=self.party.store, around=self.around)
        await again.relay.reconcile(connections(1, 2))
        self.assertEqual(await self.party.store.joined_on("node-1"), [])

    async def test_a_right_taken_while_a_participant_is_looked_for(self) -> None:
        """The reading is older than what was announced while it was under way."""
        cy = Claims("cy", "acme", {"*": "edit"})
        feed, store = self.feed(), self.party.store
        await store.unlisten(KEY, feed.announced)
        await self.join(3, cy)
        participant_id = self.party.sessions._participants.id_of(KEY, 3)
        await store.listen(KEY, feed.announced)
        read = store.participant

        async def slow(key: SessionKey, name: str) -> Any:
            found = await read(key, name)
            await store.grant(KEY, "cy", "none")
            return found

        store.participant = slow  # type: ignore[method-assign]
        await self.party.relay.tidy(connections(1, 2, 3))
        await self.party.settle()
        self.assertNotIn(participant_id, feed.participants)
        self.around.published.clear()
        await self.edit(1, self.at, 0, 1)
        await self.party.settle()
        self.assertEqual(self.around.events("edits", 3), [])

    async def test_without_the_capability_a_cursor_has_no_effect(self) -> None:
        mute = Claims("mute", "acme", {"*": "edit"}, capabilities=("edit", "selection"))
        await self.join(5, mute)
        await self.settled()
        key = self.feed().meta.topic_key
        self.party.relay.presence(f"collab.in.{key}.cursor", 5, {"revision": 0, "position": 0})
        await self.party.settle()
        self.assertEqual(self.around.events("presence"), [])
        self.party.relay.presence(
            f"collab.in.{key}.selection", 5, {"revision": 0, "ranges": [[0, 0]]}
        )
        await self.party.settle()
        self.assertEqual(len(self.around.events("presence", 1)), 1)

    async def test_rights_are_of_one_session(self) -> None:
        await self.party.call("create", self.party.caller(1), session_id="other")
        await self.revoke("bob")
        self.assertEqual(await self.party.store.granted(SessionKey("acme", "other"), "bob"), "")
        joined = await self.party.call(
            "join", self.party.caller(2, self.bob), session_id="other", client_id="client-0002"
        )
        self.assertEqual(joined["rights"], "edit")
