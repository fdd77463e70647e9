"""What a session does with conflicting edits: real clients on a real node, for each type."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.internet.utils import getProcessOutputAndValue

from collab_wamp.client import ClientError, Conflict, Document
from collab_wamp.client.observer import Rejection
from tests.support.browser import node_executable
from tests.support.node import Node
from tests.support.waiting import until
from tests.system.test_client import ClientCase, cut

SCRIPT = Path(__file__).parents[1] / "support" / "conflicting.mjs"


@attrs.frozen
class Row:
    """Two edits of one document that conflict.

    Attributes:
        alone: the content after each of the edits without the other.
        merged: what both may come to.
    """

    type: str
    content: Any
    ops: tuple[Any, Any]
    kind: str
    alone: tuple[Any, Any]
    merged: list[Any]


def coloured(color: str) -> Any:
    return [{"insert": "fox", "attributes": {"color": color}}, {"insert": "\n"}]


ROWS = (
    Row(
        "text",
        "the brown fox",
        ([10, "cat", {"d": 3}], [10, "dog", {"d": 3}]),
        "replaced",
        ("the brown cat", "the brown dog"),
        ["the brown catdog", "the brown dogcat"],
    ),
    Row(
        "text",
        "the brown fox",
        ([6, "OO"], [4, {"d": 6}]),
        "inside_deleted",
        ("the brOOown fox", "the fox"),
        ["the OOfox"],
    ),
    Row(
        "json",
        {"title": "fox"},
        (
            [{"p": ["title"], "od": "fox", "oi": "cat"}],
            [{"p": ["title"], "od": "fox", "oi": "dog"}],
        ),
        "set",
        ({"title": "cat"}, {"title": "dog"}),
        [{"title": "cat"}, {"title": "dog"}],
    ),
    Row(
        "json",
        {"cards": [{"n": 1}, {"n": 2}]},
        (
            [{"p": ["cards", 0, "n"], "od": 1, "oi": 9}],
            [{"p": ["cards", 0], "ld": {"n": 1}}],
        ),
        "inside_deleted",
        ({"cards": [{"n": 9}, {"n": 2}]}, {"cards": [{"n": 2}]}),
        [{"cards": [{"n": 2}]}],
    ),
    Row(
        "rich_text",
        [{"insert": "the brown fox\n"}],
        (
            [{"retain": 10}, {"insert": "cat"}, {"delete": 3}],
            [{"retain": 10}, {"insert": "dog"}, {"delete": 3}],
        ),
        "replaced",
        ([{"insert": "the brown cat\n"}], [{"insert": "the brown dog\n"}]),
        [[{"insert": "the brown catdog\n"}], [{"insert": "the brown dogcat\n"}]],
    ),
    Row(
        "rich_text",
        [{"insert": "fox\n"}],
        (
            [{"retain": 3, "attributes": {"color": "red"}}],
            [{"retain": 3, "attributes": {"color": "blue"}}],
        ),
        "formatted",
        (coloured("red"), coloured("blue")),
        [coloured("red"), coloured("blue")],
    ),
)


class ConflictsCase(ClientCase):
    number = 0

    async def two(self, row: Row, mode: str) -> list[Document]:
        """Ada and Bob on a new session of this kind, and on no other any more."""
        for client in self.clients:
            await client.close()
        self.clients.clear()
        self.number += 1
        name = f"{self.session_id[-50:]}-{self.number}"
        clients = [await self.client(user) for user in ("ada", "bob")]
        await clients[0].call(
            "collab.session.create",
            session_id=name,
            type=row.type,
            content=row.content,
            conflicts=mode,
        )
        return [await client.open(name, type=row.type) for client in clients]

    async def clash(
        self, row: Row, people: list[Document], *, away: int | None = None
    ) -> tuple[int, Conflict]:
        """Both edit at one time; (whose edit was taken back, what they are told).

        Args:
            away: who is offline then, and comes back when the other's edit is saved.
        """
        told: list[tuple[int, Conflict]] = []
        for index, person in enumerate(people):
            person.on_conflict(lambda conflict, index=index: told.append((index, conflict)))
        back: Deferred[None] = Deferred()
        if away is not None:
            await self.go_offline(away, people[away], back)
        for person, op in zip(people, row.ops, strict=True):
            person.edit(op)
        if away is not None:
            await people[1 - away].saved()
            self.assertEqual((people[away].status.state, told), ("offline", []))
        back.callback(None)
        await until(lambda: told, what="a conflict")
        await self.together(*people)
        self.assertEqual(len(told), 1)
        return told[0]

    async def go_offline(self, who: int, document: Document, back: Deferred[None]) -> None:
        """Cut a connection; there is no other before `back` is fired."""
        user = ("ada", "bob")[who]

        async def token() -> str:
            await back
            return self.node.token(user)

        # Who waits for a token is offline.
        self.clients[who]._token = token
        cut(document)
        await until(lambda: document.status.state == "offline")


class ModesTests(ConflictsCase):
    async def test_merge_names_them(self) -> None:
        for row in ROWS:
            people = await self.two(row, "merge")
            told: list[Any] = []
            for person in people:
                person.on_merged(told.append)
            for person, op in zip(people, row.ops, strict=True):
                person.edit(op)
            await until(lambda told=told: told, what="conflicts that were merged")
            await self.together(*people)
            [[conflict]] = told
            self.assertEqual((conflict["kind"], conflict["revision"]), (row.kind, 1))
            self.assertIn(conflict["user_id"], ("ada", "bob"))
            for person in people:
                self.assertIn(person.content, row.merged)

    async def test_reject_refuses_and_nothing_changes(self) -> None:
        for row in ROWS:
            people = await self.two(row, "reject")
            rejections: list[Rejection] = []
            for person in people:
                person.on_rejected(rejections.append)
            loser, conflict = await self.clash(row, people)
            self.assertEqual((conflict.state, conflict.conflict_id), ("refused", ""))
            self.assertEqual([named["kind"] for named in conflict.conflicts], [row.kind])
            [rejection] = rejections
            self.assertEqual(rejection.error.code, "conflict")
            for person in people:
                self.assertEqual((person.content, person.revision), (row.alone[1 - loser], 1))
            self.assertEqual(people[loser].held, {})

    async def test_ask_does_what_is_chosen(self) -> None:
        for row in ROWS:
            for choice in ("mine", "theirs", "both", "op"):
                people = await self.two(row, "ask")
                loser, conflict = await self.clash(row, people)
                self.assertIs(conflict.requires_manual_resolution, True)
                self.assertEqual(people[loser].held, {conflict.conflict_id: conflict})
                self.assertEqual(people[1 - loser].held, {})
                self.assertEqual([side["op"] for side in conflict.theirs], [row.ops[1 - loser]])
                self.assertEqual(people[loser].content, row.alone[1 - loser])
                more = {"op": conflict.mine} if choice == "op" else {}
                if choice == "both":
                    cut(people[loser])  # it is said over the next connection
                revision = await people[loser].resolve(conflict.conflict_id, choice, **more)
                expected = {
                    "mine": [row.alone[loser]],
                    "theirs": [row.alone[1 - loser]],
                }.get(choice, row.merged)
                # What would change nothing is not made.
                made = conflict.mine if choice in ("both", "op") else choice == "mine"
                self.assertEqual(revision, 2 if made else 1)
                await until(lambda r=revision, p=people: all(one.revision == r for one in p))
                for person in people:
                    self.assertIn(person.content, expected, (row, choice))
                self.assertEqual(people[loser].held, {})
                again = await people[loser].resolve(conflict.conflict_id, "mine")
                self.assertEqual(again, revision)

    async def test_what_was_done_offline_is_not_merged_unasked(self) -> None:
        for row in ROWS:
            for mode, state in (("reject", "refused"), ("ask", "held")):
                for away in (0, 1):
                    people = await self.two(row, mode)
                    loser, conflict = await self.clash(row, people, away=away)
                    self.assertEqual((loser, conflict.state), (away, state))
                    self.assertEqual([named["kind"] for named in conflict.conflicts], [row.kind])
                    for person in people:
                        self.assertEqual(person.content, row.alone[1 - away], row)
                    if mode == "ask":
                        at = await people[away].resolve(conflict.conflict_id, "mine")
                        await until(lambda at=at, p=people: all(one.revision == at for one in p))
                        for person in people:
                            self.assertEqual(person.content, row.alone[away])

    async def test_what_another_user_holds_is_not_ones_own(self) -> None:
        people = await self.two(ROWS[0], "ask")
        loser, conflict = await self.clash(ROWS[0], people)
        mallory = await self.client("mallory", **{people[0].session_id: "edit"})
        document = await mallory.open(people[0].session_id)
        self.assertEqual(document.held, {})
        with self.assertRaises(ClientError) as caught:
            await document.resolve(conflict.conflict_id, "mine")
        self.assertEqual(caught.exception.code, "no_such_conflict")
        self.assertEqual(list(people[loser].held), [conflict.conflict_id])

    async def test_the_browser_client_does_the_same(self) -> None:
        tokens = [self.node.token("ada"), self.node.token("bob")]
        for row in {row.type: row for row in reversed(ROWS)}.values():
            for mode, choice, *way in (
                ("merge", "none"),
                ("reject", "none"),
                ("reject", "none", "offline"),
                ("ask", "mine"),
                ("ask", "mine", "offline"),
                ("ask", "theirs"),
                ("ask", "both"),
            ):
                case = json.dumps([row.type, row.content, row.ops])
                args = [str(SCRIPT), self.node.url, *tokens, mode, choice, case, *way]
                out, errors, status = await getProcessOutputAndValue(node_executable(), args)
                self.assertEqual((status, errors), (0, b""))
                answer = json.loads(out)
                self.verify(row, mode, choice, answer)
                if way:
                    self.assertEqual(answer["loser"], 1)

    def verify(self, row: Row, mode: str, choice: str, answer: dict[str, Any]) -> None:
        """What two people with the browser client have come to."""
        self.assertEqual(answer["kinds"], [row.kind])
        one, other = answer["contents"]
        self.assertEqual(one, other)
        if mode == "merge":
            self.assertIn(one, row.merged)
            self.assertEqual((answer["states"], answer["rejected"]), ([], []))
            return
        loser = answer["loser"]
        if mode == "reject":
            self.assertEqual(one, row.alone[1 - loser])
            self.assertEqual((answer["states"], answer["rejected"]), (["refused"], ["conflict"]))
            self.assertEqual(answer["held"], [0, 0])
            return
        self.assertEqual(answer["states"], ["held", "resolved"])
        self.assertEqual(answer["held"], [1 - loser, loser])
        expected = {"mine": [row.alone[loser]], "theirs": [row.alone[1 - loser]]}
        self.assertIn(one, expected.get(choice, row.merged))


class LastingTests(ConflictsCase):
    """On nodes of their own."""

    timeout = 240

    async def setUp(self) -> None:
        self.clients = []
        self.session_id = self.id().rsplit(".", 1)[-1][-60:]

    async def begin(self, **environment: str) -> None:
        self.node = Node(**environment)
        self.addCleanup(deferToThread, self.node.stop)
        await deferToThread(self.node.start)

    async def test_a_held_edit_survives_a_restart_of_everything(self) -> None:
        await self.begin()
        for kill in (True, False):
            people = await self.two(ROWS[0], "ask")
            loser, conflict = await self.clash(ROWS[0], people)
            if kill:
                await deferToThread(self.node.kill_all)
            else:
                await deferToThread(self.node.end)
            await deferToThread(self.node.start)
            # Somebody who was not there before, as after a page was loaded again.
            client = await self.client(("ada", "bob")[loser])
            again = await client.open(people[0].session_id)
            [held] = again.held.values()
            self.assertEqual(
                (held.conflict_id, held.state, held.mine, held.theirs, held.expires_ms),
                (
                    conflict.conflict_id,
                    "held",
                    conflict.mine,
                    conflict.theirs,
                    conflict.expires_ms,
                ),
            )
            await again.resolve(held.conflict_id, "mine")
            await until(lambda p=people, a=again: all(one.revision == 2 for one in [*p, a]))
            for person in [*people, again]:
                self.assertEqual(person.content, ROWS[0].alone[loser])
            await until(lambda p=people, at=loser: not p[at].held)

    async def test_an_expired_one_is_told_to_its_author(self) -> None:
        await self.begin(COLLAB_CONFLICTS_HELD_S="1")
        people = await self.two(ROWS[0], "ask")
        other = await (await self.client("ada")).open(people[0].session_id)
        third = await (await self.client("bob")).open(people[0].session_id)
        told: dict[str, list[Conflict]] = {}
        for name, document in zip(
            ("ada", "bob", "ada2", "bob2"), [*people, other, third], strict=True
        ):
            heard = told[name] = []
            document.on_conflict(heard.append)
        loser, conflict = await self.clash(ROWS[0], people)
        author, stranger = ("ada", "bob") if loser == 0 else ("bob", "ada")
        await until(lambda: told[author][-1].state == "expired", what="the author to be told")
        await until(lambda: told[f"{author}2"], what="the author's other connection to be told")
        [elsewhere] = told[f"{author}2"]
        self.assertEqual((elsewhere.state, elsewhere.mine), ("expired", conflict.mine))
        self.assertEqual((told[stranger], told[f"{stranger}2"]), ([], []))
        late = await (await self.client(author)).open(people[0].session_id)
        self.assertEqual([row.state for row in late.held.values()], ["expired"])
        with self.assertRaises(ClientError) as caught:
            await late.resolve(conflict.conflict_id, "mine")
        self.assertEqual(caught.exception.code, "no_such_conflict")
        self.assertEqual(await late.resolve(conflict.conflict_id, "theirs"), 1)
        for document in (people[loser], (other, third)[loser], late):
            await until(lambda document=document: not document.held)
        self.assertEqual(late.content, ROWS[0].alone[1 - loser])
