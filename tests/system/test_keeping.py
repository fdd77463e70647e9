"""Both clients on a real node: versions, history, hashes, and what was not taken."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from twisted.internet.utils import getProcessOutputAndValue

from collab_wamp.client import Document
from tests.support.browser import node_executable
from tests.support.waiting import until
from tests.system.test_client import ClientCase

SCRIPT = Path(__file__).parents[1] / "support" / "keeping.mjs"

CONTENTS: dict[str, tuple[Any, Any]] = {
    "text": ("one two", [4, "and "]),
    "rich_text": ([{"insert": "one two\n"}], [{"retain": 4}, {"insert": "and "}]),
    "json": ({"a": 1.5, "€": [None]}, [{"p": ["b"], "oi": "2 €"}]),
}


class KeepingTests(ClientCase):
    async def of_each_type(self) -> list[tuple[Document, Any]]:
        client = await self.client()
        opened = []
        for name, (content, op) in CONTENTS.items():
            session_id = f"{self.session_id}-{name}"
            document = await client.open(session_id, type=name, create=True, content=content)
            opened.append((document, op))
        return opened

    async def test_versions_and_hashes(self) -> None:
        for document, op in await self.of_each_type():
            before = document.content
            first = await document.save_version("first")
            document.edit(op)
            self.assertTrue(await document.verify())
            await document.saved()
            self.assertTrue(await document.verify())
            revision = await document.restore(version_id=first["version_id"])
            await until(lambda d=document, r=revision: d.revision == r)
            self.assertEqual(document.content, before)
            self.assertEqual([v["name"] for v in await document.versions()], ["first"])
            await document.delete_version(first["version_id"])
            self.assertEqual(await document.versions(), [])
            self.assertTrue(await document.verify())

    async def test_a_document_that_went_wrong_is_set_right(self) -> None:
        for document, op in await self.of_each_type():
            content = document.content
            document._replica._buffer.apply(op)
            document._replica._measure = document._replica.type.measure(document.content)
            self.assertNotEqual(document.content, content)
            self.assertFalse(await document.verify())
            await document.until(lambda d=document, c=content: d.content == c)
            self.assertTrue(await document.verify())
        self.assertEqual(len(self.flushLoggedErrors()), 0)

    async def test_the_browser_client(self) -> None:
        tokens = (self.node.token("ada"), self.node.token("bob"))
        out, err, code = await getProcessOutputAndValue(
            node_executable(), [str(SCRIPT), self.node.url, *tokens]
        )
        self.assertEqual((code, err), (0, b""))
        authors = {
            "text": [[False, 4], [True, 4], [False, 3]],
            "rich_text": [[False, 4], [True, 4], [False, 4]],
            "json": [],
        }
        for name, found in json.loads(out).items():
            self.assertIn(found.pop("kept"), (["ONE"], ["EINS"]))
            expected = {
                "past": True,
                "authors": authors[name],
                "versions": ["changed"],
                "refused": "conflict",
                "again": True,
                "left": 0,
                "undone": True,
                "restored": [True, True],
                "verified": [True, True, True],
            }
            self.assertEqual(found, expected, name)
