"""The pure parts of the HTTP API: headers, errors, formats, queries, the OpenAPI document."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from openapi_spec_validator import OpenAPIV31SpecValidator
from twisted.trial.unittest import SynchronousTestCase

from collab_wamp.config import Config
from collab_wamp.errors import TABLE, CollabError
from collab_wamp.http import formats, headers
from collab_wamp.http.all_routes import routes
from collab_wamp.http.failures import failure
from collab_wamp.http.openapi import document
from collab_wamp.http.routes import Parameter, read_query, whole
from collab_wamp.ot import get_type
from collab_wamp.traces import parse

TEXT = get_type("text")
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


class HeaderTests(SynchronousTestCase):
    def test_a_sane_id_is_kept(self) -> None:
        for given_id, kept in (("a-1.b:c_D", True), ("x" * 65, False), ("", False), (None, False),
                               ("a\n", False), ("a b", False)):  # fmt: skip
            found = headers.request_id(given_id, lambda: "made")
            self.assertEqual(found, given_id if kept else "made")

    def test_waiting_is_told_in_whole_seconds(self) -> None:
        for milliseconds, seconds in ((1, "1"), (1000, "1"), (1001, "2"), (0, "1")):
            self.assertEqual(headers.retry_after(milliseconds), seconds)

    def test_a_preflight_of_a_page_that_is_not_welcome_allows_nothing(self) -> None:
        found = headers.cross_origin("https://evil.example", "pad.example", ("https://a.example",))
        self.assertEqual(found, {"Vary": "Origin"})
        self.assertEqual(headers.preflight(found, ["GET"]), {"Vary": "Origin"})


class FailureTests(SynchronousTestCase):
    def test_every_error_has_its_status_and_what_is_inside_is_masked(self) -> None:
        for code, entry in TABLE.items():
            error = CollabError(code, "the secret place")
            told = failure(error, new_id="f00", now_s=1.5)
            self.assertEqual(told.status, entry.status)
            masked = entry.status >= 500
            self.assertEqual(
                told.body,
                {
                    "error": {
                        "code": code,
                        "message": entry.meaning if masked else "the secret place",
                        "error_id": "f00",
                        "timestamp": "1970-01-01T00:00:01.500Z",
                    }
                },
            )
            self.assertEqual("WWW-Authenticate" in told.headers, entry.status == 401)

    def test_what_a_component_has_logged_keeps_its_id(self) -> None:
        error = CollabError("internal", "x", error_id="known")
        self.assertEqual(failure(error, new_id="new", now_s=0).error_id, "known")

    def test_when_to_try_again(self) -> None:
        error = CollabError("overloaded", "x", retry_after_ms=1500)
        self.assertEqual(failure(error, new_id="x", now_s=0).headers, {"Retry-After": "2"})


class FormatTests(SynchronousTestCase):
    @given(TEXTS)
    def test_what_goes_out_comes_in_again(self, text: str) -> None:
        for body in (
            formats.as_delta("text", text),
            {"session_id": "notes", "type": "text", "revision": 3, "content": text},
        ):
            found = formats.recognised("application/json", body)
            self.assertEqual((found.type, found.content), ("text", text))
        self.assertEqual(
            formats.recognised("text/plain", formats.as_text("text", text)).content, text
        )

    @given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 5), TEXTS), max_size=12))
    def test_a_history_of_edits_is_a_trace_that_leads_to_the_same(self, steps: Any) -> None:
        """The patches are applied to a plain list of characters, apart from the type's own code."""
        start = "the text before, 😀"
        plain, rows, count = list(start), [], 0
        buffer = TEXT.buffer(start)
        for at, deleted, inserted in steps:
            position = min(at, buffer.length)
            deleted = min(deleted, buffer.length - position)
            op = TEXT.normalize([position, inserted, {"d": deleted}])
            if not op:
                continue
            buffer.apply(op)
            rows.append(formats.transaction(count, count % 2, op, 1_700_000_000_123))
            for where, gone, new in rows[-1]["patches"]:
                plain[where : where + gone] = new
            count += 1
        self.assertEqual("".join(plain), buffer.content())
        trace = parse("x", {"txns": rows, "numAgents": 2, "startContent": start,
                            "endContent": buffer.content()})  # fmt: skip
        self.assertEqual(len(trace), count)
        if rows:
            self.assertEqual(rows[0]["time"], "2023-11-14T22:13:20.123Z")

    def test_types_without_text_have_their_json_only(self) -> None:
        for make in (formats.as_text, formats.as_delta):
            with self.assertRaises(CollabError):
                make("json", {"a": 1})


class QueryTests(SynchronousTestCase):
    LIMIT = Parameter("limit", {"type": "integer", "minimum": 1, "maximum": 10}, "")
    NAME = Parameter("name", {"type": "string", "pattern": "^[a-z ]{1,5}$"}, "")

    def test_what_is_read(self) -> None:
        for query, expected in (
            (b"", {}), (b"limit=3", {"limit": 3}), (b"name=a+b", {"name": "a b"}),
            (b"name=a%20b&limit=10", {"name": "a b", "limit": 10}),
        ):  # fmt: skip
            self.assertEqual(read_query(query, (self.LIMIT, self.NAME)), expected)

    @given(st.binary(max_size=20))
    def test_all_else_is_refused_in_our_words(self, query: bytes) -> None:
        try:
            found = read_query(query, (self.LIMIT, self.NAME))
        except CollabError as error:
            self.assertEqual(error.code, "bad_request")
        else:
            self.assertLessEqual(set(found), {"limit", "name"})

    def test_whole_numbers(self) -> None:
        for value, expected in ((3.0, 3), (3, 3), (3.5, 3.5), (True, True), (1e200, 1e200),
                                ("3", "3"), (None, None)):  # fmt: skip
            self.assertIs(type(whole(value)), type(expected))
            self.assertEqual(whole(value), expected)


class DocumentTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.routes = routes(Config())
        self.document = document(self.routes, "1.2.3")

    def test_it_is_valid(self) -> None:
        OpenAPIV31SpecValidator(json.loads(json.dumps(self.document))).validate()

    def test_it_has_every_route_and_no_name_twice(self) -> None:
        described = {
            (method.upper(), path): operation
            for path, operations in self.document["paths"].items()
            for method, operation in operations.items()
        }
        for route in self.routes:
            self.assertEqual(described[route.method, route.path]["operationId"], route.name)
        names = [operation["operationId"] for operation in described.values()]
        self.assertEqual(len(names), len(set(names)))
        self.assertEqual(len(described), len(self.routes) + 3)

    def test_every_answer_of_an_error_says_which_codes_it_has(self) -> None:
        for operations in self.document["paths"].values():
            for operation in operations.values():
                for status, response in operation["responses"].items():
                    if operation.get("security") == [] or int(status) < 400:
                        continue
                    codes = response["description"].strip("`").split("`, `")
                    self.assertEqual({TABLE[code].status for code in codes}, {int(status)})

    def test_an_error_in_the_document_is_found(self) -> None:
        broken = json.loads(json.dumps(self.document))
        broken["paths"]["/sessions"]["get"]["responses"] = {"200": {}}
        self.assertNotEqual(list(OpenAPIV31SpecValidator(broken).iter_errors()), [])
