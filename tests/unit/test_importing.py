"""A history is put into a session: by the node alone, and as a whole or not at all."""

from __future__ import annotations

from typing import Any

from collab_wamp.access import ORDINARY
from collab_wamp.caller import Caller
from collab_wamp.errors import CollabError
from collab_wamp.importing import Importing
from collab_wamp.protocol import Arguments
from collab_wamp.store.values import SessionKey
from collab_wamp.tokens import Claims
from tests.support.sessions_case import SessionsCase

KEY = SessionKey("acme", "notes")
# Over HTTP: no connection.
ADA = Caller(Claims("ada", "acme", {"*": "edit"}), 0)
BACKEND = Caller(Claims("boss", "acme", {"*": "edit"}, capabilities=(*ORDINARY, "tokens")), 0)


def typed(count: int, client_id: str = "client-9999", first: int = 1) -> list[Any]:
    return [[client_id, first + n, ["x"], "cleo", 1000 + n] for n in range(count)]


class ImportingTests(SessionsCase):
    async def begin(self) -> str:
        self.importing = Importing(self.party.store, self.party.sessions.documents)
        made = await self.party.call("create", ADA, session_id="notes")
        return str(made["epoch"])

    async def give(self, name: str, caller: Caller, **more: Any) -> dict[str, Any]:
        arguments = Arguments((), {"session_id": "notes", **more})
        answer: dict[str, Any] = await getattr(self.importing, name)(caller, arguments)
        return answer

    async def users(self, epoch: str) -> list[str]:
        edits, _meta = await self.party.store.edits(KEY, epoch, 0, 100)
        return [edit.user_id for edit in edits]

    async def test_a_history_comes_in_batches_and_a_snapshot_ends_it(self) -> None:
        epoch = await self.begin()
        for after in range(0, 2000, 200):
            rows = typed(200, first=after + 1)
            done = await self.give("edits", BACKEND, epoch=epoch, after=after, edits=rows)
            self.assertEqual(done, {"revision": after + 200})
        await self.give("done", BACKEND, epoch=epoch)
        meta, snapshot = await self.party.store.snapshot(KEY)
        self.assertEqual((meta.revision, meta.floor_revision, snapshot.revision), (2000, 0, 2000))
        self.assertEqual(snapshot.content, b'"' + b"x" * 2000 + b'"')
        # The client goes on from its last number.
        _, at = await self.joined(7, "client-0007")
        self.assertEqual((at["revision"], len(at["content"])), (2000, 2000))

    async def test_others_are_named_by_those_who_may_alone(self) -> None:
        epoch = await self.begin()
        await self.give("edits", BACKEND, epoch=epoch, after=0, edits=typed(1))
        await self.give("edits", ADA, epoch=epoch, after=1, edits=typed(1, "client-8888"))
        self.assertEqual(await self.users(epoch), ["cleo", "ada"])

    async def test_who_edits_meanwhile_ends_it(self) -> None:
        epoch = await self.begin()
        await self.give("edits", ADA, epoch=epoch, after=0, edits=typed(3))
        eve, at = await self.joined(1)
        await self.edit(eve, at, 3, 1, ["!"])
        with self.assertRaises(CollabError) as caught:
            await self.give("edits", ADA, epoch=epoch, after=3, edits=typed(3, first=4))
        self.assertEqual(caught.exception.code, "conflict")
        self.assertEqual(await self.give("failed", ADA, epoch=epoch), {"destroyed": True})
        self.assertIsNone(await self.party.store.meta(KEY))

    async def test_what_was_made_anew_meanwhile_is_left_alone(self) -> None:
        epoch = await self.begin()
        await self.party.store.destroy(KEY)
        await self.party.call("create", ADA, session_id="notes", content="another")
        for name, more in (("edits", {"after": 0, "edits": typed(1)}), ("done", {})):
            with self.assertRaises(CollabError) as caught:
                await self.give(name, ADA, epoch=epoch, **more)
            self.assertEqual(caught.exception.code, "conflict", name)
        self.assertEqual(await self.give("failed", ADA, epoch=epoch), {"destroyed": False})
        self.assertIsNotNone(await self.party.store.meta(KEY))

    async def test_what_does_not_fit_is_not_committed(self) -> None:
        epoch = await self.begin()
        rows = [*typed(1), ["client-9999", 2, [5, "x"], "cleo", 0]]
        with self.assertRaises(CollabError) as caught:
            await self.give("edits", ADA, epoch=epoch, after=0, edits=rows)
        self.assertEqual(caught.exception.code, "bad_op")
        self.assertEqual(await self.users(epoch), [])

    async def test_it_is_for_the_node_alone(self) -> None:
        epoch = await self.begin()
        client = Caller(BACKEND.claims, 5)
        for name, more in (("edits", {"after": 0, "edits": typed(1)}), ("done", {}),
                           ("failed", {})):  # fmt: skip
            with self.assertRaises(CollabError) as caught:
                await self.give(name, client, epoch=epoch, **more)
            self.assertEqual(caught.exception.code, "denied")
