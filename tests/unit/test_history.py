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
from collab_wamp.store import memory_versions
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


class VersionTests(HistoryCase):
    async def saved(self, caller: Any, name: str = "first", **more: Any) -> dict[str, Any]:
        return await self.party.call("save_version", caller, session_id="notes", name=name, **more)

    async def test_a_version_is_of_the_head_or_of_a_revision(self) -> None:
        one, _ = await self.typed(7)
        newest = await self.saved(one, "as it is")
        older = await self.waited(self.saved(one, "as it was", revision=3))
        self.assertEqual(
            newest,
            {
                "version_id": newest["version_id"],
                "name": "as it is",
                "revision": 7,
                "user_id": "ada",
                "time_ms": 7000,
            },
        )
        self.assertEqual((older["revision"], older["name"]), (3, "as it was"))
        self.assertNotEqual(older["version_id"], newest["version_id"])
        listed = await self.party.call("versions", one, session_id="notes")
        self.assertEqual(
            {row["revision"]: row for row in listed["versions"]}, {7: newest, 3: older}
        )

    async def test_what_a_version_must_be_named(self) -> None:
        one, _ = await self.typed(2)
        for name in ("", "x" * 129, "a\0b", "\ud800", 7, None):
            error = await self.refused(
                "bad_request", "save_version", one, session_id="notes", name=name
            )
            self.assertEqual(error.kwargs["argument"], "name")
        self.assertEqual((await self.saved(one, "x" * 128))["name"], "x" * 128)
        for revision, code in ((3, "base_ahead"), (-1, "bad_revision")):
            await self.refused(
                code, "save_version", one, session_id="notes", name="x", revision=revision
            )

    async def test_there_are_so_many_at_the_most(self) -> None:
        self.patch(memory_versions, "MOST_VERSIONS", 2)
        one, _ = await self.typed(1)
        for _ in range(2):
            version = await self.saved(one)
        error = await self.refused("too_many", "save_version", one, session_id="notes", name="x")
        self.assertEqual(error.kwargs["limit"], "versions_per_session")
        version_id = version["version_id"]
        await self.party.call("delete_version", one, session_id="notes", version_id=version_id)
        await self.saved(one)

    async def test_who_may_do_what_with_versions(self) -> None:
        one, _ = await self.typed(2)
        mine = await self.saved(one)
        editor = self.party.caller(2, claims("bob", notes="edit"))
        viewer = self.party.caller(3, claims("eve", notes="view"))
        stranger = self.party.caller(4, claims("mal", other="manage"))
        theirs = await self.saved(editor)
        for version, caller, code in (
            (mine, viewer, "denied"),
            (theirs, viewer, "denied"),
            (mine, editor, "denied"),
            (mine, stranger, "no_such_session"),
        ):
            which = {"session_id": "notes", "version_id": version["version_id"]}
            await self.refused(code, "delete_version", caller, **which)
            if caller is not editor:
                await self.refused(code, "restore", caller, **which)
        await self.refused("denied", "save_version", viewer, session_id="notes", name="x")
        await self.refused("no_such_session", "versions", stranger, session_id="notes")
        self.assertEqual(
            len((await self.party.call("versions", viewer, session_id="notes"))["versions"]), 2
        )
        # Their own they may remove, and who manages all of them.
        for version, caller in ((theirs, editor), (mine, one)):
            which = {"session_id": "notes", "version_id": version["version_id"]}
            await self.party.call("delete_version", caller, **which)
            await self.refused("no_such_version", "delete_version", caller, **which)
            await self.refused("no_such_version", "restore", caller, **which)

    async def test_versions_of_a_session_that_is_not_there(self) -> None:
        one = self.party.caller(1)
        for name, more in (
            ("versions", {}),
            ("save_version", {"name": "x"}),
            ("delete_version", {"version_id": "v1"}),
            ("restore", {"version_id": "v1"}),
            ("restore", {"revision": 1}),
        ):
            await self.refused("no_such_session", name, one, session_id="notes", **more)


class RestoreTests(HistoryCase):
    async def restore(self, caller: Any, **which: Any) -> dict[str, Any]:
        answer: dict[str, Any] = await self.waited(
            self.party.call("restore", caller, session_id="notes", **which)
        )
        return answer

    async def content(self) -> str:
        found = await self.party.call("snapshot", self.party.caller(1), session_id="notes")
        return str(found["content"])

    async def test_a_revision_is_restored_by_an_edit_that_others_see(self) -> None:
        one, _ = await self.typed(12)
        bob = self.party.caller(2, claims("bob"))
        await self.party.call("join", bob, session_id="notes", client_id="client-0002")
        self.party.around.clock.advance(1)
        self.party.around.published.clear()
        answer = await self.restore(bob, revision=4)
        self.assertEqual(answer, {"revision": 13, "durable": False})
        self.assertEqual(await self.content(), "abcd")
        [event] = self.party.around.events("edits", 1)
        [[client_id, seq, op, user_id, time_ms]] = event["edits"]
        self.assertRegex(client_id, "^restore-[a-z0-9]{16,56}$")
        self.assertEqual((event["after"], seq, op, user_id), (12, 1, [4, {"d": 8}], "bob"))
        self.assertEqual(time_ms, self.party.around.now_ms())
        # And what was in between can be restored in turn.
        await self.restore(one, revision=12)
        self.assertEqual(await self.content(), self.expected(12))

    async def test_a_version_outlives_the_edits_that_led_to_it(self) -> None:
        one, at = await self.typed(4)
        version = await self.party.call("save_version", one, session_id="notes", name="four")
        for number in range(4, 60):
            await self.edit(one, at, number, number + 1, [number, "x"])
        await self.refused("bad_revision", "restore", one, session_id="notes", revision=4)
        await self.restore(one, version_id=version["version_id"])
        self.assertEqual(await self.content(), "abcd")

    async def test_where_nothing_differs_nothing_is_done(self) -> None:
        one, _ = await self.typed(6)
        answer = await self.restore(one, revision=6)
        self.assertEqual(answer["revision"], 6)
        version = await self.party.call("save_version", one, session_id="notes", name="x")
        answer = await self.restore(one, version_id=version["version_id"])
        self.assertEqual(answer["revision"], 6)
        self.assertEqual((await self.party.call("info", one, session_id="notes"))["revision"], 6)

    async def test_what_others_do_at_the_same_time_is_merged(self) -> None:
        one, at = await self.typed(6)
        commit, held = self.party.store.commit, Deferred()

        async def slow(*args: Any) -> Any:
            await held
            return await commit(*args)

        self.party.store.commit = slow
        # Theirs is under way, and ours is made without it; so is one that comes from elsewhere.
        theirs = start(self.edit(one, at, 6, 7, [6, "!"]))
        ours = start(self.party.call("restore", one, session_id="notes", revision=2))
        self.party.around.clock.advance(0)
        elsewhere = Party(self.party.store, self.party.around, "node-2")
        self.party.store.commit = commit
        him = elsewhere.caller(9, claims("bob"))
        await elsewhere.call("join", him, session_id="notes", client_id="client-0009")
        await elsewhere.call(
            "edit", him, session_id="notes", epoch=at["epoch"], revision=6,
            client_id="client-0009", seq=1, op=["?"],
        )  # fmt: skip
        held.callback(None)
        for _ in range(100):
            self.party.around.clock.advance(0.01)
        self.assertEqual((await theirs)["revision"], 8)
        self.assertEqual((await ours)["revision"], 9)
        self.assertEqual(await self.content(), "?ab!")

    async def test_one_of_the_two_must_be_named(self) -> None:
        one, _ = await self.typed(2)
        for which in ({}, {"revision": 1, "version_id": "v"}, {"version_id": "a/b"}):
            error = await self.refused("bad_request", "restore", one, session_id="notes", **which)
            self.assertEqual(error.kwargs["argument"], "version_id")

    async def test_a_right_that_is_taken_while_the_past_is_read_counts(self) -> None:
        one, _ = await self.typed(6)
        bob = self.party.caller(2, claims("bob"))
        head = self.party.sessions.history._past.head

        async def late(key: Any) -> Any:
            arguments = self.party.arguments(session_id="notes", user_id="bob", right="edit")
            await self.party.sessions.rights.revoke(one, arguments)
            return await head(key)

        self.patch(self.party.sessions.history._past, "head", late)
        await self.refused("denied", "restore", bob, session_id="notes", revision=2)
        self.assertEqual(await self.content(), self.expected(6))

    async def test_it_is_rated_as_an_edit_and_refused_as_one(self) -> None:
        self.party = Party(rates=Rates(edits_per_user=Rate(0.001, 7), longest_delay_s=0))
        one, _ = await self.typed(6)
        await self.restore(one, revision=5)
        error = await self.refused("rate_limited", "restore", one, session_id="notes", revision=4)
        self.assertEqual(error.kwargs["limit"], "edits_per_user")
        self.party.sessions.draining = True
        await self.refused("draining", "restore", one, session_id="notes", revision=4)

    async def test_a_large_one_is_rated_as_several_edits(self) -> None:
        for size, edits in ((30_000, 1), (100_000, 4), (1_000_000, 21)):
            self.party = Party(rates=Rates(edits_per_user=Rate(0.001, 30), longest_delay_s=0))
            one = self.party.caller(1)
            made = {"session_id": "notes", "content": "x" * size}
            await self.party.call("create", one, **made)
            _, at = await self.joined(1)
            await self.edit(one, at, 0, 1, [{"d": size}])
            await self.restore(one, revision=0)
            found = await self.party.sessions._limiter.left("acme", "ada", "notes")
            # Leases are taken in advance.
            self.assertTrue(
                edits <= 29 - found["edits_per_user"]["left"] <= edits + 5, (size, found)
            )

    async def test_a_content_beyond_the_limit_is_not_restored(self) -> None:
        one, at = await self.typed(8)
        await self.edit(one, at, 8, 9, [{"d": 6}])
        small = Party(self.party.store, self.party.around, limits=SessionLimits(document_length=5))
        self.party = small
        await self.refused("document_full", "restore", one, session_id="notes", revision=8)
        self.assertEqual(await self.content(), "gh")
        await self.restore(one, revision=5)
        self.assertEqual(await self.content(), "abcde")

    async def test_a_long_text_is_restored_as_a_whole(self) -> None:
        """The limits of one operation are for what clients send."""
        one = self.party.caller(1)
        content = "0123456789" * 50_000
        await self.party.call("create", one, session_id="notes", content=content)
        one, at = await self.joined(1)
        await self.edit(one, at, 0, 1, [{"d": len(content)}])
        self.assertEqual((await self.restore(one, revision=0))["revision"], 2)
        self.assertEqual(await self.content(), content)

    async def test_json_is_restored_and_hashed_by_its_canonical_text(self) -> None:
        one = self.party.caller(1)
        content = {"b": [1, 2.5, -3.0], "a": "é"}
        await self.party.call("create", one, session_id="notes", type="json", content=content)
        one, at = await self.joined(1)
        for number in range(12):
            op = [{"p": ["b", 0], "ld": number + 1, "li": number + 2}]
            await self.edit(one, at, number, number + 1, op)
        found = await self.waited(self.party.call("snapshot", one, session_id="notes", revision=7))
        self.assertEqual(found["content"], {"b": [8, 2.5, -3], "a": "é"})
        text = '{"a":"é","b":[8,2.5,-3]}'
        self.assertEqual(found["sha256"], hashlib.sha256(text.encode()).hexdigest())
        self.assertEqual((await self.restore(one, revision=0))["revision"], 13)
        found = await self.party.call("snapshot", one, session_id="notes")
        self.assertEqual(found["content"], content)
        # What a process reads from a snapshot is as good as what it remembers.
        other = Party(self.party.store, self.party.around)
        again = await self.waited(other.call("snapshot", one, session_id="notes", revision=13))
        self.assertEqual((again["content"], again["sha256"]), (content, found["sha256"]))

    async def test_rich_text_is_restored_with_its_formats(self) -> None:
        one = self.party.caller(1)
        content = [{"insert": "Title", "attributes": {"header": 1, "bold": True}}, {"insert": "\n"}]
        await self.party.call("create", one, session_id="notes", type="rich_text", content=content)
        one, at = await self.joined(1)
        for seq, op in enumerate(
            (
                [{"retain": 5, "attributes": {"bold": None}}],
                [{"insert": {"image": "x.png"}}, {"delete": 2}],
                [{"retain": 4}, {"insert": "😀"}],
            ),
            1,
        ):
            await self.edit(one, at, seq - 1, seq, op)
        self.assertEqual((await self.restore(one, revision=0))["revision"], 4)
        found = await self.party.call("snapshot", one, session_id="notes")
        self.assertEqual(found["content"], content)
        text = '[{"attributes":{"bold":true,"header":1},"insert":"Title"},{"insert":"\\n"}]'
        self.assertEqual(found["sha256"], hashlib.sha256(text.encode()).hexdigest())
