"""The log files of a real node: JSON lines, errors that end nothing, and never a token."""

from __future__ import annotations

import json
import re
import time
from typing import Any, ClassVar

from autobahn.twisted.component import Component
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from collab_wamp.tokens import Claims, Keyring
from tests.support.http import get, token_with
from tests.support.node import SECRET, Node
from tests.support.raw_wamp import CallError, RawClient, logged_in
from tests.support.scrape import scrape
from tests.support.waiting import until

OPAQUE = "an-opaque-ticket-that-is-no-jwt"


class LogTests(TestCase):
    timeout = 180
    layout: ClassVar[str] = "together"

    async def setUp(self) -> None:
        self.node = Node(
            LAYOUT=self.layout, LOG_LEVEL="debug", LOG_FORMAT="json", INSTANCE_ID="here"
        )
        self.addCleanup(lambda: deferToThread(self.node.stop))
        await deferToThread(self.node.start)

    def files(self) -> dict[str, str]:
        folder = self.node.data_dir / "log"
        return {path.name: path.read_text(errors="replace") for path in folder.iterdir()}

    def rows(self, process: str) -> list[dict[str, Any]]:
        text = self.files().get(f"{process}.log", "")
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    async def refused(self, ticket: str) -> None:
        client = await RawClient(self.node.port).connect()
        answer = await client.login(ticket)
        self.assertEqual(answer[0], 3, answer)
        await client.cut()

    async def test_no_token_is_ever_written(self) -> None:
        now = time.time()
        good = token_with("edit", "cursor", "stats")
        wrong_key = Keyring(secret="another secret, as long as the first").issue(
            Claims("mallory", "acme"), now_s=now, ttl_s=100
        )
        expired = Keyring(secret=SECRET).issue(Claims("eve", "acme"), now_s=now - 3600, ttl_s=1800)
        tokens = [good, wrong_key, expired, good[:-2], OPAQUE]

        client = await logged_in(self.node.port, good)
        for ticket in tokens[1:]:
            await self.refused(ticket)
        for token in tokens:
            await get(self.node, "/metrics", Authorization=f"Bearer {token}")
            await get(self.node, "/metrics", Authorization=f"Basic {token}")
            for path in ("/metrics", "/health", "/nothing-here", "/ws"):
                await get(self.node, f"{path}?token={token}")
            # Where it does not belong: arguments, names, topics, what is no message at all.
            for arguments in ({"session_id": token}, {"session_id": "notes", token: 1}):
                with self.assertRaises(CallError):
                    await client.call("collab.session.info", **arguments)
            with self.assertRaises(CallError):
                await client.call(f"collab.{token.replace('-', '_')}")
            odd = await logged_in(self.node.port, good)
            odd.send([64, 1, {}, f"collab.{token}"])
            odd.send([5, token, {}])
            await odd.until_closed()
            early = await RawClient(self.node.port).connect()
            early.send([1, token, {"roles": {}, "authmethods": ["ticket"], "authid": token}])
            early.send_text(f"not json {token}")
            await early.until_closed()
        joined = await client.call("collab.session.create", session_id="notes", if_absent=True)
        joined = await client.call(
            "collab.session.join", session_id="notes", client_id="client-0001"
        )
        client.publish(joined["topics"]["cursor"], token=good)
        # It is written down what is refused: the logs are those of this very node, at debug.
        await until(lambda: "presence refused" in self.node.log_of("relay").read_text())
        await client.cut()
        # Whatever is logged nevertheless, as an error nobody thought of may quote it.
        quoted = Keyring(secret=SECRET).issue(Claims("a", "t"), now_s=now, ttl_s=9).split(".")[0]
        await self.call_without_claims(session_id=f"{quoted}.eyJzdWIiOiJhIn0.c2ln")
        await until(lambda: '"[token]"' in self.node.log_of("sessions").read_text())
        await self.node_ends()

        secrets = {part for token in tokens for part in (token, *token.split(".")[1:]) if part}
        for name, text in self.files().items():
            self.assertIsNone(re.search(r"eyJ[\w-]{10}", text), name)
            for secret in secrets:
                self.assertNotIn(secret, text, name)

    async def node_ends(self) -> None:
        """End the node, but keep its files, which then are all written."""
        assert self.node.process is not None
        self.node.process.terminate()
        await deferToThread(self.node.process.wait, 30)

    async def test_what_nobody_expected_is_logged_counted_and_ends_nothing(self) -> None:
        """A component that answers nonsense: the router's own part calls like that."""
        client = await logged_in(self.node.port, token_with("edit"))
        await client.call("collab.session.create", session_id="notes", if_absent=True)
        before = await scrape(self.node)
        error = await self.call_without_claims(session_id="notes")
        self.assertEqual(error.error, "collab.error.internal")
        error_id, process = error.kwargs["error_id"], self.node.process_of("sessions")
        found = await until(
            lambda: [row for row in self.rows(process) if row.get("error_id") == error_id]
        )
        (row,) = found
        self.assertEqual((row["level"], row["process"]), ("critical", process))
        self.assertEqual((row["instance_id"], row["session_id"]), ("here", "notes"))
        self.assertIsInstance(row["wamp_session_id"], int)
        self.assertIn("Traceback", row["traceback"])
        after = await scrape(self.node)
        name = "collab_uncaught_errors_total"
        self.assertEqual(
            after.total(name, process=process), before.total(name, process=process) + 1
        )
        self.assertEqual(
            after.total("collab_calls_total", outcome="internal"),
            before.total("collab_calls_total", outcome="internal") + 1,
        )
        # Others are served as before.
        info = await client.call("collab.session.info", session_id="notes")
        self.assertEqual(info["session_id"], "notes")
        await client.cut()

    async def call_without_claims(self, session_id: str) -> Any:
        """Call as a part of the node would that forgot the claims: a defect of ours."""
        socket = self.node.data_dir / "node" / "router.sock"
        component = Component(
            realm="collab",
            transports={
                "type": "rawsocket",
                "url": "rs://localhost",
                "endpoint": {"type": "unix", "path": str(socket)},
                "serializer": "msgpack",
            },
        )
        answered: Deferred[Any] = Deferred()

        @component.on_join
        async def joined(session: Any, _details: Any) -> None:
            call = session.call("collab.session.info", session_id=session_id, on_behalf={})
            call.addCallbacks(
                lambda answer: answered.errback(AssertionError(answer)),
                lambda failure: answered.callback(failure.value),
            )

        done = component.start(reactor)
        error = await answered
        await component.stop()
        await done
        return error

    async def test_each_line_is_an_object(self) -> None:
        client = await RawClient(self.node.port).connect()
        client.send([99])
        await client.until_closed()
        # The router says now and then what it refused.
        await until(
            lambda: any("refused or cut" in row["message"] for row in self.rows("router")),
            30,
            "the router's log",
        )
        for process in ("router", *self.node.layout.guests):
            for row in self.rows(process):
                self.assertEqual((row["process"], row["instance_id"]), (process, "here"))
                self.assertLessEqual({"time", "level", "namespace", "message"}, set(row))


class ApartLogTests(LogTests):
    """Each part writes a file of its own."""

    layout = "apart"

    async def test_each_line_is_an_object(self) -> None:
        self.node.kill("sessions")
        await until(lambda: len(self.node.pids("sessions")) == 1)
        await super().test_each_line_is_an_object()
