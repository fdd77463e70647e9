"""Where people are, as a relay tells it."""

from __future__ import annotations

from typing import Any

from tests.support.relay_case import RelayCase


class PresenceTests(RelayCase):
    def publish(self, number: int, at: dict[str, Any], what: str, **event: Any) -> None:
        self.party.relay.presence(at["topics"][what], number, event)

    async def test_a_cursor_is_told_counted_at_the_head(self) -> None:
        at = await self.joined(1)
        two = await self.joined(2)
        await self.edit(1, at, 0, 1, ["hello"])
        await self.edit(1, at, 1, 2, [2, "__"])
        await self.party.settle()
        self.publish(2, two, "cursor", revision=1, position=5)
        await self.party.settle()
        (event,) = self.around.events("presence", 1)
        here = {two["participant_id"]: {"cursor": 7, "selection": None}}
        self.assertEqual((event["revision"], event["presence"]), (2, here))
        third = await self.joined(3)
        self.assertEqual((third["revision"], third["presence"]), (2, here))

    async def test_a_cursor_and_a_selection_are_one_presence(self) -> None:
        await self.joined(1)
        two = await self.joined(2)
        self.publish(2, two, "cursor", revision=0, position=0)
        self.publish(2, two, "selection", revision=0, ranges=[[0, 0]])
        await self.party.settle()
        event = self.around.events("presence", 1)[-1]
        row = event["presence"][two["participant_id"]]
        self.assertEqual(row, {"cursor": 0, "selection": [[0, 0]]})
        self.publish(2, two, "cursor", revision=0, position=None)
        self.publish(2, two, "selection", revision=0, ranges=None)
        await self.party.settle()
        event = self.around.events("presence", 1)[-1]
        self.assertEqual(event["presence"], {two["participant_id"]: None})

    async def test_many_moves_are_told_together_and_the_latest_wins(self) -> None:
        at = [await self.joined(number) for number in range(1, 6)]
        await self.edit(1, at[0], 0, 1, ["hello world"])
        await self.party.settle()
        self.around.published.clear()
        for position in range(11):
            for number in range(1, 6):
                self.publish(number, at[number - 1], "cursor", revision=1, position=position)
        await self.party.settle()
        events = self.around.events("presence", 1)
        self.assertLessEqual(len(events), 2)
        self.assertEqual({row["cursor"] for row in events[-1]["presence"].values()}, {10})

    async def test_positions_that_are_too_much_work_are_passed_over(self) -> None:
        at = await self.joined(1)
        await self.joined(2)
        comb = [part for _ in range(400) for part in (1, "y")]
        await self.edit(1, at, 0, 1, ["x" * 500])
        for number in range(1, 20):
            await self.edit(1, at, number, number + 1, comb)
        await self.party.settle()
        self.around.published.clear()
        self.publish(1, at, "selection", revision=1, ranges=[[0, 500]] * 100)
        self.publish(2, at, "cursor", revision=20, position=3)
        await self.party.settle()
        rows = [row for event in self.around.events("presence", 1) for row in event["presence"]]
        self.assertEqual(len(rows), 1, "only the one that is little work")

    async def test_presence_waits_for_the_edit_it_refers_to(self) -> None:
        at = await self.joined(1)
        await self.joined(2)
        self.publish(1, at, "cursor", revision=1, position=1)
        await self.party.settle()
        self.assertEqual(self.around.events("presence", 2), [])
        await self.edit(1, at, 0, 1)
        await self.party.settle()
        self.assertEqual([event["revision"] for event in self.around.events("presence", 2)], [1])

    async def test_strangers_and_nonsense_have_no_effect(self) -> None:
        at = await self.joined(1)
        await self.joined(2)
        self.publish(9, at, "cursor", revision=0, position=0)
        for event in (
            {"revision": 0, "position": -1},
            {"revision": 0, "position": "0"},
            {"revision": 0, "position": 2**40},
            {"revision": None, "position": 0},
            {"position": 0},
            {"revision": 0, "position": 0, "more": 1},
        ):
            self.party.relay.presence(at["topics"]["cursor"], 1, event)
        for ranges in ([[0]], [0, 0], "x", [[0, 1]] * 101, {"a": 1}):
            self.publish(1, at, "selection", revision=0, ranges=ranges)
        self.party.relay.presence("collab.in.nosuchkey.cursor", 1, {"revision": 0, "position": 0})
        self.party.relay.presence(at["topics"]["cursor"] + "s", 1, {"revision": 0, "position": 0})
        await self.party.settle()
        self.assertEqual(self.around.events("presence"), [])
        self.assertEqual(self.party.relay.refused_presence, 14)

    async def test_leaving_takes_the_cursor_along(self) -> None:
        at = await self.joined(1)
        self.publish(1, at, "cursor", revision=0, position=0)
        await self.party.settle()
        self.party.relay.connection_lost(1)
        await self.party.settle()
        two = await self.joined(2)
        self.assertEqual(two["presence"], {})
