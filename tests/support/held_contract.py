"""What every store must do with held edits; run for each implementation."""

from __future__ import annotations

from typing import Any

import attrs

from collab_wamp.store.announcements import ConflictAnnounced
from collab_wamp.store.answers import Committed, NoSession, Seen, StaleEpoch
from collab_wamp.store.held import RESOLUTION, Held, Resolved
from collab_wamp.store.values import Edit, Submission
from tests.support.store_contract import KEY, participant, submission


def held(conflict_id: str = "conflict-1", **more: Any) -> Held:
    fields: dict[str, Any] = {
        "user_id": 'a"da\\',
        "client_id": "client-0001",
        "seq": 1,
        "digest": "ab" * 16,
        "epoch": "epoch1",
        "revision": 7,
        "merged": [3, "😀é\0"],
        "instead": None,
        "theirs": [{"op": [{"d": 3}], "revision": 7, "user_id": "bob", "client_id": "client-2"}],
        "conflicts": [{"kind": "replaced", "where": [0, 3]}],
    }
    return Held(conflict_id, **(fields | more))


def resolution(conflict_id: str, op: Any = ("x",)) -> Submission:
    return Submission(Edit(conflict_id, 1, list(op), "ada", 5), RESOLUTION)


class HeldContract:
    """Mixed into a test case beside `StoreContract`, that can let `pass_time(seconds)`."""

    async def hold(self: Any, what: Held, **more: Any) -> Any:
        by = Submission(Edit(what.client_id, what.seq, what.merged, what.user_id, 0), b"")
        return await self.store.hold(KEY, what, by, **({"lives_ms": 60_000, "most": 3} | more))

    async def test_what_is_held_is_found_by_its_id_and_by_its_user(self: Any) -> None:
        await self.make()
        kept = await self.hold(held())
        self.assertEqual(kept, held(expires_ms=kept.expires_ms))
        self.assertEqual(await self.store.held(KEY, "conflict-1"), kept)
        self.assertEqual(await self.store.held_of(KEY, held().user_id), [kept])
        self.assertEqual(await self.store.held_of(KEY, "ada"), [])
        self.assertIsNone(await self.store.held(KEY, "conflict-2"))

    async def test_the_same_body_is_held_once(self: Any) -> None:
        await self.make()
        kept = await self.hold(held())
        self.assertEqual(await self.hold(held("conflict-2")), kept)
        other = await self.hold(held("conflict-3", digest="cd" * 16))
        self.assertEqual(other.conflict_id, "conflict-3")

    async def test_of_a_user_only_so_many(self: Any) -> None:
        await self.make()
        for seq in (1, 2, 3):
            await self.hold(held(f"conflict-{seq}", seq=seq))
        self.assertEqual(await self.hold(held("conflict-4", seq=4)), "full")
        other = await self.hold(held("conflict-5", seq=5, user_id="bob"))
        self.assertEqual(other.user_id, "bob")
        await self.store.unhold(KEY, "conflict-1")
        self.assertEqual((await self.hold(held("conflict-4", seq=4))).conflict_id, "conflict-4")

    async def test_it_is_held_only_for_who_is_here_under_this_epoch(self: Any) -> None:
        self.assertEqual(await self.hold(held()), NoSession())
        await self.make()
        self.assertEqual(await self.hold(held(epoch="e0")), StaleEpoch("epoch1"))
        person = participant("p1")
        await self.store.join(KEY, person)
        by = attrs.evolve(submission("client-0001", 1), participant_id="p1", join_id="join0")
        limits = {"lives_ms": 1000, "most": 3}
        self.assertEqual(await self.store.hold(KEY, held(), by, **limits), "gone")
        by = attrs.evolve(by, join_id=person.join_id)
        self.assertEqual((await self.store.hold(KEY, held(), by, **limits)).state, "held")

    async def test_what_is_committed_for_it_is_committed_once_and_known(self: Any) -> None:
        await self.make()
        await self.hold(held())
        heard: list[Any] = []
        await self.store.listen(KEY, lambda _key, what: heard.append(what))
        done = await self.store.commit(KEY, "epoch1", 0, [resolution("conflict-1")])
        assert isinstance(done, Committed)
        again = await self.store.commit(KEY, "epoch1", 1, [resolution("conflict-1", ["y"])])
        self.assertEqual(again, Seen((("done", 1),)))
        # Also before it is removed.
        self.assertEqual(await self.store.held_of(KEY, held().user_id), [])
        self.assertEqual(await self.store.held(KEY, "conflict-1"), Resolved(1, "ada"))
        self.assertEqual(await self.store.unhold(KEY, "conflict-1"), Resolved(1, "ada"))
        self.assertEqual(await self.store.unhold(KEY, "conflict-1"), Resolved(1, "ada"))
        await self.wait(heard, 2)
        event = {"conflict_id": "conflict-1", "state": "resolved", "revision": 1}
        self.assertEqual(heard[1:], [ConflictAnnounced(held().user_id, event)])

    async def test_what_was_dropped_is_not_committed(self: Any) -> None:
        await self.make()
        await self.store.commit(KEY, "epoch1", 0, [submission("client-0002", 1)])
        await self.hold(held())
        dropped = Resolved(1, held().user_id)
        self.assertEqual(await self.store.unhold(KEY, "conflict-1"), dropped)
        self.assertEqual(await self.store.held(KEY, "conflict-1"), dropped)
        late = await self.store.commit(KEY, "epoch1", 1, [resolution("conflict-1")])
        self.assertEqual(late, Seen((("done", 1),)))
        self.assertIsNone(await self.store.unhold(KEY, "conflict-2"))
        # A client is no held edit.
        self.assertIsNone(await self.store.held(KEY, "client-0002"))
        self.assertIsNone(await self.store.unhold(KEY, "client-0002"))

    async def test_what_is_due_expires_and_is_told_once(self: Any) -> None:
        await self.make()
        kept = await self.hold(held(), lives_ms=50)
        await self.hold(held("conflict-2", seq=2), lives_ms=60_000)
        heard: list[Any] = []
        await self.store.listen(KEY, lambda _key, what: heard.append(what))
        await self.store.expire(KEY, "conflict-2")
        await self.pass_time(0.1)
        self.assertEqual(await self.store.due(10), [(KEY, "conflict-1")])
        for _ in range(2):
            await self.store.expire(KEY, "conflict-1")
        await self.wait(heard, 1)
        self.assertEqual(heard, [ConflictAnnounced(kept.user_id, kept.expired())])
        self.assertEqual(await self.store.due(10), [])
        expired = await self.store.held(KEY, "conflict-1")
        assert isinstance(expired, Held)
        self.assertEqual(expired.state, "expired")
        self.assertGreater(expired.expires_ms, kept.expires_ms + 6 * 86_400_000)
        # The same body is held anew: it was sent anew.
        self.assertEqual((await self.hold(held("conflict-3"))).conflict_id, "conflict-3")

    async def test_what_is_resolved_does_not_expire(self: Any) -> None:
        await self.make()
        await self.hold(held(), lives_ms=50)
        await self.store.commit(KEY, "epoch1", 0, [resolution("conflict-1")])
        await self.pass_time(0.1)
        heard: list[Any] = []
        await self.store.listen(KEY, lambda _key, what: heard.append(what))
        await self.store.expire(KEY, "conflict-1")
        await self.store.commit(KEY, "epoch1", 1, [submission("client-0002", 1)])
        await self.wait(heard, 1)
        self.assertEqual([type(what).__name__ for what in heard], ["EditsAnnounced"])

    async def test_held_edits_go_with_their_session(self: Any) -> None:
        await self.make()
        await self.hold(held(), lives_ms=50)
        await self.store.destroy(KEY)
        await self.make()
        self.assertEqual(await self.store.held_of(KEY, held().user_id), [])
        self.assertIsNone(await self.store.held(KEY, "conflict-1"))
        await self.pass_time(0.1)
        for key, conflict_id in await self.store.due(10):
            await self.store.expire(key, conflict_id)
