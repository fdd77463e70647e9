"""One node's relay on a memory store, and what its connections hear."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import TestCase

from collab_wamp.relay import Live
from tests.support.parties import KEY, Party


def connections(*live: int) -> Live:
    """What the router says is there."""

    async def ask() -> set[int]:
        return set(live)

    return ask


class RelayCase(TestCase):
    def setUp(self) -> None:
        self.party = Party()
        self.around = self.party.around

    def tearDown(self) -> None:
        self.assertEqual(self.around.failures, [])

    async def joined(self, number: int, party: Party | None = None) -> dict[str, Any]:
        party = party or self.party
        caller = party.caller(number)
        await party.call("create", caller, session_id="notes", if_absent=True)
        return await party.call("join", caller, session_id="notes", client_id=f"client-{number:04}")

    async def edit(
        self, number: int, at: dict[str, Any], revision: int, seq: int, op: Any = ("x",)
    ) -> int:
        answer = await self.party.call(
            "edit",
            self.party.caller(number),
            session_id="notes",
            epoch=at["epoch"],
            revision=revision,
            client_id=f"client-{number:04}",
            seq=seq,
            op=list(op),
        )
        return int(answer["revision"])

    def revisions(self, receiver: int) -> list[int]:
        return [
            event["after"] + 1 + index
            for event in self.around.events("edits", receiver)
            for index in range(len(event["edits"]))
        ]

    def feed(self) -> Any:
        return self.party.relay._feeds[KEY]
