"""What a connection takes, in memory and in time, while it says nothing."""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable
from typing import Any

import attrs
from autobahn.twisted.resource import WebSocketResource
from autobahn.twisted.websocket import (
    WebSocketClientFactory,
    WebSocketClientProtocol,
    WebSocketServerFactory,
    WebSocketServerProtocol,
)
from autobahn.wamp.message import Welcome
from autobahn.wamp.role import RoleBrokerFeatures
from autobahn.wamp.types import TransportDetails
from crossbar.router.protocol import WampWebSocketServerProtocol
from twisted.internet import reactor as global_reactor
from twisted.trial.unittest import SynchronousTestCase, TestCase
from twisted.web.http import HTTPChannel
from twisted.web.server import Site

from collab_wamp.rates import Rate
from collab_wamp.wamp import connections, gate, guarded
from collab_wamp.wamp.guarded import GuardedProtocol, SmallQueue
from tests.support.parties import claims
from tests.support.waiting import until

reactor: Any = global_reactor


class Session:
    _pending_auth: Any = "a ticket that was asked for"
    _session_id = 7

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def onMessage(self, message: Any) -> None:
        self.heard.append(message)


class Tcp:
    """As much of a transport as is looked at."""

    dataBuffer, _tempDataLen = b"", 0


class MemoryTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.patch(WampWebSocketServerProtocol, "send", lambda _itself, _message: None)
        self.patch(WampWebSocketServerProtocol, "onOpen", lambda _itself: None)
        self.patch(GuardedProtocol, "presence_rate", Rate(20, 20))
        self.connection = GuardedProtocol()
        self.connection.transport = self.connection._tcp = Tcp()
        self.connection._cut_s = None
        self.session = self.connection._session = Session()
        self.addCleanup(connections.closed, self.connection)

    def test_the_http_channel_is_let_go_when_the_websocket_is_open(self) -> None:
        left: list[Any] = []
        self.patch(guarded, "leave_http", left.append)
        self.connection.onOpen()
        self.assertEqual(left, [self.connection.transport])

    def test_what_was_said_to_get_in_is_forgotten_when_one_is_in(self) -> None:
        details = TransportDetails(http_headers_received={"host": "x"}, http_headers_sent={"y": ""})
        self.connection._transport_details = details
        self.connection.http_headers, self.connection.http_request_data = {"host": "x"}, b"GET /"
        extra = claims().as_extra()
        self.connection.send(Welcome(7, {"broker": RoleBrokerFeatures()}, authextra=extra))
        self.assertIsNone(self.session._pending_auth)
        self.assertEqual(self.connection.http_headers, {})
        self.assertEqual(self.connection.http_request_data, b"")
        self.assertIsNone(details.http_headers_received)
        self.assertIsNone(details.http_headers_sent)

    def test_who_says_nothing_of_where_they_are_has_no_throttle(self) -> None:
        publish = [gate.PUBLISH, 1, {}, "collab.in.abc.cursor", [], {"position": 1}]
        call = [gate.CALL, 2, {}, "collab.session.info", [], {"session_id": "notes"}]
        self.connection._carry_out(gate.Pass(call))
        self.assertIsNone(self.connection._throttle)
        for _ in range(30):
            self.connection._carry_out(gate.Pass(publish))
        self.assertIsNotNone(self.connection._throttle)
        self.connection._throttle.stop()
        self.assertEqual(len(self.session.heard), 21)

    def test_the_queue_of_pieces_is_one(self) -> None:
        small, theirs = SmallQueue(), deque[Any]()
        for queue in (small, theirs):
            for number in range(3):
                queue.append((b"piece %d" % number, True))
        self.assertEqual([small.popleft() for _ in range(3)], list(theirs))
        self.assertEqual(len(small), 0)
        self.assertRaises(IndexError, small.popleft)


class HttpTests(TestCase):
    """Twisted's web server hands its connection on to a WebSocket, as in a node."""

    timeout = 30

    async def opened(self, leave: Callable[[Any], None]) -> int:
        """How many HTTP channels are in memory when a WebSocket is open."""
        here: list[WebSocketServerProtocol] = []

        class Open(WebSocketServerProtocol):
            def onOpen(self) -> None:
                leave(self.transport)
                here.append(self)

        factory = WebSocketServerFactory("ws://127.0.0.1")
        factory.protocol = Open
        site = Site(WebSocketResource(factory))
        port: Any = reactor.listenTCP(0, site, interface="127.0.0.1")
        client = WebSocketClientFactory(f"ws://127.0.0.1:{port.getHost().port}/")
        client.protocol = WebSocketClientProtocol
        connected: Any = reactor.connectTCP("127.0.0.1", port.getHost().port, client)
        await until(lambda: bool(here))
        gc.collect()
        channels = [each for each in gc.get_objects() if type(each) is HTTPChannel]
        count = len(channels)
        del channels
        connected.disconnect()
        await here[0].is_closed
        await port.stopListening()
        gc.collect()
        return count

    async def test_it_is_not_in_memory_any_more(self) -> None:
        self.assertEqual(await self.opened(lambda _transport: None), 1)
        self.assertEqual(await self.opened(guarded.leave_http), 0)


class LookAfterTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.connection = GuardedProtocol()
        self.tcp = self.connection._tcp = Tcp()
        self.connection._opened_s, self.connection._cut_s = 0.0, None
        self.connection._slow_since_s = None
        self.connection.claims = attrs.evolve(claims(), expires_at=1000.0)
        self.ended: list[str] = []
        self.connection.cut = self.ended.append
        self.connection.say_goodbye = lambda reason, _text: self.ended.append(reason)
        self.limits = self.connection.limits

    def look(self, *seconds: float) -> None:
        for now_s in seconds:
            self.connection.look_after(now_s)

    def test_nothing_is_done_about_who_is_in_order(self) -> None:
        self.look(1.0, 500.0, 999.0)
        self.assertEqual(self.ended, [])

    def test_whose_token_has_expired_is_told_to_go(self) -> None:
        self.look(999.9, 1000.0)
        self.assertEqual(self.ended, ["collab.error.token_expired"])

    def test_who_was_told_to_go_and_stays_is_cut(self) -> None:
        self.connection._cut_s = 10.0
        self.look(9.9, 10.0)
        self.assertEqual(self.ended, ["lingers"])

    def test_who_does_not_log_in_is_cut(self) -> None:
        self.connection.claims = None
        self.look(self.limits.hello_s - 0.1, self.limits.hello_s + 0.1)
        self.assertEqual(self.ended, ["no_hello"])

    def test_who_reads_too_slowly_for_long_is_cut_and_nobody_who_caught_up_in_between(self) -> None:
        much, long_s = self.limits.send_buffer_slow_bytes + 1, self.limits.send_buffer_slow_s
        for waits in ("in the transport", "given to it"):
            self.tcp.dataBuffer = b"x" * much if waits == "in the transport" else b""
            self.tcp._tempDataLen = much if waits == "given to it" else 0
            self.look(1.0, long_s)
            self.tcp.dataBuffer, self.tcp._tempDataLen = b"", 0
            self.look(long_s + 0.5)
            self.tcp._tempDataLen = much
            self.look(long_s + 2.0)
            self.assertEqual(self.ended, [])
        self.look(2 * long_s + 2.1)
        self.assertEqual(self.ended, ["slow_reader"])
