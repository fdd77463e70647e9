"""Rights: what a token gives on a session, and what that allows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from collab_wamp.access import ADMINISTRATIVE, ORDINARY, RIGHTS, allows, right_for
from collab_wamp.caller import Caller
from collab_wamp.errors import CollabError
from collab_wamp.tokens import Claims

RIGHT = st.sampled_from(RIGHTS)


class AccessTests(TestCase):
    def test_without_the_capability_to_edit_nobody_edits(self) -> None:
        claims = Claims("ada", "acme", {"notes": "manage"}, capabilities=("cursor",))
        self.assertEqual(right_for(claims, "notes"), "view")
        self.assertIsNone(right_for(claims, "other"))
        claims = Claims("ada", "acme", {"notes": "manage"}, capabilities=("edit",))
        self.assertEqual(right_for(claims, "notes"), "manage")

    def test_what_is_administrative_has_to_be_named(self) -> None:
        caller = Caller(Claims("ada", "acme", {"*": "manage"}), 1)
        self.assertTrue(all(map(caller.has, ORDINARY)))
        for capability in ADMINISTRATIVE:
            with self.assertRaises(CollabError) as caught:
                caller.require(capability)
            self.assertEqual(caught.exception.code, "denied")
            self.assertEqual(caught.exception.kwargs["needs"], capability)
            named = Caller(Claims("ada", "acme", capabilities=(capability,)), 1)
            named.require("tokens" if capability != "tokens" else "stats", capability)

    def test_the_right_for_a_session_wins_over_the_one_for_all(self) -> None:
        claims = Claims("ada", "acme", {"notes": "view", "*": "manage"})
        self.assertEqual(right_for(claims, "notes"), "view")
        self.assertEqual(right_for(claims, "other"), "manage")

    def test_who_has_no_right_has_none(self) -> None:
        self.assertIsNone(right_for(Claims("ada", "acme", {"notes": "edit"}), "other"))
        self.assertIsNone(right_for(Claims("ada", "acme"), "notes"))

    @given(RIGHT, RIGHT)
    def test_a_right_includes_those_before_it(self, right: str, action: str) -> None:
        order = {"view": 0, "edit": 1, "manage": 2}
        self.assertEqual(allows(right, action), order[right] >= order[action])
