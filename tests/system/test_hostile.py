"""What a hostile client sends, raw: a registered error or the end, and nothing has changed.

Deadlines, frames, and what asks for more than clients may have, are in `test_guards.py`.
"""

from __future__ import annotations

import urllib.request
from typing import Any

import msgpack
from twisted.internet.threads import deferToThread

from tests.support.guards import GuardCase, last
from tests.support.raw_wamp import CallError, RawClient
from tests.support.waiting import until

from .test_raw_json import RawCase

STRANGE = ("QUEUED", "007", "$-1\r\n", "1_000", "😀 é \u200d", "\r\n" * 5000, "null", '"\\')


class HostileCase(RawCase):
    """An innocent person edits beside the hostile one, before and after."""

    layout = "together"

    async def setUp(self) -> None:
        await super().setUp()
        logs = self.node.data_dir / "log"
        names = ("node.log", "router.log", *(f"{name}.log" for name in self.node.layout.guests))
        self.logs = {logs / name: (logs / name).stat().st_size for name in names}
        self.processes = self.node.component_pids()
        self.canary = await self.client("canary")
        self.at = await self.joined(self.canary, "client-canary")
        self.text = "innocent"
        await self.canary_edits([self.text])
        self.hostile = await self.client("mallory")

    async def canary_edits(self, op: Any) -> None:
        self.revision = getattr(self, "revision", 0)
        self.seq = getattr(self, "seq", 0) + 1
        edit = self.edit(self.at, "client-canary", self.revision, self.seq, op)
        self.revision = (await self.canary.call("collab.session.edit", **edit))["revision"]

    async def tearDown(self) -> None:
        try:
            await self.nothing_has_happened()
        finally:
            await super().tearDown()

    async def nothing_has_happened(self) -> None:
        """The document is what it was, nobody was thrown out, and the node is well."""
        found = await self.canary.call("collab.session.snapshot", session_id=self.session_id)
        self.assertEqual((found["revision"], found["content"]), (self.revision, self.text))
        await self.canary_edits([len(self.text), "!"])
        self.assertIsNone(self.canary.closed)
        processes = self.node.component_pids()
        self.assertEqual(processes, self.processes, "a component was started anew")
        ready = await deferToThread(urllib.request.urlopen, f"{self.node.http}/ready", timeout=20)
        self.assertEqual(ready.status, 200)
        for log, size in self.logs.items():
            news = log.read_text()[size:]
            self.assertNotIn("Traceback", news, log)
            self.assertNotIn("Unable to format", news, log)

    async def refused(
        self, code: str, name: str, client: RawClient | None = None, /, **kwargs: Any
    ) -> Any:
        client = client or self.hostile
        try:
            answer = await client.call(f"collab.session.{name}", **kwargs)
        except CallError as error:
            self.assertEqual(error.code, code, (kwargs if len(str(kwargs)) < 200 else "", error))
            self.assertIn("retryable", error.kwargs)
            self.assertTrue(error.args_given[0])
            return error.kwargs
        self.fail(f"{name} {kwargs} was answered: {answer}")

    async def refused_edit(self, code: str, seq: int = 1, **body: Any) -> Any:
        edit = self.edit(self.at, "client-mallory", self.revision, seq, ["x"]) | body
        return await self.refused(code, "edit", **edit)


class IdTests(HostileCase):
    async def test_session_ids(self) -> None:
        for bad in ("../", "{}", "*", "a b", "", "x" * 65, "y" * 30_000, 7, None, ["a"], {"a": 1}):
            kwargs = await self.refused(
                "bad_session_id", "join", session_id=bad, client_id="client-mallory"
            )
            self.assertEqual(kwargs["retryable"], False)

    async def test_client_ids_and_what_people_say_of_themselves(self) -> None:
        for bad in ("short", "x" * 65, "with space", 12345678, None):
            kwargs = await self.refused(
                "bad_request", "join", session_id=self.session_id, client_id=bad
            )
            self.assertEqual(kwargs["argument"], "client_id")
        for bad in ("x", ["x"], {"a": {"b": 1}}, {"name": "x" * 3000}, {"name": "a\0b"}):
            kwargs = await self.refused(
                "bad_request",
                "join",
                session_id=self.session_id,
                client_id="client-mallory",
                user_info=bad,
            )
            self.assertEqual(kwargs["argument"], "user_info")

    async def test_arguments_that_are_unknown_or_by_position(self) -> None:
        kwargs = await self.refused("bad_request", "info", session_id=self.session_id, sesion=1)
        self.assertEqual(kwargs["argument"], "sesion")
        edit = self.edit(self.at, "client-mallory", self.revision, 1, ["x"])
        edit["revison"] = edit.pop("revision")
        kwargs = await self.refused("bad_revision", "edit", **edit)
        self.assertEqual(kwargs["argument"], "revision")
        await self.refused_edit("bad_request", base=1)
        self.hostile.send([48, 900, {}, "collab.session.info", [self.session_id], {}])
        with self.assertRaises(CallError) as caught:
            await self.hostile.answer(50, 900)
        self.assertEqual(caught.exception.code, "bad_request")

    async def test_what_an_error_quotes_is_text(self) -> None:
        """It is no format for the log, and no name of something that happened in the component."""
        for name in (
            "onJoin", "While firing onJoin", "{log_source}", "{x", "{0}", "%s", "\n", "self", "fun",
            "details", "args", "kwargs",
        ):  # fmt: skip
            kwargs = await self.refused("bad_request", "info", session_id="quoted", **{name: 1})
            self.assertEqual(kwargs["argument"], name)
            await self.refused("bad_session_id", "info", session_id=name + "/")

    async def test_what_others_say_of_themselves_is_passed_on_as_text(self) -> None:
        await self.joined(self.hostile, "client-mallory", user_info={"name": "<script>alert(1)"})
        topic = self.at["topics"]["roster"]
        joined = await until(
            lambda: next((e["joined"] for e in self.canary.events(topic) if "joined" in e), None)
        )
        self.assertEqual(joined["user_info"], {"name": "<script>alert(1)"})


class MembershipTests(HostileCase):
    async def test_an_edit_without_joining_after_leaving_and_with_view_right(self) -> None:
        await self.refused_edit("not_joined")
        await self.joined(self.hostile, "client-mallory")
        await self.hostile.call("collab.session.leave", session_id=self.session_id)
        await self.refused_edit("not_joined")
        viewer = await self.client("viewer", **{self.session_id: "view"})
        await viewer.call(
            "collab.session.join", session_id=self.session_id, client_id="client-viewer"
        )
        edit = self.edit(self.at, "client-viewer", self.revision, 1, ["x"])
        kwargs = await self.refused("denied", "edit", viewer, **edit)
        self.assertEqual(kwargs["needs"], "edit")
        await self.refused("denied", "destroy", viewer, session_id=self.session_id)

    async def test_another_clients_id_is_not_for_its_edits(self) -> None:
        await self.joined(self.hostile, "client-mallory")
        kwargs = await self.refused_edit("bad_request", client_id="client-canary")
        self.assertEqual(kwargs["argument"], "client_id")

    async def test_a_session_of_another_tenant_or_without_a_right_does_not_exist(self) -> None:
        client = await RawClient(self.node.port).connect()
        self.clients.append(client)
        await client.login(self.node.token("mallory", tenant="globex"))
        for name in ("info", "snapshot", "destroy"):
            await self.refused("no_such_session", name, client, session_id=self.session_id)
        stranger = await self.client("stranger", other="manage")
        await self.refused(
            "no_such_session", "join", stranger, session_id=self.session_id, client_id="client-str1"
        )
        self.assertEqual((await stranger.call("collab.session.list"))["sessions"], [])
        # The topics are known; they yield nothing all the same.
        for topic in self.at["topics"].values():
            if topic.startswith("collab.s."):
                await stranger.subscribe(topic)
        await self.canary_edits([len(self.text), "?"])
        await self.canary_edits([len(self.text), {"d": 1}])
        await until(lambda: len(self.canary.events(self.at["topics"]["edits"])) >= 3)
        self.assertEqual([row for row in stranger.received if row[0] == 36], [])

    async def test_the_client_id_of_another_user(self) -> None:
        """Everybody sees it; under it one could put its owner out, and edit in their name."""
        kwargs = await self.refused(
            "bad_request", "join", session_id=self.session_id, client_id="client-canary"
        )
        self.assertEqual(kwargs["argument"], "client_id")

    async def test_two_connections_with_one_client_id(self) -> None:
        await self.joined(self.hostile, "client-mallory")
        newer = await self.client("mallory")
        await newer.call(
            "collab.session.join", session_id=self.session_id, client_id="client-mallory"
        )
        await self.refused_edit("not_joined")
        topic = self.at["topics"]["roster"]
        left = await until(
            lambda: next((e["left"] for e in self.canary.events(topic) if "left" in e), None)
        )
        self.assertEqual(left["reason"], "fenced")


class EditTests(HostileCase):
    async def setUp(self) -> None:
        await super().setUp()
        await self.joined(self.hostile, "client-mallory")

    async def test_revisions(self) -> None:
        for bad in (-1, "3", 3.5, None, True, [0], {}):
            await self.refused_edit("bad_revision", revision=bad)
        await self.refused_edit("bad_request", revision=2**53)  # no integer for every format
        await self.refused_edit("base_ahead", revision=2**53 - 1)
        kwargs = await self.refused_edit("base_ahead", revision=self.revision + 1)
        self.assertEqual(kwargs["revision"], self.revision)
        await self.refused_edit("stale_epoch", epoch="another")

    async def test_numbers(self) -> None:
        for bad in (0, -1, "1", 1.5, None, True):
            await self.refused_edit("bad_request", seq=bad)
        self.assertEqual((await self.refused_edit("seq_gap", seq=3))["next_seq"], 1)
        place = len(self.text)
        mine = self.edit(self.at, "client-mallory", self.revision, 1, [place, "+"])
        first = await self.hostile.call("collab.session.edit", **mine)
        again = await self.hostile.call("collab.session.edit", **mine)
        self.assertEqual(again["revision"], first["revision"])
        kwargs = await self.refused_edit("seq_reused", seq=1, op=["other"])
        self.assertEqual(kwargs["next_seq"], 2)
        self.revision, self.text = first["revision"], self.text + "+"

    async def test_operations(self) -> None:
        for op, code, part in (
            ("x", "bad_op", None),
            ({"0": "x"}, "bad_op", None),
            ([1, 1, "x"], "bad_op", 1),
            ([-1, "x"], "bad_op", 0),
            ([2**53 - 1, "x"], "bad_op", 0),
            ([1.5, "x"], "bad_op", 0),
            ([True, "x"], "bad_op", 0),
            ([None], "bad_op", 0),
            ([["x"]], "bad_op", 0),
            ([""], "bad_op", 0),
            (["x", 3], "bad_op", 1),
            ([{"d": 0}], "bad_op", 0),
            ([{"d": ""}], "bad_op", 0),
            ([{"d": 1, "i": "x"}], "bad_op", 0),
            ([{"x": 1}], "bad_op", 0),
            ([100, "x"], "bad_op", 0),
            ([2, {"d": 100}], "bad_op", 1),
            (["a\0b"], "bad_op", 0),
            (["x" * 33_000], "op_too_large", 0),
            (["x", 1] * 501, "op_too_large", None),
        ):
            kwargs = await self.refused_edit(code, op=op)
            self.assertEqual(kwargs["part"], part, op if len(str(op)) < 100 else "")
        empty = self.edit(self.at, "client-mallory", self.revision, 1, [])
        done = await self.hostile.call("collab.session.edit", **empty)
        self.assertEqual(done["revision"], self.revision)

    async def test_strange_texts_come_back_as_they_were(self) -> None:
        for number, text in enumerate(STRANGE):
            edit = self.edit(
                self.at, "client-mallory", self.revision, number + 1, [len(self.text), text]
            )
            self.revision = (await self.hostile.call("collab.session.edit", **edit))["revision"]
            self.text += text
        found = await self.hostile.call("collab.session.snapshot", session_id=self.session_id)
        self.assertEqual(found["content"], self.text)

    async def test_content_that_is_no_text(self) -> None:
        for content in ("a\0b", "\0", 7, ["x"], {"a": "x"}):
            with self.assertRaises(CallError) as caught:
                await self.hostile.call(
                    "collab.session.create", session_id="content", content=content
                )
            self.assertIn(caught.exception.code, ("bad_request", "bad_op"), content)
        await self.refused("no_such_session", "info", session_id="content")

    async def test_nonsense_about_where_one_is(self) -> None:
        cursor, selection = self.at["topics"]["cursor"], self.at["topics"]["selection"]
        for topic, event in (
            (cursor, {"revision": 1, "position": -1}),
            (cursor, {"revision": 1, "position": "1"}),
            (cursor, {"position": 1}),
            (cursor, {"revision": 10**9, "position": 1}),
            (cursor, {}),
            (selection, {"revision": 1, "ranges": [[0]]}),
            (selection, {"revision": 1, "ranges": [[0, 1]] * 101}),
            (selection, {"revision": 1, "ranges": {"a": 1}}),
        ):
            self.hostile.publish(topic, **event)
        for name in ("self", "fun", "details", "args", "topic"):
            self.hostile.publish(cursor, revision=10**9, position=1, **{name: 1})
        # What is in order, behind all of that on the same connection, is all that others hear.
        self.hostile.publish(cursor, revision=self.revision, position=3)
        events = await until(lambda: self.canary.events(self.at["topics"]["presence"]))
        rows = [row for event in events for row in event["presence"].values()]
        self.assertEqual(rows, [{"cursor": 3, "selection": None}])


class PoisonTests(GuardCase):
    layout = "together"

    async def test_json_that_others_could_not_read_ends_the_connection(self) -> None:
        canary = await self.canary()
        for value in (
            '"\\ud800"', '"a\\udfff"', '"\ud800"', "NaN", "Infinity", "-Infinity", "1e999",
            "1" * 5000, "[" * 20_000 + "]" * 20_000, "[" * 20_000, '{"a":' * 5000, "'x'", "01",
        ):  # fmt: skip
            client = await self.client()
            client.send_text('[48,1,{},"collab.session.list",[],{"cursor":' + value + "}]")
            code, _ = await client.until_closed()
            self.assertEqual(code, 1007, value[:20])
        await canary.sings()

    async def test_values_that_change_on_their_way_are_refused(self) -> None:
        """A call with one is answered with an error, and its connection lives."""
        canary = await self.canary()
        client = await self.client()
        for value in ("\0x", {"\0": 1}, 2**60, -(2**63), deep(70)):
            error = await self.failure(
                client,
                "collab.session.join",
                session_id=self.session_id,
                client_id="mallory-client",
                user_info=value,
            )
            self.assertEqual(error.code, "bad_request", value)
            self.assertIn("a bad value", error.args_given[0])
        client.publish(canary.joined["topics"]["cursor"], revision="\0")
        self.assertEqual((await client.until_closed())[0], 1008)
        await canary.sings()

    async def test_msgpack_types_that_json_has_not_are_refused(self) -> None:
        canary = await self.canary()
        for value in (
            b"bytes", msgpack.ExtType(5, b"x"), msgpack.Timestamp(1), 2**64 - 1, float("nan"),
            float("-inf"), {"a": b"bytes"}, [msgpack.ExtType(127, b"")],
        ):  # fmt: skip
            client = await self.connected("wamp.2.msgpack")
            await client.login(self.at.token(f"mallory {value!r}"))
            arguments = {
                "session_id": self.session_id,
                "client_id": "mallory-client",
                "user_info": {"name": value},
            }
            message = [48, 1, {}, "collab.session.join", [], arguments]
            client.protocol.sendMessage(msgpack.packb(message), True)
            answer = await until(lambda c=client: c.closed or last(c, 8) or last(c, 50))
            self.assertEqual(answer[:2], [8, 48], (value, answer))
            self.assertIn("a bad value", answer[5][0])
        for payload in (
            b"\xc1",
            b"\xdd\xff\xff\xff\xff",
            b"\x91" * 20_000 + b"\xc0",
            b"\x93\x30\x01",
            msgpack.packb([48, 1, {}, "collab.session.list", [], {1: 2}]),
        ):
            client = await self.connected("wamp.2.msgpack")
            await client.login(self.at.token("mallory"))
            client.protocol.sendMessage(payload, True)
            self.assertEqual((await client.until_closed())[0], 1007, payload[:10])
        await canary.sings()

    async def test_text_and_binary_are_not_mixed_up(self) -> None:
        client = await self.client()
        client.protocol.sendMessage(b'[48,1,{},"collab.session.list"]', True)
        self.assertEqual((await client.until_closed())[0], 1003)


class ApartIdTests(IdTests):
    """What follows is said again to components in processes of their own.

    Those in the router's process are given a client's values as they are, the others get them
    by another way.
    """

    layout = "apart"


class ApartMembershipTests(MembershipTests):
    layout = "apart"


class ApartEditTests(EditTests):
    layout = "apart"


class ApartPoisonTests(PoisonTests):
    layout = "apart"


def deep(levels: int) -> Any:
    value: Any = 0
    for _ in range(levels):
        value = [value]
    return value
