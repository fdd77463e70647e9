"""What every store must do; run for each implementation."""

from __future__ import annotations

import hashlib
from typing import Any

import attrs
import orjson

from collab_wamp.store.announcements import (
    CheckAnnounced,
    DestroyAnnounced,
    EditsAnnounced,
    EpochAnnounced,
    JoinAnnounced,
    LeaveAnnounced,
    PresenceAnnounced,
)
from collab_wamp.store.answers import (
    Behind,
    ClientTaken,
    Committed,
    Joined,
    Moved,
    NoSession,
    Seen,
    StaleEpoch,
)
from collab_wamp.store.interface import Store
from collab_wamp.store.values import (
    Edit,
    JoinRecord,
    Participant,
    Presence,
    SessionKey,
    Snapshot,
    Submission,
    make_snapshot,
)

KEY = SessionKey("acme", "notes")
STRANGE = ["QUEUED", "007", "1_000", "$-1\r\n", "😀é\u200d", "\0nul", "\r\n" * 500_000]


def submission(client_id: str, seq: int, op: Any = ("x",), time_ms: int = 0) -> Submission:
    body = f"{client_id} {seq} {op!r}".encode()
    edit = Edit(client_id, seq, list(op), "ada", time_ms)
    return Submission(edit, hashlib.sha256(body).digest()[:16])


def participant(name: str, client_id: str = "client-0001", **more: Any) -> Participant:
    fields: dict[str, Any] = {
        "user_id": "ada",
        "instance_id": "node-1",
        "wamp_session_id": 7,
        "right": "edit",
        "user_info": {"name": "Ada <b>", "color": "#0a7"},
        "joined_ms": 5,
        "join_id": "join1",
    }
    return Participant(participant_id=name, client_id=client_id, **(fields | more))


class StoreContract:
    """Mix into a `TestCase` that sets `self.store` and can `wait(heard, count)`."""

    store: Store

    async def make(self, key: SessionKey = KEY, content: bytes = b'""') -> Any:
        meta, _ = await self.store.create(
            key,
            type="text",
            epoch="epoch1",
            topic_key="topic1",
            owner="ada",
            conflicts="merge",
            created_ms=1_700_000_000_123,
            content=content,
        )
        return meta

    async def fill(self, count: int, client_id: str = "client-0001") -> None:
        for seq in range(1, count + 1):
            result = await self.store.commit(KEY, "epoch1", seq - 1, [submission(client_id, seq)])
            self.assertIsInstance(result, Committed)  # type: ignore[attr-defined]

    # --- sessions ---

    async def test_create_makes_a_session_once(self: Any) -> None:
        meta = await self.make()
        self.assertEqual(
            (meta.type, meta.revision, meta.created_ms), ("text", 0, 1_700_000_000_123)
        )
        again, created = await self.store.create(
            KEY, type="json", epoch="other", topic_key="t", owner="bob", conflicts="merge",
            created_ms=2, content=b"{}",
        )  # fmt: skip
        self.assertEqual((again, created), (meta, False))
        self.assertEqual(await self.store.meta(KEY), meta)
        self.assertIsNone(await self.store.meta(SessionKey("globex", "notes")))

    async def test_strange_texts_come_back_as_they_were(self: Any) -> None:
        for number, text in enumerate(STRANGE):
            key = SessionKey("acme", f"s{number}")
            content = orjson.dumps(text)
            await self.make(key, content)
            strange = submission("client-0001", 1, (text,))
            await self.store.commit(key, "epoch1", 0, [strange])
            _, snapshot = await self.store.snapshot(key)
            self.assertEqual(snapshot, make_snapshot(0, content))
            edits, _ = await self.store.edits(key, "epoch1", 0, 10)
            self.assertEqual(edits, (strange.edit,))

    async def test_destroy_removes_everything(self: Any) -> None:
        await self.make()
        await self.fill(2)
        await self.save(1, 0)
        await self.save(2, 0)
        await self.store.join(KEY, participant("p1"))
        self.assertTrue(await self.store.destroy(KEY))
        self.assertFalse(await self.store.destroy(KEY))
        self.assertIsNone(await self.store.meta(KEY))
        self.assertIsNone(await self.store.snapshot(KEY))
        self.assertIsNone(await self.store.roster(KEY))
        self.assertIsNone(await self.store.checkpoint(KEY, 0))
        self.assertIsInstance(await self.store.edits(KEY, "epoch1", 0, 9), NoSession)
        self.assertIsInstance(await self.store.join(KEY, participant("p1")), NoSession)
        await self.make()
        joined = await self.store.join(KEY, participant("p1"))
        self.assertEqual((joined.meta.revision, joined.last_seq), (0, 0))
        self.assertEqual(await self.kept_from(9), 0)

    async def test_sessions_are_listed_by_tenant_in_pages(self: Any) -> None:
        for name in ("b", "a", "c", "A"):
            await self.make(SessionKey("acme", name))
        await self.make(SessionKey("globex", "x"))
        first, cursor = await self.store.list_sessions("acme", "", 3)
        rest, end = await self.store.list_sessions("acme", cursor, 3)
        self.assertEqual((first, rest, end), (["A", "a", "b"], ["c"], ""))
        await self.store.destroy(SessionKey("acme", "a"))
        self.assertEqual(await self.store.list_sessions("acme", "", 9), (["A", "b", "c"], ""))
        self.assertEqual(await self.store.count_sessions("acme"), 3)
        self.assertEqual(await self.store.count_sessions("nobody"), 0)

    async def test_a_new_epoch_sends_everybody_away(self: Any) -> None:
        await self.make()
        await self.store.join(KEY, participant("p1"))
        self.assertTrue(await self.store.renew_epoch(KEY, "epoch1", "epoch2", "topic2"))
        self.assertFalse(await self.store.renew_epoch(KEY, "epoch1", "epoch3", "topic3"))
        meta, roster, _ = await self.store.roster(KEY)
        self.assertEqual((meta.epoch, meta.topic_key, roster), ("epoch2", "topic2", ()))

    # --- commit ---

    async def test_commits_follow_each_other(self: Any) -> None:
        await self.make()
        result = await self.store.commit(
            KEY, "epoch1", 0, [submission("client-0001", 1), submission("client-0002", 1)]
        )
        self.assertEqual(result.first, 1)
        result = await self.store.commit(KEY, "epoch1", 2, [submission("client-0001", 2)])
        self.assertEqual(result.first, 3)
        edits, meta = await self.store.edits(KEY, "epoch1", 0, 10)
        self.assertEqual([(edit.client_id, edit.seq) for edit in edits],
                         [("client-0001", 1), ("client-0002", 1), ("client-0001", 2)])  # fmt: skip
        self.assertEqual(meta.revision, 3)

    async def test_who_is_behind_gets_the_edits_it_lacks(self: Any) -> None:
        await self.make()
        await self.fill(3)
        result = await self.store.commit(KEY, "epoch1", 1, [submission("client-0002", 1)])
        self.assertIsInstance(result, Moved)
        self.assertEqual((result.revision, [edit.seq for edit in result.edits]), (3, [2, 3]))
        self.assertEqual((await self.store.meta(KEY)).revision, 3)

    async def test_at_most_1000_edits_are_told_at_once(self: Any) -> None:
        await self.make()
        for block in range(11):
            batch = [submission(f"client-{n:04}", block + 1) for n in range(100)]
            await self.store.commit(KEY, "epoch1", block * 100, batch)
        result = await self.store.commit(KEY, "epoch1", 0, [submission("client-9999", 1)])
        self.assertEqual((result.revision, len(result.edits)), (1100, 1000))

    async def test_who_is_ahead_of_the_store_is_told_so(self: Any) -> None:
        await self.make()
        await self.fill(1)
        result = await self.store.commit(KEY, "epoch1", 5, [submission("client-0002", 1)])
        self.assertEqual(result, Behind(1))

    async def test_an_edit_is_appended_once(self: Any) -> None:
        await self.make()
        await self.fill(2)
        same = [submission("client-0001", 2)]
        for expected in (1, 2, 3):
            result = await self.store.commit(KEY, "epoch1", expected, same)
            self.assertEqual(result, Seen((("done", 2),)))
        other = attrs.evolve(same[0], digest=b"another body 16b")
        result = await self.store.commit(KEY, "epoch1", 2, [other])
        self.assertEqual(result, Seen((("reused", 2),)))
        result = await self.store.commit(KEY, "epoch1", 2, [submission("client-0001", 1)])
        self.assertEqual(result, Seen((("reused", 2),)))
        result = await self.store.commit(KEY, "epoch1", 2, [submission("client-0001", 5)])
        self.assertEqual(result, Seen((("gap", 3),)))
        self.assertEqual((await self.store.meta(KEY)).revision, 2)

    async def test_a_batch_is_appended_whole_or_not_at_all(self: Any) -> None:
        await self.make()
        await self.fill(1)
        batch = [
            submission("client-0002", 1),
            submission("client-0001", 1),
            submission("client-0003", 2),
        ]
        result = await self.store.commit(KEY, "epoch1", 1, batch)
        self.assertEqual(result, Seen((("new", 0), ("done", 1), ("gap", 1))))
        self.assertEqual((await self.store.meta(KEY)).revision, 1)
        several = [submission("client-0002", 1), submission("client-0002", 2)]
        self.assertEqual((await self.store.commit(KEY, "epoch1", 1, several)).first, 2)

    async def test_the_epoch_is_looked_at_before_the_numbers(self: Any) -> None:
        await self.make()
        await self.fill(1)
        result = await self.store.commit(KEY, "epoch0", 1, [submission("client-0001", 1)])
        self.assertEqual(result, StaleEpoch("epoch1"))
        self.assertEqual(await self.store.edits(KEY, "epoch0", 0, 1), StaleEpoch("epoch1"))
        gone = await self.store.commit(SessionKey("a", "b"), "e", 0, [submission("client-0001", 1)])
        self.assertEqual(gone, NoSession())

    # --- snapshots ---

    async def test_a_snapshot_lets_the_log_be_cut(self: Any) -> None:
        await self.make()
        await self.fill(10)
        self.assertTrue(await self.save(5, 0))
        newer = make_snapshot(8, b'"xxxxxxxx"')
        self.assertTrue(await self.save(8, 6))
        self.assertFalse(await self.save(8, 6))
        self.assertFalse(await self.save(7, 6))
        self.assertFalse(await self.save(9, 6, epoch="epoch0"))
        meta, kept = await self.store.snapshot(KEY)
        self.assertEqual((kept, meta.snapshot_revision, meta.floor_revision), (newer, 8, 5))
        edits, _ = await self.store.edits(KEY, "epoch1", 5, 100)
        self.assertEqual([edit.seq for edit in edits], [6, 7, 8, 9, 10])
        below, meta = await self.store.edits(KEY, "epoch1", 4, 100)
        self.assertEqual((below, meta.revision), ((), 10))
        result = await self.store.commit(KEY, "epoch1", 4, [submission("client-0002", 1)])
        self.assertEqual(result, Moved(10, ()))

    async def save(
        self, revision: int, floor: int, spacing: int = 1, epoch: str = "epoch1"
    ) -> bool:
        """Save the snapshot of `fill` at a revision."""
        snapshot = make_snapshot(revision, b'"' + b"x" * revision + b'"')
        return await self.store.save_snapshot(KEY, epoch, snapshot, floor, spacing)

    async def kept_from(self, revision: int) -> int:
        """The revision of what is kept to fold a revision from."""
        found = await self.store.checkpoint(KEY, revision)
        assert found is not None
        meta, kept = found
        assert kept == make_snapshot(kept.revision, b'"' + b"x" * kept.revision + b'"'), kept
        assert meta == await self.store.meta(KEY)
        return kept.revision

    async def test_older_snapshots_are_kept_as_checkpoints_some_way_apart(self: Any) -> None:
        await self.make()
        self.assertIsNone(await self.store.checkpoint(SessionKey("acme", "other"), 0))
        self.assertEqual(await self.kept_from(7), 0)
        await self.fill(23)
        for revision in range(3, 22, 3):
            self.assertTrue(await self.save(revision, 0, spacing=6))
        # Kept are the first one, those 6 edits apart, and the newest.
        found = [await self.kept_from(revision) for revision in (0, 5, 6, 11, 12, 17, 18, 20, 21)]
        self.assertEqual(found, [0, 0, 6, 6, 12, 12, 18, 18, 21])
        self.assertEqual(await self.kept_from(23), 21)

    async def test_the_floor_is_always_a_checkpoint(self: Any) -> None:
        await self.make()
        await self.fill(20)
        for revision, floor, expected in (
            (4, 3, 0), (8, 3, 0), (12, 5, 4), (13, 4, 4), (16, 11, 8), (20, 20, 20),
        ):  # fmt: skip
            self.assertTrue(await self.save(revision, floor, spacing=4))
            meta = await self.store.meta(KEY)
            self.assertEqual(meta.floor_revision, expected, revision)
            # What is asked of before is answered with the oldest that there is.
            self.assertEqual(await self.kept_from(expected), expected)
            self.assertEqual(await self.kept_from(0), expected)
            edits, _ = await self.store.edits(KEY, "epoch1", expected, 100)
            self.assertEqual([edit.seq for edit in edits], [*range(expected + 1, 21)])

    async def test_a_session_without_checkpoints_gets_them_from_its_snapshot_on(self: Any) -> None:
        """As older versions have left it, with a floor that is not the revision of a checkpoint."""
        await self.make()
        await self.fill(9)
        await self.save(2, 0, spacing=99)
        await self.save(4, 4, spacing=99)
        await self.drop_checkpoints()
        self.assertEqual(await self.kept_from(1), 4)
        await self.save(6, 0, spacing=99)
        self.assertEqual([await self.kept_from(at) for at in (1, 4, 5, 6)], [4, 4, 4, 6])

    async def test_a_snapshot_that_is_saved_is_announced_with_its_hash(self: Any) -> None:
        heard: list[Any] = []
        await self.make()
        await self.fill(3)
        await self.store.listen(KEY, lambda key, said: heard.append((key, said)))
        await self.save(2, 0)
        await self.save(2, 0)
        await self.save(3, 0)
        await self.wait(heard, 2)
        expected = [
            (KEY, CheckAnnounced("epoch1", at, hashlib.sha256(content).hexdigest()))
            for at, content in ((2, b'"xx"'), (3, b'"xxx"'))
        ]
        self.assertEqual(heard, expected)

    # --- people ---

    async def test_a_join_reads_all_in_one_step(self: Any) -> None:
        await self.make(content=b'"hello"')
        await self.fill(3)
        one = participant("p1")
        joined = await self.store.join(KEY, one)
        self.assertEqual((joined.meta.revision, joined.last_seq), (3, 3))
        self.assertEqual(joined.snapshot, make_snapshot(0, b'"hello"'))
        self.assertEqual([edit.seq for edit in joined.edits], [1, 2, 3])
        two = participant("p2", "client-0002", joined_ms=6)
        joined = await self.store.join(KEY, two)
        self.assertEqual((joined.roster, joined.last_seq), ((one, two), 0))
        self.assertEqual(await self.store.participant(KEY, "p1"), one)
        self.assertIsNone(await self.store.participant(KEY, "p3"))

    async def test_a_rejoin_gets_edits_where_it_can(self: Any) -> None:
        await self.make()
        await self.fill(6)
        await self.save(2, 0)
        await self.save(4, 2)
        for epoch, after, expected in (
            ("epoch1", 6, []),
            ("epoch1", 2, [3, 4, 5, 6]),
            ("epoch1", 1, None),
            ("epoch1", 7, None),
            ("epoch0", 6, None),
            (None, None, None),
        ):
            joined: Joined = await self.store.join(KEY, participant("p"), epoch=epoch, after=after)
            if expected is None:
                self.assertEqual(joined.snapshot, make_snapshot(4, b'"xxxx"'), (epoch, after))
                self.assertEqual([edit.seq for edit in joined.edits], [5, 6])
            else:
                self.assertIsNone(joined.snapshot)
                self.assertEqual([edit.seq for edit in joined.edits], expected)

    async def test_leaving_is_once_and_takes_presence_along(self: Any) -> None:
        await self.make()
        await self.store.join(KEY, participant("p1"))
        at = {"p1": Presence(0, 3, [[1, 2]])}
        await self.store.set_presence(KEY, "node-1", at | {"stranger": Presence(0, 1, None)})
        self.assertEqual((await self.store.roster(KEY))[2], at)
        self.assertTrue(await self.store.leave(KEY, "p1", "left"))
        self.assertFalse(await self.store.leave(KEY, "p1", "left"))
        _, roster, presence = await self.store.roster(KEY)
        self.assertEqual((roster, presence), ((), {}))

    async def test_a_join_that_overtakes_the_leave_before_it_is_known(self: Any) -> None:
        await self.make()
        await self.store.join(KEY, participant("p1"))
        await self.store.join(KEY, participant("p1", join_id="join2"))
        [record] = await self.store.joined_on("node-1")
        self.assertEqual(record.join_id, "join2")
        await self.store.forget("node-1", JoinRecord(KEY, "p1", "join1", 7))
        self.assertEqual(await self.store.joined_on("node-1"), [record])

    async def test_a_rejoin_gets_no_edits_of_another_history(self: Any) -> None:
        await self.make()
        await self.fill(5)
        for after, last, edits in (
            (3, None, 2), (3, ("client-0001", 3), 2), (3, ("client-0001", 2), None),
            (3, ("client-0009", 3), None), (0, ("client-0009", 3), 5), (5, ("client-0001", 5), 0),
            (5, ("client-0001", 6), None),
        ):  # fmt: skip
            joined: Joined = await self.store.join(
                KEY, participant("p", "client-0002"), epoch="epoch1", after=after, last=last
            )
            if edits is None:
                self.assertIsNotNone(joined.snapshot, (after, last))
            else:
                self.assertIsNone(joined.snapshot, (after, last))
                self.assertEqual(len(joined.edits), edits)

    async def test_a_join_removes_older_connections_of_the_client(self: Any) -> None:
        await self.make()
        old, other = participant("p1"), participant("p2", "client-0002", instance_id="node-2")
        await self.store.join(KEY, old)
        await self.store.join(KEY, other)
        await self.store.set_presence(KEY, "node-1", {"p1": Presence(0, 1, None)})
        new = participant("p3", joined_ms=9, join_id="join3")
        joined = await self.store.join(KEY, new)
        self.assertEqual((joined.fenced, joined.presence), ((old,), {}))
        self.assertEqual(joined.roster, (other, new))
        [record] = await self.store.joined_on("node-1")
        self.assertEqual(record, new.record(KEY))

    async def test_a_client_id_is_its_first_users(self: Any) -> None:
        await self.make()
        ada, eve = participant("p1"), participant("p2", user_id="eve")
        await self.store.join(KEY, ada)
        self.assertEqual(await self.store.join(KEY, eve), ClientTaken())
        self.assertEqual(await self.store.joined_on("node-1"), [ada.record(KEY)])
        await self.store.leave(KEY, "p1", "left")
        self.assertIsInstance(await self.store.join(KEY, eve), Joined)
        await self.store.leave(KEY, "p2", "left")
        await self.fill(1)
        self.assertEqual(await self.store.join(KEY, eve), ClientTaken())
        self.assertEqual((await self.store.join(KEY, ada)).last_seq, 1)

    async def test_another_edit_at_the_head_is_lost_history(self: Any) -> None:
        await self.make()
        await self.fill(2)
        meta = await self.store.meta(KEY)
        self.assertEqual(meta.head, submission("client-0001", 2).edit.identity)
        more = [submission("client-0002", 1)]
        result = await self.store.commit(KEY, "epoch1", 2, more, "client-0009:1:5")
        self.assertEqual(result, Behind(2))
        self.assertEqual((await self.store.commit(KEY, "epoch1", 2, more, meta.head)).first, 3)

    async def test_edits_come_in_pages_of_a_mebibyte(self: Any) -> None:
        await self.make()
        for seq in range(1, 31):
            large = submission("client-0001", seq, ("x" * 100_000,))
            await self.store.commit(KEY, "epoch1", seq - 1, [large])
        edits, meta = await self.store.edits(KEY, "epoch1", 0, 1000)
        self.assertEqual((len(edits), meta.revision), (10, 30))
        result = await self.store.commit(KEY, "epoch1", 0, [submission("client-0002", 1)])
        self.assertIn(len(result.edits), (10, 11))
        one = participant("p1")
        self.assertIsNotNone((await self.store.join(KEY, one, epoch="epoch1", after=5)).snapshot)
        joined = await self.store.join(KEY, one, epoch="epoch1", after=25)
        self.assertEqual((joined.snapshot, len(joined.edits)), (None, 5))

    async def test_who_left_or_joined_anew_commits_nothing_more(self: Any) -> None:
        await self.make()
        one = participant("p1")
        await self.store.join(KEY, one)

        def asked(seq: int, by: Participant) -> Submission:
            who = {"participant_id": by.participant_id, "join_id": by.join_id}
            return attrs.evolve(submission("client-0001", seq), **who)

        await self.store.commit(KEY, "epoch1", 0, [asked(1, one)])
        again = attrs.evolve(one, join_id="join2")
        await self.store.join(KEY, again)
        gone = Seen((("gone", 0),))
        self.assertEqual(await self.store.commit(KEY, "epoch1", 1, [asked(2, one)]), gone)
        done = await self.store.commit(KEY, "epoch1", 1, [asked(1, one)])
        self.assertEqual(done, Seen((("done", 1),)), "what is committed is told all the same")
        batch = [asked(2, again), submission("client-0002", 1)]
        self.assertEqual((await self.store.commit(KEY, "epoch1", 1, batch)).first, 2)
        await self.store.leave(KEY, "p1", "left")
        self.assertEqual(await self.store.commit(KEY, "epoch1", 3, [asked(3, again)]), gone)
        self.assertEqual((await self.store.meta(KEY)).revision, 3)

    async def test_it_is_known_who_joined_on_a_node(self: Any) -> None:
        await self.make()
        await self.store.join(KEY, participant("p1"))
        two = participant("p2", "client-0002", instance_id="node-2", wamp_session_id=8)
        await self.store.join(KEY, two)
        self.assertEqual(await self.store.joined_on("node-1"), [JoinRecord(KEY, "p1", "join1", 7)])
        await self.store.touch("node-1", [KEY])
        await self.store.leave(KEY, "p1", "left")
        self.assertEqual(await self.store.joined_on("node-1"), [])
        await self.store.forget("node-2", JoinRecord(KEY, "p2", "join1", 8))
        self.assertEqual(await self.store.joined_on("node-2"), [])

    # --- announcements ---

    async def test_all_that_happens_is_announced_once_and_in_order(self: Any) -> None:
        await self.make()
        first: list[Any] = []
        second: list[Any] = []
        hear_first = lambda key, event: first.append((key, event))  # noqa: E731  # kept to unlisten
        hear_second = lambda key, event: second.append((key, event))  # noqa: E731
        await self.store.listen(KEY, hear_first)
        await self.store.listen(KEY, hear_second)
        one = participant("p1")
        await self.store.join(KEY, one)
        batch = [submission("client-0001", 1, ("QUEUED",)), submission("client-0002", 1, (1, "é"))]
        await self.store.commit(KEY, "epoch1", 0, batch)
        await self.store.commit(KEY, "epoch1", 0, [submission("client-0003", 1)])
        last = submission("client-0004", 1)
        await self.store.commit(KEY, "epoch1", 2, [last])
        await self.store.set_presence(KEY, "node-1", {"p1": Presence(2, 1, None)})
        await self.store.set_presence(KEY, "node-1", {"p1": None})
        await self.store.leave(KEY, "p1", "disconnected")
        await self.store.renew_epoch(KEY, "epoch1", "epoch2", "topic2")
        await self.store.destroy(KEY)
        expected = [
            JoinAnnounced(one),
            EditsAnnounced("epoch1", 0, tuple(row.edit for row in batch)),
            EditsAnnounced("epoch1", 2, (last.edit,), batch[1].edit.identity),
            PresenceAnnounced("node-1", {"p1": Presence(2, 1, None)}),
            PresenceAnnounced("node-1", {"p1": None}),
            LeaveAnnounced("p1", "disconnected"),
            EpochAnnounced("epoch2"),
            DestroyAnnounced("epoch2"),
        ]
        await self.wait(second, len(expected))
        self.assertEqual(first, [(KEY, event) for event in expected])
        self.assertEqual(second, first)
        await self.store.unlisten(KEY, hear_first)
        await self.make()
        await self.fill(1)
        await self.wait(second, len(expected) + 1)
        self.assertEqual(len(first), len(expected))
        await self.store.unlisten(KEY, hear_second)

    async def test_a_damaged_snapshot_does_not_pass_for_a_sound_one(self: Any) -> None:
        self.assertNotEqual(Snapshot(0, b'"a"', make_snapshot(0, b'"b"').sha256),
                            make_snapshot(0, b'"a"'))  # fmt: skip
