"""The use cases, on the reference store."""

from __future__ import annotations

from typing import Any

from collab_wamp import documents
from collab_wamp.documents import REMEMBERED
from collab_wamp.errors import CollabError
from collab_wamp.joining import SessionLimits
from collab_wamp.ot.base import Limits as OpLimits
from collab_wamp.retention import Retention
from collab_wamp.store.values import Presence
from tests.support.parties import KEY, Party, claims
from tests.support.sessions_case import SessionsCase


class CreateTests(SessionsCase):
    async def test_a_session_is_made_once(self) -> None:
        caller = self.party.caller(1)
        made = await self.party.call("create", caller, session_id="notes", content="hello")
        self.assertEqual((made["revision"], made["created"]), (0, True))
        await self.refused("session_exists", "create", caller, session_id="notes")
        again = await self.party.call("create", caller, session_id="notes", if_absent=True)
        self.assertEqual(again, made | {"created": False})

    async def test_a_name_is_made_up_where_none_is_given(self) -> None:
        made = await self.party.call("create", self.party.caller(1))
        self.assertRegex(made["session_id"], r"^[a-z0-9]{16,64}$")

    async def test_content_must_fit_the_type_and_the_limit(self) -> None:
        caller = self.party.caller(1)
        await self.refused("bad_request", "create", caller, content={"no": "text"})
        await self.refused("bad_request", "create", caller, content="\ud800")
        await self.refused("document_full", "create", caller, content="x" * (2**20 + 1))

    async def test_ids_of_a_wrong_form_are_named(self) -> None:
        for bad in ("../", "{}", "*", "a\0b", "x" * 65, 7, "", ["notes"]):
            error = await self.refused(
                "bad_session_id", "join", self.party.caller(1), session_id=bad
            )
            self.assertIn("session_id", error.message)


class RightTests(SessionsCase):
    async def test_view_does_not_edit_and_edit_does_not_destroy(self) -> None:
        await self.joined(1)
        viewer = self.party.caller(2, claims("bob", notes="view"))
        at = await self.party.call("join", viewer, session_id="notes", client_id="client-0002")
        self.assertEqual(at["rights"], "view")
        body = {"session_id": "notes", "epoch": at["epoch"], "revision": 0}
        error = await self.refused(
            "denied", "edit", viewer, **body, client_id="client-0002", seq=1, op=["x"]
        )
        self.assertEqual(error.details["needs"], "edit")
        editor = self.party.caller(3, claims("eve", notes="edit"))
        await self.refused("denied", "destroy", editor, session_id="notes")

    async def test_who_has_no_right_cannot_tell_whether_it_exists(self) -> None:
        await self.joined(1)
        stranger = self.party.caller(2, claims("bob", other="manage"))
        for name, extra in (
            ("join", {"client_id": "client-0002"}),
            ("info", {}),
            ("snapshot", {}),
            ("fetch", {"epoch": "e", "after": 0}),
            ("destroy", {}),
        ):
            await self.refused("no_such_session", name, stranger, session_id="notes", **extra)

    async def test_another_tenant_has_other_sessions(self) -> None:
        await self.joined(1)
        stranger = self.party.caller(2, claims("ada", tenant="globex"))
        await self.refused(
            "no_such_session", "join", stranger, session_id="notes", client_id="client-0002"
        )
        found = await self.party.call("list_sessions", stranger)
        self.assertEqual(found["sessions"], [])

    async def test_the_list_has_what_one_may_see(self) -> None:
        for name in ("a1", "a2", "b1"):
            await self.joined(1, session_id=name)
        some = self.party.caller(2, claims("bob", a2="view"))
        self.assertEqual((await self.party.call("list_sessions", some))["sessions"], ["a2"])


class EditTests(SessionsCase):
    async def test_edits_get_revisions_in_order_and_are_transformed(self) -> None:
        one, at = await self.joined(1)
        two, _ = await self.joined(2)
        self.assertEqual((await self.edit(one, at, 0, 1, ["aa"]))["revision"], 1)
        self.assertEqual((await self.edit(two, at, 0, 1, ["bb"]))["revision"], 2)
        self.assertEqual((await self.edit(one, at, 2, 2, [4, "!"]))["revision"], 3)
        found = await self.party.call("snapshot", one, session_id="notes")
        self.assertEqual((found["revision"], found["content"]), (3, "aabb!"))

    async def test_the_same_edit_again_is_answered_and_not_made(self) -> None:
        one, at = await self.joined(1)
        first = await self.edit(one, at, 0, 1, ["aa"])
        again = await self.edit(one, at, 0, 1, ["aa"])
        self.assertEqual(again["revision"], first["revision"])
        found = await self.party.call("snapshot", one, session_id="notes")
        self.assertEqual(found["content"], "aa")

    async def test_a_number_cannot_be_used_for_another_body_nor_left_out(self) -> None:
        one, at = await self.joined(1)
        await self.edit(one, at, 0, 1, ["aa"])
        with self.assertRaises(CollabError) as reused:
            await self.edit(one, at, 0, 1, ["bb"])
        self.assertEqual(reused.exception.code, "seq_reused")
        with self.assertRaises(CollabError) as gap:
            await self.edit(one, at, 1, 3, [2, "bb"])
        self.assertEqual((gap.exception.code, gap.exception.details["next_seq"]), ("seq_gap", 2))

    async def test_an_edit_that_changes_nothing_makes_no_entry(self) -> None:
        one, at = await self.joined(1)
        self.assertEqual((await self.edit(one, at, 0, 1, []))["revision"], 0)
        self.assertEqual((await self.edit(one, at, 0, 1, ["a"]))["revision"], 1)

    async def test_bad_revisions(self) -> None:
        one, at = await self.joined(1)
        for bad in (-1, "3", 3.5, None, True, 2**60):
            with self.assertRaises(CollabError) as caught:
                await self.edit(one, at, bad, 1, ["a"])  # type: ignore[arg-type]
            self.assertEqual(caught.exception.code, "bad_revision", bad)
        with self.assertRaises(CollabError) as ahead:
            await self.edit(one, at, 1, 1, ["a"])
        self.assertEqual(ahead.exception.code, "base_ahead")

    async def test_bad_operations_are_refused_with_the_part(self) -> None:
        one, at = await self.joined(1)
        await self.edit(one, at, 0, 1, ["abc"])
        for op, code, part in (
            ([4, "x"], "bad_op", 0),
            ([{"d": 4}], "bad_op", 0),
            ([-1, "x"], "bad_op", 0),
            ([1, {"d": 1, "x": 2}], "bad_op", 1),
            ([1, True], "bad_op", 1),
            ([2**53, "x"], "bad_op", 0),
            (["a", "b"], "bad_op", 1),
            ("abc", "bad_op", None),
            ([1, "\ud83d"], "bad_op", 1),
            ([1, "a\0"], "bad_op", 1),
            (["a", 1] * 600, "op_too_large", None),
            (["x" * 40_000], "op_too_large", 0),
        ):
            with self.assertRaises(CollabError) as caught:
                await self.edit(one, at, 1, 2, op)
            self.assertEqual(caught.exception.code, code, op if len(op) < 9 else len(op))
            if part is not None:
                self.assertEqual(caught.exception.details["part"], part, op)
        found = await self.party.call("snapshot", one, session_id="notes")
        self.assertEqual((found["revision"], found["content"]), (1, "abc"))

    async def test_a_full_document_stays_as_it_is_and_can_shrink(self) -> None:
        self.party = Party(limits=SessionLimits(document_length=5))
        one, at = await self.joined(1)
        await self.edit(one, at, 0, 1, ["12345"])
        with self.assertRaises(CollabError) as caught:
            await self.edit(one, at, 1, 2, ["6"])
        self.assertEqual(caught.exception.code, "document_full")
        self.assertEqual((await self.edit(one, at, 1, 2, [{"d": 2}]))["revision"], 2)

    async def test_editing_needs_a_join_and_ends_with_a_leave(self) -> None:
        one, at = await self.joined(1)
        with self.assertRaises(CollabError) as caught:
            await self.edit(self.party.caller(2), at, 0, 1, ["a"])
        self.assertEqual(caught.exception.code, "not_joined")
        await self.party.call("leave", one, session_id="notes")
        await self.party.call("leave", one, session_id="notes")
        with self.assertRaises(CollabError) as caught:
            await self.edit(one, at, 0, 1, ["a"])
        self.assertEqual(caught.exception.code, "not_joined")

    async def test_a_base_beyond_the_window_is_too_old_unless_it_is_a_resend(self) -> None:
        self.party = Party(limits=SessionLimits(window=50))
        one, at = await self.joined(1)
        two, _ = await self.joined(2)
        first = await self.edit(one, at, 0, 1, ["a"])
        for number in range(1, 160):
            await self.edit(two, at, number, number, ["b"])
        self.assertEqual((await self.edit(one, at, 0, 1, ["a"]))["revision"], first["revision"])
        with self.assertRaises(CollabError) as caught:
            await self.edit(one, at, 1, 2, ["c"])
        self.assertEqual(caught.exception.code, "base_too_old")
        self.assertEqual((await self.edit(one, at, 140, 2, ["c"]))["revision"], 161)

    async def test_a_session_made_anew_refuses_the_old_epoch(self) -> None:
        one, at = await self.joined(1)
        await self.party.call("destroy", one, session_id="notes")
        one, now = await self.joined(1)
        self.assertNotEqual(at["epoch"], now["epoch"])
        with self.assertRaises(CollabError) as caught:
            await self.edit(one, at, 0, 1, ["a"])
        self.assertEqual(caught.exception.code, "stale_epoch")
        self.assertEqual(caught.exception.details["epoch"], now["epoch"])

    async def test_an_operation_is_checked_before_its_work_is_done(self) -> None:
        self.party = Party(limits=SessionLimits(op=OpLimits(parts=3)))
        one, at = await self.joined(1)
        with self.assertRaises(CollabError) as caught:
            await self.edit(one, at, 0, 1, ["a", 1, "b", 1])
        self.assertEqual(caught.exception.code, "op_too_large")


class JoinTests(SessionsCase):
    async def test_a_join_tells_where_one_is_and_who_is_there(self) -> None:
        one, at = await self.joined(1)
        await self.edit(one, at, 0, 1, ["hello"])
        _, joined = await self.joined(2)
        self.assertEqual((joined["revision"], joined["content"]), (1, "hello"))
        self.assertEqual(joined["next_seq"], 1)
        self.assertEqual(
            {row["client_id"] for row in joined["roster"]}, {"client-0001", "client-0002"}
        )
        self.assertEqual(
            sorted(joined["topics"]), ["cursor", "edits", "presence", "roster", "selection"]
        )

    async def test_a_rejoin_gets_the_edits_it_lacks(self) -> None:
        one, at = await self.joined(1)
        for number in range(4):
            await self.edit(one, at, number, number + 1, ["x"])
        again = await self.party.call(
            "join",
            self.party.caller(9),
            session_id="notes",
            client_id="client-0001",
            epoch=at["epoch"],
            revision=1,
        )
        self.assertNotIn("content", again)
        self.assertEqual([row[1] for row in again["edits"]], [2, 3, 4])
        self.assertEqual((again["revision"], again["next_seq"]), (4, 5))

    async def test_the_newer_connection_of_a_client_fences_the_older(self) -> None:
        one, at = await self.joined(1)
        newer = self.party.caller(2)
        joined = await self.party.call("join", newer, session_id="notes", client_id="client-0001")
        self.assertEqual(len(joined["roster"]), 1)
        with self.assertRaises(CollabError) as caught:
            await self.edit(one, at, 0, 1, ["a"])
        self.assertEqual(caught.exception.code, "not_joined")

    async def test_unknown_arguments_are_named(self) -> None:
        await self.joined(1)
        error = await self.refused(
            "bad_request",
            "join",
            self.party.caller(1),
            session_id="notes",
            client_id="client-0001",
            revsion=3,
        )
        self.assertIn("revsion", error.message)

    async def test_fetch_gives_ranges(self) -> None:
        one, at = await self.joined(1)
        for number in range(5):
            await self.edit(one, at, number, number + 1, ["x"])
        found = await self.party.call(
            "fetch", one, session_id="notes", epoch=at["epoch"], after=1, limit=2
        )
        self.assertEqual([row[1] for row in found["edits"]], [2, 3])
        self.assertEqual((found["revision"], found["more"]), (5, True))
        await self.refused(
            "base_ahead", "fetch", one, session_id="notes", epoch=at["epoch"], after=6
        )


class SnapshotTests(SessionsCase):
    async def test_a_snapshot_is_kept_every_500_edits(self) -> None:
        one, at = await self.joined(1)
        for number in range(501):
            await self.edit(one, at, number, number + 1, ["x"])
        found = await self.party.store.snapshot(KEY)
        assert found is not None
        meta, snapshot = found
        self.assertEqual((snapshot.revision, meta.floor_revision), (500, 0))
        self.assertEqual(snapshot.content, b'"' + b"x" * 500 + b'"')

    async def floors(self, retention: Retention, window: int) -> list[int]:
        """The log's floor at each 10th revision, with snapshots so often, too."""
        self.patch(documents, "SNAPSHOT_EVERY", 10)
        self.patch(documents, "CHECKPOINT_EVERY", 20)
        self.party = Party(limits=SessionLimits(window=window), retention=retention)
        one, at = await self.joined(1)
        found = []
        for number in range(110):
            await self.edit(one, at, number, number + 1, ["x"])
            meta = await self.party.store.meta(KEY)
            assert meta is not None
            if not meta.revision % 10:
                self.assertEqual(meta.snapshot_revision, meta.revision)
                found.append(meta.floor_revision)
        return found

    async def test_so_many_edits_are_kept_as_the_tenant_s_setting_says(self) -> None:
        kept = [0, 0, 0, 0, 0, 0, 0, 20, 20, 40, 40]
        for retention, floors in (
            (Retention(55), kept),
            (Retention(55, {"other": 1000}), kept),
            (Retention(1000, {"acme": 55}), kept),
            (Retention(100), [0] * 11),
            (Retention(0), [0] * 11),
            (Retention(55, {"acme": 0}), [0] * 11),
        ):
            self.assertEqual(await self.floors(retention, window=10), floors, retention)

    async def test_as_many_edits_are_kept_as_rebasing_needs(self) -> None:
        floors = await self.floors(Retention(1), window=55)
        self.assertEqual(floors, [0, 0, 0, 0, 0, 0, 0, 20, 20, 40, 40])

    async def test_who_is_behind_a_long_log_goes_on_from_the_snapshot(self) -> None:
        """What a process reads and remembers does not grow with what is kept."""
        self.patch(documents, "SNAPSHOT_EVERY", 100)
        self.party = Party(limits=SessionLimits(window=50))
        one, at = await self.joined(1)
        other = Party(self.party.store, self.party.around, limits=SessionLimits(window=50))
        await other.call("snapshot", one, session_id="notes")
        for number in range(420):
            await self.edit(one, at, number, number + 1, ["x"])
        read: list[int] = []
        edits = self.party.store.edits

        async def counted(*args: Any) -> Any:
            answer: Any = await edits(*args)
            read.append(len(answer[0]))
            return answer

        self.party.store.edits = counted
        found = await other.call("snapshot", one, session_id="notes")
        self.party.store.edits = edits
        self.assertEqual((found["revision"], found["content"]), (420, "x" * 420))
        self.assertEqual(read[-1], 20)
        document = await other.sessions.documents.get(KEY)
        self.assertEqual(document.start, 400)

    async def test_a_quiet_session_is_saved_after_a_while_and_then_forgotten(self) -> None:
        one, at = await self.joined(1)
        await self.edit(one, at, 0, 1, ["x"])
        self.party.around.clock.advance(29)
        await self.party.sessions.documents.tidy()
        found = await self.party.store.snapshot(KEY)
        assert found is not None
        self.assertEqual(found[1].revision, 0)
        self.party.around.clock.advance(2)
        await self.party.sessions.documents.tidy()
        found = await self.party.store.snapshot(KEY)
        assert found is not None
        self.assertEqual(found[1].revision, 1)
        self.party.around.clock.advance(200)
        await self.party.sessions.documents.tidy()
        self.assertEqual(len(self.party.sessions.documents), 0)

    async def test_of_a_session_little_is_kept_in_memory_and_older_bases_are_read(self) -> None:
        one, at = await self.joined(1)
        for number in range(300):
            await self.edit(one, at, number, number + 1, ["x"])
        who = at["participant_id"]
        await self.party.store.set_presence(KEY, "i1", {who: Presence(100, 50, None)})
        remembered = self.party.sessions.documents
        document = await remembered.get(KEY)
        for _ in range(3):
            await remembered.tidy()
        self.assertEqual((document.start, document.revision), (300 - REMEMBERED, 300))
        self.assertEqual((await self.edit(one, at, 120, 301, [120, "!"]))["revision"], 301)
        self.assertEqual(document.content(), "x" * 300 + "!")
        for _ in range(3):
            await remembered.tidy()
        self.assertEqual(document.start, 301 - REMEMBERED)
        # 201 edits ago; 200 of them were before it.
        _, joined = await self.joined(2)
        self.assertEqual(joined["presence"], {who: {"cursor": 250, "selection": None}})

    async def test_a_join_is_answered_also_where_older_edits_cannot_be_read(self) -> None:
        one, at = await self.joined(1)
        for number in range(300):
            await self.edit(one, at, number, number + 1, ["x"])
        who = at["participant_id"]
        await self.party.store.set_presence(KEY, "i1", {who: Presence(100, 50, None)})
        for _ in range(3):
            await self.party.sessions.documents.tidy()

        async def unable(*_args: Any) -> Any:
            raise CollabError("store_unavailable", "The store cannot answer.")

        self.patch(self.party.store, "edits", unable)
        _, joined = await self.joined(2)
        self.assertEqual((joined["revision"], joined["presence"]), (300, {}))

    async def test_of_a_busy_session_as_much_is_kept_as_is_going_on(self) -> None:
        one, at = await self.joined(1)
        remembered = self.party.sessions.documents
        for number in range(400):
            await self.edit(one, at, number, number + 1, ["x"])
            if number % 100 == 99:
                await remembered.tidy()
        document = await remembered.get(KEY)
        self.assertEqual((document.start, document.revision), (200, 400))

    async def test_another_process_takes_over_with_bases_older_than_the_snapshot(self) -> None:
        one, at = await self.joined(1)
        for number in range(501):
            await self.edit(one, at, number, number + 1, ["x"])
        other = Party(self.party.store, self.party.around)
        self.party.sessions = other.sessions
        self.assertEqual((await self.edit(one, at, 400, 502, [400, "!"]))["revision"], 502)
        found = await self.party.call("snapshot", one, session_id="notes")
        self.assertEqual(found["content"], "x" * 501 + "!")

    async def test_content_at_an_older_revision(self) -> None:
        one, at = await self.joined(1)
        for number, letter in enumerate("abc"):
            await self.edit(one, at, number, number + 1, ([number] if number else []) + [letter])
        found = await self.party.call("snapshot", one, session_id="notes", revision=2)
        self.assertEqual(found["content"], "ab")
        await self.refused("base_ahead", "snapshot", one, session_id="notes", revision=4)
