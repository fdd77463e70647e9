"""Several sessions workers on a node: sessions are spread over them, and each stays where it is."""

from __future__ import annotations

import os
import signal
from typing import Any

from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from tests.support.node import Node
from tests.support.raw_wamp import CallError, RawClient, logged_in
from tests.support.waiting import until
from tests.system.test_health import get

SESSIONS = 20


class WorkersTests(TestCase):
    timeout = 180

    async def setUp(self) -> None:
        self.node = Node(WORKERS="3")
        self.addCleanup(lambda: deferToThread(self.node.stop))
        await deferToThread(self.node.start)
        self.client = await logged_in(self.node.port, self.node.token())
        self.addCleanup(self.client.cut)
        self.at: dict[str, Any] = {}
        for number in range(SESSIONS):
            await self.open(self.client, f"session-{number}")

    async def open(self, client: RawClient, name: str) -> None:
        await client.call("collab.session.create", session_id=name, if_absent=True)
        self.at[name] = await client.call(
            "collab.session.join", session_id=name, client_id="client-0001"
        )

    async def edit(self, name: str, seq: int) -> int:
        answer = await self.client.call(
            "collab.session.edit", session_id=name, epoch=self.at[name]["epoch"],
            revision=seq - 1, client_id="client-0001", seq=seq, op=["x"],
        )  # fmt: skip
        return int(answer["revision"])

    async def documents(self) -> list[int]:
        """How many documents each worker has in memory."""
        _, health = await deferToThread(get, self.node, "/health")
        return [health["parts"][f"sessions-{number}"]["documents"] for number in (1, 2, 3)]

    async def test_sessions_are_spread_and_stay_and_move_when_their_worker_dies(self) -> None:
        for seq in (1, 2, 3):
            for name in self.at:
                self.assertEqual(await self.edit(name, seq), seq)
        documents = await self.documents()
        self.assertEqual(sum(documents), SESSIONS, "each is at one worker alone")
        self.assertTrue(all(documents), documents)
        # One dies: its sessions go on at the others, and nothing is lost.
        [first, *others] = self.node.pids("sessions")
        self.assertEqual(len(others), 2)
        said = len(self.node.said())
        os.kill(first, signal.SIGKILL)
        for name in self.at:
            await self.until_edited(name, 4)
        await deferToThread(self.node.wait_until_said, "is started again", said)
        await until(lambda: get(self.node, "/ready")[0] == 200)
        for name in self.at:
            await self.until_edited(name, 5)
            found = await self.client.call("collab.session.snapshot", session_id=name)
            self.assertEqual((found["revision"], found["content"]), (5, "xxxxx"))

    async def until_edited(self, name: str, seq: int) -> None:
        while True:
            try:
                self.assertEqual(await self.edit(name, seq), seq)
                return
            except CallError as error:
                self.assertIn(
                    error.uri,
                    ("wamp.error.canceled", "wamp.error.no_such_procedure",
                     "wamp.error.no_available_callee"),
                )  # fmt: skip

    async def test_clients_do_not_choose_a_worker(self) -> None:
        with self.assertRaises(CallError) as caught:
            await self.client.call("collab.worker.1.info", session_id="session-1")
        self.assertEqual(caught.exception.uri, "wamp.error.not_authorized")
