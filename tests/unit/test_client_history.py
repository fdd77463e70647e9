"""A document's history as the Python client has it, read from use cases on a memory store."""

from __future__ import annotations

from typing import Any

from collab_wamp import documents, protocol
from collab_wamp.client import ClientError, history
from collab_wamp.client.history import History, PastEdit, read_history
from collab_wamp.errors import CollabError
from collab_wamp.joining import SessionLimits
from collab_wamp.retention import Retention
from tests.support.parties import Party, claims
from tests.support.sessions_case import SessionsCase


class HistoryTests(SessionsCase):
    def setUp(self) -> None:
        self.patch(documents, "SNAPSHOT_EVERY", 5)
        self.patch(documents, "CHECKPOINT_EVERY", 10)
        self.party = Party(limits=SessionLimits(window=10), retention=Retention(20))
        self.asked: list[str] = []
        self.before: dict[str, Any] = {}

    async def call(self, procedure: str, kwargs: dict[str, Any]) -> Any:
        self.asked.append(procedure)
        if happens := self.before.pop(procedure, None):
            await happens()
        name = procedure.removeprefix(protocol.SESSION_PREFIX)
        try:
            return await self.party.call(name, self.party.caller(1), **kwargs)
        except CollabError as error:
            raise ClientError(error.code, error.message, error.kwargs) from None

    async def typed(self, first: int, last: int) -> None:
        """Three people type a word each by turns, at the start of the text; 'Z' was there."""
        if not first:
            await self.party.call("create", self.party.caller(1), session_id="notes", content="Z")
        for number in range(first, last):
            who = number % 3 + 1
            caller = self.party.caller(who, claims(f"user{who}"))
            at = await self.party.call(
                "join", caller, session_id="notes", client_id=f"client-{who:04}"
            )
            self.party.around.clock.advance(1)
            seq = number // 3 + 1
            await self.edit(caller, at, number, seq, [f"{number:02}"])

    def content(self, revision: int) -> str:
        return "".join(f"{number:02}" for number in range(revision - 1, -1, -1)) + "Z"

    async def test_all_that_is_kept(self) -> None:
        await self.typed(0, 9)
        read = await read_history(self.call, "notes")
        self.assertEqual((read.first, read.last), (0, 9))
        self.assertEqual(read.edits[4], PastEdit(5, "client-0002", ["04"], "user2", 5000))
        for revision in (9, 0, 4, 5, 3):
            self.assertEqual(read.content_at(revision), self.content(revision))
        runs = [("user3", 2), ("user2", 2), ("user1", 2), (None, 1)]
        self.assertEqual(read.authors_at(3), runs)
        self.assertEqual(read.authors_at(9), runs[:3] * 3 + runs[3:])
        self.assertEqual(read.authors_at(2), runs[1:])
        for revision in (-1, 10):
            for ask in (read.content_at, read.authors_at):
                with self.assertRaises(ValueError):
                    ask(revision)

    async def test_what_was_before_the_oldest_that_is_kept_has_no_author(self) -> None:
        await self.typed(0, 50)
        read = await read_history(self.call, "notes")
        self.assertEqual((read.first, read.last), (30, 50))
        self.assertEqual(read.content_at(30), self.content(30))
        self.assertEqual(read.content_at(50), self.content(50))
        self.assertEqual(read.authors_at(32), [("user2", 2), ("user1", 2), (None, 61)])

    async def test_it_is_read_in_pages_and_also_while_its_start_goes(self) -> None:
        await self.typed(0, 25)
        self.patch(protocol, "MAX_FETCH", 3)
        self.before[protocol.FETCH] = lambda: self.typed(25, 60)
        read = await read_history(self.call, "notes")
        self.assertEqual((read.first, read.last), (40, 60))
        self.assertEqual(self.asked.count(protocol.SNAPSHOT), 2)
        self.assertGreater(self.asked.count(protocol.FETCH), 5)
        self.assertEqual(read.content_at(60), self.content(60))

    async def test_other_errors_are_told(self) -> None:
        with self.assertRaises(ClientError) as caught:
            await read_history(self.call, "other")
        self.assertEqual(caught.exception.code, "no_such_session")

    async def test_history_that_goes_faster_than_it_is_read(self) -> None:
        await self.typed(0, 3)

        async def call(procedure: str, kwargs: dict[str, Any]) -> Any:
            if procedure == protocol.SNAPSHOT:
                raise ClientError("bad_revision", "gone", {"oldest": kwargs["revision"] + 1})
            return await self.call(procedure, kwargs)

        with self.assertRaises(ClientError) as caught:
            await read_history(call, "notes")
        self.assertTrue(caught.exception.retryable)

    async def test_going_back_is_quick_and_right(self) -> None:
        self.patch(history, "KEEP_EVERY", 3)
        edits = [PastEdit(11 + n, "c", [n, str(n)] if n else ["0"], "ada", n) for n in range(10)]
        read = History("text", 10, "", edits)
        self.assertEqual(read.content_at(20), "0123456789")
        self.assertEqual(sorted(read._kept), [10, 13, 16, 19])
        for revision in range(20, 9, -1):
            self.assertEqual(read.content_at(revision), "0123456789"[: revision - 10])
