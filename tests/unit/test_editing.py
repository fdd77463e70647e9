"""Who edits is remembered, however old that is; and the commit has the last word."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

from collab_wamp.participants import FRESH_S
from tests.support.parties import KEY, claims
from tests.support.sessions_case import SessionsCase

LONG_S = 100 * FRESH_S


class RememberedTests(SessionsCase):
    async def setUp(self) -> None:
        super().setUp()
        await self.joined(1)
        self.bob = self.party.caller(2, claims("bob", notes="edit"))
        self.at = await self.join_as_bob()

    async def join_as_bob(self, **more: Any) -> dict[str, Any]:
        body = {"session_id": "notes", "client_id": "client-0002", **more}
        return await self.party.call("join", self.bob, **body)

    async def edit_as_bob(self, seq: int = 1) -> int:
        answer = await self.edit(self.bob, self.at, seq - 1, seq, ["x"])
        return int(answer["revision"])

    async def refused_to_bob(self, code: str, seq: int = 1) -> None:
        body = {
            "session_id": "notes", "epoch": self.at["epoch"], "revision": seq - 1,
            "client_id": "client-0002", "seq": seq, "op": ["x"],
        }  # fmt: skip
        await self.refused(code, "edit", self.bob, **body)

    async def test_nobody_is_looked_up_who_was_there(self) -> None:
        lookups = 0
        participant = self.party.store.participant

        async def counted(*args: Any) -> Any:
            nonlocal lookups
            lookups += 1
            return await participant(*args)

        with patch.object(self.party.store, "participant", counted):
            for seq in range(1, 20):
                self.party.around.clock.advance(LONG_S)
                self.assertEqual(await self.edit_as_bob(seq), seq)
        self.assertEqual(lookups, 0)

    async def test_who_was_removed_by_another_process_is_told_so(self) -> None:
        self.party.around.clock.advance(LONG_S)
        await self.party.store.leave(KEY, self.at["participant_id"], "disconnected")
        for _again in range(2):
            await self.refused_to_bob("not_joined")
        self.at = await self.join_as_bob()
        self.assertEqual(await self.edit_as_bob(), 1)

    async def test_who_may_not_even_view_any_more_finds_no_session(self) -> None:
        self.party.around.clock.advance(LONG_S)
        await self.party.store.grant(KEY, "bob", "none")
        await self.party.store.leave(KEY, self.at["participant_id"], "revoked")
        for _again in range(2):
            await self.refused_to_bob("no_such_session")

    async def test_a_right_that_was_taken_elsewhere_is_gone(self) -> None:
        self.party.around.clock.advance(LONG_S)
        await self.party.store.grant(KEY, "bob", "view")
        for _again in range(2):
            await self.refused_to_bob("denied")

    async def test_a_right_that_was_given_elsewhere_is_looked_up(self) -> None:
        await self.party.store.grant(KEY, "bob", "view")
        await self.refused_to_bob("denied")
        await self.party.store.grant(KEY, "bob", "edit")
        self.party.around.clock.advance(LONG_S)
        self.assertEqual(await self.edit_as_bob(), 1)

    async def test_another_client_id_over_the_same_connection(self) -> None:
        self.party.around.clock.advance(LONG_S)
        self.at = await self.join_as_bob(client_id="client-bbbb")
        await self.refused_to_bob("bad_request")
        body = {"client_id": "client-bbbb"}
        self.assertEqual((await self.edit(self.bob, self.at, 0, 1, ["x"], **body))["revision"], 1)

    async def test_who_left_is_not_remembered(self) -> None:
        self.party.around.clock.advance(LONG_S)
        await self.party.call("leave", self.bob, session_id="notes")
        await self.refused_to_bob("not_joined")

    async def test_a_session_made_anew_is_another(self) -> None:
        self.party.around.clock.advance(LONG_S)
        await self.party.store.destroy(KEY)
        await self.refused_to_bob("no_such_session")
