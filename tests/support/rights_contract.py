"""What every store must do about rights; run for each implementation."""

from __future__ import annotations

from typing import Any

import attrs

from collab_wamp.store.announcements import JoinAnnounced, RightsAnnounced
from collab_wamp.store.answers import Committed, NoSession, Seen
from collab_wamp.store.values import MOST_GRANTS
from tests.support.store_contract import KEY, participant, submission


class RightsContract:
    """Mixed into a test case beside `StoreContract`."""

    async def test_what_is_granted_is_kept_and_announced(self: Any) -> None:
        self.assertEqual(await self.store.grant(KEY, "ada", "view"), "none")
        await self.make()
        heard: list[Any] = []
        await self.store.listen(KEY, lambda _key, what: heard.append(what))
        self.assertEqual(await self.store.granted(KEY, "ada"), "")
        self.assertEqual(await self.store.grant(KEY, "ada", "view"), "done")
        self.assertEqual(await self.store.grant(KEY, "b\n{b}", "at_most:edit"), "done")
        self.assertEqual(await self.store.granted(KEY, "ada"), "view")
        rights = {"ada": "view", "b\n{b}": "at_most:edit"}
        self.assertEqual(await self.store.grants(KEY), rights)
        await self.store.grant(KEY, "ada", "")
        self.assertEqual(await self.store.granted(KEY, "ada"), "")
        await self.wait(heard, 3)
        self.assertEqual(
            heard,
            [
                RightsAnnounced("ada", "view"),
                RightsAnnounced("b\n{b}", "at_most:edit"),
                RightsAnnounced("ada", ""),
            ],
        )
        await self.store.destroy(KEY)
        await self.make()
        self.assertEqual(await self.store.grants(KEY), {}, "they were of the session before")

    async def test_of_two_changes_at_one_time_the_second_is_told(self: Any) -> None:
        await self.make()
        self.assertEqual(await self.store.grant(KEY, "ada", "none", before=""), "done")
        self.assertEqual(await self.store.grant(KEY, "ada", "at_most:view", before=""), "changed")
        self.assertEqual(await self.store.granted(KEY, "ada"), "none")
        self.assertEqual(await self.store.grant(KEY, "ada", "view", before="none"), "done")

    async def test_only_so_many_users_are_granted_something(self: Any) -> None:
        await self.make()
        for number in range(MOST_GRANTS):
            await self.store.grant(KEY, f"user{number}", "view")
        self.assertEqual(await self.store.grant(KEY, "one more", "view"), "full")
        self.assertEqual(await self.store.grant(KEY, "user7", "edit"), "done")
        self.assertEqual(await self.store.grant(KEY, "user8", ""), "done")
        self.assertEqual(await self.store.grant(KEY, "one more", "view"), "done")

    async def test_participants_are_read_with_what_is_granted(self: Any) -> None:
        await self.make()
        await self.store.join(KEY, participant("p1", right="view"))
        await self.store.join(KEY, participant("p2", "client-0002", user_id="bob"))
        await self.store.grant(KEY, "ada", "manage")
        found = await self.store.participant(KEY, "p1")
        self.assertEqual((found.right, found.granted, found.may), ("view", "manage", "manage"))
        _, roster, _ = await self.store.roster(KEY)
        self.assertEqual([row.may for row in roster], ["manage", "edit"])
        await self.store.grant(KEY, "bob", "none")
        _, roster, _ = await self.store.roster(KEY)
        self.assertEqual([row.participant_id for row in roster], ["p1"])
        joined = await self.store.join(
            KEY, participant("p3", "client-0003", user_id="eve", withheld=("cursor",))
        )
        self.assertEqual([row.may for row in joined.roster], ["manage", "edit"])
        self.assertEqual(joined.roster[1].withheld, ("cursor",))

    async def test_who_may_not_view_does_not_join(self: Any) -> None:
        await self.make()
        heard: list[Any] = []
        await self.store.grant(KEY, "bob", "view")
        await self.store.grant(KEY, "eve", "none")
        await self.store.grant(KEY, "may", "at_most:view")
        await self.store.listen(KEY, lambda _key, what: heard.append(what))
        for number, (user_id, right, may) in enumerate(
            (("ada", "", ""), ("bob", "", "view"), ("eve", "manage", ""), ("may", "", ""),
             ("may", "manage", "view"))
        ):  # fmt: skip
            who = participant(f"p{number}", f"client-000{number}", user_id=user_id, right=right)
            joined = await self.store.join(KEY, who)
            if may:
                here = {row.participant_id: row.may for row in joined.roster}
                self.assertEqual(here[who.participant_id], may)
            else:
                self.assertIsInstance(joined, NoSession, (user_id, right))
        await self.wait(heard, 2)
        self.assertEqual([what.participant.may for what in heard], ["view", "view"])

    async def test_an_edit_is_appended_only_while_its_user_may(self: Any) -> None:
        await self.make()
        await self.store.join(KEY, participant("p1"))
        number = 0
        for granted, by_token, may in (
            ("", True, True), ("", False, False), ("view", True, False), ("none", True, False),
            ("at_most:view", True, False), ("at_most:edit", True, True),
            ("at_most:edit", False, False), ("edit", False, True), ("manage", False, True),
        ):  # fmt: skip
            await self.store.grant(KEY, "ada", granted)
            asked = attrs.evolve(
                submission("client-0001", number + 1),
                participant_id="p1", join_id="join1", may_edit=by_token,
            )  # fmt: skip
            result = await self.store.commit(KEY, "epoch1", number, [asked])
            if may:
                number += 1
                self.assertIsInstance(result, Committed, granted)
            else:
                self.assertEqual(result, Seen((("denied", 0),)), granted)
        self.assertEqual((await self.store.meta(KEY)).revision, number)

    async def test_another_token_of_a_participant(self: Any) -> None:
        await self.make()
        one = participant("p1")
        await self.store.join(KEY, one)
        heard: list[Any] = []
        await self.store.listen(KEY, lambda _key, what: heard.append(what))
        renewed = attrs.evolve(one, right="view", withheld=("selection",))
        self.assertTrue(await self.store.renew(KEY, renewed))
        self.assertEqual(await self.store.participant(KEY, "p1"), renewed)
        other_join = attrs.evolve(renewed, join_id="join0")
        self.assertFalse(await self.store.renew(KEY, other_join))
        self.assertFalse(await self.store.renew(KEY, attrs.evolve(one, participant_id="p9")))
        await self.wait(heard, 1)
        self.assertEqual(heard, [JoinAnnounced(renewed)])
