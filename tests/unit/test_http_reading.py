"""Bodies are read when their values are few enough, the large ones beside the reactor."""

from __future__ import annotations

import json
import threading
from typing import Any

import attrs
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.trial.unittest import SynchronousTestCase, TestCase

from collab_wamp.config import Config
from collab_wamp.errors import CollabError
from collab_wamp.http.all_routes import routes
from collab_wamp.http.reading import SMALL_BYTES, Reader, least_values, read_body
from collab_wamp.http.routes import JSON, MOST_VALUES
from tests.support.waiting import until

ROUTES = {route.name: route for route in routes(Config())}
TEXTS = st.text(st.sampled_from('a,:"\\[]{}é\n'))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=30,
)


def count(value: Any) -> int:
    if isinstance(value, list):
        return 1 + sum(map(count, value))
    if isinstance(value, dict):
        return 1 + sum(1 + count(inner) for inner in value.values())
    return 1


class CountTests(SynchronousTestCase):
    @given(VALUES, st.booleans())
    def test_values_are_counted_in_the_bytes(self, value: Any, ascii_only: bool) -> None:
        data = json.dumps(value, ensure_ascii=ascii_only).encode()
        least = least_values(data, 10**6)
        self.assertLessEqual(least, count(value))
        self.assertLessEqual(count(value), 2 * least)

    def test_too_many_are_not_read(self) -> None:
        def refused(name: str, data: bytes) -> bool:
            with self.assertRaises(CollabError) as caught:
                read_body(JSON, data, ROUTES[name])
            return "values" in caught.exception.message

        for one in (b"[]", b"0", b'""', b'{"a":0}', b"[" * 50 + b"]" * 50):
            for name in ("create_session_for_user", "put_content"):
                # What comes after them cannot be read: nobody has tried.
                self.assertTrue(refused(name, b'{"x":[' + (one + b",") * MOST_VALUES + b"no"), one)
        # Where the bytes leave it open, the values themselves are counted.
        for name in ("create_session_for_user", "issue_token"):
            data = b'{"x":[' + b"[0]," * (MOST_VALUES * 3 // 5) + b"0]}"
            self.assertTrue(refused(name, data), name)
        # Where a text is wanted, nothing else is walked through.
        data = b'{"type":"text","content":[' + b"[0]," * (MOST_VALUES * 3 // 5) + b"0]}"
        with self.assertRaises(CollabError) as caught:
            read_body(JSON, data, ROUTES["put_content"])
        self.assertIn("must be a text", caught.exception.message)

    def test_one_text_may_be_of_anything(self) -> None:
        text = '[],{"a":0},"\\' * 100_000
        for body in ({"content": text}, {"ops": [{"insert": text}]}):
            _type, found = read_body(JSON, json.dumps(body).encode(), ROUTES["put_content"])
            self.assertEqual(found.content, text)


class ThreadTests(TestCase):
    """Where, and how many at one time."""

    def setUp(self) -> None:
        self.reader = Reader()
        self.go_on = threading.Event()
        self.addCleanup(self.go_on.set)
        self.places: list[int] = []
        self.ended = 0

        def take(_media_type: str, value: Any) -> Any:
            self.places.append(threading.get_ident())
            if len(value["x"]) > SMALL_BYTES:
                self.go_on.wait(20)
            self.ended += 1
            return value["x"]

        self.route = attrs.evolve(ROUTES["create_session_for_user"], take=take)

    def read(self, text: str) -> Deferred[tuple[str, Any]]:
        data = json.dumps({"x": text}).encode()
        return Deferred.fromCoroutine(self.reader.read(JSON, data, self.route))

    async def test_large_bodies_are_read_in_two_threads(self) -> None:
        self.assertEqual(self.successResultOf(self.read("small")), (JSON, "small"))
        self.assertEqual(self.places.pop(), threading.get_ident())
        large = "x" * (SMALL_BYTES + 1)
        reading = [self.read(large) for _ in range(6)]
        await until(lambda: len(self.places) == 2)
        # Whoever goes leaves no place to another, while a thread is at work for them.
        for gone in reading[:2]:
            gone.cancel()
            self.failureResultOf(gone, CancelledError)
        self.assertNotIn(threading.get_ident(), self.places)
        # And whoever waits for a small one does not wait for these.
        self.assertEqual(self.successResultOf(self.read("small"))[1], "small")
        self.assertEqual(len(self.places), 3)
        self.go_on.set()
        await until(lambda: self.ended == 8)
        self.assertEqual(await gatherResults(reading[2:]), [(JSON, large)] * 4)

    async def test_what_is_refused_in_a_thread_is_told_and_makes_place(self) -> None:
        self.go_on.set()
        for _ in range(5):
            with self.assertRaises(CollabError):
                await self.reader.read(JSON, b"x" * (SMALL_BYTES + 1), self.route)
        self.assertEqual((await self.read("x" * (SMALL_BYTES + 1)))[0], JSON)
