"""The use cases when something is wrong: in the store, in time, or with somebody."""

from __future__ import annotations

from typing import Any

import attrs
from twisted.internet.defer import Deferred

from collab_wamp import document as document_module
from collab_wamp import measures
from collab_wamp import writer as writer_module
from collab_wamp.document import CorruptLog, CorruptSnapshot, Document
from collab_wamp.errors import CollabError
from collab_wamp.joining import SessionLimits
from collab_wamp.ot.json_type import JSON
from collab_wamp.store.announcements import EditsAnnounced
from collab_wamp.store.values import Edit, make_snapshot
from tests.support.parties import KEY, Party, claims, start
from tests.support.sessions_case import SessionsCase


class TroubleTests(SessionsCase):
    def lose_all_but_the_first(self) -> None:
        """As an old backup of the store would have it."""
        record = self.party.store._records[KEY]
        del record.log[1:]
        record.seen["client-0001"] = (1, b"", 1, "ada")
        record.meta = attrs.evolve(record.meta, revision=1, head=record.log[0].identity)

    async def test_a_store_that_lost_history_makes_a_new_epoch(self) -> None:
        one, at = await self.joined(1)
        for number in range(3):
            await self.edit(one, at, number, number + 1, ["x"])
        record = self.party.store._records[KEY]  # as after a failover to a replica that was behind
        record.meta = attrs.evolve(record.meta, revision=1, head=record.log[0].identity)
        del record.log[1:]
        with self.assertRaises(CollabError) as caught:
            await self.edit(one, at, 3, 4, ["y"])
        self.assertEqual(caught.exception.code, "stale_epoch")
        again, now = await self.joined(1)
        self.assertNotEqual(now["epoch"], at["epoch"])
        self.assertEqual((now["revision"], now["content"]), (1, "x"))
        await self.edit(again, now, 1, now["next_seq"], ["z"])

    async def test_other_history_of_the_same_length_is_noticed(self) -> None:
        one, at = await self.joined(1)
        two, _ = await self.joined(2)
        for number in range(2):
            await self.edit(one, at, number, number + 1, ["x"])
        record = self.party.store._records[KEY]
        record.log[1] = attrs.evolve(record.log[1], client_id="client-0009")
        record.meta = attrs.evolve(record.meta, head=record.log[1].identity)
        with self.assertRaises(CollabError) as caught:
            await self.edit(two, at, 2, 1, ["y"])
        self.assertEqual(caught.exception.code, "stale_epoch")

    async def test_who_comes_back_with_lost_history_gets_the_content(self) -> None:
        """Nobody but the client remembers what the store has lost, as after an old backup."""
        one, at = await self.joined(1)
        await self.edit(one, at, 0, 1, ["one"])
        await self.edit(one, at, 1, 2, [3, "LOST"])
        self.lose_all_but_the_first()
        fresh = Party(self.party.store, self.party.around, "node-2")
        other = fresh.caller(2)
        await fresh.call("join", other, session_id="notes", client_id="client-0002")
        await fresh.call(
            "edit", other, session_id="notes", epoch=at["epoch"], revision=1,
            client_id="client-0002", seq=1, op=[3, " and other"],
        )  # fmt: skip
        again: dict[str, Any] = {
            "session_id": "notes", "client_id": "client-0001", "epoch": at["epoch"], "revision": 2,
        }  # fmt: skip
        now = await fresh.call("join", fresh.caller(1), **again, last=["client-0001", 2])
        self.assertEqual((now["content"], now["revision"]), ("one and other", 2))
        self.assertNotIn("edits", now)
        same = await fresh.call("join", fresh.caller(1), **again, last=["client-0002", 1])
        self.assertEqual(same["edits"], [])
        for wrong in ("x", [], ["client-0001"], ["client-0001", 0], ["x", 1], ["client-0001", "1"]):
            with self.assertRaises(CollabError) as caught:
                await fresh.call("join", fresh.caller(1), **again, last=wrong)
            self.assertEqual(caught.exception.details["argument"], "last")

    async def test_history_that_was_lost_and_went_on_another_way_is_noticed(self) -> None:
        one, at = await self.joined(1)
        await self.edit(one, at, 0, 1, ["one"])
        await self.edit(one, at, 1, 2, [3, "LOST"])
        self.lose_all_but_the_first()
        other = Party(self.party.store, self.party.around, "node-2")
        them = other.caller(2)
        await other.call("join", them, session_id="notes", client_id="client-0002")
        body = {"session_id": "notes", "epoch": at["epoch"], "client_id": "client-0002"}
        for seq in (1, 2):
            await other.call("edit", them, **body, revision=seq, seq=seq, op=["z"])
        # A reader is told what the store has; a writer, that the session goes on anew.
        found = await self.party.call("snapshot", one, session_id="notes")
        self.assertEqual(found["content"], "zzone")
        document = await self.party.sessions.documents.get(KEY)
        document.head, document.revision = "client-0001:2:0", 2
        del document._edits[2:], document._measures._measures[3:]
        with self.assertRaises(CollabError) as caught:
            await self.edit(one, at, 2, 2, ["y"])
        self.assertEqual(caught.exception.code, "stale_epoch")

    async def test_a_session_forgotten_while_it_is_read_is_there_all_the_same(self) -> None:
        await self.joined(1)
        other = Party(self.party.store, self.party.around, "node-2")
        snapshot, held = self.party.store.snapshot, Deferred()

        async def slow(key: Any) -> Any:
            found = await snapshot(key)
            await held
            return found

        self.party.store.snapshot = slow
        caller = other.caller(2)
        first = start(other.call("snapshot", caller, session_id="notes"))
        other.sessions.documents.forget(KEY)
        second = start(other.call("snapshot", caller, session_id="notes"))
        held.callback(None)
        self.party.store.snapshot = snapshot
        self.assertEqual((await first)["content"], "")
        self.assertEqual((await second)["content"], "")

    async def test_old_content_is_told_also_where_little_is_remembered(self) -> None:
        self.party = Party(limits=SessionLimits(window=10))
        one, at = await self.joined(1)
        for number in range(50):
            await self.edit(one, at, number, number + 1, ["x"])
        found = await self.party.call("snapshot", one, session_id="notes", revision=3)
        self.assertEqual(found["content"], "xxx")

    async def test_nothing_is_built_on_a_damaged_snapshot(self) -> None:
        await self.joined(1)
        record = self.party.store._records[KEY]
        record.snapshot = attrs.evolve(record.snapshot, content=b'"other"')
        other = Party(self.party.store, self.party.around)
        with self.assertRaises(CorruptSnapshot):
            await other.call("snapshot", other.caller(1), session_id="notes")

    async def test_a_log_with_a_hole_is_not_read_over(self) -> None:
        one, at = await self.joined(1)
        for number in range(3):
            await self.edit(one, at, number, number + 1, ["x"])
        del self.party.store._records[KEY].log[1:]
        other = Party(self.party.store, self.party.around)
        with self.assertRaises(CorruptLog):
            await other.call("snapshot", other.caller(1), session_id="notes")

    async def test_a_document_follows_what_others_commit(self) -> None:
        """Then an edit need not be told by the store what it has missed."""
        one, at = await self.joined(1)
        await self.edit(one, at, 0, 1, ["x"])
        other = Party(self.party.store, self.party.around, "node-2")
        ours = self.party
        self.party = other
        two, there = await self.joined(2)
        commits = 0
        commit = ours.store.commit

        async def counted(*args: Any) -> Any:
            nonlocal commits
            commits += 1
            return await commit(*args)

        self.patch(ours.store, "commit", counted)
        for number in range(1, 10):
            self.party = other
            await self.edit(two, there, 2 * number - 1, number, ["b"])
            self.party = ours
            answer = await self.edit(one, at, 2 * number, number + 1, ["a"])
            self.assertEqual(answer["revision"], 2 * number + 1)
        self.assertEqual(commits, 18)

    async def test_a_document_follows_no_other_history(self) -> None:
        one, at = await self.joined(1)
        await self.edit(one, at, 0, 1, ["x"])
        document = await self.party.sessions.documents.get(KEY)
        edit = Edit("client-0009", 1, ["y"], "ada", 5)
        for epoch, after, before in (
            (at["epoch"], 1, "client-0009:9:9"),  # what stood at the head has been lost
            (at["epoch"], 1, ""),
            (at["epoch"], 2, document.head),
            (at["epoch"], 0, document.head),
            ("another", 1, document.head),
        ):
            self.party.sessions.documents.heard(KEY, EditsAnnounced(epoch, after, (edit,), before))
            self.assertEqual((document.revision, document.content()), (1, "x"))
        self.party.sessions.documents.heard(
            KEY, EditsAnnounced(at["epoch"], 1, (edit,), document.head)
        )
        self.assertEqual((document.revision, document.content()), (2, "yx"))

    async def test_a_commit_while_the_log_is_read_is_taken_once(self) -> None:
        one, at = await self.joined(1)
        other = Party(self.party.store, self.party.around, "node-2")
        them = other.caller(2)
        await other.call("join", them, session_id="notes", client_id="client-0002")
        await self.edit(one, at, 0, 1, ["a"])
        edits, held = self.party.store.edits, Deferred()

        async def slow(*args: Any) -> Any:
            answer = await edits(*args)
            await held
            return answer

        self.party.store.edits = slow
        reading = start(other.call("snapshot", them, session_id="notes"))
        body = {"session_id": "notes", "epoch": at["epoch"], "client_id": "client-0002"}
        await other.call("edit", them, **body, revision=0, seq=1, op=["b"])
        held.callback(None)
        self.party.store.edits = edits
        self.assertEqual((await reading)["content"], "ab")
        again = await other.call("snapshot", them, session_id="notes")
        self.assertEqual((again["revision"], again["content"]), (2, "ab"))

    async def test_a_base_that_was_never_heard_of_here_is_looked_up(self) -> None:
        """Also where what is remembered here ends before the log begins."""
        one, at = await self.joined(1)
        other = Party(self.party.store, self.party.around, "node-2")
        them = other.caller(2)
        await other.call("join", them, session_id="notes", client_id="client-0002")
        for number in range(5):
            await self.edit(one, at, number, number + 1, ["x"])
        for revision, floor in ((3, 0), (4, 3)):
            snapshot = make_snapshot(revision, b'"' + b"x" * revision + b'"')
            saved = await self.party.store.save_snapshot(KEY, at["epoch"], snapshot, floor, 1)
            self.assertTrue(saved)
        body = {"session_id": "notes", "epoch": at["epoch"], "client_id": "client-0002"}
        done = await other.call("edit", them, **body, revision=5, seq=1, op=["y"])
        self.assertEqual(done["revision"], 6)

    async def test_an_old_epoch_does_not_have_the_document_read_again(self) -> None:
        one, at = await self.joined(1)
        await self.edit(one, at, 0, 1, ["x"])

        async def read(*_args: Any) -> Any:
            self.fail("read again")

        self.party.store.snapshot, snapshot = read, self.party.store.snapshot
        with self.assertRaises(CollabError) as caught:
            await self.edit(one, at, 1, 2, ["y"], epoch="another")
        self.assertEqual(caught.exception.code, "stale_epoch")
        self.party.store.snapshot = snapshot

    async def test_too_many_waiting_edits_are_refused_until_they_are_fewer(self) -> None:
        self.party = Party(limits=SessionLimits(waiting=2))
        people = [await self.joined(number) for number in range(1, 5)]
        held: list[Deferred[None]] = []
        commit = self.party.store.commit

        async def slow(*args: Any) -> Any:
            held.append(Deferred())
            await held[-1]
            return await commit(*args)

        self.party.store.commit = slow
        edits = [start(self.edit(one, at, 0, 1, ["x"])) for one, at in people[:3]]
        one, at = people[3]
        with self.assertRaises(CollabError) as caught:
            await self.edit(one, at, 0, 1, ["x"])
        self.assertEqual(caught.exception.code, "overloaded")
        self.assertTrue(caught.exception.entry.retryable)
        self.assertEqual(caught.exception.details["retry_after_ms"], 200)
        while held:
            held.pop().callback(None)
        self.assertEqual([(await edit)["revision"] for edit in edits], [1, 2, 3])
        self.party.store.commit = commit
        self.assertEqual((await self.edit(one, at, 0, 1, ["x"]))["revision"], 4)

    async def test_what_waits_is_committed_together(self) -> None:
        people = [await self.joined(number) for number in range(1, 6)]
        held: list[Deferred[None]] = []
        sizes: list[int] = []
        commit = self.party.store.commit

        async def slow(key: Any, epoch: Any, expected: Any, submissions: Any, head: Any) -> Any:
            sizes.append(len(submissions))
            held.append(Deferred())
            await held[-1]
            return await commit(key, epoch, expected, submissions, head)

        self.party.store.commit = slow
        edits = [start(self.edit(one, at, 0, 1, ["x"])) for one, at in people]
        held[0].callback(None)
        held[1].callback(None)
        self.assertEqual([(await edit)["revision"] for edit in edits], [1, 2, 3, 4, 5])
        self.assertEqual(sizes, [1, 4])


class OwnershipTests(SessionsCase):
    async def test_a_client_id_is_its_first_users(self) -> None:
        """Others see it; who joined under it would put its owner out, and edit in their name."""
        one, at = await self.joined(1)
        eve = self.party.caller(2, claims("eve"))
        join = {"session_id": "notes", "client_id": "client-0001"}
        error = await self.refused("bad_request", "join", eve, **join)
        self.assertEqual(error.details["argument"], "client_id")
        await self.edit(one, at, 0, 1, ["x"])
        await self.party.call("leave", one, session_id="notes")
        await self.refused("bad_request", "join", eve, **join)
        again = await self.party.call("join", one, **join)
        self.assertEqual(again["next_seq"], 2)

    async def test_who_may_see_some_sessions_is_told_of_no_others(self) -> None:
        for name in ("alpha", "mine", "secret", "zulu"):
            await self.joined(1, session_id=name)
        few = self.party.caller(2, claims("eve", mine="view", zulu="edit", gone="view"))
        first = await self.party.call("list_sessions", few, limit=1)
        self.assertEqual(first, {"sessions": [], "cursor": "gone"})
        rest = await self.party.call("list_sessions", few, limit=5, cursor="gone")
        self.assertEqual(rest, {"sessions": ["mine", "zulu"], "cursor": None})


class WorkTests(SessionsCase):
    """Bounds on what one call can make the others wait for."""

    async def test_an_edit_that_grows_with_all_it_has_not_seen_is_given_up(self) -> None:
        one, at = await self.joined(1)
        two, _ = await self.joined(2)
        await self.edit(one, at, 0, 1, ["x" * 20_000])
        for number in range(1, 60):
            comb = [part for _ in range(400) for part in (1, "y")]
            await self.edit(one, at, number, number + 1, comb)
        with self.assertRaises(CollabError) as caught:
            await self.edit(two, at, 1, 1, [{"d": 20_000}])
        self.assertEqual(caught.exception.code, "base_too_old")
        done = await self.edit(two, at, 60, 1, [{"d": 20_000}])
        self.assertEqual(done["revision"], 61)

    async def test_edits_that_take_much_work_let_others_have_a_turn(self) -> None:
        people = [await self.joined(number) for number in range(1, 6)]
        one, at = people[0]
        for number in range(3):
            around = ["x", 2 * number, "y"]
            await self.edit(one, at, number, number + 1, around if number else ["xy"])
        self.patch(writer_module, "REBASE_WORK", 5)
        turns: list[float] = []
        pause = self.party.sessions.documents._pause

        def counted(seconds: float) -> Any:
            turns.append(seconds)
            return pause(seconds)

        self.patch(self.party.sessions.documents.writer(KEY), "_pause", counted)
        held: Deferred[None] = Deferred()
        commit = self.party.store.commit

        async def slow(*args: Any) -> Any:
            await held
            return await commit(*args)

        self.party.store.commit = slow
        first = start(self.edit(one, at, 3, 4, ["z"]))
        late = [start(self.edit(who, at, 0, 1, ["w"])) for who, _ in people[1:]]
        held.callback(None)
        await self.party.settle()
        self.assertEqual((await first)["revision"], 4)
        for edit in late:
            with self.assertRaises(CollabError) as caught:
                await edit
            self.assertEqual(caught.exception.code, "base_too_old")
        self.assertIn(0, turns)
        self.party.store.commit = commit

    async def test_large_edits_are_fetched_in_pages_of_a_mebibyte(self) -> None:
        one, at = await self.joined(1)
        large = "x" * 32_000
        for number in range(40):
            replaced = [{"d": 32_000}] if number else []
            await self.edit(one, at, number, number + 1, [large, *replaced])
        page = await self.party.call("fetch", one, session_id="notes", epoch=at["epoch"], after=0)
        self.assertLess(len(page["edits"]), 40)
        self.assertTrue(page["more"])
        after = len(page["edits"])
        rest = await self.party.call(
            "fetch", one, session_id="notes", epoch=at["epoch"], after=after
        )
        self.assertEqual(after + len(rest["edits"]), 40)
        join = {"session_id": "notes", "client_id": "client-0001"}
        again = await self.party.call("join", one, **join, epoch=at["epoch"], revision=0)
        self.assertIn("content", again)
        again = await self.party.call("join", one, **join, epoch=at["epoch"], revision=30)
        self.assertEqual(len(again["edits"]), 10)

    async def test_of_large_edits_few_are_remembered(self) -> None:
        one, at = await self.joined(1)
        document = await self.party.sessions.documents.get(KEY)
        self.patch(document_module, "MOST_WEIGHT", 1 << 20)
        for number in range(40):
            op = ["x" * 30_000] if number % 2 == 0 else [{"d": 30_000}]
            await self.edit(one, at, number, number + 1, op)
        self.assertGreater(document.start, 10)
        two, _ = await self.joined(2)
        self.assertEqual((await self.edit(two, at, document.start - 2, 1, ["y"]))["revision"], 41)

    async def test_of_large_contents_few_are_kept_in_memory(self) -> None:
        one, at = await self.of_json({"l": [0] * 5000, "t": "a" * 5000})
        self.patch(measures, "MOST_BYTES", 200_000)
        ops: list[Any] = []
        for number in range(60):
            if number % 3 == 0:
                op: Any = [{"p": ["l", number], "ld": None, "li": number}]
            elif number % 3 == 1:
                op = [{"p": ["t"], "t": "text-unicode", "o": [number, {"d": 1}, "xy"]}]
            else:
                op = [{"p": ["l", 0], "lm": 3}, {"p": ["l", 9], "li": [number]}]
            ops.append(op)
            await self.edit(one, at, number, number + 1, op)
        document = await self.party.sessions.documents.get(KEY)
        contents = [measure.content for measure in document._measures._measures if measure]
        self.assertLess(len(contents), 10)
        content: Any = {"l": [0] * 5000, "t": "a" * 5000}
        for number, op in enumerate(ops):
            self.assertEqual(document.measure_at(number).content, content)
            self.assertEqual(document.measure_at(number).size, JSON.measure(content).size)
            content = JSON.apply(content, op)
        self.assertEqual(document.measure.content, content)
        # Whoever was away for a while is still let in.
        two, _ = await self.joined(2)
        op = [{"p": ["l", 4999], "ld": 0}]
        self.assertEqual((await self.edit(two, at, 2, 1, op))["revision"], 61)
        # So also where the edits were forgotten, and are read again.
        document._forget(50)
        self.assertEqual(document._measures._bytes, unshared(document))
        three, _ = await self.joined(3)
        op = [{"p": ["l", 4998], "ld": 0}]
        self.assertEqual((await self.edit(three, at, 2, 1, op))["revision"], 62)
        self.assertEqual((document.start, document._measures._bytes), (2, unshared(document)))

    async def test_who_is_too_far_behind_a_large_content_joins_again(self) -> None:
        one, at = await self.of_json({"l": [0] * 5000})
        self.patch(measures, "MOST_BYTES", 100_000)
        self.patch(measures, "LIKE_A_PART", 10)
        for number in range(60):
            op = [{"p": ["l", 0], "ld": 0, "li": number}]
            await self.edit(one, at, number, number + 1, op)
        two, _ = await self.joined(2)
        op = [{"p": ["l", 1], "ld": 0}]
        with self.assertRaises(CollabError) as caught:
            await self.edit(two, at, 0, 1, op)
        self.assertEqual(caught.exception.code, "base_too_old")
        self.assertEqual((await self.edit(two, at, 40, 1, op))["revision"], 61)

    async def test_formats_of_many_runs_are_bounded(self) -> None:
        runs = [{"insert": "x"}, {"insert": "y", "attributes": {"bold": True}}] * 5000
        one, at = await self.of_type("rich_text", runs)
        wide = {f"name-{number}": 1 for number in range(100)}
        format_all = [{"retain": 10_000, "attributes": wide}]
        # 100 names take 1.3 KB, of 1 MiB that there may be in so short a document.
        with self.assertRaises(CollabError) as caught:
            await self.edit(one, at, 0, 1, format_all)
        self.assertEqual(caught.exception.code, "document_full")
        format_some = [{"retain": 500, "attributes": wide}]
        await self.edit(one, at, 0, 1, format_some)
        with self.assertRaises(CollabError) as caught:
            await self.edit(one, at, 1, 2, [{"retain": 500}, {"retain": 500, "attributes": wide}])
        self.assertEqual(caught.exception.code, "document_full")
        await self.edit(one, at, 1, 2, [{"delete": 450}])
        await self.edit(one, at, 2, 3, [{"retain": 500}, {"retain": 500, "attributes": wide}])

    async def test_what_is_typed_into_wide_runs_is_bounded(self) -> None:
        wide = {"link": "x" * 5000}
        one, at = await self.of_type("rich_text", [{"insert": "y" * 500, "attributes": wide}])
        comb = [part for _ in range(250) for part in ({"retain": 1}, {"insert": "z"})]
        with self.assertRaises(CollabError) as caught:
            await self.edit(one, at, 0, 1, comb)
        self.assertEqual(caught.exception.code, "document_full")
        await self.edit(one, at, 0, 1, comb[:100])

    async def test_the_bound_on_formats_is_made_exact_where_it_matters(self) -> None:
        one, at = await self.of_type("rich_text", [{"insert": "y" * 500}])
        for number in range(300):
            op = [{"retain": 100}, {"retain": 5, "attributes": {"link": str(number) * 200}}]
            await self.edit(one, at, number, number + 1, op)
            self.party.around.clock.advance(1)
        self.assertEqual((await self.party.call("info", one, session_id="notes"))["revision"], 300)

    async def test_content_with_too_many_formats_is_not_begun_with(self) -> None:
        self.party = Party(limits=SessionLimits(document_length=100_000))
        run = {"insert": "y", "attributes": {"link": "x" * 5000}}
        for count, fits in ((200, True), (220, False)):
            name, content = f"of-{count}", [run, {"insert": "z"}] * count
            made = {"session_id": name, "type": "rich_text", "content": content}
            if fits:
                await self.party.call("create", self.party.caller(1), **made)
            else:
                await self.refused("document_full", "create", self.party.caller(1), **made)

    async def of_json(self, content: Any) -> tuple[Any, dict[str, Any]]:
        return await self.of_type("json", content)

    async def of_type(self, kind: str, content: Any) -> tuple[Any, dict[str, Any]]:
        """Somebody who has joined a session of a type, on a node of small documents."""
        self.party = Party(limits=SessionLimits(document_length=100_000))
        made = {"session_id": "notes", "type": kind, "content": content}
        await self.party.call("create", self.party.caller(1), **made)
        return await self.joined(1)


def unshared(document: Document) -> int:
    """What the contents that are remembered take, but for the first."""
    kept = [measure for measure in document._measures._measures if measure]
    return sum(measure.unshared for measure in kept[1:])
