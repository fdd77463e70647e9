"""A call of the registry in Redis has an end, whatever its connection does."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from collab_wamp.errors import CollabError
from collab_wamp.registry.redis import RedisRegistry
from collab_wamp.store.address import Address


class DeadlineTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()
        self.registry = RedisRegistry(self.reactor, Address(path="/nowhere"), lambda: 0.0)

    def test_what_is_not_answered_in_time_is_unavailable(self) -> None:
        asked: Deferred[Any] = Deferred()
        answer = Deferred.fromCoroutine(self.registry._in_time(asked))
        self.reactor.advance(2.79)
        self.assertNoResult(answer)
        self.reactor.advance(0.02)
        self.assertEqual(self.failureResultOf(answer, CollabError).value.code, "store_unavailable")
        # It was not cancelled, and its late outcome is passed over.
        self.assertFalse(asked.called)
        asked.errback(CollabError("store_unavailable", "late"))

    def test_what_comes_after_the_caller_has_gone_is_passed_over(self) -> None:
        for outcome in (7, CollabError("store_unavailable", "late")):
            asked: Deferred[Any] = Deferred()
            answer = Deferred.fromCoroutine(self.registry._in_time(asked))
            answer.cancel()
            self.failureResultOf(answer)
            if isinstance(outcome, Exception):
                asked.errback(outcome)
            else:
                asked.callback(outcome)
            self.reactor.advance(10)

    def test_an_answer_in_time_is_given(self) -> None:
        asked: Deferred[Any] = Deferred()
        answer = Deferred.fromCoroutine(self.registry._in_time(asked))
        asked.callback(7)
        self.assertEqual(self.successResultOf(answer), 7)
        self.reactor.advance(10)
