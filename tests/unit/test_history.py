"""A session's past: its content at any revision that is kept, and its hash."""

from __future__ import annotations

import hashlib
import itertools
from typing import Any

import orjson
from twisted.internet.defer import Deferred

from collab_wamp import document, documents, history, past
from collab_wamp.document import CorruptSnapshot
from collab_wamp.joining import SessionLimits
from collab_wamp.rates import Rate, Rates
from collab_wamp.retention import Retention
from tests.support.parties import KEY, Party, claims, start
from tests.support.sessions_case import SessionsCase

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def sha256(content: Any) -> str:
    return hashlib.sha256(orjson.dumps(content)).hexdigest()


class HistoryCase(SessionsCase):
    """Snapshots each 5 edits, a checkpoint each 10, and 15 edits or somewhat more are kept."""

    def setUp(self) -> None:
        self.patch(documents, "SNAPSHOT_EVERY", 5)
        self.patch(documents, "CHECKPOINT_EVERY", 10)
        self.party = Party(limits=SessionLimits(window=10), retention=Retention(15))

    async def typed(self, count: int) -> tuple[Any, dict[str, Any]]:
        """A session into which so many letters were typed, one every second."""
        one, at = await self.joined(1)
        for number in range(count):
            self.party.around.clock.advance(1)
            letter = LETTERS[number % len(LETTERS)]
            await self.edit(one, at, number, number + 1, [number, letter] if number else [letter])
        return one, at

    def expected(self, revision: int) -> str:
        return (LETTERS * 10)[:revision]

    async def waited(self, call: Any) -> Any:
        """What a call answers, while time goes on."""
        answer = start(call)
        for _ in range(1000):
            if answer.called:
                break
            self.party.around.clock.advance(0.001)
        return await answer


class SnapshotTests(HistoryCase):
    async def test_the_head_is_written_and_hashed_once_for_all_who_ask(self) -> None:
        one, at = await self.typed(3)
        written: list[Any] = []
        canonical = document.canonical

        def counted(content: Any) -> bytes:
            written.append(content)
            return canonical(content)

        self.patch(document, "canonical", counted)
        for name in ("hash", "snapshot", "hash"):
            found = await self.party.call(name, one, session_id="notes")
            self.assertEqual(found["sha256"], sha256(self.expected(3)))
        self.assertEqual(len(written), 1)
        await self.edit(one, at, 3, 4, ["!"])
        found = await self.party.call("hash", one, session_id="notes")
        self.assertEqual(found["sha256"], sha256(written[-1]))
        self.assertEqual((found["revision"], len(written)), (4, 2))

    async def test_the_content_at_every_revision_from_the_floor_on(self) -> None:
        self.patch(past, "PAGE", 3)
        one, at = await self.typed(44)
        info = await self.party.call("info", one, session_id="notes")
        self.assertEqual(info["floor_revision"], 20)
        for party in (self.party, Party(self.party.store, self.party.around)):
            self.party = party
            for revision in range(20, 45):
                found = await self.waited(
                    party.call("snapshot", one, session_id="notes", revision=revision)
                )
                content = self.expected(revision)
                expected = {
                    "epoch": at["epoch"],
                    "revision": revision,
                    "content": content,
                    "sha256": sha256(content),
                    "user_id": None if revision == 20 else "ada",
                    "time_ms": None if revision == 20 else revision * 1000,
                }
                self.assertEqual(found, expected)
                hashed = await self.waited(
                    party.call("hash", one, session_id="notes", revision=revision)
                )
                fields = ("epoch", "revision", "sha256")
                self.assertEqual(hashed, {name: expected[name] for name in fields})
            newest = await party.call("snapshot", one, session_id="notes")
            self.assertEqual(newest, expected)

    async def test_what_is_not_kept_is_refused_with_what_is(self) -> None:
        one, _ = await self.typed(44)
        for name in ("snapshot", "hash"):
            error = await self.refused("bad_revision", name, one, session_id="notes", revision=19)
            self.assertEqual(error.kwargs["oldest"], 20)
            error = await self.refused("base_ahead", name, one, session_id="notes", revision=45)
            self.assertEqual(error.kwargs["revision"], 44)
            await self.refused("bad_revision", name, one, session_id="notes", revision=-1)
            await self.refused("no_such_session", name, one, session_id="other", revision=1)
            stranger = self.party.caller(2, claims("bob", other="edit"))
            await self.refused("no_such_session", name, stranger, session_id="notes")

    async def test_the_initial_content_is_kept_as_long_as_the_first_edit(self) -> None:
        one = self.party.caller(1)
        await self.party.call("create", one, session_id="notes", content="é😀")
        one, at = await self.joined(1)
        for number in range(9):
            await self.edit(one, at, number, number + 1, [2, "x"])
        found = await self.party.call("snapshot", one, session_id="notes", revision=0)
        self.assertEqual((found["content"], found["user_id"]), ("é😀", None))
        self.assertEqual(found["sha256"], sha256("é😀"))

    async def test_a_fold_gives_others_a_turn_and_many_ask_for_it_once(self) -> None:
        self.patch(past, "PAGE", 2)
        one, _ = await self.typed(9)
        self.party.sessions.documents.forget(KEY)
        read: list[int] = []
        edits = self.party.store.edits

        async def counted(*args: Any) -> Any:
            read.append(args[2])
            return await edits(*args)

        self.party.store.edits = counted
        asked = [
            start(self.party.call("snapshot", one, session_id="notes", revision=4))
            for _ in range(5)
        ]
        self.assertEqual((read, [one.called for one in asked]), ([0], [False] * 5))
        self.party.around.clock.advance(0)
        self.assertEqual(read, [0, 2])
        for answer in asked:
            self.assertEqual((await answer)["content"], "abcd")

    async def test_a_large_document_is_folded_in_turns(self) -> None:
        one, _ = await self.typed(4)
        self.party.sessions.documents.forget(KEY)
        # Each look at the clock finds it a second later, and each pause is a turn of the others.
        ticks, pauses = itertools.count(), []
        folding = self.party.sessions.history._past
        self.patch(folding, "_now_s", lambda: float(next(ticks)))

        async def pause(seconds: float) -> None:
            pauses.append(seconds)

        self.patch(folding, "_pause", pause)
        found = await self.party.call("snapshot", one, session_id="notes", revision=3)
        self.assertEqual((found["content"], pauses), ("abc", [0, 0, 0]))
        pauses.clear()
        self.patch(past, "LARGE_BYTES", 0)
        found = await self.party.call("snapshot", one, session_id="notes", revision=3)
        self.assertEqual((found["content"], pauses), ("abc", [0] * 6))

    async def test_too_many_who_ask_for_old_content_are_sent_away(self) -> None:
        self.patch(past, "MOST_WAITING", 1)
        one, _ = await self.typed(9)
        self.party.sessions.documents.forget(KEY)
        held: Deferred[None] = Deferred()
        edits = self.party.store.edits

        async def slow(*args: Any) -> Any:
            await held
            return await edits(*args)

        self.party.store.edits = slow
        asked = [
            start(self.party.call("snapshot", one, session_id="notes", revision=revision))
            for revision in (2, 3, 4)
        ]
        error = await self.refused("overloaded", "snapshot", one, session_id="notes", revision=6)
        self.assertIn("retry_after_ms", error.kwargs)
        held.callback(None)
        self.assertEqual([(await answer)["content"] for answer in asked], ["ab", "abc", "abcd"])

    async def test_history_that_goes_while_it_is_read(self) -> None:
        one, at = await self.typed(14)
        self.party.sessions.documents.forget(KEY)
        checkpoint = self.party.store.checkpoint

        async def type_on() -> None:
            for number in range(14, 60):
                await self.edit(one, at, number, number + 1, [number, "x"])

        async def destroy() -> None:
            await self.party.store.destroy(KEY)

        happenings = iter((type_on, destroy))

        async def late(*args: Any) -> Any:
            found = await checkpoint(*args)
            await next(happenings)()
            return found

        self.party.store.checkpoint = late
        error = await self.refused("bad_revision", "hash", one, session_id="notes", revision=8)
        self.assertEqual(error.kwargs["oldest"], 40)
        await self.refused("no_such_session", "hash", one, session_id="notes", revision=58)

    async def test_nothing_is_folded_from_a_damaged_checkpoint(self) -> None:
        one, _ = await self.typed(14)
        record = self.party.store._records[KEY]
        record.checkpoints[0] = record.snapshot
        record.checkpoints[0] = type(record.snapshot)(0, b'"other"', record.snapshot.sha256)
        with self.assertRaises(CorruptSnapshot):
            await self.party.call("snapshot", one, session_id="notes", revision=3)

    async def test_a_snapshot_is_announced_with_the_hash_that_is_told(self) -> None:
        one, _ = await self.typed(5)
        hashed = await self.party.call("hash", one, session_id="notes")
        [event] = [row for row in self.party.around.events("roster") if "check" in row]
        self.assertEqual(event, {"check": hashed})
        self.assertEqual(hashed["revision"], 5)

    async def test_nobody_takes_all_the_places(self) -> None:
        one, _ = await self.typed(44)
        edits, held = self.party.store.edits, Deferred()

        async def slow(*args: Any) -> Any:
            await held
            return await edits(*args)

        self.patch(history, "MOST_ASKED", 3)
        self.party.store.edits = slow
        asked = [
            start(self.party.call("snapshot", one, session_id="notes", revision=revision))
            for revision in (31, 32, 33)
        ]
        await self.refused("overloaded", "snapshot", one, session_id="notes", revision=34)
        bob = self.party.caller(2, claims("bob"))
        asked.append(start(self.party.call("snapshot", bob, session_id="notes", revision=34)))
        held.callback(None)
        await self.party.settle()
        for revision, answer in zip((31, 32, 33, 34), asked, strict=True):
            self.assertEqual((await answer)["content"], self.expected(revision))
        self.assertEqual(len(self.party.sessions.history._asking), 0)

    async def test_calls_are_rated(self) -> None:
        for name in ("hash", "snapshot"):
            self.party = Party(rates=Rates(calls_per_user=Rate(0.001, 1), longest_delay_s=0))
            one, _ = await self.joined(1)
            await self.refused("rate_limited", name, one, session_id="notes")
