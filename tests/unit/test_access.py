"""Rights: what a token gives on a session, and what that allows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from collab_wamp.access import RIGHTS, allows, right_for
from collab_wamp.tokens import Claims

RIGHT = st.sampled_from(RIGHTS)


class AccessTests(TestCase):
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
