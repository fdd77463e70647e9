"""Forty people on two nodes: one node dies, then both are restarted one after the other."""

from __future__ import annotations

import random
import re
import time
from collections import Counter
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from collab_wamp.client import Client, Document, connect
from collab_wamp.store.redis import RedisStore
from collab_wamp.store.values import SessionKey
from tests.support.pair import Pair
from tests.support.waiting import until

PEOPLE = 40
GHOSTS_S = 30.0
WORD = re.compile(r"<(\d+)\.(\d+)>")


class Typist:
    """Somebody who types numbered words at the beginning, one after the other."""

    def __init__(self, number: int, client: Client, document: Document) -> None:
        self.number = number
        self.client = client
        self.document = document
        self.typed = 0
        self.refused: list[Any] = []
        document.on_rejected(self.refused.append)
        self._going = True
        self._random = random.Random(number)

    async def type(self) -> None:
        while self._going:
            self.document.insert(0, f"<{self.number}.{self.typed}>")
            self.typed += 1
            await self.document.saved()
            pause: Deferred[None] = Deferred()
            reactor.callLater(self._random.uniform(0.2, 1.0), pause.callback, None)
            await pause

    def stop(self) -> None:
        self._going = False


class TwoNodesTests(TestCase):
    timeout = 600

    async def setUp(self) -> None:
        self.pair = Pair(DRAIN_S="6")
        await self.pair.start()
        self.typists: list[Typist] = []

    async def tearDown(self) -> None:
        for typist in self.typists:
            await typist.client.close()
        await self.pair.stop()

    async def arrive(self) -> None:
        for number in range(PEOPLE):
            nodes = self.pair.nodes if number % 2 else self.pair.nodes[::-1]
            client = await connect(
                reactor, [node.url for node in nodes], self.pair.a.token(f"person{number}")
            )
            document = await client.open("notes", create=True, undo=False)
            self.typists.append(Typist(number, client, document))

    async def more_typed(self, words: int) -> None:
        """Until everybody has typed so many words more."""
        goals = [typist.typed + words for typist in self.typists]
        await until(
            lambda: all(
                typist.typed >= goal for typist, goal in zip(self.typists, goals, strict=True)
            ),
            180,
            f"{words} words more of everybody",
        )

    async def together(self) -> str:
        def same() -> bool:
            documents = [typist.document for typist in self.typists]
            return all(document.status.pending == 0 for document in documents) and (
                len({document.content for document in documents}) == 1
            )

        await until(same, 60, "everybody has the same text")
        return self.typists[0].document.content

    async def store_has(self) -> tuple[Counter[str], list[str]]:
        """How many participants each instance has, and the instances that are alive."""
        store = RedisStore(
            reactor, self.pair.store.url, durability="committed", instance_id="test",
            monotonic=time.monotonic,
        )  # fmt: skip
        store.start()
        try:
            await store.until_ready()
            found = await store.roster(SessionKey("acme", "notes"))
            assert found is not None
            where = Counter(row.instance_id for row in found[1])
            return where, list(await store.commons.reports())
        finally:
            await store.close()

    async def test_a_node_dies_then_both_are_restarted_while_forty_people_type(self) -> None:
        await self.arrive()
        self.assertEqual((await self.store_has())[0], {"a": PEOPLE // 2, "b": PEOPLE // 2})
        typing = gatherResults(
            [Deferred.fromCoroutine(typist.type()) for typist in self.typists],
            consumeErrors=True,
        )
        await self.more_typed(2)
        # A machine is gone, with half of the people on it.
        start = time.monotonic()
        await deferToThread(self.pair.a.kill_all)
        where: Counter[str] = Counter()
        alive: list[str] = []
        while where != {"b": PEOPLE} or alive != ["b"]:
            where, alive = await self.store_has()
            self.assertLess(time.monotonic() - start, GHOSTS_S, (where, alive))
        await self.more_typed(2)
        await deferToThread(self.pair.a.start)
        # Both are restarted in order, one after the other.
        for node in (self.pair.b, self.pair.a):
            await self.more_typed(1)
            self.assertEqual(await deferToThread(node.end), 0, node.said())
            await deferToThread(node.start)
        await self.more_typed(1)
        for typist in self.typists:
            typist.stop()
        await typing
        text = await self.together()
        for typist in self.typists:
            self.assertIsNone(typist.document.error)
            self.assertEqual(typist.refused, [], "no error reaches who tries again")
        words = [(int(who), int(number)) for who, number in WORD.findall(text)]
        self.assertEqual(WORD.sub("", text), "", "every word is whole")
        expected = {(t.number, number) for t in self.typists for number in range(t.typed)}
        self.assertEqual(len(words), len(expected), "each exactly once")
        self.assertEqual(set(words), expected)
        for typist in self.typists:
            mine = [number for who, number in words if who == typist.number]
            self.assertEqual(mine, sorted(mine, reverse=True), "in the order they were typed")
