"""What compose.yaml composes, for real: two nodes behind HAProxy, with one store."""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
import time
from pathlib import Path
from typing import ClassVar

from twisted.internet import reactor
from twisted.internet.defer import gatherResults
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from collab_wamp.client import Client, ClientError, Document, connect
from collab_wamp.tokens import Claims, Keyring
from tests.support.composed import (
    DOCKER,
    Balancer,
    Store,
    composed_node,
    get,
    made_secrets,
)
from tests.support.tools import tool
from tests.support.waiting import until


class TwoNodesCase(TestCase):
    """
    Attributes:
        environment: of the nodes, beside what compose.yaml gives them.
    """

    timeout = 300
    environment: ClassVar[dict[str, str]] = {}

    async def setUp(self) -> None:
        tool("haproxy")
        self.secrets = made_secrets(Path(tempfile.mkdtemp(prefix="cw-")))
        self.addCleanup(shutil.rmtree, self.secrets)
        self.secret = (self.secrets / "jwt_secret").read_text().strip()
        self.store = Store(self.secrets)
        self.addCleanup(self.store.stop)
        self.store.start()
        self.nodes = {
            name: composed_node(name, self.secrets, self.store, **self.environment)
            for name in ("node1", "node2")
        }
        for node in self.nodes.values():
            self.addCleanup(lambda node=node: deferToThread(node.stop))
        self.balancer = Balancer(*(node.port for node in self.nodes.values()))
        self.addCleanup(self.balancer.stop)
        self.clients: list[Client] = []
        self.addCleanup(self.close_clients)
        await gatherResults([deferToThread(node.start) for node in self.nodes.values()])
        self.balancer.start()
        await until(lambda: len(self.balancer.up()) == 2, what="the balancer finds both nodes")

    async def close_clients(self) -> None:
        for client in self.clients:
            await client.close()

    def token(self, user: str) -> str:
        claims = Claims(user, "acme", {"*": "manage"})
        return Keyring(secret=self.secret).issue(claims, now_s=time.time(), ttl_s=900)

    async def document(self, user: str) -> Document:
        client = await connect(reactor, self.balancer.url, lambda: self.token(user))
        self.clients.append(client)
        return await client.open("notes", create=True)

    async def connections(self, name: str) -> int:
        body = (await deferToThread(get, self.nodes[name].port, "/health"))[1]
        return int(json.loads(body)["load"]["connections"])

    async def same_everywhere(self, documents: list[Document], text: str) -> None:
        for document in documents:
            await until(lambda document=document: document.content == text, what=text)

    def node_of(self, client: Client) -> str:
        return str(client.welcome.get("instance_id"))


class TwoNodesTests(TwoNodesCase):
    async def test_people_go_on_at_the_other_node_when_theirs_ends(self) -> None:
        documents = [await self.document(name) for name in ("ada", "bob", "cy", "dee")]
        # By the fewest connections: two on each.
        self.assertEqual([await self.connections(name) for name in self.nodes], [2, 2])
        for document, text in zip(documents, "abcd", strict=True):
            document.insert(document.length, text)
            await document.saved()
            await self.same_everywhere(documents, document.content)

        node = self.nodes["node1"]
        assert node.process is not None
        node.process.send_signal(signal.SIGTERM)
        documents[0].insert(0, "> ")
        self.assertEqual(await deferToThread(node.process.wait, 30), 0)
        for client in self.clients:
            await until(lambda client=client: self.node_of(client) == "node2", what="on node2")
        documents[3].insert(documents[3].length, "!")
        for document in documents:
            await document.saved()
        await self.same_everywhere(documents, "> abcd!")
        await until(lambda: self.balancer.up() == {"node2"})
        self.assertEqual(await self.connections("node2"), 4)
        self.assertEqual((await deferToThread(get, self.balancer.port, "/ready"))[0], 200)

        await deferToThread(node.start)
        await until(lambda: len(self.balancer.up()) == 2, what="node1 is used again")
        last = await self.document("eve")
        self.assertEqual(self.node_of(self.clients[-1]), "node1")
        self.assertEqual(last.content, "> abcd!")

    async def test_without_the_store_no_node_is_ready_and_who_is_there_stays(self) -> None:
        document = await self.document("ada")
        self.store.end()
        await until(lambda: not self.balancer.up(), what="no node is ready")
        self.assertEqual((await deferToThread(get, self.balancer.port, "/ready"))[0], 503)
        document.insert(0, "kept")
        await deferToThread(self.store.start)
        await document.saved()
        self.assertEqual(self.clients[0].state, "connected")
        await until(lambda: get(self.balancer.port, "/ready")[0] == 200)
        self.assertEqual((await self.document("bob")).content, "kept")

    async def test_a_full_store_refuses_and_nothing_is_lost(self) -> None:
        document = await self.document("ada")
        document.insert(0, "before")
        await document.saved()
        password = self.store.password_file.read_text().strip()
        limit = ("CONFIG", "SET", "maxmemory")
        self.assertEqual(self.store.ask(*limit, "1", password=password), b"+OK\r\n")
        document.insert(0, "kept, ")
        for procedure, more in (
            ("collab.session.create", {"session_id": "more"}),
            ("collab.session.join", {"session_id": "notes", "client_id": "client-0001"}),
        ):
            with self.assertRaises(ClientError) as caught:
                await self.clients[0].call(procedure, **more)
            self.assertEqual(caught.exception.code, "store_unavailable")
        read = await self.clients[0].call("collab.session.snapshot", session_id="notes")
        self.assertEqual(read["content"], "before")
        self.assertEqual(document.status.pending, 1)
        self.assertEqual((await deferToThread(get, self.nodes["node1"].port, "/ready"))[0], 503)
        self.assertEqual(self.store.ask(*limit, "0", password=password), b"+OK\r\n")
        await document.saved()
        read = await self.clients[0].call("collab.session.snapshot", session_id="notes")
        self.assertEqual(read["content"], "kept, before")

    async def test_the_store_asks_for_its_password_and_keeps_what_it_is_told(self) -> None:
        self.assertIn(b"NOAUTH", self.store.ask("PING"))
        password = self.store.password_file.read_text().strip()
        command = Path(f"/proc/{self.store.process.pid}/cmdline")  # type: ignore[union-attr]
        self.assertNotIn(password.encode(), command.read_bytes())
        for node in self.nodes.values():
            parts = json.loads(get(node.port, "/health")[1])["parts"]
            for part in (parts["sessions"], parts["relay"]):
                self.assertEqual(part["store"]["maxmemory_policy"], "noeviction")
                self.assertEqual(part["store"]["durability"], "fsynced")
        document = await self.document("ada")
        document.insert(0, "kept")
        await document.saved()

        # As docs/production.md has it: a copy of the running store's files.
        self.assertEqual(self.store.ask("CONFIG", "SET", "auto-aof-rewrite-percentage", "0",
                                        password=password), b"+OK\r\n")  # fmt: skip
        backup = self.secrets / "backup"
        shutil.copytree(self.store.folder / "appendonlydir", backup)
        document.insert(0, "not ")
        await document.saved()
        before = document.epoch

        for node in self.nodes.values():
            assert node.process is not None
            node.process.terminate()
            await deferToThread(node.process.wait, 30)
        await until(lambda: not self.balancer.up(), what="the balancer has noticed")
        self.store.end()
        shutil.rmtree(self.store.folder / "appendonlydir")
        shutil.copytree(backup, self.store.folder / "appendonlydir")
        await deferToThread(self.store.start)
        script = (DOCKER / "valkey" / "new-epochs.lua").read_text()
        self.assertEqual(self.store.ask("EVAL", script, "0", password=password), b":1\r\n")

        # Another revision 2 is made before the one who had seen the lost one is back.
        await deferToThread(self.nodes["node2"].start)
        await until(lambda: self.balancer.up() == {"node2"}, what="node2 is ready again")
        again = await self.document("bob")
        self.assertEqual(again.content, "kept")
        again.insert(4, "!")
        await again.saved()
        late = await self.clients[-1].call(
            "collab.session.join",
            session_id="notes",
            client_id="client-0001",
            epoch=before,
            revision=2,
        )
        self.assertNotIn("edits", late, "it would go on from an edit that is no more")
        self.assertEqual(late["content"], "kept!")
        await document.until(lambda: document.content == again.content)
        await deferToThread(self.nodes["node1"].start)


class ApartTests(TwoNodesCase):
    """A part of a node may be ill while its router is well."""

    environment: ClassVar[dict[str, str]] = {"LAYOUT": "apart"}

    async def test_a_node_that_is_not_ready_keeps_its_people_and_gets_no_more(self) -> None:
        await self.document("ada")
        await self.document("bob")
        here = self.node_of(self.clients[0])
        other = self.node_of(self.clients[1])
        self.assertEqual({here, other}, set(self.nodes))
        (worker,) = self.nodes[here].pids("sessions")
        os.kill(worker, signal.SIGSTOP)
        try:
            await until(lambda: self.balancer.up() == {other}, what="only the other is used")
            for user in ("cy", "dee"):
                await self.document(user)
                self.assertEqual(self.node_of(self.clients[-1]), other)
            self.assertEqual(self.clients[0].state, "connected")
            self.assertEqual(self.node_of(self.clients[0]), here)
        finally:
            os.kill(worker, signal.SIGCONT)
        await until(lambda: len(self.balancer.up()) == 2, what="both are used again")
        await self.document("eve")
        self.assertEqual(self.node_of(self.clients[-1]), here)
