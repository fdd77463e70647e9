"""`collab-wamp drain`: it ends a node, waits for that, and tells what happens."""

from __future__ import annotations

import secrets
import subprocess
import sys

from twisted.internet.threads import deferToThread

from tests.support.cli_case import ToolsCase
from tests.support.node import Node
from tests.support.waiting import until


class DrainTests(ToolsCase):
    async def make_node(self) -> Node:
        node = Node(INSTANCE_ID=f"node-{secrets.token_hex(3)}", DRAIN_S="60")
        self.addCleanup(lambda: deferToThread(node.stop))
        await deferToThread(node.start)
        return node

    async def test_it_waits_until_the_node_is_gone_and_tells_what_happens(self) -> None:
        name = self.node.environment["INSTANCE_ID"]
        client = await self.client(self.token())
        await client.subscribe("collab.notice")
        await client.call("collab.session.create", session_id="notes")
        await client.call("collab.session.join", session_id="notes", client_id="client-0001")
        said = await self.refused("drain", COLLAB_TOKEN=self.token())
        self.assertIn("--capabilities edit,operate", said)
        self.assertEqual(client.events("collab.notice"), [])
        output = self.node.data_dir / "drain.txt"
        with output.open("wb") as file:
            drain = subprocess.Popen(
                [sys.executable, "-m", "collab_wamp.cli", "drain", "--within", "40"],
                env=self.node.environment,
                stdout=file,
                stderr=file,
            )
        self.addCleanup(drain.kill)
        [notice] = await until(lambda: client.events("collab.notice"))
        self.assertEqual(notice["kind"], "drain")
        await until(lambda: "1 on documents there still" in output.read_text())
        self.assertIsNone(drain.poll())
        said = await self.refused("sessions", "--tenant", self.tenant)
        self.assertIn("draining: ", said)
        # Nobody but the client is waited for: as soon as that one goes, the node ends.
        await client.cut()
        self.assertEqual(await deferToThread(drain.wait, 30), 0)
        lines = output.read_text().splitlines()
        self.assertTrue(lines[0].startswith(f"{name} drains, within "), lines)
        self.assertEqual(lines[-1], f"{name} is gone")
        assert self.node.process is not None
        self.assertEqual(await deferToThread(self.node.process.wait, 30), 0)
        self.assertIn("no answer from", await self.refused("drain"))

    async def test_for_programs_and_without_waiting(self) -> None:
        name = self.node.environment["INSTANCE_ID"]
        client = await self.client(self.token())
        begun = (await self.good("drain", "--no-wait", "--json")).json
        self.assertEqual((begun["instance_id"], begun["gone"]), (name, False))
        self.assertTrue(50_000 < begun["within_ms"] <= 60_000, begun)
        await client.call("collab.session.list")
        await client.cut()
        assert self.node.process is not None
        self.assertEqual(await deferToThread(self.node.process.wait, 30), 0)
        await deferToThread(self.node.start)
        ended = (await self.good("drain", "--json")).json
        self.assertEqual((ended["instance_id"], ended["gone"]), (name, True))
        self.assertEqual(await deferToThread(self.node.process.wait, 30), 0)
