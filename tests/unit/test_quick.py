"""The short way past the router: who may take it, and when it is not there."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

from autobahn.wamp.exception import ApplicationError
from crossbar.router.protocol import WampWebSocketServerFactory
from crossbar.router.role import RouterRoleStaticAuth
from crossbar.worker import transport as web_transport
from twisted.internet.tcp import Server
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from collab_wamp.config import load
from collab_wamp.errors import CollabError
from collab_wamp.gathering import gathering
from collab_wamp.wamp import connections, quick, router_guard, tuning
from collab_wamp.wamp.component import application_error
from collab_wamp.wamp.frames import frame_of
from collab_wamp.wamp.guarded import GuardedProtocol
from collab_wamp.wamp.patience import PatientSite


class AtRouter:
    """As much of a client's session at the router as its rights are looked up by."""

    def __init__(self, role: Any) -> None:
        self._authrole = "user"
        self._router = self
        self._roles = {"user": role}


def static(*permissions: dict[str, Any]) -> RouterRoleStaticAuth:
    return RouterRoleStaticAuth(None, "user", list(permissions))


class MayTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.patch(quick, "_allowed", {})

    def test_the_configuration_of_the_router_counts(self) -> None:
        session = AtRouter(
            static(
                {"uri": "collab.session.edit", "match": "exact", "allow": {"call": True}},
                {"uri": "collab.in.", "match": "prefix", "allow": {"publish": True}},
            )
        )
        for action, uri, allowed in (
            ("call", "collab.session.edit", True),
            ("call", "collab.session.destroy", False),
            ("publish", "collab.session.edit", False),
            ("publish", "collab.in.abc.cursor", True),
            ("publish", "collab.s.abc.edits", False),
        ):
            for _again in range(2):
                self.assertEqual(quick.may(session, action, uri), allowed, uri)

    def test_a_role_that_may_answer_differently_each_time_has_no_short_way(self) -> None:
        class Dynamic(RouterRoleStaticAuth):
            """Any other kind."""

        permission = {"uri": "", "match": "prefix", "allow": {"call": True}}
        session = AtRouter(Dynamic(None, "user", [permission]))
        self.assertFalse(quick.may(session, "call", "collab.session.edit"))

    def test_what_is_remembered_is_bounded(self) -> None:
        self.patch(quick, "MOST_REMEMBERED", 10)
        session = AtRouter(static())
        for number in range(25):
            quick.may(session, "call", f"collab.session.{number}")
        self.assertLessEqual(len(quick._allowed), 10)


class LeansOnTests(SynchronousTestCase):
    def test_this_version_has_everything(self) -> None:
        self.assertEqual(quick.missing(), [])

    def test_what_is_missing_is_named(self) -> None:
        with patch.object(quick, "LEANS_ON", ((Server, ("write", "teleport")),)):
            self.assertEqual(quick.missing(), ["Server has no teleport"])

    def test_where_something_is_missing_all_goes_the_long_way(self) -> None:
        """Messages are guarded all the same, and the log says what is missing."""
        for owner, names in (
            (WampWebSocketServerFactory, ("protocol",)),
            (GuardedProtocol, ("limits", "presence_rate")),
            (connections, ("blame",)),
            (web_transport, ("Site",)),
        ):
            for name in names:
                self.patch(owner, name, getattr(owner, name))
        self.patch(tuning, "stop_formatting", lambda: 0)
        self.patch(router_guard, "PatientSite", type("Site", (PatientSite,), {}))
        without = ((Server, ("write", "teleport")),)
        for leans_on, protocol, missing in (
            (quick.LEANS_ON, quick.QuickProtocol, []),
            (without, GuardedProtocol, ["Server has no teleport"]),
        ):
            with patch.object(quick, "LEANS_ON", leans_on), capturedLogs() as said:
                router_guard.install(load({}))
            self.assertIs(WampWebSocketServerFactory.protocol, protocol)
            warned = [event["name"] for event in said if "long way" in event["log_format"]]
            self.assertEqual(warned, missing)

    def test_an_answer_that_cannot_be_written_is_an_answer_all_the_same(self) -> None:
        sent: list[bytes] = []

        class Answering(quick.QuickProtocol):
            """Keeps what it is to send."""

            def deliver(self, frame: bytes) -> None:
                sent.append(frame)

        for binary, result in ((False, {"revision": {1, 2}}), (True, {"revision": 2**70})):
            connection = Answering()
            connection._binary, connection.calls = binary, 1
            connection._answered(result, 7)
            self.assertEqual(connection.calls, 0)
            self.assertIn(b"collab.error.internal", sent.pop())
        self.assertEqual(len(self.flushLoggedErrors(TypeError, OverflowError)), 2)

    def test_an_error_crosses_the_wire_as_by_the_router(self) -> None:
        error = application_error(CollabError("base_ahead", "Too far.", revision=3))
        self.assertIsInstance(error, ApplicationError)
        row = quick.error_row(7, error)
        self.assertEqual(row[:5], [8, 48, 7, {}, "collab.error.base_ahead"])
        self.assertEqual(row[5:], [["Too far."], {"retryable": False, "revision": 3}])


class Tcp:
    """As much of a connection's transport as frames are written to; its socket takes them all."""

    connected, dataBuffer, socket = 1, b"", property(lambda self: self)

    def __init__(self) -> None:
        self._tempDataBuffer: list[bytes] = []
        self._tempDataLen = 0
        self.sent: list[bytes] = []

    def send(self, data: bytes) -> int:
        self.sent.append(data)
        return len(data)

    def abortConnection(self) -> None:
        """It is lost a turn of the reactor later."""


class DeliverTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.tcp = Tcp()
        self.connection = quick.QuickProtocol()
        self.connection.state = self.connection.STATE_OPEN
        self.connection._is_plain, self.connection._cut_s = True, None
        self.connection._tcp = self.connection.transport = self.tcp

    def test_who_was_cut_is_sent_nothing_behind_half_a_frame(self) -> None:
        self.connection.deliver(b"whole")
        self.tcp.dataBuffer = b"half of a frame"
        self.connection.cut("slow_reader")
        self.connection.deliver(b"another")
        self.assertEqual(self.tcp.sent, [b"whole"])

    def test_who_was_cut_is_sent_nothing_of_what_was_gathered(self) -> None:
        with gathering.until_done():
            self.connection.deliver(b"whole")
            self.connection.cut("slow_reader")
        self.assertEqual(self.tcp.sent, [])

    def test_who_has_gone_is_sent_nothing(self) -> None:
        self.connection.state = self.connection.STATE_CLOSED
        self.connection.write_now(b"whole")
        self.assertEqual(self.tcp.sent, [])

    def test_what_goes_the_long_way_comes_after_what_was_gathered_before(self) -> None:
        long_way: list[bytes] = []
        self.patch(GuardedProtocol, "sendData", lambda _itself, data: long_way.append(data))
        with gathering.until_done():
            self.connection.deliver(b"first")
            self.connection.deliver(b"second")
            self.assertEqual(self.tcp.sent, [])
            self.connection.sendData(b"third")
            self.assertEqual((self.tcp.sent, long_way), ([b"firstsecond"], [b"third"]))
            self.connection.deliver(b"fourth")
        self.assertEqual(self.tcp.sent, [b"firstsecond", b"fourth"])

    def test_who_was_told_to_go_is_answered_what_is_under_way(self) -> None:
        """As by the router: what was committed may be heard of."""
        self.connection.calls = 1
        self.connection._cut_s = 1.0
        self.connection._answered({"revision": 3}, 7)
        self.assertEqual(self.tcp.sent, [frame_of(b'[50,7,{},[{"revision":3}]]', binary=False)])
        self.assertEqual(self.connection.calls, 0)
