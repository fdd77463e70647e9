"""Answers that are made while they are sent, and requests that bring too much; without sockets."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from collab_wamp.http.streaming import Outlet, ReaderGone
from collab_wamp.wamp.bodies import BoundedRequest

PATIENCE_S = 10


class Held(Resource):
    """Keeps the request, for the test to answer it."""

    isLeaf = True

    def render(self, request: Any) -> int:
        self.request = request
        return NOT_DONE_YET


class WebCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.resource = Held()
        site = Site(self.resource, requestFactory=BoundedRequest, reactor=self.clock)
        self.channel = site.buildProtocol(None)
        self.transport = StringTransport()
        self.channel.makeConnection(self.transport)

    def ask(self, head: str, body: bytes = b"") -> Any:
        self.channel.dataReceived(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)
        return self.resource.request


class OutletTests(WebCase):
    def setUp(self) -> None:
        super().setUp()
        self.outlet = Outlet(self.ask("GET / HTTP/1.1\nHost: x"), self.clock, PATIENCE_S)

    def write(self, data: bytes) -> Deferred[None]:
        return Deferred.fromCoroutine(self.outlet.write(data))

    def pause(self) -> None:
        """What the connection does when its buffer is full."""
        self.channel._channel.pauseProducing()

    def test_it_is_sent_as_it_is_read(self) -> None:
        self.successResultOf(self.write(b"one"))
        self.pause()
        waits = self.write(b"two")
        self.assertNoResult(waits)
        self.clock.advance(PATIENCE_S - 1)
        self.channel._channel.resumeProducing()
        self.successResultOf(waits)
        self.clock.advance(PATIENCE_S)
        self.successResultOf(self.write(b"three"))
        sent = self.transport.value()
        for piece in (b"one", b"two", b"three"):
            self.assertIn(piece, sent)

    def test_who_does_not_read_is_not_waited_for(self) -> None:
        self.pause()
        waits = self.write(b"x")
        self.clock.advance(PATIENCE_S)
        self.failureResultOf(waits, ReaderGone)

    def test_who_goes_is_not_waited_for(self) -> None:
        self.pause()
        waits = self.write(b"x")
        self.outlet.stopProducing()
        self.failureResultOf(waits, ReaderGone)
        self.failureResultOf(self.write(b"later"), ReaderGone)
        self.assertNotIn(b"later", self.transport.value())


class BodyTests(WebCase):
    def setUp(self) -> None:
        super().setUp()
        asked: list[Any] = []

        def allowance(path: bytes, headers: Headers) -> int:
            asked.append((path, headers.getRawHeaders(b"authorization")))
            return 10

        self.asked = asked
        self.patch(BoundedRequest, "allowance", staticmethod(allowance))

    def test_up_to_what_is_allowed(self) -> None:
        head = "PUT /a?b HTTP/1.1\nHost: x\nAuthorization: Bearer é\nContent-Length: 10"
        request = self.ask(head, b"x" * 10)
        self.assertEqual((request.content.read(), request.body_too_large), (b"x" * 10, False))
        self.assertEqual(self.asked, [(b"/a", ["Bearer é".encode()])])

    def test_more_is_passed_over_and_nothing_kept(self) -> None:
        request = self.ask("PUT / HTTP/1.1\nHost: x\nContent-Length: 11", b"x" * 11)
        self.assertEqual((request.content.read(), request.body_too_large), (b"", True))

    def test_so_it_is_in_chunks(self) -> None:
        body = b"8\r\n" + b"x" * 8 + b"\r\n" + b"3\r\n" + b"x" * 3 + b"\r\n0\r\n\r\n"
        request = self.ask("PUT / HTTP/1.1\nHost: x\nTransfer-Encoding: chunked", body)
        self.assertEqual((request.content.read(), request.body_too_large), (b"x" * 8, True))

    def test_forms_are_not_read(self) -> None:
        kind = "Content-Type: application/x-www-form-urlencoded"
        request = self.ask(f"POST / HTTP/1.1\nHost: x\n{kind}\nContent-Length: 3", b"a=b")
        self.assertEqual((request.args, request.content.read()), ({}, b"a=b"))
