"""What a session does with conflicting edits: names them, refuses them, or asks."""

from __future__ import annotations

from typing import Any

from collab_wamp import writer
from collab_wamp.errors import CollabError
from collab_wamp.joining import SessionLimits
from collab_wamp.store.values import Edit
from tests.support.conflicts_case import MINE, THEIRS, ConflictsCase
from tests.support.parties import KEY, Party, start

NAMED = {"kind": "replaced", "where": [10, 13], "user_id": "bob", "client_id": "client-0002"}


class MergeTests(ConflictsCase):
    async def test_conflicts_are_named_and_the_edit_is_made(self) -> None:
        await self.begin("merge")
        first = await self.edit(self.bob, self.at, 0, 1, THEIRS)
        self.assertNotIn("conflicts", first)
        answer = await self.edit(self.ada, self.at, 0, 1, MINE)
        self.assertEqual(answer["conflicts"], [NAMED | {"revision": 1}])
        self.assertEqual(await self.now(), (2, "the brown catdog"))

    async def test_only_what_was_not_seen_and_is_not_ones_own_is_compared(self) -> None:
        await self.begin("merge")
        await self.edit(self.bob, self.at, 0, 1, THEIRS)
        seen = await self.edit(self.ada, self.at, 1, 1, MINE)
        own = await self.edit(self.ada, self.at, 1, 2, [10, {"d": 3}])
        self.assertNotIn("conflicts", seen | own)

    async def test_both_are_on_one_document_where_they_are_compared(self) -> None:
        await self.begin("merge")
        await self.edit(self.bob, self.at, 0, 1, ["Look: "])
        await self.edit(self.bob, self.at, 1, 2, [16, "dog", {"d": 3}])
        answer = await self.edit(self.ada, self.at, 0, 1, MINE)
        self.assertEqual(answer["conflicts"], [NAMED | {"where": [16, 19], "revision": 2}])

    async def test_edits_of_one_batch_are_compared(self) -> None:
        await self.begin("merge")
        answers = await self.at_once(("bob", THEIRS), ("ada", MINE))
        self.assertEqual(answers[2]["conflicts"], [NAMED | {"revision": 2}])
        self.assertNotIn("conflicts", answers[1])

    async def at_once(self, *edits: tuple[str, Any]) -> list[Any]:
        """Answers of edits made while the one before them, by Eve, is being committed."""
        await self.join(self.eve)
        commit, hold = self.party.store.commit, self.party.around.sleep(1)

        async def slow(*args: Any, **kwargs: Any) -> Any:
            await hold
            return await commit(*args, **kwargs)

        self.party.store.commit = slow  # type: ignore[method-assign]
        asked = [start(self.edit(self.eve, self.at, 0, 1, [13, "."]))]
        self.party.store.commit = commit  # type: ignore[method-assign]
        for name, op in edits:
            asked.append(start(self.edit(getattr(self, name), self.at, 0, 1, op)))
        await self.party.settle(1.5)
        results = []
        for answer in asked:
            try:
                results.append(await answer)
            except CollabError as error:
                results.append(error)
        return results

    async def test_a_batch_commits_one_of_two_that_exclude_each_other(self) -> None:
        await self.begin("reject")
        answers = await self.at_once(("bob", THEIRS), ("ada", MINE))
        self.assertEqual(answers[1]["revision"], 2)
        self.assertEqual(answers[2].details["conflicts"], [NAMED | {"revision": 2}])
        self.assertEqual(await self.now(), (2, "the brown dog."))

    async def test_at_most_twenty_are_named(self) -> None:
        await self.begin("merge", "x" * 100)
        for seq in range(30):
            await self.edit(self.bob, self.at, seq, seq + 1, [1 + seq, {"d": 1}])
        answer = await self.edit(self.ada, self.at, 0, 1, [{"d": 100}])
        self.assertEqual(len(answer["conflicts"]), 20)

    async def test_a_copy_is_not_compared_with_itself(self) -> None:
        await self.begin("reject")
        await self.edit(self.ada, self.at, 0, 1, MINE)
        await self.edit(self.bob, self.at, 1, 1, [10, {"d": 3}])
        answer = await self.edit(self.ada, self.at, 0, 1, MINE)
        self.assertEqual(answer["revision"], 1)
        # Not even where the other has touched what the copy seems to touch.
        await self.edit(self.bob, self.at, 2, 2, [9, "!", {"d": 1}])
        self.assertEqual((await self.edit(self.ada, self.at, 0, 1, MINE))["revision"], 1)


class RejectTests(ConflictsCase):
    async def test_nothing_changes_and_the_number_stays_free(self) -> None:
        await self.begin("reject")
        details = await self.held()
        self.assertEqual(
            details,
            {"conflicts": [NAMED | {"revision": 1}], "requires_manual_resolution": False},
        )
        self.assertEqual(await self.now(), (1, "the brown dog"))
        other = await self.edit(self.ada, self.at, 1, 1, ["A"])
        self.assertEqual((other["revision"], await self.now()), (2, (2, "Athe brown dog")))

    async def test_what_does_not_conflict_is_merged(self) -> None:
        await self.begin("reject")
        await self.edit(self.bob, self.at, 0, 1, THEIRS)
        self.assertEqual((await self.edit(self.ada, self.at, 0, 1, ["A"]))["revision"], 2)

    async def test_who_has_left_is_told_that_instead(self) -> None:
        await self.begin("ask")
        await self.edit(self.bob, self.at, 0, 1, THEIRS)
        roster = self.party.store._records[KEY].roster  # type: ignore[attr-defined]
        del roster[self.at["participant_id"]]
        with self.assertRaises(CollabError) as caught:
            await self.edit(self.ada, self.at, 0, 1, MINE)
        self.assertEqual(caught.exception.code, "not_joined")


class AskTests(ConflictsCase):
    async def test_the_author_is_told_both_sides(self) -> None:
        await self.begin("ask")
        details = await self.held()
        self.assertEqual(details["mine"], [10, "cat"])
        self.assertEqual(
            details["theirs"],
            [{"op": THEIRS, "revision": 1, "user_id": "bob", "client_id": "client-0002"}],
        )
        self.assertEqual(details["conflicts"], [NAMED | {"revision": 1}])
        self.assertEqual(details["expires_ms"], self.party.around.now_ms() + 600_000)
        self.assertIs(details["requires_manual_resolution"], True)
        self.assertRegex(details["conflict_id"], r"^[a-z0-9]{24}$")
        self.assertEqual(await self.now(), (1, "the brown dog"))

    async def test_each_choice(self) -> None:
        for choice, content in (
            ("mine", "the brown cat"),
            ("theirs", "the brown dog"),
            ("both", "the brown catdog"),
        ):
            self.party = Party()
            await self.begin("ask")
            conflict_id = (await self.held())["conflict_id"]
            revision = await self.resolve(self.ada, conflict_id, choice)
            self.assertEqual(await self.now(), (revision, content), choice)
            self.assertEqual(revision, 1 if choice == "theirs" else 2)
            for again in ("mine", "theirs", "both"):
                self.assertEqual(await self.resolve(self.ada, conflict_id, again), revision)
            self.assertEqual((await self.now())[0], revision)
            log = await self.log()
            self.assertEqual([row[3] for row in log], ["bob", "ada"][:revision])

    async def test_another_operation(self) -> None:
        await self.begin("ask")
        conflict_id = (await self.held())["conflict_id"]
        await self.edit(self.bob, self.at, 1, 2, ["Oh, "])
        op = [10, "pet", {"d": 3}]
        self.assertEqual(await self.resolve(self.ada, conflict_id, "op", op=op), 3)
        self.assertEqual((await self.now())[1], "Oh, the brown pet")
        self.assertEqual((await self.log())[2][0], conflict_id)

    async def test_another_operation_made_at_another_revision(self) -> None:
        await self.begin("ask")
        conflict_id = (await self.held())["conflict_id"]
        await self.edit(self.bob, self.at, 1, 2, ["Oh, "])
        await self.resolve(self.ada, conflict_id, "op", op=[14, "pet", {"d": 3}], revision=2)
        self.assertEqual((await self.now())[1], "Oh, the brown pet")

    async def test_an_operation_that_does_nothing_drops_it(self) -> None:
        await self.begin("ask")
        conflict_id = (await self.held())["conflict_id"]
        self.assertEqual(await self.resolve(self.ada, conflict_id, "op", op=[]), 1)
        self.assertEqual(await self.resolve(self.ada, conflict_id, "mine"), 1)
        self.assertEqual(await self.now(), (1, "the brown dog"))

    async def test_what_was_done_since_is_kept_and_no_new_question_is_asked(self) -> None:
        await self.begin("ask")
        conflict_id = (await self.held())["conflict_id"]
        await self.edit(self.bob, self.at, 1, 2, [10, "hen", {"d": 3}])
        await self.edit(self.bob, self.at, 2, 3, ["Oh, "])
        self.assertEqual(await self.resolve(self.ada, conflict_id, "mine"), 4)
        self.assertEqual((await self.now())[1], "Oh, the brown cathen")

    async def test_mine_takes_back_what_the_others_deleted(self) -> None:
        await self.begin("ask")
        await self.edit(self.bob, self.at, 0, 1, ["Oh, "])
        await self.edit(self.bob, self.at, 1, 2, [4, {"d": 13}])
        await self.edit(self.bob, self.at, 2, 3, [4, "nothing"])
        details = (await self.conflict(self.ada, 0, 1, [4, "very "])).details
        self.assertEqual([row["revision"] for row in details["theirs"]], [2])
        await self.resolve(self.ada, details["conflict_id"], "mine")
        content = (await self.now())[1]
        self.assertIn("the very brown fox", content)
        self.assertIn("nothing", content)

    async def test_what_cannot_be_taken_back_any_more_is_said(self) -> None:
        await self.begin("ask")
        await self.edit(self.bob, self.at, 0, 1, [4, {"d": 6}])
        # The content before that is not kept any more.
        document = await self.party.sessions.documents.get(KEY)
        await self.party.store.save_snapshot(KEY, document.epoch, document.snapshot(), 0, 2000)
        self.party.store._records[KEY].checkpoints.clear()  # type: ignore[attr-defined]
        details = (await self.conflict(self.ada, 0, 1, [6, "x"])).details
        await self.not_resolved("base_too_old", self.ada, details["conflict_id"], "mine")
        self.assertEqual(await self.resolve(self.ada, details["conflict_id"], "both"), 2)

    async def test_it_may_be_held_for_longer_than_others_may_be_behind(self) -> None:
        self.party = Party(limits=SessionLimits(window=10))
        await self.begin("ask")
        conflict_id = (await self.held())["conflict_id"]
        for seq in range(2, 40):
            await self.edit(self.bob, self.at, seq - 1, seq, ["!"])
        op = [10, "pet", {"d": 3}]
        await self.not_resolved("base_too_old", self.ada, conflict_id, "op", op=op)
        answer = start(self.resolve(self.ada, conflict_id, "mine"))
        await self.party.settle()
        self.assertEqual(await answer, 40)
        self.assertEqual((await self.now())[1], "!" * 38 + "the brown cat")

    async def test_what_is_not_kept_any_more_cannot_be_gone_through(self) -> None:
        self.party = Party(limits=SessionLimits(window=10))
        await self.begin("ask")
        conflict_id = (await self.held())["conflict_id"]
        for seq in range(2, 40):
            await self.edit(self.bob, self.at, seq - 1, seq, ["!"])
        document = await self.party.sessions.documents.get(KEY)
        await self.party.store.save_snapshot(KEY, document.epoch, document.snapshot(), 39, 10)
        await self.not_resolved("base_too_old", self.ada, conflict_id, "both")
        self.assertEqual(await self.resolve(self.ada, conflict_id, "theirs"), 39)

    async def test_the_same_edit_is_held_once(self) -> None:
        await self.begin("ask")
        first = await self.held()
        again = (await self.conflict(self.ada, 0, 1, MINE)).details
        self.assertEqual(again, first)
        other = (await self.conflict(self.ada, 0, 1, [10, "hen", {"d": 3}])).details
        self.assertNotEqual(other["conflict_id"], first["conflict_id"])

    async def test_of_a_user_twenty_are_held(self) -> None:
        await self.begin("ask")
        await self.edit(self.bob, self.at, 0, 1, THEIRS)
        ops = [[10, f"cat{number}", {"d": 3}] for number in range(21)]
        for op in ops[:20]:
            self.assertIn("conflict_id", (await self.conflict(self.ada, 0, 1, op)).details)
        details = (await self.conflict(self.ada, 0, 1, ops[20])).details
        self.assertEqual(details["limit"], "held_per_user")
        self.assertIs(details["requires_manual_resolution"], False)

    async def test_two_who_decide_at_once_commit_once(self) -> None:
        await self.begin("ask")
        conflict_id = (await self.held())["conflict_id"]
        other = Party(self.party.store, self.party.around, "node-2")
        arguments = {"session_id": "notes", "conflict_id": conflict_id}
        answers = [
            start(
                party.sessions.resolving.resolve(who, party.arguments(**arguments, choice=choice))
            )
            for party, who, choice in (
                (self.party, self.ada, "mine"),
                (other, self.eve, "both"),
                (other, self.ada, "theirs"),
            )
        ]
        await self.party.settle()
        revisions = {(await answer)["revision"] for answer in answers}
        self.assertEqual(revisions, {2})
        self.assertEqual(len(await self.log()), 2)

    async def test_deciding_races_with_the_edits_of_others(self) -> None:
        await self.begin("ask")
        conflict_id = (await self.held())["conflict_id"]
        commit = self.party.store.commit
        seq = 2

        async def after_bob(key: Any, epoch: str, expected: int, rows: Any, head: str = "") -> Any:
            nonlocal seq
            if seq < 5 and rows[0].edit.client_id == conflict_id:
                seq += 1
                submission = writer.Submission(
                    Edit("client-0002", seq - 1, ["!"], "bob", 0), bytes([seq])
                )
                await commit(key, epoch, expected, [submission])
            return await commit(key, epoch, expected, rows, head)

        self.party.store.commit = after_bob  # type: ignore[method-assign]
        answer = start(self.resolve(self.ada, conflict_id, "mine"))
        await self.party.settle()
        self.assertEqual(await answer, 5)
        self.assertEqual(await self.now(), (5, "!!!the brown cat"))

    async def test_an_answer_that_was_lost_is_given_again(self) -> None:
        await self.begin("ask")
        conflict_id = (await self.held())["conflict_id"]
        unhold = self.party.store.unhold

        async def fails(*_args: Any) -> Any:
            raise CollabError("store_unavailable", "gone a moment")

        self.party.store.unhold = fails  # type: ignore[method-assign]
        await self.not_resolved("store_unavailable", self.ada, conflict_id, "both")
        self.party.store.unhold = unhold  # type: ignore[method-assign]
        self.assertEqual((await self.join(self.ada))["held"], [])
        self.assertEqual(await self.resolve(self.ada, conflict_id, "theirs"), 2)

    async def test_whose_it_is(self) -> None:
        await self.begin("ask")
        conflict_id = (await self.held())["conflict_id"]
        for choice in ("mine", "theirs"):
            await self.not_resolved("no_such_conflict", self.bob, conflict_id, choice)
        await self.not_resolved("no_such_conflict", self.ada, "conflict-that-is-not", "mine")
        self.assertEqual(await self.resolve(self.eve, conflict_id, "both"), 2)
        self.assertEqual((await self.log())[1][3], "ada")
        await self.not_resolved("no_such_conflict", self.bob, conflict_id, "mine")
        self.assertEqual(await self.resolve(self.ada, conflict_id, "mine"), 2)

    async def test_the_author_must_have_the_right_by_then(self) -> None:
        await self.begin("ask")
        conflict_id = (await self.held())["conflict_id"]
        who = self.party.arguments(session_id="notes", user_id="ada", right="edit")
        await self.party.sessions.rights.revoke(self.eve, who)
        for caller in (self.ada, self.eve):
            await self.not_resolved("denied", caller, conflict_id, "mine")
        self.assertEqual(await self.now(), (1, "the brown dog"))
        self.assertEqual(await self.resolve(self.eve, conflict_id, "theirs"), 1)

    async def test_bad_input(self) -> None:
        await self.begin("ask")
        conflict_id = (await self.held())["conflict_id"]
        for choice, more, argument in (
            (None, {}, "choice"),
            ("ours", {}, "choice"),
            (["mine"], {}, "choice"),
            ("op", {}, "op"),
            ("mine", {"op": ["x"]}, "op"),
            ("mine", {"revision": 1}, "revision"),
            ("mine", {"epoch": "e"}, "epoch"),
        ):
            error = await self.not_resolved("bad_request", self.ada, conflict_id, choice, **more)
            self.assertEqual(error.details["argument"], argument)
        for bad in ("", "x", 7, None, "../../secret"):
            await self.not_resolved("bad_request", self.ada, bad, "mine")
        for revision, code in ((-1, "bad_revision"), ("1", "bad_revision"), (9, "base_ahead")):
            await self.not_resolved(code, self.ada, conflict_id, "op", op=["x"], revision=revision)
        for op, code in ((7, "bad_op"), ([99, "x"], "bad_op"), ([["x"]], "bad_op")):
            await self.not_resolved(code, self.ada, conflict_id, "op", op=op)
        self.assertEqual(await self.resolve(self.ada, conflict_id, "both"), 2)

    async def test_a_node_that_is_ending_refuses(self) -> None:
        await self.begin("ask")
        conflict_id = (await self.held())["conflict_id"]
        self.party.sessions.draining = True
        await self.not_resolved("draining", self.ada, conflict_id, "mine")

    async def test_after_lost_history_it_can_only_be_dropped(self) -> None:
        await self.begin("ask")
        conflict_id = (await self.held())["conflict_id"]
        await self.party.store.renew_epoch(KEY, self.at["epoch"], "epoch2", "topic2")
        await self.not_resolved("stale_epoch", self.ada, conflict_id, "both")
        self.assertEqual(await self.resolve(self.ada, conflict_id, "theirs"), 1)
