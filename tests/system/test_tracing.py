"""Spans of an edit, from a real node to a real receiver."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, ClassVar

from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from tests.support.node import Node
from tests.support.otlp import Receiver, attributes
from tests.support.raw_wamp import CallError, RawClient, logged_in
from tests.support.waiting import until

CALL = "collab.session.edit"


class TracingTests(TestCase):
    timeout = 180
    layout: ClassVar[str] = "together"

    async def setUp(self) -> None:
        self.receiver = Receiver()
        self.addCleanup(self.receiver.stop)

    async def start(self, ratio: str) -> None:
        self.node = Node(
            TRACING_ENABLED="true",
            TRACING_ENDPOINT=self.receiver.endpoint,
            TRACING_SAMPLE_RATIO=ratio,
            INSTANCE_ID="here",
            LAYOUT=self.layout,
        )
        self.addCleanup(lambda: deferToThread(self.node.stop))
        await deferToThread(self.node.start)

    async def joined(self, client_id: str) -> tuple[RawClient, dict[str, Any]]:
        client = await logged_in(self.node.port, self.node.token())
        self.addCleanup(client.cut)
        await client.call("collab.session.create", session_id="notes", if_absent=True)
        joined = await client.call("collab.session.join", session_id="notes", client_id=client_id)
        body = {"session_id": "notes", "epoch": joined["epoch"], "client_id": client_id}
        return client, body

    async def test_the_way_of_an_edit(self) -> None:
        await self.start("1")
        ada, ada_body = await self.joined("client-ada1")
        bob, bob_body = await self.joined("client-bob1")
        await ada.call(CALL, **ada_body, revision=0, seq=1, op=["a"])
        # Made without having seen that, and sent twice.
        bobs = {**bob_body, "revision": 0, "seq": 1, "op": ["secret text"]}
        await bob.call(CALL, **bobs)
        await bob.call(CALL, **bobs)
        with self.assertRaises(CallError):
            await bob.call(CALL, **{**bobs, "seq": 2, "revision": 99})
        await until(lambda: len(self.receiver.named(CALL)) == 4, what="the calls")
        await until(lambda: len(self.receiver.named("publish")) == 2, what="the relay's spans")

        traces: dict[bytes, list[tuple[str, Any]]] = {}
        for process, span in self.receiver.spans:
            traces.setdefault(span.trace_id, []).append((process, span))
        calls = sorted(self.receiver.named(CALL), key=lambda span: span.start_time_unix_nano)
        first, second, again, ahead = calls
        self.assertEqual(len(traces), 3)
        self.assertEqual(second.trace_id, again.trace_id)
        self.assertNotEqual(second.span_id, again.span_id)

        spans = traces[first.trace_id]
        self.assertEqual(
            {(process, span.name) for process, span in spans},
            {
                (self.node.process_of("sessions"), name)
                for name in (CALL, "rights", "queue", "load", "rebase", "commit")
            }
            | {(self.node.process_of("relay"), "publish")},
        )
        self.assertEqual(len(spans), 7)
        by_name = {span.name: span for _process, span in spans}
        self.assertEqual(first.parent_span_id, b"")
        for name in ("rights", "queue", "load", "rebase", "commit"):
            self.assertEqual(by_name[name].parent_span_id, first.span_id, name)
            self.assertGreaterEqual(by_name[name].start_time_unix_nano, first.start_time_unix_nano)
            self.assertLessEqual(by_name[name].end_time_unix_nano, first.end_time_unix_nano)
        order = ["rights", "queue", "load", "rebase", "commit"]
        for before, after in pairwise(order):
            self.assertEqual(
                by_name[before].end_time_unix_nano, by_name[after].start_time_unix_nano
            )
        publish = by_name["publish"]
        self.assertEqual(publish.parent_span_id, by_name["commit"].span_id)
        self.assertGreaterEqual(
            publish.start_time_unix_nano, by_name["commit"].start_time_unix_nano
        )
        self.assertEqual(attributes(publish)["collab.receivers"], 2)
        said = attributes(first)
        self.assertEqual(said["collab.client_id"], "client-ada1")
        self.assertEqual((said["collab.seq"], said["tenant"], said["base"]), (1, "acme", 0))
        self.assertEqual(said["session_id"], "notes")

        # Of an edit that was sent twice, what is published hangs on the one commit that wrote it.
        commits = [span for _process, span in traces[second.trace_id] if span.name == "commit"]
        (publish,) = [span for _process, span in traces[second.trace_id] if span.name == "publish"]
        (wrote,) = [span for span in commits if span.span_id == publish.parent_span_id]
        self.assertEqual(wrote.parent_span_id, second.span_id)
        self.assertEqual(len({span.span_id for _process, span in traces[second.trace_id]}),
                         len(traces[second.trace_id]))  # fmt: skip

        self.assertEqual(ahead.status.code, ahead.status.STATUS_CODE_ERROR)
        self.assertEqual(attributes(ahead)["error.type"], "base_ahead")
        for _process, span in self.receiver.spans:
            self.assertNotIn("secret text", str(span))

    async def test_what_is_not_sampled_is_not_sent_and_the_rest_is_whole(self) -> None:
        await self.start("0.5")
        ada, body = await self.joined("client-ada1")
        number = 40
        for seq in range(1, number + 1):
            await ada.call(CALL, **body, revision=seq - 1, seq=seq, op=["a"])
        await self.node_ends()
        calls, publishes = self.receiver.named(CALL), self.receiver.named("publish")
        self.assertTrue(0 < len(calls) < number, len(calls))
        self.assertEqual({span.trace_id for span in calls}, {span.trace_id for span in publishes})

    async def node_ends(self) -> None:
        """What has not been sent is sent then."""
        assert self.node.process is not None
        self.node.process.terminate()
        await deferToThread(self.node.process.wait, 30)


class ApartTracingTests(TracingTests):
    """The spans of one edit come from several processes."""

    layout = "apart"
