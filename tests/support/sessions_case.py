"""The use cases on a memory store, and people who join and edit."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import TestCase

from collab_wamp.errors import CollabError
from tests.support.parties import Party


class SessionsCase(TestCase):
    def setUp(self) -> None:
        self.party = Party()

    def tearDown(self) -> None:
        self.assertEqual(self.party.around.failures, [])

    async def refused(self, code: str, name: str, caller: Any, /, **kwargs: Any) -> CollabError:
        try:
            answer = await self.party.call(name, caller, **kwargs)
        except CollabError as error:
            self.assertEqual(error.code, code, error.message)
            return error
        self.fail(f"{name} was answered: {answer}")

    async def joined(
        self, number: int, client_id: str = "", session_id: str = "notes"
    ) -> tuple[Any, dict[str, Any]]:
        caller = self.party.caller(number)
        await self.party.call("create", caller, session_id=session_id, if_absent=True)
        client_id = client_id or f"client-{number:04}"
        return caller, await self.party.call(
            "join", caller, session_id=session_id, client_id=client_id
        )

    async def edit(
        self, caller: Any, at: dict[str, Any], revision: int, seq: int, op: Any, **more: Any
    ) -> dict[str, Any]:
        body = {
            "session_id": "notes",
            "epoch": at["epoch"],
            "revision": revision,
            "client_id": f"client-{caller.wamp_session_id:04}",
            "seq": seq,
            "op": op,
        }
        return await self.party.call("edit", caller, **(body | more))
