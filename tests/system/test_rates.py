"""Rates on two nodes: one limit for both, delays before refusals, cursors that are coalesced."""

from __future__ import annotations

import time
from typing import Any

from tests.support.pair import NodesCase, Pair
from tests.support.raw_wamp import CallError, RawClient
from tests.support.waiting import until

_limited: Pair | None = None


async def limited_pair() -> Pair:
    """Two nodes with limits that are reached soon, and wait for nothing."""
    global _limited
    if _limited is None:
        _limited = Pair(
            RATE_LIMITS="1",
            COLLAB_RATES_EDITS_PER_USER="0.001/s burst 12",
            COLLAB_RATES_JOINS_PER_USER="0.001/s burst 6",
            COLLAB_RATES_CONNECTIONS_PER_USER="0.001/s burst 3",
            COLLAB_RATES_CALLS_PER_USER="50/s burst 500",
            COLLAB_LIMITS_SESSIONS_PER_CONNECTION="2",
        )
        await _limited.start()
    return _limited


class RatesTests(NodesCase):
    async def setUp(self) -> None:
        await super().setUp()
        self.pair = await limited_pair()

    async def refused(
        self, client: RawClient, procedure: str, **arguments: Any
    ) -> CallError | None:
        try:
            await client.call(procedure, **arguments)
        except CallError as error:
            return error
        return None

    async def test_a_limit_reached_on_two_nodes_at_once_is_one_limit(self) -> None:
        clients = [await self.client(node, "ada") for node in self.pair.nodes]
        for number, client in enumerate(clients):
            here = await self.join(client, f"client-{number:04}")
        passed = 0
        refusals = []
        for seq in range(1, 40):
            for number, client in enumerate(clients):
                error = await self.refused(
                    client, "collab.session.edit", session_id="notes", epoch=here["epoch"],
                    revision=0, client_id=f"client-{number:04}", seq=seq, op=["x"],
                )  # fmt: skip
                if error is None:
                    passed += 1
                elif error.code == "rate_limited":
                    refusals.append(error)
        # 12 for both nodes together; of the last leases something may be left.
        self.assertTrue(8 <= passed <= 12, passed)
        error = refusals[-1]
        self.assertEqual(error.kwargs["limit"], "edits_per_user")
        self.assertTrue(error.kwargs["retryable"])
        self.assertGreater(error.kwargs["retry_after_ms"], 1000)
        info = await clients[0].call("collab.session.info", session_id="notes")
        self.assertEqual(info["revision"], passed, "what was refused changed nothing")
        left = await clients[1].call("collab.stats.limits", session_id="notes")
        self.assertEqual(left["limits"]["edits_per_user"]["left"], 0)
        self.assertEqual(left["limits"]["edits_per_user"]["burst"], 12)
        # Somebody else on the session has their own.
        bob = await self.client(self.pair.a, "bob")
        await self.join(bob, "client-bob1")
        error = await self.refused(
            bob, "collab.session.edit", session_id="notes", epoch=here["epoch"],
            revision=0, client_id="client-bob1", seq=1, op=["x"],
        )  # fmt: skip
        self.assertIsNone(error)

    async def test_connections_and_joins_are_limited_over_both_nodes(self) -> None:
        clients = [await self.client(node) for node in (*self.pair.nodes, self.pair.a)]
        client = await RawClient(self.pair.b.port).connect()
        self.clients.append(client)
        answer = await client.login(self.ticket("ada"))
        self.assertEqual((answer[0], answer[2]), (3, "collab.error.rate_limited"))
        await clients[0].call("collab.session.create", session_id="notes")
        codes = []
        for number in range(10):
            error = await self.refused(
                clients[number % 3], "collab.session.join",
                session_id="notes", client_id=f"client-{number % 3:04}",
            )  # fmt: skip
            codes.append(error and error.code)
        self.assertIsNone(codes[0])
        self.assertEqual(codes[-1], "rate_limited")
        self.assertTrue(3 <= codes.count(None) <= 6, codes)

    async def test_a_connection_joins_only_so_many_sessions(self) -> None:
        ada = await self.client(self.pair.a)
        codes = []
        for name in ("one", "two", "three"):
            await ada.call("collab.session.create", session_id=name)
            error = await self.refused(
                ada, "collab.session.join", session_id=name, client_id="client-0001"
            )
            codes.append(error and (error.code, error.kwargs["limit"]))
        self.assertEqual(codes, [None, None, ("too_many", "sessions_per_connection")])
        again = await self.refused(
            ada, "collab.session.join", session_id="one", client_id="client-0001"
        )
        self.assertIsNone(again, "joining twice is one participant")
        await ada.call("collab.session.leave", session_id="one")
        bob = await self.client(self.pair.b, "bob")
        await bob.call("collab.session.join", session_id="three", client_id="client-bob1")

    async def test_a_thousand_cursors_become_few_and_the_last_is_told(self) -> None:
        ada, bob = await self.client(self.pair.a, "ada"), await self.client(self.pair.b, "bob")
        here = await self.join(ada, "client-0001")
        await self.join(bob, "client-0002")
        await ada.call(
            "collab.session.edit", session_id="notes", epoch=here["epoch"], revision=0,
            client_id="client-0001", seq=1, op=["x" * 1000],
        )  # fmt: skip
        start = time.monotonic()
        for position in range(1, 1001):
            ada.publish(here["topics"]["cursor"], revision=1, position=position)

        def positions() -> list[Any]:
            return [
                row["cursor"]
                for event in bob.events(here["topics"]["presence"])
                for row in event["presence"].values()
                if row
            ]

        await until(lambda: 1000 in positions(), what="the last cursor")
        took = time.monotonic() - start
        # A burst of 20 and 20 a second, and as many windows at most.
        self.assertLessEqual(len(positions()), 20 + 20 * took + 2)
        self.assertEqual(positions(), sorted(positions()))
