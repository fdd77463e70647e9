"""Two people on one session whose edits conflict, on the use cases and a memory store."""

from __future__ import annotations

from typing import Any

from collab_wamp.errors import CollabError
from tests.support.parties import Party, claims, start
from tests.support.sessions_case import SessionsCase

# Ada and Bob both replace "fox".
MINE = [10, "cat", {"d": 3}]
THEIRS = [10, "dog", {"d": 3}]
CONTENT = "the brown fox"


class ConflictsCase(SessionsCase):
    """Ada is on connection 1, Bob on 2, and Eve, a manager, on 3.

    Attributes:
        ada, bob: who calls.
        at: what Ada's join has answered.
    """

    async def begin(self, conflicts: str, content: str = CONTENT) -> None:
        """Make the session, and have both join it."""
        self.ada = self.party.caller(1, claims("ada", notes="edit"))
        self.bob = self.party.caller(2, claims("bob", notes="edit"))
        self.eve = self.party.caller(3, claims("eve"))
        made = {"session_id": "notes", "content": content, "conflicts": conflicts}
        await self.party.call("create", self.eve, **made)
        self.at = await self.join(self.ada)
        await self.join(self.bob)

    async def join(self, caller: Any, party: Party | None = None) -> dict[str, Any]:
        who = {"session_id": "notes", "client_id": f"client-{caller.wamp_session_id:04}"}
        return await (party or self.party).call("join", caller, **who)

    async def conflict(self, caller: Any, revision: int, seq: int, op: Any, **more: Any) -> Any:
        """The `CollabError` that an edit is answered with."""
        with self.assertRaises(CollabError) as caught:
            await self.edit(caller, self.at, revision, seq, op, **more)
        self.assertEqual(caught.exception.code, "conflict", caught.exception)
        return caught.exception

    async def held(self) -> dict[str, Any]:
        """Bob has replaced the word, and Ada wanted to: what she is told."""
        await self.edit(self.bob, self.at, 0, 1, THEIRS)
        error = await self.conflict(self.ada, 0, 1, MINE)
        details: dict[str, Any] = error.details
        return details

    async def resolve(self, caller: Any, conflict_id: str, choice: Any, **more: Any) -> int:
        arguments = {"session_id": "notes", "conflict_id": conflict_id, "choice": choice}
        arguments = self.party.arguments(**(arguments | more))
        answer = await self.party.sessions.resolving.resolve(caller, arguments)
        return int(answer["revision"])

    async def not_resolved(self, code: str, caller: Any, *args: Any, **more: Any) -> CollabError:
        with self.assertRaises(CollabError) as caught:
            await self.resolve(caller, *args, **more)
        self.assertEqual(caught.exception.code, code, caught.exception)
        return caught.exception

    async def now(self) -> tuple[int, Any]:
        """(revision, content) of the session."""
        found = await self.party.call("snapshot", self.eve, session_id="notes")
        return found["revision"], found["content"]

    async def log(self) -> list[Any]:
        epoch = self.at["epoch"]
        page = await self.party.call("fetch", self.eve, session_id="notes", epoch=epoch, after=0)
        edits: list[Any] = page["edits"]
        return edits


__all__ = ["CONTENT", "MINE", "THEIRS", "ConflictsCase", "start"]
