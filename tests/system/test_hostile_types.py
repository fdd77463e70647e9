"""Operations of rich text and of objects and lists as nobody's editor would make them."""

from __future__ import annotations

import secrets
from typing import Any

from twisted.trial.unittest import TestCase

from tests.support.node import shared_node
from tests.support.raw_wamp import CallError, logged_in

RUNS = [{"insert": "a😀b", "attributes": {"bold": True}}, {"insert": "\n"}]
BOARD = {"list": [1, 2], "text": "a😀b", "count": 1, "named": {}}


def deep(levels: int) -> Any:
    value: Any = 0
    for _ in range(levels):
        value = [value]
    return value


class TypesTests(TestCase):
    timeout = 120

    async def setUp(self) -> None:
        node = await shared_node()
        self.session_id = f"types-{secrets.token_hex(6)}"
        self.client = await logged_in(node.port, node.token("mallory"))

    async def tearDown(self) -> None:
        await self.client.cut()

    async def refused(
        self, type: str, content: Any, ops: list[tuple[Any, str, int | None]]
    ) -> None:
        """Each operation is refused with a code and the part that is wrong; nothing changes."""
        who = {"session_id": self.session_id, "client_id": "client-mallory"}
        made = {"session_id": self.session_id, "type": type, "content": content}
        await self.client.call("collab.session.create", **made)
        at = await self.client.call("collab.session.join", **who)
        edit = {**who, "epoch": at["epoch"], "revision": 0, "seq": 1}
        for op, code, part in ops:
            with self.assertRaises(CallError) as caught:
                await self.client.call("collab.session.edit", **edit, op=op)
            found = caught.exception.code, caught.exception.kwargs.get("part")
            self.assertEqual(found, (code, part), str(op)[:100])
        found = await self.client.call("collab.session.snapshot", session_id=self.session_id)
        self.assertEqual((found["revision"], found["content"]), (0, content))

    async def not_created(self, type: str, *contents: Any) -> None:
        for content in contents:
            made = {"session_id": self.session_id, "type": type, "content": content}
            with self.assertRaises(CallError) as caught:
                await self.client.call("collab.session.create", **made)
            self.assertEqual(caught.exception.code, "bad_request", str(content)[:100])

    async def test_rich_text(self) -> None:
        bold = {"attributes": {"bold": True}}
        await self.not_created(
            "rich_text", 7, [{"retain": 1}], [{"insert": "a", "attributes": {"__proto__": 1}}]
        )
        ops: list[tuple[Any, str, int | None]] = [
            ("x", "bad_op", None),
            ([{"insert": ""}], "bad_op", 0),
            ([{"insert": "a"}, {"insert": "b"}], "bad_op", 1),
            ([{"delete": 1}, {"insert": "b"}], "bad_op", 1),
            ([{"retain": 2}], "bad_op", 0),
            ([{"retain": 0, **bold}], "bad_op", 0),
            ([{"retain": -1, **bold}], "bad_op", 0),
            ([{"retain": True, **bold}], "bad_op", 0),
            ([{"retain": 1.5, **bold}], "bad_op", 0),
            ([{"retain": 1, "attributes": {}}, {"delete": 1}], "bad_op", 0),
            ([{"insert": "a", "delete": 1}], "bad_op", 0),
            ([{"insert": "a", "attributes": {"constructor": 1}}], "bad_op", 0),
            ([{"insert": "a", "attributes": {"x": {"prototype": 1}}}], "bad_op", 0),
            ([{"insert": {"__proto__": "x"}}], "bad_op", 0),
            ([{"insert": {"image": "x", "video": "y"}}], "bad_op", 0),
            ([{"insert": {"image": deep(20)}}], "bad_op", 0),
            ([{"insert": "a\0"}], "bad_op", 0),
            ([{"delete": 5}], "bad_op", 0),
            ([{"retain": 3}, {"delete": 2}], "bad_op", 1),
            ([{"insert": "x" * 33_000}], "op_too_large", 0),
            ([{"insert": "x"}, {"retain": 1}] * 501, "op_too_large", None),
        ]
        await self.refused("rich_text", RUNS, ops)

    async def test_json(self) -> None:
        await self.not_created("json", "a text", {"constructor": 1}, [deep(70)], {"a": 2**53})
        ops: list[tuple[Any, str, int | None]] = [
            ({}, "bad_op", None),
            ([{}], "bad_op", 0),
            ([{"p": ["x"]}], "bad_op", 0),
            ([{"p": ["__proto__"], "oi": 1}], "bad_op", 0),
            ([{"p": ["__proto__", "polluted"], "oi": 1}], "bad_op", 0),
            ([{"p": ["named", "constructor"], "oi": 1}], "bad_op", 0),
            ([{"p": ["x"], "oi": {"prototype": {}}}], "bad_op", 0),
            ([{"p": ["x"], "oi": [{"__proto__": 1}]}], "bad_op", 0),
            ([{"p": ["named", "a", "b"], "oi": 1}], "bad_op", 0),
            ([{"p": ["count"], "oi": 2}], "bad_op", 0),
            ([{"p": ["nothing"], "od": 2}], "bad_op", 0),
            ([{"p": ["list", 3], "li": 2}], "bad_op", 0),
            ([{"p": ["list", -1], "li": 2}], "bad_op", 0),
            ([{"p": ["list", True], "li": 2}], "bad_op", 0),
            ([{"p": ["list", 2], "ld": 2}], "bad_op", 0),
            ([{"p": ["list", 0], "lm": 2}], "bad_op", 0),
            ([{"p": ["text"], "na": 1}], "bad_op", 0),
            ([{"p": ["count"], "na": 0.5}], "bad_op", 0),
            ([{"p": ["count"], "na": "1"}], "bad_op", 0),
            ([{"p": ["text", 0], "si": "x"}], "bad_op", 0),
            ([{"p": ["text"], "t": "text0", "o": []}], "bad_op", 0),
            ([{"p": ["text"], "t": "text-unicode", "o": [4, "x"]}], "bad_op", 0),
            ([{"p": ["x"], "oi": 1, "more": 2}], "bad_op", 0),
            ([{"p": ["x"], "oi": 2**53}], "bad_request", None),  # no integer for every format
            ([{"p": ["x"], "oi": "a\0"}], "bad_op", 0),
            ([{"p": ["x"], "oi": deep(70)}], "bad_request", None),  # nor is anything so deep
            ([{"p": ["x"] * 20, "oi": deep(50)}], "bad_op", 0),
            ([{"p": ["a"] * 65, "oi": 1}], "bad_op", 0),
            ([{"p": ["x"], "oi": 1}, {"p": ["x"], "oi": 2}], "bad_op", 1),
            ([{"p": ["x"], "oi": "x" * 33_000}], "op_too_large", 0),
            ([{"p": ["count"], "na": 1}] * 1001, "op_too_large", None),
        ]
        await self.refused("json", BOARD, ops)
