"""Sessions, documents, tokens and figures over plain HTTP, on a real node."""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from twisted.internet.defer import gatherResults
from twisted.internet.threads import deferToThread

from collab_wamp.errors import TABLE
from collab_wamp.ot import get_type
from collab_wamp.traces import parse
from tests.support.http import ask, asked
from tests.support.http_case import HttpCase, boss, token
from tests.support.node import Node
from tests.support.waiting import until

TRACES = Path(__file__).parents[1] / "data" / "traces"
TEXT = {"Content-Type": "text/plain; charset=utf-8"}
WORDS = "Grüße 😀\r\n\tund mehr"


def line_with(log: Path, text: str) -> str:
    """The line of a log in which a text is, or nothing."""
    return next((line for line in log.read_text().splitlines() if text in line), "")


class SessionTests(HttpCase):
    async def test_a_token_for_a_user_of_a_session_works_where_people_edit(self) -> None:
        body = {
            "user": {"id": "eve", "name": "Eve"},
            "session_id": self.session_id,
            "content": WORDS,
            "ttl_s": 60,
        }
        reply = await self.ask("POST", "/sessions/create", 201, token=boss(), body=body)
        made = reply.json
        self.assertEqual(reply.headers["location"], self.path)
        self.assertEqual(
            (made["session_id"], made["revision"], made["created"]), (self.session_id, 0, True)
        )
        eve = await self.client(made["token"])
        welcome = next(row for row in eve.received if row[0] == 2)[2]["authextra"]
        self.assertEqual((welcome["user_id"], welcome["name"]), ("eve", "Eve"))
        self.assertEqual(welcome["rights"], {self.session_id: "edit"})
        self.assertEqual(welcome["expires_at"], made["expires_at"])
        at = await eve.call(
            "collab.session.join", session_id=self.session_id, client_id="client-0001"
        )
        self.assertEqual((at["content"], at["rights"]), (WORDS, "edit"))
        again = await self.ask("POST", "/sessions/create", 201, token=boss(), body=body)
        self.assertFalse(again.json["created"])
        self.assertEqual(again.json["epoch"], made["epoch"])
        body["if_absent"] = False
        await self.refused(
            "POST", "/sessions/create", "session_exists", 409, token=boss(), body=body
        )

    async def test_a_session_without_a_name_gets_one_and_the_right_is_as_asked(self) -> None:
        body = {"user": {"id": "eve"}, "rights": "view", "capabilities": ["cursor"]}
        made = (await self.ask("POST", "/sessions/create", 201, token=boss(), body=body)).json
        session_id = made["session_id"]
        info = await self.ask("GET", f"/sessions/{session_id}", token=made["token"])
        self.assertEqual(info.json["session_id"], session_id)
        await self.refused("DELETE", f"/sessions/{session_id}", "denied", 403, token=made["token"])

    async def test_who_may_not_issue_tokens_leaves_nothing_behind(self) -> None:
        body = {"user": {"id": "eve"}, "session_id": self.session_id}
        await self.refused("POST", "/sessions/create", "denied", 403, body=body)
        little = boss(rights={self.session_id: "edit"})
        body["rights"] = "manage"
        await self.refused("POST", "/sessions/create", "denied", 403, token=little, body=body)
        await self.refused("GET", self.path, "no_such_session", 404)

    async def test_information_and_the_end_of_a_session(self) -> None:
        await self.refused("GET", self.path, "no_such_session", 404)
        await self.refused("DELETE", self.path, "no_such_session", 404)
        await self.ask("PUT", f"{self.path}/content", 201, body=WORDS, headers=TEXT)
        info = (await self.ask("GET", self.path)).json
        self.assertEqual((info["type"], info["owner"], info["roster"]), ("text", "ada", []))
        await self.refused("GET", self.path, "no_such_session", 404, token=token("eve", "other"))
        await self.refused(
            "GET", self.path, "no_such_session", 404, token=token(rights={"x": "view"})
        )
        viewer = token("eve", rights={self.session_id: "view"})
        await self.ask("GET", self.path, token=viewer)
        await self.refused("DELETE", self.path, "denied", 403, token=viewer)
        gone = await self.ask("DELETE", self.path, 204)
        self.assertEqual(gone.data, b"")
        await self.refused("GET", self.path, "no_such_session", 404)
        await self.refused("GET", "/sessions/..;x", "bad_session_id", 400)

    async def test_a_list_comes_in_pages_and_has_only_what_one_may_see(self) -> None:
        names = [f"{self.session_id}-{number}" for number in range(5)]
        me = token(tenant=self.session_id.replace("-", "_"))
        for name in names:
            path = f"/sessions/{name}/content"
            await self.ask("PUT", path, 201, token=me, body="", headers=TEXT)
        found: list[str] = []
        query = ""
        for expected in (2, 2, 1):
            page = (await self.ask("GET", f"/sessions?limit=2{query}", token=me)).json
            self.assertEqual(len(page["sessions"]), expected)
            found += page["sessions"]
            query = f"&cursor={page['cursor']}"
        self.assertEqual((found, page["cursor"]), (names, None))
        tenant = self.session_id.replace("-", "_")
        one = token("eve", tenant, rights={names[3]: "view", "nothing": "view"})
        seen = (await self.ask("GET", "/sessions", token=one)).json
        self.assertEqual(seen, {"sessions": [names[3]], "cursor": None})

    async def test_a_session_may_be_called_create(self) -> None:
        me = token(tenant=self.session_id.replace("-", "_"))
        await self.ask("PUT", "/sessions/create/content", 201, token=me, body="x", headers=TEXT)
        info = await self.ask("GET", "/sessions/create", token=me)
        self.assertEqual(info.json["session_id"], "create")


class ContentTests(HttpCase):
    async def export(self, form: str, more: str = "") -> Any:
        reply = await self.ask("GET", f"{self.path}/content?format={form}{more}")
        return reply.data.decode() if form == "text" else reply.json

    async def test_each_form_goes_out_and_in_again(self) -> None:
        made = await self.ask("POST", f"{self.path}/content", 201, body=WORDS, headers=TEXT)
        self.assertEqual(made.headers["location"], self.path)
        self.assertEqual((made.json["revision"], made.json["created"]), (0, True))
        for form in ("json", "text", "delta", "trace"):
            reply = await self.ask("GET", f"{self.path}/content?format={form}")
            copy = f"{self.path}-{form}"
            await self.ask(
                "PUT",
                f"{copy}/content",
                201,
                body=reply.data,
                headers={"Content-Type": reply.headers["content-type"]},
            )
            content = await self.ask("GET", f"{copy}/content")
            self.assertEqual(
                content.json,
                {
                    "session_id": f"{self.session_id}-{form}",
                    "type": "text",
                    "revision": 0,
                    "content": WORDS,
                },
            )
        await self.refused(
            "PUT", f"{self.path}/content", "session_exists", 409, body="other", headers=TEXT
        )
        self.assertEqual(await self.export("text"), WORDS)
        self.assertEqual(await self.export("delta"), {"ops": [{"insert": WORDS}]})

    async def test_a_revision_and_the_whole_history(self) -> None:
        """1,100 edits: more than one page of them, and more than one snapshot."""
        await self.ask("PUT", f"{self.path}/content", 201, body="", headers=TEXT)
        text = await self.written(20, 55)
        info = (await self.ask("GET", self.path)).json
        self.assertEqual((info["revision"], info["floor_revision"]), (1100, 0))
        trace = parse("exported", await self.export("trace"))
        self.assertEqual((len(trace), len(trace.by_agent)), (1100, 20))
        self.assertEqual((trace.start, trace.end), ("", text))
        part = await self.export("trace", "&revision=1050")
        buffer = get_type("text").buffer(part["startContent"])
        for number, row in enumerate(part["txns"]):
            if number == 3:
                self.assertEqual(buffer.content(), await self.export("text", "&revision=3"))
            for position, deleted, inserted in row["patches"]:
                op = [position, inserted, {"d": deleted}]
                buffer.apply(get_type("text").normalize(op))
        self.assertEqual((len(part["txns"]), buffer.content()), (1050, part["endContent"]))
        self.assertEqual(part["endContent"], await self.export("text", "&revision=1050"))
        for revision, code, status in (
            (1101, "base_ahead", 409), (2**53 - 1, "base_ahead", 409)
        ):  # fmt: skip
            query = f"?revision={revision}"
            await self.refused("GET", f"{self.path}/content{query}", code, status)

    async def test_a_document_as_large_as_may_be(self) -> None:
        """A mebi of characters, each of four bytes; and one more."""
        await self.ask("PUT", f"{self.path}/content", 201, body="😀" * (1 << 20), headers=TEXT)
        self.assertEqual(await self.export("text"), "😀" * (1 << 20))
        more = f"{self.path}-more/content"
        body = "x" * ((1 << 20) + 1)
        await self.refused("PUT", more, "document_full", 413, body=body, headers=TEXT)
        await self.refused("PUT", more, "too_large", 413, body="x" * (7 << 20), headers=TEXT)

    async def test_what_cannot_be_a_document(self) -> None:
        path = f"{self.path}/content"
        for body in (
            {}, {"content": 7}, {"content": None}, {"content": "a\0b"}, {"content": "\0"},
            {"content": "x", "ops": []}, {"content": "x", "type": "nonsense"},
            {"ops": [{"insert": "a", "x": 1}]}, {"ops": [{"retain": 3}]},
            {"ops": "x"}, {"ops": [{"insert": ""}]}, {"txns": []}, {"txns": {}, "endContent": ""},
            {"txns": [], "endContent": 3},
        ):  # fmt: skip
            await self.refused("PUT", path, "bad_request", 400, body=body)
        for data, headers in ((b"\xff\xfe", TEXT), (b"[]", {"Content-Type": "application/json"})):
            await self.refused("PUT", path, "bad_request", 400, body=data, headers=headers)
        viewer = token(rights={"*": "view"})
        await self.refused("PUT", path, "denied", 403, token=viewer, body="x", headers=TEXT)
        await self.refused("GET", self.path, "no_such_session", 404)

    async def test_who_may_not_is_refused_before_the_body_is_read(self) -> None:
        headers = {"Content-Type": "application/json"}
        path = f"{self.path}/content"
        for method, where, rights, code, status in (
            ("POST", "/sessions/create", {"*": "manage"}, "denied", 403),
            ("PUT", path, {"*": "view"}, "denied", 403),
            ("POST", path, {"x": "edit"}, "no_such_session", 404),
            ("PUT", "/sessions/a.b/content", {"*": "edit"}, "bad_session_id", 400),
        ):
            for body in (b"nonsense", b"[" * 100_000):
                await self.refused(
                    method, where, code, status, token=token(rights=rights), body=body,
                    headers=headers,
                )  # fmt: skip

    async def test_a_body_of_too_many_values_holds_nobody_up(self) -> None:
        body = b'{"x":[' + b"[]," * 2_000_000 + b"0]}"
        headers = {"Content-Type": "application/json"}
        path = f"{self.path}/content"
        for method, where in (("POST", "/sessions/create"), ("PUT", path)):
            refused = await self.refused(
                method, where, "bad_request", 400, token=boss(), body=body, headers=headers
            )
            self.assertIn("values", refused.json["error"]["message"])


class TokenTests(HttpCase):
    async def test_tokens_are_issued_and_revoked(self) -> None:
        body = {"user_id": "eve", "rights": {"*": "view"}, "name": "Eve", "ttl_s": 60.0}
        issued = (await self.ask("POST", "/tokens", 201, token=boss(), body=body)).json
        eve = issued["token"]
        await self.ask("GET", "/sessions", token=eve)
        await self.refused("POST", "/tokens", "denied", 403, token=eve, body=body)
        await self.refused("DELETE", "/tokens/x", "denied", 403, token=eve)
        await self.ask("DELETE", f"/tokens/{issued['token_id']}", 204, token=boss())

        await self.until(lambda: self.is_revoked(eve))
        strange = token("eve", token_id="urn:a/b?c d")
        await self.ask("DELETE", "/tokens/urn:a%2Fb%3Fc%20d", 204, token=boss())
        await self.until(lambda: self.is_revoked(strange))

    async def is_revoked(self, ticket: str) -> bool:
        reply = await asked(self.node, "GET", "/sessions", token=ticket)
        return reply.status == 401 and reply.code == "token_revoked"

    async def test_without_a_good_token_nothing_is_told(self) -> None:
        for ticket, code in (
            ("", "token_invalid"),
            ("x", "token_invalid"),
            (token() + "x", "token_invalid"),
            (token(ago_s=1000), "token_expired"),
        ):
            for method, path in (
                ("GET", "/sessions"), ("GET", self.path), ("DELETE", self.path),
                ("GET", f"{self.path}/content"), ("PUT", f"{self.path}/content"),
                ("POST", "/sessions/create"), ("GET", "/stats/connections"),
                ("GET", "/stats/sessions"), ("POST", "/tokens"), ("DELETE", "/tokens/x"),
            ):  # fmt: skip
                reply = await self.refused(method, path, code, 401, token=ticket)
                self.assertTrue(reply.headers["www-authenticate"].startswith("Bearer "))
        for header in ("Basic YTpi", "Bearer", "Bearer ", token()):
            await self.refused(
                "GET", "/sessions", "token_invalid", 401, token="",
                headers={"Authorization": header},
            )  # fmt: skip

    async def test_figures_need_a_capability(self) -> None:
        tenant = self.session_id.replace("-", "_")
        await self.client(token("ada", tenant))
        await self.ask(
            "PUT", f"{self.path}/content", 201, token=token("ada", tenant), body="", headers=TEXT
        )
        me = boss(tenant)
        sessions = (await self.ask("GET", "/stats/sessions", token=me)).json
        self.assertEqual((sessions["tenant"], sessions["sessions"]), (tenant, 1))

        async def counted() -> bool:
            reply = await self.ask("GET", "/stats/connections", token=me)
            return bool(reply.json["connections"] == 1)

        await self.until(counted)
        for path in ("/stats/sessions", "/stats/connections"):
            await self.refused("GET", path, "denied", 403)
            await self.refused("GET", f"{path}?tenant=acme", "denied", 403, token=me)


class VersionTests(HttpCase):
    async def test_versions_are_named_listed_restored_and_deleted(self) -> None:
        path = f"{self.path}/versions"
        await self.ask("PUT", f"{self.path}/content", 201, body=WORDS, headers=TEXT)
        self.assertEqual((await self.ask("GET", path)).json, {"versions": []})
        first = (await self.ask("POST", path, 201, body={"name": "The first"})).json
        self.assertEqual(
            (first["name"], first["revision"], first["user_id"]), ("The first", 0, "ada")
        )
        await self.written(1, 3)
        body = {"name": "One in", "revision": 1.0}
        second = (await self.ask("POST", path, 201, body=body)).json
        self.assertEqual(second["revision"], 1)
        listed = (await self.ask("GET", path, token=token("bob"))).json["versions"]
        self.assertEqual({row["version_id"]: row for row in listed}, {
            row["version_id"]: row for row in (first, second)
        })  # fmt: skip

        restore = f"{self.path}/restore"
        body = {"version_id": first["version_id"]}
        restored = (await self.ask("POST", restore, body=body)).json
        self.assertEqual(restored["revision"], 4)
        reply = await self.ask("GET", f"{self.path}/content?format=text")
        self.assertEqual(reply.data.decode(), WORDS)
        self.assertEqual(
            (await self.ask("POST", restore, body={"revision": 3})).json["revision"], 5
        )

        gone = f"{path}/{second['version_id']}"
        await self.refused("DELETE", gone, "denied", 403, token=token("bob", rights={"*": "edit"}))
        await self.ask("DELETE", gone, 204)
        await self.refused("DELETE", gone, "no_such_version", 404)
        body = {"version_id": second["version_id"]}
        await self.refused("POST", restore, "no_such_version", 404, body=body)
        for wrong in (
            {"revision": None},
            {"version_id": "a", "revision": 1},
            {"revision": 1, "name": "x"},
            {"revision": "1"},
        ):
            await self.ask("POST", restore, 400, body=wrong)
        for wrong in ({"revision": 1}, {"name": ""}, {"name": "x" * 129}, {"name": "x", "more": 1}):
            await self.refused("POST", path, "bad_request", 400, body=wrong)
        await self.refused("POST", path, "base_ahead", 409, body={"name": "x", "revision": 99})


class TroubleTests(HttpCase):
    """A node that keeps little history, and whose parts are stopped."""

    at: ClassVar[Node | None] = None

    async def make_node(self) -> Node:
        if TroubleTests.at is None:
            node = Node(
                LAYOUT="apart", COLLAB_LIMITS_BASE_BEHIND="100", COLLAB_HISTORY_KEPT_EDITS="1"
            )
            await deferToThread(node.start)
            TroubleTests.at = node
        return TroubleTests.at

    async def test_a_history_that_is_not_whole(self) -> None:
        await self.ask("PUT", f"{self.path}/content", 201, body="begun", headers=TEXT)
        # So many that there is a checkpoint to cut the history at.
        await self.written(52, 55)

        async def cut() -> bool:
            return bool((await self.ask("GET", self.path)).json["floor_revision"])

        await self.until(cut)
        path = f"{self.path}/content?format=trace"
        reply = await self.refused("GET", path, "base_too_old", 409)
        self.assertIn("history is kept after", reply.json["error"]["message"])
        await self.refused("GET", f"{self.path}/content?revision=3", "bad_revision", 400)

    async def test_parts_that_do_not_answer(self) -> None:
        """It is said in time, what is told is masked, and the log has the rest."""
        for part, code in (("sessions", "overloaded"), ("store", "store_unavailable")):
            [pid] = self.node.pids(part)
            os.kill(pid, signal.SIGSTOP)
            try:
                reply = await self.refused("GET", self.path, code, 503)
            finally:
                os.kill(pid, signal.SIGCONT)
            error = reply.json["error"]
            self.assertEqual(error["message"], TABLE[code].meaning)
            log = self.node.data_dir / "log" / "router.log"
            line = await until(partial(line_with, log, error["error_id"]))
            self.assertIn(f"request_id {reply.headers['x-request-id']}", line)
            if code == "overloaded":
                self.assertEqual(reply.headers["retry-after"], "1")


class RateTests(HttpCase):
    async def make_node(self) -> Node:
        node = Node(
            RATE_LIMITS="1",
            COLLAB_RATES_HTTP_PER_USER="1/s burst 3",
            COLLAB_RATES_LONGEST_DELAY_S="0",
        )
        self.addCleanup(lambda: deferToThread(node.stop))
        await deferToThread(node.start)
        return node

    async def test_who_asks_too_often_is_told_when_to_come_again(self) -> None:
        replies = await gatherResults(
            [deferToThread(ask, self.node, "GET", "/sessions", token=token()) for _ in range(12)]
        )
        refused = [reply for reply in replies if reply.status != 200]
        self.assertGreater(len(refused), 3)
        for reply in refused:
            self.assertEqual((reply.status, reply.code), (429, "rate_limited"))
            self.assertGreaterEqual(int(reply.headers["retry-after"]), 1)
        await self.ask("GET", "/sessions", token=token("bob"))
