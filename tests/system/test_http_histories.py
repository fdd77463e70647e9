"""Whole histories over HTTP: out of one session and into another, on this node and on others."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
from pathlib import Path
from typing import Any

from twisted.internet.threads import deferToThread

from collab_wamp.access import ORDINARY
from tests.support.http import asked
from tests.support.http_case import HttpCase, boss, token
from tests.support.node import Node
from tests.support.raw_wamp import CallError, RawClient

TRACES = Path(__file__).parents[1] / "data" / "traces"
JSON = {"Content-Type": "application/json"}
TEXT = {"Content-Type": "text/plain; charset=utf-8"}
TIMES = 1_700_000_000_000


def recorded(name: str) -> bytes:
    return gzip.decompress((TRACES / f"{name}.json.gz").read_bytes())


def a_session(edits: list[Any], **more: Any) -> dict[str, Any]:
    return {"format": "collab_wamp.session.1", "content": "", "edits": edits, **more}


def typed(*letters: str) -> list[Any]:
    """Each inserts at the beginning, by two in turn."""
    return [
        [f"client-000{n % 2}", 1 + n // 2, [letter], f"user-{n % 2}", TIMES + n]
        for n, letter in enumerate(letters)
    ]


class HistoryCase(HttpCase):
    async def make(self, path: str, body: Any, status: int = 201, **more: Any) -> Any:
        more.setdefault("token", boss())
        reply = await self.ask("PUT", f"{path}/content", status, body=body, headers=JSON, **more)
        return reply.json

    async def export(self, path: str, form: str, more: str = "") -> Any:
        reply = await self.ask("GET", f"{path}/content?format={form}{more}")
        return reply.text if form == "text" else reply.json

    async def fetched(self, client: RawClient, session_id: str) -> list[Any]:
        """All edits, as they are told to a client."""
        info = await client.call("collab.session.info", session_id=session_id)
        edits: list[Any] = []
        while len(edits) < info["revision"]:
            page = await client.call(
                "collab.session.fetch",
                session_id=session_id,
                epoch=info["epoch"],
                after=len(edits),
            )
            edits += page["edits"]
        return edits

    async def begun(self) -> Any:
        """A long import that is under way, on a connection of its own."""
        edits = [[f"client-{n % 9:04}", 1 + n // 9, ["x"], "ada", TIMES] for n in range(100_000)]
        body = json.dumps(a_session(edits)).encode()
        link = http.client.HTTPConnection("127.0.0.1", self.node.port, timeout=60)
        self.addCleanup(link.close)
        headers = {**JSON, "Authorization": f"Bearer {token()}"}
        await deferToThread(link.request, "PUT", f"{self.path}/content", body, headers)
        await self.until(self.is_there)
        return link

    async def is_there(self) -> bool:
        reply = await asked(self.node, "GET", self.path, token=token())
        return reply.status == 200

    async def is_gone(self) -> bool:
        return not await self.is_there()


class TraceTests(HistoryCase):
    async def test_what_several_people_did_at_one_time_becomes_history(self) -> None:
        data = recorded("clownschool")
        made = await self.make(self.path, data)
        end, count = json.loads(data)["endContent"], len(json.loads(data)["txns"])
        self.assertEqual((made["revision"], made["created"]), (count, True))
        self.assertEqual(await self.export(self.path, "text"), end)
        edits = await self.fetched(await self.client(token()), self.session_id)
        self.assertEqual(len(edits), count)
        self.assertEqual({edit[3] for edit in edits}, {"agent-0", "agent-1", "agent-2"})
        self.assertEqual(edits[0][4], 1_700_625_452_000)
        # Out again it is in one line, and goes in and out the same.
        trace = await self.export(self.path, "trace")
        self.assertEqual((len(trace["txns"]), trace["endContent"]), (count, end))
        copy = f"{self.path}-copy"
        await self.make(copy, json.dumps(trace).encode())
        self.assertEqual(await self.export(copy, "trace"), trace)

    async def test_what_one_did_becomes_history_after_the_text_before(self) -> None:
        recording = json.loads(recorded("sveltecomponent"))
        recording["startContent"] = ""
        await self.make(self.path, json.dumps(recording).encode())
        self.assertEqual(await self.export(self.path, "text"), recording["endContent"])
        for start in ("", "before "):
            rows = [{"patches": [[len(start), 0, "one"]]}, {"patches": [[0, 0, "two "]]}]
            path = f"{self.path}-{len(start)}"
            end = f"two {start}one"
            await self.make(path, {"startContent": start, "endContent": end, "txns": rows})
            trace = await self.export(path, "trace")
            self.assertEqual((trace["startContent"], trace["endContent"]), (start, end))

    async def test_the_last_moments_that_have_a_date_go_in_and_out(self) -> None:
        rows = [
            {"patches": [[0, 0, "a"]], "time": f"9999-12-31T23:59:59.999{zone}"}
            for zone in ("Z", "-01:00")
        ]
        await self.make(self.path, {"txns": rows, "endContent": "aa"})
        times = [txn["time"][:19] for txn in (await self.export(self.path, "trace"))["txns"]]
        self.assertEqual(times, ["9999-12-31T23:59:59"] * 2)

    async def test_a_trace_that_does_not_lead_to_its_end_makes_nothing(self) -> None:
        one, two = {"patches": [[0, 0, "a"]]}, {"patches": [[9, 1, ""]]}
        for body, said in (
            ({"txns": [one], "endContent": "b"}, "differ at character 0"),
            ({"txns": [one], "endContent": "ab"}, "differ at character 1"),
            ({"txns": [one, two], "endContent": "a"}, "txns[1]: part 0: it reaches 9"),
            ({"txns": [{"patches": [[0, 0, "\0"]]}], "endContent": ""}, "txns[0]: part 0: "),
            ({"txns": [{**one, "agent": 1}], "endContent": "a"}, "txns[0]: agent must be"),
            ({"txns": [{**one, "parents": [0]}], "endContent": "a"}, "txns[0]: parents must be"),
            ({"txns": [{**one, "time": "noon"}], "endContent": "a"}, "txns[0]: time must be"),
            ({"txns": [{}], "endContent": ""}, "txns[0]: patches must be"),
            ({"txns": [one], "endContent": "a", "userIds": ["a", "b"]}, "userIds must"),
            ({"txns": [one]}, "endContent must be"),
            ({"txns": 3, "endContent": ""}, "txns must be"),
        ):  # fmt: skip
            error = (await self.make(self.path, body, 400))["error"]
            self.assertIn(said, error["message"])
        await self.refused("GET", self.path, "no_such_session", 404)


class SessionTests(HistoryCase):
    async def test_a_session_goes_out_and_in_with_all_its_edits(self) -> None:
        await self.ask("PUT", f"{self.path}/content", 201, body="begun", headers=TEXT)
        await self.written(20, 55)
        whole = await self.export(self.path, "session")
        self.assertEqual((whole["revision"], whole["content"]), (0, "begun"))
        self.assertEqual(len(whole["edits"]), 1100)
        other = Node()
        await deferToThread(other.start)
        self.addCleanup(other.stop)
        here, self.node = self.node, other
        try:
            await self.make(self.path, json.dumps(whole).encode())
            self.assertEqual(await self.export(self.path, "session"), whole)
            edits = await self.fetched(await self.client(token()), self.session_id)
            self.assertEqual(edits, whole["edits"])
            there = await self.export(self.path, "text")
        finally:
            self.node = here
        self.assertEqual(there, await self.export(self.path, "text"))
        part = await self.export(self.path, "session", "&revision=7")
        self.assertEqual(part, {**whole, "edits": whole["edits"][:7]})
        await self.refused(
            "GET", f"{self.path}/content?format=session&revision=1101", "base_ahead", 409
        )

    async def test_people_go_on_where_the_history_ends(self) -> None:
        await self.make(self.path, a_session(typed(*"olleh")))
        client = await self.client(token("user-0"))
        at = await client.call(
            "collab.session.join", session_id=self.session_id, client_id="client-0000"
        )
        self.assertEqual((at["content"], at["revision"], at["next_seq"]), ("hello", 5, 4))
        other = await self.client(token("eve"))
        with self.assertRaises(CallError) as caught:
            await other.call(
                "collab.session.join", session_id=self.session_id, client_id="client-0001"
            )
        self.assertIn("another user's", str(caught.exception))

    async def test_sessions_of_every_type_go_out_and_in(self) -> None:
        for kind, content, op in (
            ("rich_text", [{"insert": "ab\n"}],
             [{"retain": 1}, {"insert": "X", "attributes": {"bold": True}}, {"delete": 1}]),
            ("json", {"a": [1, "two"]},
             [{"p": ["a", 0], "ld": 1, "li": {"b": None}}, {"p": ["c"], "oi": 1.5}]),
        ):  # fmt: skip
            path = f"{self.path}-{kind}"
            await self.make(path, {"content": content, "type": kind})
            client = await self.client(token())
            name = {"session_id": path.removeprefix("/sessions/")}
            at = await client.call("collab.session.join", client_id="client-0001", **name)
            await client.call(
                "collab.session.edit", client_id="client-0001", epoch=at["epoch"], seq=1,
                revision=0, op=op, **name,
            )  # fmt: skip
            whole = await self.export(path, "session")
            self.assertEqual((whole["content"], len(whole["edits"])), (content, 1))
            await self.make(f"{path}-copy", whole)
            copy = await self.export(f"{path}-copy", "session")
            self.assertEqual(copy, {**whole, "session_id": f"{name['session_id']}-copy"})
            self.assertEqual(
                (await self.export(f"{path}-copy", "json"))["content"],
                (await self.export(path, "json"))["content"],
            )
            whole["edits"][0][2] = [{"p": ["x", "y"], "od": 1}] if kind == "json" else [
                {"retain": 9}, {"insert": "?"}
            ]  # fmt: skip
            error = (await self.make(f"{path}-bad", whole, 400))["error"]
            self.assertEqual(error["code"], "bad_op")
            self.assertTrue(error["message"].startswith("edits[0]: "), error)

    async def test_whose_the_edits_are_said_to_be(self) -> None:
        """Who issues tokens may name anybody; all others themselves alone."""
        edits = typed("a", "b")
        trace = {"txns": [{"patches": [[0, 0, "x"]]}], "endContent": "x", "userIds": ["cleo"]}
        for name, body, who, users in (
            ("1", a_session(edits), boss(), ["user-0", "user-1"]),
            ("2", a_session(edits), token(), ["ada", "ada"]),
            ("3", trace, boss(), ["cleo"]),
            ("4", trace, token(), ["ada"]),
            ("5", a_session(edits), token(capabilities=(*ORDINARY, "stats")), ["ada", "ada"]),
        ):
            await self.make(f"{self.path}-{name}", body, token=who)
            found = (await self.export(f"{self.path}-{name}", "session"))["edits"]
            self.assertEqual([edit[3] for edit in found], users)

    async def test_what_is_wrong_is_told_with_its_place_and_nothing_is_made(self) -> None:
        row = ["client-0001", 1, ["a"], "ada", TIMES]

        def second(**fields: Any) -> dict[str, Any]:
            names = ("client_id", "seq", "op", "user_id", "time_ms")
            return a_session([row, [fields.get(name, row[i]) for i, name in enumerate(names)]])

        for body, code, said in (
            (second(op=[5, "x"]), "bad_op", "edits[1]: part 0: it reaches 5"),
            (second(op=["x", "y"]), "bad_op", "edits[1]: part 1: two parts"),
            (second(op={"ops": []}), "bad_op", "edits[1]: an operation is a list"),
            (second(op=["a\0"]), "bad_op", "edits[1]: part 0: "),
            (second(client_id="x"), "bad_request", "edits[1]: client_id must match"),
            (second(seq=0), "bad_request", "edits[1]: seq must be"),
            (second(seq=True), "bad_request", "edits[1]: seq must be"),
            (second(user_id=""), "bad_request", "edits[1]: user_id must be"),
            (second(time_ms=-1), "bad_request", "edits[1]: time_ms must be"),
            (second(time_ms=253_402_300_800_000), "bad_request", "edits[1]: time_ms must be"),
            (a_session([row, row[:4]]), "bad_request", "edits[1]: must be ["),
            (a_session({}), "bad_request", "edits must be a list"),  # type: ignore[arg-type]
            (a_session([], content=7), "bad_request", "content is not content of type text"),
            (a_session([], type="nonsense"), "bad_request", "type must be one of"),
            (a_session([], extra=1), "bad_request", "no argument 'extra'"),
            (a_session([], format="2"), "bad_request", "format must be"),
            ({"edits": []}, "bad_request", "format must be"),
        ):
            error = (await self.make(self.path, body, 400))["error"]
            self.assertEqual(error["code"], code, error)
            self.assertIn(said, error["message"])
        long = a_session([["client-0001", 1, ["x" * 1_048_577], "ada", 0]])
        error = (await self.make(self.path, long, 413))["error"]
        self.assertEqual(error["code"], "document_full")
        self.assertIn("edits[0]: ", error["message"])
        broken = json.dumps(a_session([row])).encode()[:-1]
        error = (await self.make(self.path, broken, 400))["error"]
        self.assertIn("not JSON", error["message"])
        viewer = token(rights={"*": "view"})
        await self.make(self.path, a_session([row]), 403, token=viewer)
        await self.refused("GET", self.path, "no_such_session", 404)

    async def test_a_document_with_the_words_of_a_history_is_none(self) -> None:
        for words in ("edits", "txns"):
            await self.make(f"{self.path}-{words}", {"content": words})
            self.assertEqual(await self.export(f"{self.path}-{words}", "text"), words)

    async def test_clients_cannot_put_edits_into_a_session(self) -> None:
        await self.make(self.path, a_session(typed("a")))
        client = await self.client(boss())
        info = await client.call("collab.session.info", session_id=self.session_id)
        for name in ("edits", "done", "failed"):
            with self.assertRaises(CallError) as caught:
                await client.call(
                    f"collab.session.import.{name}",
                    session_id=self.session_id,
                    epoch=info["epoch"],
                )
            self.assertEqual(caught.exception.uri, "wamp.error.not_authorized")

    async def test_who_edits_while_it_is_imported_ends_that_or_comes_too_late(self) -> None:
        link = await self.begun()
        client = await self.client(token())
        name = {"session_id": self.session_id}
        at = await client.call("collab.session.join", client_id="client-eve1", **name)
        with contextlib.suppress(CallError):  # where it is over by now, or the import is faster
            await client.call(
                "collab.session.edit", client_id="client-eve1", epoch=at["epoch"], seq=1,
                revision=at["revision"], op=["!"], **name,
            )  # fmt: skip
        answer = await deferToThread(link.getresponse)
        if answer.status == 409:
            self.assertEqual(json.loads(answer.read())["error"]["code"], "conflict")
            self.assertTrue(await self.is_gone())
        else:
            self.assertEqual(answer.status, 201)
            text = await self.export(self.path, "text")
            self.assertEqual(text.replace("!", ""), "x" * 100_000)

    async def test_who_goes_before_it_is_imported_leaves_nothing(self) -> None:
        link = await self.begun()
        link.close()
        await self.until(self.is_gone)

    async def test_a_session_that_is_there_is_left_as_it_is(self) -> None:
        await self.make(self.path, a_session(typed("a")))
        error = (await self.make(self.path, a_session(typed("b")), 409))["error"]
        self.assertEqual(error["code"], "session_exists")
        self.assertEqual(await self.export(self.path, "text"), "a")


class BrokenOffTests(HistoryCase):
    async def make_node(self) -> Node:
        node = Node(LAYOUT="apart")
        await deferToThread(node.start)
        self.addCleanup(node.stop)
        return node

    async def test_a_part_of_the_node_that_ends_leaves_nothing_of_an_import(self) -> None:
        for victim in ("sessions", "store"):
            link = await self.begun()
            self.node.kill(victim)
            answer = await deferToThread(link.getresponse)
            self.assertEqual(answer.status, 503, answer.read())
            reply = await asked(self.node, "GET", self.path, token=token())
            self.assertEqual(reply.status, 404, (victim, reply.data))


class DeltaTests(HistoryCase):
    async def test_a_delta_with_more_than_text_in_it_is_rich(self) -> None:
        bold = {"insert": "bold", "attributes": {"bold": True}}
        image = {"insert": {"image": "a.png"}}
        for name, body, kind, text in (
            ("1", {"ops": [bold, {"insert": "\n"}]}, "rich_text", "bold\n"),
            ("2", {"ops": [{"insert": "a"}, image, {"insert": "b\n"}]}, "rich_text", "ab\n"),
            ("3", {"ops": [{"insert": "plain\n"}]}, "text", "plain\n"),
            ("4", {"ops": [{"insert": "plain\n"}], "type": "rich_text"}, "rich_text", "plain\n"),
        ):
            path = f"{self.path}-{name}"
            await self.make(path, body)
            self.assertEqual((await self.export(path, "json"))["type"], kind)
            self.assertEqual(await self.export(path, "text"), text)
            self.assertEqual(await self.export(path, "delta"), {"ops": body["ops"]})
        refused: Any
        for refused in (
            {"ops": [bold], "type": "text"}, {"ops": [bold], "type": "json"},
            {"ops": [{"retain": 1}]}, {"ops": [{"insert": 7}]},
        ):  # fmt: skip
            await self.make(f"{self.path}-5", refused, 400)


class SizeTests(HistoryCase):
    async def test_a_history_may_be_larger_than_a_document(self) -> None:
        """15 MB, of 100,000 edits; and what is beyond the limit."""
        edits = [
            [f"client-{n % 7:04}", 1 + n // 7, [n, "é"] if n else ["é"], "u" * 100, TIMES + n]
            for n in range(100_000)
        ]
        made = await self.make(self.path, json.dumps(a_session(edits)).encode())
        self.assertEqual(made["revision"], 100_000)
        self.assertEqual(await self.export(self.path, "text"), "é" * 100_000)
        beyond = b'{"edits":[' + b" " * (32 << 20) + b"]}"
        error = (await self.make(f"{self.path}-more", beyond, 413))["error"]
        self.assertEqual(error["code"], "too_large")

    async def test_what_takes_too_much_memory_or_is_too_deep_hurts_nobody(self) -> None:
        for filler, status in ((b'{"":{}},' * 4_000_000 + b"0", 413), (b"[" * 100_000, 400)):
            body = b'{"format":"collab_wamp.session.1","content":"","edits":[' + filler + b"]}"
            await self.make(self.path, body, status)
        await self.refused("GET", self.path, "no_such_session", 404)
