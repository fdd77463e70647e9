"""Events are seen to as Twisted's own reactor would, only quicker."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.error import ConnectionDone
from twisted.internet.main import CONNECTION_DONE
from twisted.internet.selectreactor import SelectReactor
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from collab_wamp.rounds import Rounds
from collab_wamp.wamp import polling

Round = Callable[[Any], None]


def ours(reactor: Any) -> None:
    polling.go_round(reactor, 0)


def theirs(reactor: Any) -> None:
    reactor.doPoll(0)


class Connection:
    """One end of a pair of sockets; tells what becomes of it.

    Attributes:
        then: what it does when it has been read, and returns then.
    """

    def __init__(self, reactor: Any, then: Callable[[], Any] = lambda: None) -> None:
        self.reactor, self.then = reactor, then
        self.socket, self.other = socket.socketpair()
        self.told: list[str] = []

    def fileno(self) -> int:
        return self.socket.fileno()

    def logPrefix(self) -> str:
        return "a connection"

    def doRead(self) -> Any:
        self.told.append(self.socket.recv(100).decode())
        return self.then()

    def doWrite(self) -> None:
        self.told.append("writes")
        self.reactor.removeWriter(self)

    def connectionLost(self, reason: Any) -> None:
        self.told.append(reason.type.__name__)

    def close(self) -> None:
        self.socket.close()
        self.other.close()


class RoundTests(SynchronousTestCase):
    def play(self, one_round: Round, then: Callable[[], Any] = lambda: None) -> Connection:
        """A connection that is read from once, and what is left of it."""
        reactor: Any = EPollReactor()
        self.addCleanup(reactor._poller.close)
        connection = Connection(reactor, then)
        self.addCleanup(connection.close)
        reactor.addReader(connection)
        one_round(reactor)
        self.assertEqual(connection.told, [])
        connection.other.send(b"hello")
        one_round(reactor)
        return connection

    def test_what_has_arrived_is_read(self) -> None:
        for one_round in (ours, theirs):
            connection = self.play(one_round)
            one_round(connection.reactor)
            self.assertEqual(connection.told, ["hello"])
            self.assertIn(connection, connection.reactor.getReaders())

    def test_who_says_that_it_is_over_is_ended(self) -> None:
        for one_round in (ours, theirs):
            connection = self.play(one_round, lambda: CONNECTION_DONE)
            self.assertEqual(connection.told, ["hello", ConnectionDone.__name__])
            self.assertNotIn(connection, connection.reactor.getReaders())

    def test_who_fails_is_ended_and_the_log_says_why(self) -> None:
        for kind in (ZeroDivisionError, SystemExit):

            def fail(kind: type[BaseException] = kind) -> None:
                raise kind

            for one_round in (ours, theirs):
                connection = self.play(one_round, fail)
                self.assertEqual(connection.told, ["hello", kind.__name__])
                self.assertNotIn(connection, connection.reactor.getReaders())
                self.assertEqual(len(self.flushLoggedErrors(kind)), 1)

    def test_who_fails_at_its_end_keeps_nobody_else_from_being_seen_to(self) -> None:
        for one_round in (ours, theirs):
            reactor: Any = EPollReactor()
            self.addCleanup(reactor._poller.close)
            both = [Connection(reactor, lambda: CONNECTION_DONE) for _ in range(2)]
            for each in both:
                self.addCleanup(each.close)
                each.connectionLost = lambda _reason: {}["missing"]  # type: ignore[method-assign]
                reactor.addReader(each)
                each.other.send(b"hello")
            one_round(reactor)
            self.assertEqual([each.told for each in both], [["hello"], ["hello"]])
            self.assertEqual(len(self.flushLoggedErrors(KeyError)), 2)

    def test_it_waits_as_long_as_it_is_told_to_and_for_timers_that_were_set_last(self) -> None:
        asked: list[Any] = []

        class Poller:
            """As `select.epoll`, with nothing to say."""

            def poll(self, *args: Any) -> list[Any]:
                asked.append(args)
                return []

        reactor: Any = EPollReactor()
        reactor._poller.close()
        reactor._poller = Poller()
        rounds = Rounds()
        rounds.known = True
        self.patch(polling, "rounds", rounds)
        count = len(reactor._selectables)
        for timeout in (0, 0.5, None):
            polling.go_round(reactor, timeout)
        self.assertEqual(asked, [(0, count), (0.5, count), (-1, count)])
        del asked[:]
        for timeout in (0.5, None):
            rounds.at_end(lambda: reactor.callLater(0, list))
            polling.go_round(reactor, timeout)
        rounds.at_end(list)
        reactor.timeout = lambda: None
        polling.go_round(reactor, 0.5)
        self.assertEqual([args[0] for args in asked], [0, 0, 0.5])

    def test_who_can_write_and_whose_other_end_has_gone_is_seen_to(self) -> None:
        for one_round in (ours, theirs):
            connection = self.play(one_round)
            connection.reactor.addWriter(connection)
            one_round(connection.reactor)
            self.assertEqual(connection.told, ["hello", "writes"])
            connection.other.close()
            connection.then = lambda: CONNECTION_DONE
            one_round(connection.reactor)
            self.assertEqual(connection.told, ["hello", "writes", "", ConnectionDone.__name__])

    def test_who_was_ended_in_the_same_round_is_not_read(self) -> None:
        for one_round in (ours, theirs):
            reactor: Any = EPollReactor()
            self.addCleanup(reactor._poller.close)
            both: list[Connection] = []

            def end_both(reactor: Any = reactor, both: list[Connection] = both) -> None:
                for each in both:
                    reactor.removeReader(each)

            for _ in range(2):
                both.append(Connection(reactor, end_both))
                self.addCleanup(both[-1].close)
                reactor.addReader(both[-1])
                both[-1].other.send(b"hello")
            one_round(reactor)
            self.assertEqual(sorted(len(each.told) for each in both), [0, 1])

    def test_a_signal_that_interrupts_is_no_error(self) -> None:
        class Interrupted:
            """As `select.epoll`, when a signal comes."""

            def poll(self, *_args: Any) -> None:
                raise InterruptedError(os.strerror(4))

        reactor: Any = EPollReactor()
        reactor._poller.close()
        reactor._poller = Interrupted()
        polling.go_round(reactor, None)


class InstallTests(SynchronousTestCase):
    def setUp(self) -> None:
        # The reactor of the tests ends no rounds.
        self.patch(polling, "rounds", Rounds())

    def test_this_version_has_everything(self) -> None:
        reactor: Any = EPollReactor()
        self.addCleanup(reactor._poller.close)
        polling.install(reactor)
        self.assertTrue(polling.rounds.known)
        connection = Connection(reactor)
        self.addCleanup(connection.close)
        reactor.addReader(connection)
        connection.other.send(b"hello")
        reactor._doReadOrWrite = None  # not asked for what is just to be read
        reactor.doIteration(0)
        self.assertEqual(connection.told, ["hello"])

    def test_another_reactor_is_left_as_it_is(self) -> None:
        reactor: Any = SelectReactor()
        with capturedLogs() as said:
            polling.install(reactor)
        self.assertNotIn("doIteration", vars(reactor))
        # Nobody would say when its rounds end.
        self.assertFalse(polling.rounds.known)
        self.assertEqual([event["name"] for event in said], ["the reactor is a SelectReactor"])
