"""What HTTP itself asks for: methods, headers, bodies, origins; whatever a request is made of."""

from __future__ import annotations

import re
import socket
from typing import Any, ClassVar

from twisted.internet.threads import deferToThread

from tests.support.http_case import HttpCase, boss
from tests.support.node import Node

PAGE = "https://pad.example.com"
JSON = {"Content-Type": "application/json"}


def raw(node: Node, request: bytes) -> bytes:
    """What a node answers to bytes as they are."""
    with socket.create_connection(("127.0.0.1", node.port), 10) as link:
        link.settimeout(10)
        link.sendall(request)
        answer = b""
        while data := link.recv(65536):
            answer += data
        return answer


class LayerCase(HttpCase):
    at: ClassVar[Node | None] = None

    async def make_node(self) -> Node:
        """One for all of these, which lets another site's pages in."""
        if LayerCase.at is None:
            node = Node(ALLOWED_ORIGINS="https://*.example.com")
            await deferToThread(node.start)
            LayerCase.at = node
        return LayerCase.at


class MethodTests(LayerCase):
    async def test_a_path_says_which_methods_it_has(self) -> None:
        for path, methods in (
            ("/sessions", "GET, HEAD, OPTIONS"),
            (self.path, "DELETE, GET, HEAD, OPTIONS"),
            (f"{self.path}/content", "GET, HEAD, OPTIONS, POST, PUT"),
            ("/tokens", "OPTIONS, POST"),
            ("/tokens/x", "DELETE, OPTIONS"),
            ("/stats/sessions", "GET, HEAD, OPTIONS"),
            ("/openapi.json", "GET, HEAD, OPTIONS"),
            ("/health", "GET, HEAD, OPTIONS"),
            ("/", "GET, HEAD, OPTIONS"),
        ):
            reply = await self.ask("OPTIONS", path, 204, token="")
            self.assertEqual((reply.headers["allow"], reply.data), (methods, b""), path)
            for method in ("PATCH", "TRACE", "X-!#$", "get"):
                reply = await self.refused(method, path, "method_not_allowed", 405)
                self.assertEqual(reply.headers["allow"], methods)

    async def test_head_is_get_without_the_body(self) -> None:
        await self.ask("PUT", f"{self.path}/content", 201, body={"content": "x" * 200_000})
        for path in (
            "/sessions", self.path, f"{self.path}/content", f"{self.path}/content?format=text",
            f"{self.path}/content?format=trace", "/openapi.json", "/", "/ready", "/health",
        ):  # fmt: skip
            got, head = await self.ask("GET", path), await self.ask("HEAD", path)
            self.assertEqual(head.data, b"", path)
            named = {name.lower() for name in got.headers} - {"transfer-encoding"}
            self.assertEqual({name.lower() for name in head.headers}, named, path)
            if path != "/health":
                length = got.headers.get("content-length")
                self.assertEqual(head.headers.get("content-length"), length, path)
        await self.ask("HEAD", f"{self.path}-no", 404)

    async def test_where_there_is_nothing(self) -> None:
        for path in (
            "/nothing", "/sessions/", "/sessions/a/b", "/sessions//content", "/stats",
            "/tokens/", "/openapi.json/x", "/../etc/passwd", "/sessions/a%2Fb", "/main.css/x",
        ):  # fmt: skip
            reply = await self.ask("GET", path, 404)
            self.assertEqual(reply.code, "not_found", path)
            self.assertNotIn("rossbar", reply.data.decode())

    async def test_a_slash_in_a_name_parts_nothing(self) -> None:
        await self.ask("PUT", f"{self.path}/content", 201, body={"content": "x"})
        for path in (
            f"{self.path}%2fcontent", f"{self.path}%2Fcontent", f"/sessions%2F{self.session_id}",
            "/stats%2fsessions", "/sessions/%2f", "/ready%2f",
        ):  # fmt: skip
            await self.refused("GET", path, "not_found", 404, token=boss())
        for path in ("/ready", "/health", "/metrics"):
            for more in ("/x", "/", "//", "/x/y", "/%00"):
                await self.refused("GET", path + more, "not_found", 404, token=boss())

    async def test_names_that_no_file_can_have(self) -> None:
        log = self.node.data_dir / "log" / "router.log"
        start = log.stat().st_size
        for path in (
            "/main.js%00", "/%00", "/a%00b", "/%00/x", "/main.js/%00", "/" + "x" * 300, "/%ff",
            "/..%2f..%2fetc%2fpasswd", "/%2e%2e/x", "/~root", "/main.js%20",
        ):  # fmt: skip
            await self.refused("GET", path, "not_found", 404, token="")
        self.assertNotIn("Traceback", log.read_text()[start:])


class HeaderTests(LayerCase):
    async def test_every_answer_has_what_keeps_browsers_from_harm(self) -> None:
        for path, status in (
            ("/sessions", 200), (self.path, 404), ("/health", 200), ("/openapi.json", 200),
            ("/nothing", 404),
        ):  # fmt: skip
            headers = (await self.ask("GET", path, status)).headers
            self.assertEqual(headers["x-content-type-options"], "nosniff")
            self.assertEqual(headers["referrer-policy"], "no-referrer")
            self.assertEqual(headers["cache-control"], "no-store")
            self.assertEqual(
                headers["content-security-policy"], "default-src 'none'; frame-ancestors 'none'"
            )
        for path in ("/", "/main.js"):
            headers = (await self.ask("GET", path, headers={"Origin": PAGE})).headers
            self.assertEqual(headers["x-content-type-options"], "nosniff")
            self.assertEqual(headers["content-security-policy"], "frame-ancestors 'self'")
            self.assertNotIn("access-control-allow-origin", headers)

    async def test_a_request_keeps_its_id_if_it_is_a_sane_one(self) -> None:
        for path in ("/sessions", "/nothing", "/", "/ready"):
            for given, kept in (
                ("order-66.a:b_c", True), ("x" * 64, True), ("x" * 65, False), ("a b", False),
                ("é", False), ("", False), ("{}", False),
            ):  # fmt: skip
                headers = {"X-Request-ID": given.encode()}
                status = 404 if path == "/nothing" else 200
                reply = await self.ask("GET", path, status, headers=headers)
                found = reply.headers["x-request-id"]
                self.assertEqual(found == given, kept, given)
                self.assertRegex(found, r"^[A-Za-z0-9._:-]{1,64}$")

    async def test_an_error_says_when(self) -> None:
        reply = await self.refused("GET", self.path, "no_such_session", 404)
        error = reply.json["error"]
        self.assertRegex(error["timestamp"], r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertRegex(error["error_id"], r"^[0-9a-f]{16}$")

    async def test_pages_of_other_sites(self) -> None:
        own = f"http://127.0.0.1:{self.node.port}"
        for origin, welcome in (
            (PAGE, True), (own, True), ("https://evil.example", False),
            ("http://pad.example.com", False), ("https://example.com", False), ("null", False),
            ("https://pad.example.com.evil.example", False), ("*", False),
        ):  # fmt: skip
            for path, status in (("/sessions", 200), (self.path, 404)):
                headers = (await self.ask("GET", path, status, headers={"Origin": origin})).headers
                given = headers.get("access-control-allow-origin")
                self.assertEqual(given, origin if welcome else None)
                self.assertEqual(headers["vary"], "Origin")
                self.assertNotIn("access-control-allow-credentials", headers)
            asking = {"Origin": origin, "Access-Control-Request-Method": "DELETE"}
            headers = (await self.ask("OPTIONS", self.path, 204, token="", headers=asking)).headers
            self.assertEqual(
                headers.get("access-control-allow-methods"),
                "DELETE, GET, HEAD, OPTIONS" if welcome else None,
            )
            if welcome:
                self.assertEqual(headers["access-control-allow-origin"], origin)
                self.assertIn("Authorization", headers["access-control-allow-headers"])
                self.assertIn("Origin", headers["vary"])


class BodyTests(LayerCase):
    async def test_bodies_are_bounded(self) -> None:
        large, body = 7 << 20, b'{"user_id": "eve", "rights": {}, "name": "' + b"x" * 70_000
        mebis = [b"x" * (1 << 20)] * 7
        for path, more in (
            ("/tokens", {"body": body, "token": boss()}),
            ("/tokens", {"body": [body], "token": boss()}),
            ("/sessions/create", {"body": b" " * large, "token": boss()}),
            ("/sessions/create", {"body": mebis, "token": boss()}),
        ):
            await self.refused("POST", path, "too_large", 413, headers=JSON, **more)
        # Whoever has no token is answered that, but nothing of it was kept.
        path = f"{self.path}/content"
        await self.refused(
            "PUT", path, "token_invalid", 401, token="", body=b" " * 2_000_000, headers=JSON
        )

    async def test_a_body_is_json_and_says_so(self) -> None:
        good = b'{"user_id": "eve", "rights": {}}'
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data",
                     "application/jsonx", "", "application/json; charset=latin-1"):  # fmt: skip
            await self.refused(
                "POST", "/tokens", "unsupported_media_type", 415, token=boss(), body=good,
                headers={"Content-Type": kind},
            )  # fmt: skip
        for kind in ("application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"'):
            headers = {"Content-Type": kind}
            await self.ask("POST", "/tokens", 201, token=boss(), body=good, headers=headers)
        for body in (
            b"", b"nonsense", b"[]", b"3", b"null", b'"x"', good + b"x", b"[" * 20_000,
            b'{"user_id": NaN, "rights": {}}', b'{"user_id": "\\ud800", "rights": {}}',
            b'{"user_id": "\\u0000", "rights": {}}', b'{"user_id": "\xff", "rights": {}}',
            b'{"user_id": "eve", "rights": {}, "ttl_s": 1e200}',
            b'{"user_id": "eve", "rights": {}, "ttl_s": ' + b"9" * 5000 + b"}",
            b'{"user_id": "eve", "rights": {}, "ttl_s": 9007199254740993}',
            b'{"user_id": "eve", "rights": {}, "on_behalf": {}}',
            b'{"user_id": "eve", "rights": {}, "options": {}}',
            b'{"user_id": "eve", "rights": {"a": "own"}}', b'{"user_id": "", "rights": {}}',
            b'{"user_id": "eve"}', b'{"user_id": "eve", "rights": []}',
        ):  # fmt: skip
            await self.refused(
                "POST", "/tokens", "bad_request", 400, token=boss(), body=body, headers=JSON
            )
        # What others could not be sent goes no further than this.
        for value, words in (
            (b'"\\u0000"', "begins with NUL"),
            (b"9007199254740993", "beyond 2^53"),
            (b"[" * 70 + b"]" * 70, "nested deeper"),
        ):
            body = b'{"user_id": "eve", "rights": {}, "name": ' + value + b"}"
            reply = await self.refused(
                "POST", "/tokens", "bad_request", 400, token=boss(), body=body, headers=JSON
            )
            self.assertIn(words, reply.json["error"]["message"])
        await self.refused("GET", "/sessions", "bad_request", 400, body=b"x")

    async def test_a_query_has_what_there_is_and_once(self) -> None:
        for query in (
            "limit=0", "limit=1001", "limit=-1", "limit=1e3", "limit=%2B5", "limit=5&limit=5",
            "limit", "limit=", "x=1", "cursor=%00", "cursor=%ff", "cursor=a%20b", "&", "=",
            "limit=5&" + "&".join(["x=1"] * 100), "on_behalf=x",
        ):  # fmt: skip
            await self.refused("GET", f"/sessions?{query}", "bad_request", 400)
        await self.refused("GET", f"{self.path}/content?format=xml", "bad_request", 400)
        await self.ask("GET", "/sessions?limit=1000&cursor=a")

    async def test_malformed_requests_are_answered_and_the_node_goes_on(self) -> None:
        log = self.node.data_dir / "log" / "router.log"
        start = log.stat().st_size
        line = b"GET /sessions HTTP/1.1\r\n"
        for request, status in (
            (b"GET /sessions/%ff HTTP/1.1\r\nHost: x\r\n\r\n", 400),
            (b"GET /sessions/\xff HTTP/1.1\r\nHost: x\r\n\r\n", 400),
            (b"G\xe9T /sessions HTTP/1.1\r\nHost: x\r\n\r\n", 400),
            (line + b"Host: " + b"a" * 100 + b"..b\r\n\r\n", 400),
            (line + b"Host: \xff\r\n\r\n", 400),
            (line + b"\r\n", 400),
            (b"GET / HTTP/1.1\r\n\r\n", 400),
            (b"GET /ready HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", 400),
            (b"GET /openapi.json HTTP/1.0\r\nHost: x\r\nHost: y\r\n\r\n", 400),
            (b"GET /ready HTTP/1.0\r\n\r\n", 200),
            (b"GET /%ff HTTP/1.1\r\nHost: x\r\n\r\n", 404),
            (line + b"Host: x\r\nOrigin: \xff\xfe\r\n\r\n", 401),
            (line + b"Host: x\r\nAuthorization: Bearer \xff\r\n\r\n", 401),
            (line + b"Host: x\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n", 401),
            (line + b"Host: x\r\nX-Request-ID: \xff\r\n\r\n", 401),
            (line + b"Host: x\r\nContent-Length: x\r\n\r\n", 400),
            (b"GET http://other/sessions HTTP/1.1\r\nHost: x\r\n\r\n", 404),
            (b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 200),
            (b"GET /openapi.json?x=%ff HTTP/1.0\r\n\r\n", 200),
        ):
            answer = await deferToThread(raw, self.node, request)
            found = re.match(rb"HTTP/1\.[01] (\d+)", answer)
            self.assertEqual(found and int(found[1]), status, (request[:80], answer[:600]))
            self.assertNotIn(b"text/html", answer)
        self.assertNotIn("Traceback", log.read_text()[start:])
        await self.ask("GET", "/sessions")

    async def test_the_document_of_the_api(self) -> None:
        document: Any = (await self.ask("GET", "/openapi.json", token="")).json
        self.assertEqual(document["openapi"], "3.1.0")
        self.assertIn("/sessions/{session_id}/content", document["paths"])
        self.assertIn("Error", document["components"]["schemas"])
