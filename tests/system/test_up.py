"""`collab-wamp up` and its relatives, as an operator meets them."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
from typing import Any

from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from tests.support.node import SECRET, Node, free_port, processes
from tests.support.raw_wamp import logged_in
from tests.support.waiting import until


def cli(*args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "collab_wamp.cli", *args],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def ready(node: Node) -> int:
    link = http.client.HTTPConnection("127.0.0.1", node.port, timeout=5)
    try:
        link.request("GET", "/ready")
        return link.getresponse().status
    finally:
        link.close()


def is_ready(node: Node) -> bool:
    """Whether it is, or else it is not there either."""
    try:
        return ready(node) == 200
    except OSError:
        return False


def kill_those_left(pids: list[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


class UpTests(TestCase):
    timeout = 180

    async def node(self, **environment: str) -> Node:
        node = Node(**environment)
        self.addCleanup(lambda: deferToThread(node.stop))
        await deferToThread(node.start)
        return node

    async def write(self, node: Node, revision: int, text: str) -> Any:
        client = await logged_in(node.port, node.token())
        await client.call("collab.session.create", session_id="notes", if_absent=True)
        at = await client.call("collab.session.join", session_id="notes", client_id="client-0001")
        if text:
            await client.call(
                "collab.session.edit",
                session_id="notes",
                epoch=at["epoch"],
                revision=revision,
                client_id="client-0001",
                seq=at["next_seq"],
                op=[text],
            )
        await client.cut()
        return at

    async def test_documents_survive_a_restart_and_every_process_ends(self) -> None:
        node = await self.node()
        self.assertEqual(await deferToThread(ready, node), 200)
        first = await self.write(node, 0, "kept")
        assert node.process is not None
        for number in (signal.SIGINT, signal.SIGTERM):
            ours = node.all_pids()
            self.assertGreaterEqual(len(ours), 4)  # supervisor, store, controller, router
            node.process.send_signal(number)
            status = await deferToThread(node.process.wait, 20)
            self.assertEqual(status, 0)
            left = {pid for pid, _parent, _command in processes()} & set(ours)
            self.assertEqual(left, set())
            said = len(node.said())
            await deferToThread(self.again, node, said)
            now = await self.write(node, 0, "")
            self.assertEqual((now["epoch"], now["content"]), (first["epoch"], "kept"))

    def again(self, node: Node, said: int) -> None:
        with node.output.open("ab") as output:
            node.process = subprocess.Popen(
                [sys.executable, "-m", "collab_wamp.cli", "up"],
                env=node.environment,
                stdout=output,
                stderr=output,
            )
        node.wait_until_said("ready:", said)

    async def test_two_nodes_on_one_store(self) -> None:
        node = Node()
        # The ports of both have to be free.
        while not is_free(node.port + 1):
            node.port = free_port()
            node.environment["PORT"] = str(node.port)
        node.command = [sys.executable, "-m", "collab_wamp.cli", "up", "--nodes", "2"]
        self.addCleanup(lambda: deferToThread(node.stop))
        await deferToThread(node.start)
        second = Node(PORT=str(node.port + 1))
        second.port = node.port + 1
        await until(lambda: node.said().count("ready:") == 2, 60)
        await self.write(node, 0, "from the first")
        at = await self.write(second, 0, "")
        self.assertEqual(at["content"], "from the first")
        client = await logged_in(node.port, node.token())
        ours = node.all_pids()
        self.assertGreaterEqual(len(ours), 8)  # two supervisors, each with its node; one store
        assert node.process is not None
        node.process.send_signal(signal.SIGTERM)
        self.assertEqual(await deferToThread(node.process.wait, 40), 0)
        await client.cut()
        left = {pid for pid, _parent, _command in processes()} & set(ours)
        self.assertEqual(left, set())

    async def test_what_dies_is_started_again_and_the_node_says_so(self) -> None:
        node = await self.node(LAYOUT="apart")
        for what, name in (
            ("sessions", "component sessions"), ("relay", "component relay"), ("store", "store"),
        ):  # fmt: skip
            said = len(node.said())
            node.kill(what)
            await deferToThread(node.wait_until_said, f"{name} ended (killed by SIGKILL)", said)
            await deferToThread(node.wait_until_said, f"{name} is started again", said)
            await until(lambda: ready(node) == 200)
        await self.write(node, 0, "works")

    async def test_where_a_watcher_dies_the_node_is_restarted(self) -> None:
        node = await self.node(LAYOUT="apart")
        for name in ("sessions", "relay"):
            said = len(node.said())
            node.kill(f"watcher {name}")
            await deferToThread(node.wait_until_said, f"watcher {name} ended", said)
            await deferToThread(node.wait_until_said, "node is started again", said)
            await until(lambda: is_ready(node), 60)
            self.assertEqual(node.said()[said:].count("watcher"), 1)
        await self.write(node, 0, "works")

    async def test_a_second_signal_leaves_no_worker_that_hangs(self) -> None:
        node = await self.node(LAYOUT="apart", DRAIN_S="600")
        client = await logged_in(node.port, node.token())
        self.addCleanup(client.cut)
        ours = node.all_pids()
        hung = node.pids("sessions") + node.pids("relay")
        self.assertEqual(len(hung), 2)
        self.addCleanup(kill_those_left, hung)
        for pid in hung:
            os.kill(pid, signal.SIGSTOP)
        assert node.process is not None
        node.process.send_signal(signal.SIGTERM)
        await deferToThread(node.wait_until_said, "draining, within")
        node.process.send_signal(signal.SIGTERM)
        self.assertEqual(await deferToThread(node.process.wait, 20), 1)
        await until(lambda: not {pid for pid, _parent, _command in processes()} & set(ours))

    async def test_nothing_is_left_when_the_supervisor_is_killed(self) -> None:
        node = await self.node()
        ours = node.all_pids()
        assert node.process is not None
        node.process.kill()
        node.process.wait()
        await until(
            lambda: not {pid for pid, _parent, _command in processes()} & set(ours), timeout_s=30
        )

    async def test_a_folder_and_a_port_are_for_one_node(self) -> None:
        node = await self.node()
        same_folder = await deferToThread(
            cli, "up", DATA_DIR=str(node.data_dir), PORT="1", JWT_SECRET=SECRET
        )
        self.assertEqual(same_folder.returncode, 2)
        self.assertIn(f"{node.data_dir} is in use by another node", same_folder.stderr)
        same_port = await deferToThread(
            cli, "up", "--data", str(node.data_dir / "other"), "--port", str(node.port)
        )
        self.assertEqual(same_port.returncode, 2)
        self.assertIn(f"cannot listen on 127.0.0.1:{node.port}", same_port.stderr)

    async def test_a_store_of_ones_own_is_used(self) -> None:
        from tests.support.valkey import ValkeyServer

        server = ValkeyServer()
        self.addCleanup(server.stop)
        server.start()
        node = await self.node(REDIS_URL=server.url)
        self.assertEqual(node.pids("store"), [])
        await self.write(node, 0, "elsewhere")
        checked = await deferToThread(cli, "check", REDIS_URL=server.url)
        self.assertEqual((checked.returncode, checked.stderr), (0, ""))
        self.assertIn("ok      store: unix://", checked.stdout)


class TokenTests(TestCase):
    timeout = 120

    async def test_a_token_from_the_command_line_is_accepted_and_is_all_that_is_printed(
        self,
    ) -> None:
        from tests.support.node import shared_node

        node = await shared_node()
        made = await deferToThread(
            cli, "token", "--user", "ada", "--tenant", "acme", "--rights", "s1=edit,*=view",
            **node.environment,
        )  # fmt: skip
        self.assertEqual((made.returncode, made.stderr), (0, ""))
        self.assertRegex(made.stdout, r"^[\w-]+\.[\w-]+\.[\w-]+\n$")
        client = await logged_in(node.port, made.stdout.strip())
        made_session = await client.call("collab.session.create", session_id="s1", if_absent=True)
        self.assertEqual(made_session["session_id"], "s1")
        await client.cut()

    def test_what_is_wrong_is_said_in_one_line(self) -> None:
        for args, said in (
            (("--rights", "s1=own"), "'s1=own' is not SESSION=RIGHT"),
            (("--rights", "a b=edit"), "'a b' is not a session id"),
            (("--rights", "*=edit", "--ttl", "0"), "--ttl 0"),
            (("--rights", "*=edit", "--tenant", "A!"), "--tenant must match"),
        ):
            made = cli("token", "--user", "u", "--tenant", "t", *args, JWT_SECRET=SECRET)
            self.assertEqual((made.returncode, made.stdout), (2, ""))
            self.assertIn(said, made.stderr)
            self.assertEqual(made.stderr.count("\n"), 1)

    def test_production_refuses_a_weak_secret(self) -> None:
        for secret in ("", "secret", "change-me", "x" * 40):
            made = cli("up", "--data", self.mktemp(), PRODUCTION="1", JWT_SECRET=secret)
            self.assertEqual(made.returncode, 2)
            self.assertIn("auth.secret (JWT_SECRET or JWT_SECRET_FILE)", made.stderr)
