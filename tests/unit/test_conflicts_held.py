"""What becomes of held edits in time; and the pure parts of conflicts."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from collab_wamp import conflicts
from collab_wamp.ot import Conflict, TooMuchWork, rebase
from collab_wamp.ot.rich_text import RICH_TEXT
from collab_wamp.ot.text import TEXT
from collab_wamp.resolving import expire_held
from collab_wamp.store.values import Edit
from tests.support.conflicts_case import CONTENT, ConflictsCase
from tests.support.parties import Party, start


class RevokedTests(ConflictsCase):
    async def test_who_loses_the_right_while_it_is_resolved_commits_nothing(self) -> None:
        await self.begin("ask")
        conflict_id = (await self.held())["conflict_id"]
        held, let_go = self.party.store.held, Deferred[None]()

        async def slow(*args: Any) -> Any:
            await let_go
            return await held(*args)

        self.party.store.held = slow  # type: ignore[method-assign]
        resolving = start(self.not_resolved("no_such_session", self.ada, conflict_id, "both"))
        revoked = self.party.arguments(session_id="notes", user_id="ada", right="view")
        await self.party.sessions.rights.revoke(self.eve, revoked)
        let_go.callback(None)
        await resolving
        self.assertEqual((await self.now())[0], 1)


class PureTests(ConflictsCase):
    def test_work_that_comparing_takes_counts(self) -> None:
        others = [("b", [1, "x"]), ("a", [1, "x"])]
        found: list[tuple[int, list[Conflict]]] = []
        self.assertEqual(
            rebase(TEXT, [{"d": 3}], "a", others, work=12, found=found),
            [{"d": 1}, 2, {"d": 2}],
        )
        self.assertEqual(found, [(0, [Conflict("inside_deleted", [1, 1])])])
        with self.assertRaises(TooMuchWork):
            rebase(TEXT, [{"d": 3}], "a", others, work=8, found=[])

    def test_of_their_operations_only_so_much_is_told(self) -> None:
        clashes = [
            conflicts.Clash(revision, Edit("bob", revision, ["x" * 40_000], "bob", 0), [])
            for revision in (1, 2)
        ]
        told = conflicts.theirs(clashes)
        self.assertEqual([row["op"] is None for row in told], [False, True])

    def test_what_takes_back_too_much_is_not_kept(self) -> None:
        document = "x" * 300_000
        edits = [Edit("bob", 1, [{"d": 300_000}], "bob", 0)]
        limits: dict[str, Any] = {"work": 1000, "parts": 1000}
        mine = ([5, "y"], "ada", edits)
        self.assertIsNone(conflicts.instead_of(TEXT, *mine, TEXT.buffer(document), **limits))
        few = "x" * 1000
        edits[:] = [Edit("bob", 1, [{"d": 1000}], "bob", 0)]
        op = conflicts.instead_of(TEXT, *mine, TEXT.buffer(few), **limits)
        self.assertEqual(TEXT.apply("", op), "xxxxxy" + few[5:])
        for less in ({"work": 3, "parts": 9}, {"work": 99, "parts": 0}):
            self.assertIsNone(conflicts.instead_of(TEXT, *mine, TEXT.buffer(few), **less))

    def test_what_is_taken_back_from_many_runs_counts_as_work(self) -> None:
        runs = [{"insert": "x", "attributes": {"n": number}} for number in range(100)]
        edits = [Edit("bob", n, [{"retain": 2, "attributes": {"b": n}}], "bob", 0) for n in (1, 2)]
        mine = ([{"retain": 1, "attributes": {"b": 0}}], "ada", edits)
        for work, known in ((300, True), (200, False)):
            op = conflicts.instead_of(
                RICH_TEXT, *mine, RICH_TEXT.buffer(runs), work=work, parts=1000
            )
            self.assertEqual(op is not None, known)

    async def test_mine_is_what_would_be_there_without_them(self) -> None:
        """With one conflicting edit: the same as if it had never been made."""
        await self.begin("ask")
        for theirs in ([4, {"d": 9}], [8, "RED", {"d": 4}], ["gone", {"d": 13}]):
            self.party = Party()
            await self.begin("ask")
            await self.edit(self.bob, self.at, 0, 1, theirs)
            details = (await self.conflict(self.ada, 0, 1, [4, "quick", {"d": 5}])).details
            await self.resolve(self.ada, details["conflict_id"], "mine")
            self.assertEqual((await self.now())[1], "the quick fox", CONTENT)


class ExpiryTests(ConflictsCase):
    async def test_the_author_is_told_of_an_edit_that_expires(self) -> None:
        await self.begin("ask")
        details = await self.held()
        conflict_id = details["conflict_id"]
        await self.sweep(599)
        self.assertEqual(self.told(1), [])
        await self.sweep(1)
        event = {"conflict_id": conflict_id, "state": "expired", "op": [10, "cat"], "revision": 1}
        self.assertEqual(self.told(1), [event])
        self.assertEqual(self.told(2), [], "it is the author's alone")
        await self.sweep(60)
        self.assertEqual(self.told(1), [event], "once")
        for choice in ("mine", "both"):
            error = await self.not_resolved("no_such_conflict", self.ada, conflict_id, choice)
            self.assertEqual(error.details["state"], "expired")
        [row] = (await self.join(self.ada))["held"]
        self.assertEqual((row["conflict_id"], row["state"]), (conflict_id, "expired"))
        self.assertEqual(await self.resolve(self.ada, conflict_id, "theirs"), 1)
        self.assertEqual((await self.join(self.ada))["held"], [])

    async def test_a_join_tells_what_is_held_of_whoever_joins(self) -> None:
        await self.begin("ask")
        details = await self.held()
        [row] = (await self.join(self.ada))["held"]
        told = {name: value for name, value in details.items() if name in row}
        self.assertEqual(row, told)
        self.assertEqual((row["client_id"], row["seq"]), ("client-0001", 1))
        self.assertEqual((await self.join(self.bob))["held"], [])
        await self.resolve(self.ada, row["conflict_id"], "mine")
        self.assertEqual((await self.join(self.ada))["held"], [])
        self.assertEqual([event["state"] for event in self.told(1)], ["resolved"])

    async def test_where_nobody_is_asked_a_join_tells_nothing(self) -> None:
        await self.begin("merge")
        self.assertNotIn("held", self.at)

    async def test_an_expired_one_is_kept_for_a_week(self) -> None:
        await self.begin("ask")
        await self.held()
        await self.sweep(600)
        await self.sweep(7 * 86_400 - 1)
        self.assertEqual(len((await self.join(self.ada))["held"]), 1)
        await self.sweep(1)
        self.assertEqual((await self.join(self.ada))["held"], [])

    async def sweep(self, seconds: float) -> None:
        """What a node does every few seconds, so many seconds later."""
        self.party.around.clock.advance(seconds)
        await expire_held(self.party.store)

    def told(self, connection: int) -> list[dict[str, Any]]:
        events = self.party.around.events("roster", connection)
        return [event["conflict"] for event in events if "conflict" in event]
