"""The commands as an operator runs them: as processes, beside a real node."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import time
from typing import Any

import attrs
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from collab_wamp.tokens import Claims, Keyring

from .node import SECRET, Node, shared_node
from .raw_wamp import RawClient, logged_in


@attrs.frozen
class Done:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, one JSON document and nothing else."""
        return json.loads(self.out)


class ToolsCase(TestCase):
    """Each test has a tenant of its own."""

    timeout = 180

    async def setUp(self) -> None:
        self.node = await self.make_node()
        self.tenant = f"t{secrets.token_hex(6)}"
        self.clients: list[RawClient] = []

    async def make_node(self) -> Node:
        return await shared_node()

    async def tearDown(self) -> None:
        for client in self.clients:
            await client.cut()

    def token(self, user: str = "ada", *capabilities: str, **rights: str) -> str:
        claims = Claims(user, self.tenant, rights or {"*": "manage"}, capabilities=capabilities)
        return Keyring(secret=SECRET).issue(claims, now_s=time.time(), ttl_s=900)

    async def client(self, ticket: str) -> RawClient:
        client = await logged_in(self.node.port, ticket)
        self.clients.append(client)
        return client

    async def run_it(self, *argv: str, given: bytes = b"", **environment: str) -> Done:
        """Run a command with the node's configuration, changed as told; "" = not set."""
        settings = {**self.node.environment, **environment}
        done = await deferToThread(
            subprocess.run,
            [sys.executable, "-m", "collab_wamp.cli", *argv],
            env={name: value for name, value in settings.items() if value},
            input=given,
            capture_output=True,
            timeout=60,
        )
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    async def good(self, *argv: str, given: bytes = b"", **environment: str) -> Done:
        """A command that does what it is asked, and has nothing to complain of."""
        done = await self.run_it(*argv, given=given, **environment)
        self.assertEqual((done.status, done.err), (0, ""), argv)
        return done

    async def ours(self, command: str, *argv: str, given: bytes = b"") -> Done:
        """The same, about this test's tenant."""
        return await self.good(command, *argv, "--tenant", self.tenant, given=given)

    async def refused(self, *argv: str, given: bytes = b"", **environment: str) -> str:
        """A command that cannot be carried out; the one line that it says."""
        done = await self.run_it(*argv, given=given, **environment)
        self.assertEqual((done.status, done.out), (1, ""), (argv, done.err))
        self.assertEqual(done.err.count("\n"), 1, done.err)
        self.assertTrue(done.err.startswith("collab-wamp: "), done.err)
        return done.err

    def rows(self, text: str, head: str) -> dict[str, list[str]]:
        """The rows of a table under a line that begins with `head`: first cell → the others."""
        lines = iter(text.splitlines())
        for line in lines:
            if line.startswith(head):
                break
        else:
            self.fail(f"there is no table {head} in {text}")
        found = {}
        for line in lines:
            if not line:
                break
            first, *rest = line.split()
            found[first] = rest
        return found
