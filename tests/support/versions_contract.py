"""What every store must do with named versions; run for each implementation."""

from __future__ import annotations

from typing import Any

from collab_wamp.ot.canonical import canonical
from collab_wamp.store import memory_versions, redis_versions
from collab_wamp.store.interface import Store
from collab_wamp.store.values import SessionKey, Version, make_snapshot

from .store_contract import KEY, STRANGE

OTHER = SessionKey("acme", "other")


def version(number: int, **fields: Any) -> Version:
    named = {"name": f"number {number}", "revision": number, "user_id": "ada"}
    return Version(**{"version_id": f"v{number}", "time_ms": 1000 * number, **named, **fields})


class VersionsContract:
    """Mix into a `TestCase` beside `StoreContract`."""

    store: Store

    async def test_versions_are_listed_with_the_newest_first(self: Any) -> None:
        await self.make()
        self.assertEqual(await self.store.versions(KEY), ())
        rows = [version(1), version(3, revision=1), version(2, name='\u2028 "Über" 😀\n')]
        for row in rows:
            kept = await self.store.save_version(KEY, "epoch1", row, make_snapshot(1, b'"x"'))
            self.assertEqual(kept, "done")
        self.assertEqual(await self.store.versions(KEY), (rows[1], rows[2], rows[0]))
        self.assertEqual(await self.store.versions(OTHER), ())

    async def test_a_version_has_its_content_as_long_as_the_session(self: Any) -> None:
        await self.make()
        await self.fill(20)
        contents = [make_snapshot(3, b'"xxx"'), *self.strange()]
        for number, content in enumerate(contents):
            await self.store.save_version(KEY, "epoch1", version(number), content)
        for revision in range(4, 21, 4):
            await self.save(revision, revision - 2)
        self.assertGreater((await self.store.meta(KEY)).floor_revision, 3)
        self.assertTrue(await self.store.renew_epoch(KEY, "epoch1", "epoch2", "topic2"))
        for number, content in enumerate(contents):
            self.assertEqual(await self.store.version_content(KEY, f"v{number}"), content)
        self.assertIsNone(await self.store.version_content(KEY, "v99"))
        self.assertIsNone(await self.store.version_content(OTHER, "v0"))
        self.assertTrue(await self.store.destroy(KEY))
        self.assertEqual(await self.store.versions(KEY), ())
        self.assertIsNone(await self.store.version_content(KEY, "v0"))
        await self.make()
        self.assertEqual(await self.store.versions(KEY), ())

    def strange(self) -> list[Any]:
        return [make_snapshot(number, canonical(text)) for number, text in enumerate(STRANGE)]

    async def test_a_version_is_of_the_session_that_is_there(self: Any) -> None:
        content = make_snapshot(0, b'""')
        self.assertEqual(await self.store.save_version(KEY, "epoch1", version(1), content), "none")
        await self.make()
        self.assertEqual(await self.store.save_version(KEY, "epoch0", version(1), content), "none")
        self.assertEqual(await self.store.versions(KEY), ())

    async def test_a_version_is_deleted_once(self: Any) -> None:
        await self.make()
        for number in (1, 2):
            await self.store.save_version(
                KEY, "epoch1", version(number), make_snapshot(number, b'"x"')
            )
        self.assertTrue(await self.store.delete_version(KEY, "v1"))
        self.assertFalse(await self.store.delete_version(KEY, "v1"))
        self.assertFalse(await self.store.delete_version(OTHER, "v2"))
        self.assertEqual(await self.store.versions(KEY), (version(2),))
        self.assertIsNone(await self.store.version_content(KEY, "v1"))
        kept = await self.store.version_content(KEY, "v2")
        self.assertEqual(kept, make_snapshot(2, b'"x"'))

    async def test_only_so_many_versions_are_kept(self: Any) -> None:
        for place in (memory_versions, redis_versions):
            self.patch(place, "MOST_VERSIONS", 3)
        await self.make()
        content = make_snapshot(0, b'""')
        kept = [
            await self.store.save_version(KEY, "epoch1", version(number), content)
            for number in range(5)
        ]
        self.assertEqual(kept, ["done", "done", "done", "full", "full"])
        await self.store.delete_version(KEY, "v0")
        self.assertEqual(await self.store.save_version(KEY, "epoch1", version(9), content), "done")
        self.assertEqual(len(await self.store.versions(KEY)), 3)
