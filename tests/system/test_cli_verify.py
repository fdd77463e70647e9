"""`collab-wamp verify`: a history that leads to the document, and one that was damaged."""

from __future__ import annotations

import json

from twisted.internet.threads import deferToThread

from tests.support.cli_case import ToolsCase
from tests.support.node import Node
from tests.support.raw_wamp import RawClient
from tests.support.valkey import ValkeyServer


class VerifyTests(ToolsCase):
    async def make_node(self) -> Node:
        self.store = ValkeyServer()
        self.addCleanup(self.store.stop)
        self.store.start()
        node = Node(REDIS_URL=self.store.url)
        await deferToThread(node.start)
        self.addCleanup(deferToThread, node.stop)
        return node

    async def written(self, name: str, type: str, ops: list[object]) -> RawClient:
        """A session of a type, with these edits."""
        client = await self.client(self.token())
        who = {"session_id": name, "client_id": f"client-{name}"}
        await client.call("collab.session.create", session_id=name, type=type)
        joined = await client.call("collab.session.join", **who)
        for seq, op in enumerate(ops, 1):
            edit = {"epoch": joined["epoch"], "revision": seq - 1, "seq": seq, "op": op}
            await client.call("collab.session.edit", **who, **edit)
        return client

    async def test_sound_ones_of_all_types_and_one_that_is_damaged(self) -> None:
        client = await self.written("words", "text", [["one "], [4, "two"], [7, "!"]])
        bold = {"insert": "two", "attributes": {"bold": True}}
        await self.written("letter", "rich_text", [[{"insert": "one "}], [{"retain": 4}, bold]])
        await self.written("board", "json", [[{"p": ["a"], "oi": [1.5]}], [{"p": ["n"], "oi": 1}]])
        done = await self.ours("verify", "words")
        self.assertRegex(done.out, r"^words: fine: text, revisions 0 to 3, compared at 2, sha256 ")
        done = await self.ours("verify", "--all", "--json")
        rows = {row["session_id"]: row for row in done.json["sessions"]}
        self.assertEqual(sorted(rows), ["board", "letter", "words"])
        self.assertEqual([row["problem"] for row in rows.values()], [None] * 3)

        await self.damage(client, "words")
        done = await self.run_it("verify", "--all", "--tenant", self.tenant)
        self.assertEqual(done.status, 1)
        self.assertIn("words: WRONG: at revision 3 the edits lead to sha256 ", done.out)
        self.assertEqual(done.out.count(": fine: "), 2)

    async def damage(self, client: RawClient, name: str) -> None:
        """Change the text of the last edit in the store, behind everybody's back."""
        snapshot = await client.call("collab.session.snapshot", session_id=name)
        asked = {"session_id": name, "epoch": snapshot["epoch"], "after": 0}
        edits = (await client.call("collab.session.fetch", **asked))["edits"]
        edits[-1][2] = [7, "?"]
        log = f"{{{self.tenant}:{name}}}:log"
        self.store.command("DEL", log)
        for revision, edit in enumerate(edits, 1):
            self.store.command("XADD", log, f"{revision}-0", "e", json.dumps(edit))

    async def test_what_is_asked_for_must_be_said_and_be_there(self) -> None:
        done = await self.run_it("verify", "--tenant", self.tenant)
        self.assertEqual(done.status, 2)
        self.assertIn("name the sessions to verify, or give --all", done.err)
        self.assertIn("no_such_session", await self.refused("verify", "x", "--tenant", self.tenant))
