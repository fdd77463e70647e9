"""Named versions of a document, and restoring."""

from __future__ import annotations

import hashlib
from typing import Any

from twisted.internet.defer import Deferred

from collab_wamp.joining import SessionLimits
from collab_wamp.rates import Rate, Rates
from collab_wamp.store import memory_versions
from tests.support.parties import Party, claims, start
from tests.unit.test_history import HistoryCase


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
