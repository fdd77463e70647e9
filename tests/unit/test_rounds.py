"""What is to be done when a round ends is done then, once, and before anything is waited for."""

from __future__ import annotations

from typing import Any

from twisted.internet.epollreactor import EPollReactor
from twisted.trial.unittest import SynchronousTestCase

from collab_wamp.rounds import Rounds
from collab_wamp.wamp import polling


class RoundsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.rounds = Rounds()
        self.done: list[str] = []

    def test_where_nobody_knows_when_a_round_ends_it_is_done_at_once(self) -> None:
        self.rounds.at_end(lambda: self.done.append("a"))
        self.assertEqual(self.done, ["a"])

    def test_it_is_done_once_and_in_order_and_what_comes_of_it_too(self) -> None:
        self.rounds.known = True
        self.rounds.at_end(lambda: self.done.append("a"))
        self.rounds.at_end(lambda: self.rounds.at_end(lambda: self.done.append("c")))
        self.rounds.at_end(lambda: self.done.append("b"))
        self.assertEqual(self.done, [])
        self.assertTrue(self.rounds.end())
        self.assertFalse(self.rounds.end())
        self.assertEqual(self.done, ["a", "b", "c"])

    def test_a_failure_keeps_nothing_else_from_being_done(self) -> None:
        self.rounds.known = True
        self.rounds.at_end(lambda: {}["missing"])
        self.rounds.at_end(lambda: self.done.append("b"))
        self.rounds.end()
        self.assertEqual(self.done, ["b"])
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_the_reactor_does_it_before_it_waits(self) -> None:
        done = self.done

        class Poller:
            """As `select.epoll`, with nothing to say."""

            def poll(self, *_args: Any) -> list[Any]:
                done.append("waits")
                return []

        self.patch(polling, "rounds", self.rounds)
        reactor: Any = EPollReactor()
        reactor._poller.close()
        reactor._poller = Poller()
        polling.install(reactor)
        self.rounds.at_end(lambda: done.append("a"))
        self.assertEqual(done, [])
        reactor.doIteration(0)
        self.assertEqual(done, ["a", "waits"])
