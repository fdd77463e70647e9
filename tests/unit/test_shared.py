"""Asking once, answering all, in order."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from collab_wamp.shared import Shared


class SharedTests(TestCase):
    def ask(self, shared: Shared, source: Deferred[str], heard: list[Any], name: str) -> None:
        async def work() -> str:
            heard.append(f"{name} begins")
            return await source

        shared.ask("key", work).addBoth(lambda result: heard.append((name, result)))

    def test_all_get_the_one_answer_in_the_order_they_asked(self) -> None:
        shared, heard, source = Shared(), [], Deferred[str]()
        for name in "abc":
            self.ask(shared, source, heard, name)
        source.callback("x")
        self.assertEqual(heard, ["a begins", ("a", "x"), ("b", "x"), ("c", "x")])
        self.ask(shared, Deferred(), heard, "d")
        self.assertEqual(heard[-1], "d begins")

    def test_all_get_the_failure(self) -> None:
        shared, heard, source = Shared(), [], Deferred[str]()
        for name in "ab":
            self.ask(shared, source, heard, name)
        source.errback(ValueError("no"))
        self.assertEqual([row[0] for row in heard[1:]], ["a", "b"])
        for _, failure in heard[1:]:
            failure.trap(ValueError)
