"""A connection's topics: subscribed to once each, and given back."""

from __future__ import annotations

from typing import Any

from autobahn.wamp.message import Event
from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from collab_wamp.client import ClientError
from collab_wamp.client.connection import Connection, _WampSession
from collab_wamp.client.deadline import within
from collab_wamp.client.subscriptions import Subscriptions


class Subscription:
    def __init__(self, session: Session) -> None:
        self.session = session

    def unsubscribe(self) -> Deferred[int]:
        self.session.dropped += 1
        if self.session.lost:
            raise ConnectionError("no transport")
        return fail(ValueError("no such subscription"))


class Session:
    """As Autobahn's; the requests are answered by hand."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, Deferred[Any]]] = []
        self.dropped = 0
        self.lost = False

    def subscribe(self, handler: Any, _topic: str) -> Deferred[Any]:
        answer: Deferred[Any] = Deferred()
        self.asked.append((handler, answer))
        return answer

    def confirm(self) -> None:
        self.asked[-1][1].callback(Subscription(self))


class SubscriptionsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.session = Session()
        self.subscriptions = Subscriptions()
        self.heard: list[str] = []

    def handler(self, name: str) -> Any:
        return lambda _event: self.heard.append(name)

    def add(self, handler: Any) -> Deferred[None]:
        return Deferred.fromCoroutine(self.subscriptions.add(self.session, "topic", handler))

    def test_whoever_subscribes_to_a_topic_that_is_asked_for_waits_as_well(self) -> None:
        first, second = self.add(self.handler("a")), self.add(self.handler("b"))
        self.assertNoResult(first)
        self.assertNoResult(second)
        self.session.confirm()
        self.successResultOf(first)
        self.successResultOf(second)
        self.session.asked[0][0]()
        self.assertEqual((self.heard, len(self.session.asked)), (["b"], 1))

    def test_what_fails_fails_for_all_who_wait_and_can_be_asked_for_again(self) -> None:
        first, second = self.add(self.handler("a")), self.add(self.handler("b"))
        self.session.asked[0][1].errback(ValueError("too many"))
        self.failureResultOf(first, ValueError)
        self.failureResultOf(second, ValueError)
        third = self.add(self.handler("c"))
        self.session.confirm()
        self.successResultOf(third)
        self.assertEqual((len(self.session.asked), len(self.subscriptions)), (2, 1))

    def test_only_the_one_whose_topic_it_is_gives_it_back(self) -> None:
        old, new = self.handler("old"), self.handler("new")
        self.add(old)
        self.session.confirm()
        self.add(new)
        self.subscriptions.remove("topic", old)
        self.session.asked[0][0]()
        self.assertEqual((self.heard, self.session.dropped), (["new"], 0))
        for _ in range(2):
            self.subscriptions.remove("topic", new)
        self.assertEqual((self.session.dropped, len(self.subscriptions)), (1, 0))

    def test_given_back_before_it_is_confirmed(self) -> None:
        handler = self.handler("a")
        self.add(handler)
        self.subscriptions.remove("topic", handler)
        self.session.asked[0][0]()
        self.assertEqual((self.heard, self.session.dropped), ([], 0))
        self.session.confirm()
        self.assertEqual((self.session.dropped, len(self.subscriptions)), (1, 0))

    def test_given_back_and_wanted_again_before_it_is_confirmed(self) -> None:
        """A second SUBSCRIBE before the UNSUBSCRIBE would leave nothing subscribed."""
        old = self.handler("old")
        self.add(old)
        self.subscriptions.remove("topic", old)
        again = self.add(self.handler("new"))
        self.session.confirm()
        self.successResultOf(again)
        self.session.asked[0][0]()
        self.assertEqual((self.heard, self.session.dropped), (["new"], 0))
        self.assertEqual(len(self.session.asked), 1)

    def test_given_back_without_a_transport(self) -> None:
        handler = self.handler("a")
        self.add(handler)
        self.session.confirm()
        self.session.lost = True
        self.subscriptions.remove("topic", handler)
        self.assertEqual((self.session.dropped, len(self.subscriptions)), (1, 0))

    def test_an_event_that_comes_after_the_end_of_its_subscription(self) -> None:
        session = _WampSession(Connection(Clock(), "ticket"))
        session._session_id = 1
        session.onMessage(Event(subscription=7, publication=8))
        heard: list[str] = []
        handler = type("Handler", (), {"fn": lambda *_: heard.append("event"), "obj": None})
        handler.details_arg = None  # type: ignore[attr-defined]
        subscription = type("Subscription", (), {"topic": "topic", "handler": handler, "id": 7})
        session._subscriptions[7] = [subscription]
        session.onMessage(Event(subscription=7, publication=8))
        self.assertEqual(heard, ["event"])


class DeadlineTests(SynchronousTestCase):
    def test_the_outcome_in_time(self) -> None:
        clock = Clock()
        for outcome in ("answer", ValueError("no")):
            asked: Deferred[Any] = Deferred()
            answer = within(clock, asked, 3.0, "it")
            if isinstance(outcome, str):
                asked.callback(outcome)
                self.assertEqual(self.successResultOf(answer), outcome)
            else:
                asked.errback(outcome)
                self.failureResultOf(answer, ValueError)
        self.assertEqual(clock.getDelayedCalls(), [])

    def test_no_outcome_in_time_and_one_that_comes_late(self) -> None:
        for late in ("answer", ValueError("no")):
            clock = Clock()
            asked: Deferred[Any] = Deferred()
            answer = within(clock, asked, 3.0, "it")
            clock.advance(3.0)
            error = self.failureResultOf(answer, ClientError).value
            self.assertEqual(error.code, "timeout")
            if isinstance(late, str):
                asked.callback(late)
            else:
                asked.errback(late)
