"""Rights: what a token gives on a session, and what that allows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from collab_wamp.access import (
    ADMINISTRATIVE,
    ORDINARY,
    RIGHTS,
    allows,
    effective,
    right_for,
    without,
)
from collab_wamp.caller import Caller
from collab_wamp.errors import CollabError
from collab_wamp.tokens import Claims

RIGHT = st.sampled_from(RIGHTS)
BY_TOKEN = st.sampled_from(("", *RIGHTS))
GRANTED = st.sampled_from(("", "none", *RIGHTS, "at_most:view", "at_most:edit"))


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

    @given(BY_TOKEN, RIGHT)
    def test_what_is_granted_counts_whatever_the_token_says(self, token: str, right: str) -> None:
        self.assertEqual(effective(token, right), right)
        self.assertEqual(effective(token, "none"), "")
        self.assertEqual(effective(token, ""), token)

    @given(BY_TOKEN, GRANTED, RIGHT)
    def test_what_is_taken_is_gone_and_nothing_is_given_by_taking(
        self, token: str, granted: str, taken: str
    ) -> None:
        before, after = effective(token, granted), effective(token, without(granted, taken))
        self.assertFalse(allows(after, taken), "it is gone, whatever the token says")
        self.assertFalse(allows(effective("manage", without(granted, taken)), taken))
        order = ("", *RIGHTS)
        below = order[order.index(taken) - 1]
        self.assertEqual(order.index(after), min(order.index(before), order.index(below)))

    @given(GRANTED, RIGHT, RIGHT)
    def test_taking_twice_takes_the_more(self, granted: str, one: str, other: str) -> None:
        twice = without(without(granted, one), other)
        self.assertEqual(twice, without(granted, min(one, other, key=RIGHTS.index)))

    @given(BY_TOKEN, GRANTED)
    def test_who_may_not_edit_by_their_token_views_at_most(self, token: str, granted: str) -> None:
        self.assertIn(effective(token, granted, ("edit",)), ("", "view"))
