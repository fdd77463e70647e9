"""The past of a document on a real node: content at any revision, authors, versions, retention."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Any

import orjson
from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from collab_wamp import embedded
from collab_wamp.client import ClientError, Document, connect
from collab_wamp.client.player import Play
from collab_wamp.ot.text import TEXT
from collab_wamp.store.redis import RedisStore
from collab_wamp.traces import load
from tests.support.own_node import OwnNodeCase
from tests.support.trace_authors import Recording
from tests.support.waiting import until

TRACE = Path(__file__).parents[1] / "data" / "traces" / "clownschool.json.gz"


class HistoryTests(OwnNodeCase):
    async def document(self, user: str, **rights: str) -> Document:
        client = await connect(reactor, self.node.url, self.node.token(user, **rights))
        self.clients.append(client)
        return await client.open("notes", create=not rights)

    async def call(self, name: str, /, **more: Any) -> Any:
        """Ask as the first user who came."""
        return await self.clients[0].call(f"collab.session.{name}", session_id="notes", **more)

    async def refused(self, name: str, /, **more: Any) -> ClientError:
        try:
            answer = await self.call(name, **more)
        except ClientError as error:
            return error
        self.fail(f"{name} was answered: {answer}")

    async def checkpoints(self) -> list[int]:
        """The revisions of the snapshots that the node's store keeps."""
        store = RedisStore(
            reactor,
            embedded.url(self.node.data_dir),
            durability="committed",
            instance_id="test",
            monotonic=time.monotonic,
        )
        store.start()
        try:
            await store.until_ready()
            found = await store._connection.command("HKEYS", "{acme:notes}:checkpoints")
        finally:
            await store.close()
        return sorted(map(int, found))

    async def restart(self, **environment: str) -> None:
        await deferToThread(self.node.end)
        self.node.environment |= environment
        await deferToThread(self.node.start)
        await until(lambda: all(client.state == "connected" for client in self.clients), 60)

    async def test_a_recorded_session_can_be_told_as_it_was_at_any_time(self) -> None:
        trace = load(TRACE)
        people = [await self.document(f"person-{number}") for number in range(3)]
        await Play(reactor, trace, people).run()
        reader = await self.document("reader")
        self.assertEqual(reader.content, trace.end)
        last = reader.revision

        # Each revision is the fold of the edits up to it.
        history = await reader.history()
        self.assertEqual((history.first, history.last), (0, last))
        contents = [""]
        for edit in history.edits:
            contents.append(TEXT.apply(contents[-1], edit.op))
        self.assertEqual(contents[-1], trace.end)
        checkpoints = await self.checkpoints()
        self.assertEqual(checkpoints, [0, *checkpoints[1:]])
        self.assertGreater(len(checkpoints), 2)
        near = {at + by for at in checkpoints for by in (-1, 0, 1)}
        spread = {number * last // 29 for number in range(30)}
        for revision in sorted(near & {*range(last + 1)} | spread):
            found = await self.call("snapshot", revision=revision)
            self.assertEqual(found["content"], contents[revision], revision)
            sha256 = hashlib.sha256(orjson.dumps(contents[revision])).hexdigest()
            self.assertEqual(found["sha256"], sha256)
            self.assertEqual((await self.call("hash", revision=revision))["sha256"], sha256)
            self.assertEqual(history.content_at(revision), contents[revision])
            author = history.edits[revision - 1].user_id if revision else None
            self.assertEqual(found["user_id"], author)

        # Who wrote what, told from the recording itself.
        letters = Recording(TRACE).end()
        self.assertEqual("".join(letter for letter, _ in letters), trace.end)
        runs = history.authors_at(last)
        users = [user_id for user_id, length in runs for _ in range(length)]
        self.assertEqual(users, [f"person-{agent}" for _, agent in letters])
        self.assertGreater(len(runs), 50)

        # Retention, as a setting: the oldest goes, and a version of it stays.
        version = await self.call("save_version", name="early", revision=100)
        await self.restart(COLLAB_HISTORY_KEPT_EDITS="1")
        for number in range(510):
            reader.insert(0, f"{number}\n")
            await reader.saved()
        # The snapshot is saved in the background.
        floor = 0
        while not floor:
            floor = (await self.call("info"))["floor_revision"]
        self.assertIn(floor, checkpoints)
        self.assertEqual((await self.checkpoints())[0], floor)
        # Rebasing needs 2,000 edits, and checkpoints are 2,500 apart at most.
        self.assertLess(last - 2000 - 2500, floor)
        error = await self.refused("snapshot", revision=floor - 1)
        self.assertEqual((error.code, error.details["oldest"]), ("bad_revision", floor))
        for revision in (floor, floor + 1, last):
            found = await self.call("snapshot", revision=revision)
            self.assertEqual(found["content"], contents[revision], revision)
        later = await reader.history()
        self.assertEqual((later.first, later.last), (floor, reader.revision))
        self.assertEqual(later.content_at(reader.revision), reader.content)
        await self.call("restore", version_id=version["version_id"])
        await reader.until(lambda: reader.content == contents[100])

    async def test_a_version_is_restored_for_everybody_and_survives_a_restart(self) -> None:
        ada, bob = await self.document("ada"), await self.document("bob", notes="edit")
        ada.insert(0, "Minutes 😀\n")
        await ada.saved()
        version = await self.call("save_version", name="Before Bob")
        self.assertEqual((version["revision"], version["user_id"]), (1, "ada"))
        await bob.until(lambda: bob.revision == 1)
        bob.edit([{"d": 7}, "Nonsense"])
        await bob.saved()
        changes: list[Any] = []
        bob.on_change(changes.append)
        restored = await self.call("restore", version_id=version["version_id"])
        self.assertEqual(restored, {"revision": 3, "durable": True})
        await bob.until(lambda: bob.revision == 3)
        self.assertEqual(bob.content, "Minutes 😀\n")
        [change] = changes
        self.assertEqual((change.origin, change.user_id, change.revision), ("remote", "ada", 3))
        await ada.until(lambda: ada.content == bob.content)

        await self.restart()
        self.assertEqual((await self.call("versions"))["versions"], [version])
        await bob.until(lambda: bob.status.state in ("connected", "saved"))
        bob.insert(0, "More ")
        await bob.saved()
        # One undoes, the other restores; what is undone is one's own edit only.
        await self.call("restore", version_id=version["version_id"])
        await bob.until(lambda: bob.content == "Minutes 😀\n")
        with self.assertRaises(ClientError) as caught:
            await self.clients[1].call(
                "collab.session.delete_version",
                session_id="notes",
                version_id=version["version_id"],
            )
        self.assertEqual(caught.exception.code, "denied")
        await self.call("delete_version", version_id=version["version_id"])
        error = await self.refused("restore", version_id=version["version_id"])
        self.assertEqual(error.code, "no_such_version")
