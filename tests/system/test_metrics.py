"""`GET /metrics` of a real node: who may see it, its form, and that each metric moves."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from subprocess import run
from typing import Any, ClassVar

from prometheus_client.openmetrics.parser import text_string_to_metric_families
from twisted.internet import reactor
from twisted.internet.defer import gatherResults
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from collab_wamp import metrics
from collab_wamp.tokens import Claims, Keyring
from collab_wamp.wamp.pulse import Pulse
from tests.support.http import Reply, get, token_with
from tests.support.node import SECRET, Node, shared_node
from tests.support.parties import start
from tests.support.raw_wamp import CallError, RawClient, logged_in
from tests.support.scrape import AGAIN_S, Scrape, scrape, scrape_until
from tests.support.tools import tool
from tests.support.valkey import ValkeyServer
from tests.support.waiting import until


class Editor:
    """Somebody who has joined a session, over raw WAMP."""

    def __init__(self, client: RawClient, client_id: str) -> None:
        self.client, self.client_id, self.seq = client, client_id, 0

    @classmethod
    async def on(cls, node: Node, session_id: str, client_id: str) -> Editor:
        editor = cls(await logged_in(node.port, node.token(client_id)), client_id)
        editor.session_id = session_id
        await editor.client.call("collab.session.create", session_id=session_id, if_absent=True)
        await editor.join()
        return editor

    session_id: str

    async def join(self) -> None:
        self.joined = await self.client.call(
            "collab.session.join", session_id=self.session_id, client_id=self.client_id
        )
        self.seq = self.joined["next_seq"] - 1

    async def edit(self, revision: int, **more: Any) -> Any:
        self.seq += 1
        body = {
            "session_id": self.session_id,
            "epoch": self.joined["epoch"],
            "revision": revision,
            "client_id": self.client_id,
            "seq": self.seq,
            "op": ["x"],
        }
        return await self.client.call("collab.session.edit", **(body | more))


class AccessTests(TestCase):
    timeout = 120

    async def setUp(self) -> None:
        self.node = await shared_node()

    async def ask(self, **headers: str) -> Reply:
        return await get(self.node, "/metrics", **headers)

    def check_refused(self, answer: Reply, status: int, code: str) -> None:
        self.assertEqual(answer.status, status)
        error = json.loads(answer.data)["error"]
        self.assertEqual(error["code"], code)
        self.assertLessEqual({"code", "message", "error_id", "timestamp"}, set(error))
        self.assertNotIn("collab_", answer.text)

    async def test_who_has_no_token_or_a_bad_one_is_refused(self) -> None:
        for headers in (
            {},
            {"Authorization": "Bearer nonsense"},
            {"Authorization": f"Basic {token_with('stats')}"},
            {"Authorization": f"Bearer {token_with('stats')}x"},
        ):
            answer = await self.ask(**headers)
            self.check_refused(answer, 401, "token_invalid")
            self.assertTrue(answer.headers["www-authenticate"].startswith("Bearer"))

    async def test_a_token_in_the_address_is_none(self) -> None:
        answer = await get(self.node, f"/metrics?token={token_with('stats')}")
        self.check_refused(answer, 401, "token_invalid")

    async def test_who_has_no_such_capability_is_refused(self) -> None:
        for token in (self.node.token(), token_with("edit", "tokens")):
            answer = await self.ask(Authorization=f"Bearer {token}")
            self.check_refused(answer, 403, "denied")

    async def test_a_token_that_was_revoked(self) -> None:
        claims = Claims("prometheus", "acme", token_id="stats-1", capabilities=("stats",))
        token = Keyring(secret=SECRET).issue(claims, now_s=time.time(), ttl_s=60)
        self.assertEqual((await self.ask(Authorization=f"Bearer {token}")).status, 200)
        boss = await logged_in(self.node.port, token_with("tokens"))
        await boss.call("collab.token.revoke", token_id="stats-1")
        self.check_refused(await self.ask(Authorization=f"Bearer {token}"), 401, "token_revoked")
        await boss.cut()

    async def test_either_capability_will_do(self) -> None:
        for capability in ("stats", "operate"):
            answer = await self.ask(Authorization=f"bearer {token_with(capability)}")
            self.assertEqual(answer.status, 200)
            self.assertIn("collab_build_info{", answer.text)

    async def test_the_forms(self) -> None:
        bearer = f"Bearer {token_with('stats')}"
        answer = await self.ask(Authorization=bearer)
        self.assertTrue(answer.headers["content-type"].startswith("text/plain; version=0.0.4"))
        answer = await self.ask(
            Authorization=bearer, Accept="application/openmetrics-text;version=1.0.0,*/*;q=0.1"
        )
        self.assertTrue(answer.headers["content-type"].startswith("application/openmetrics-text"))
        self.assertTrue(answer.text.endswith("# EOF\n"))
        self.assertTrue(list(text_string_to_metric_families(answer.text)))
        answer = await self.ask(Authorization=bearer, Accept="application/json")
        self.assertEqual(answer.headers["content-type"], "application/json")
        body = json.loads(answer.data)
        self.assertEqual(body["metrics"]["collab_connections"]["type"], "gauge")
        self.assertTrue(body["instance_id"])

    async def test_promtool_finds_nothing(self) -> None:
        promtool = tool("promtool")
        answer = await self.ask(Authorization=f"Bearer {token_with('stats')}")
        done = run([promtool, "check", "metrics"], input=answer.data, capture_output=True)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, b""))
        # It does find what is not in order.
        done = run(
            [promtool, "check", "metrics"], input=b"# TYPE a counter\na 1\n", capture_output=True
        )
        self.assertNotEqual(done.returncode, 0)


class OpenTests(TestCase):
    timeout = 120

    async def test_open_to_all_and_not_there_at_all(self) -> None:
        for environment, status in (
            ({"PROMETHEUS_OPEN": "true"}, 200),
            ({"PROMETHEUS_ENABLED": "false"}, 404),
        ):
            node = Node(**environment)
            self.addCleanup(lambda node=node: deferToThread(node.stop))
            await deferToThread(node.start)
            answer = await get(node, "/metrics")
            self.assertEqual(answer.status, status)
            self.assertEqual(b"collab_connections 0.0" in answer.data, status == 200)


class MovingTests(TestCase):
    """
    Attributes:
        processes: of the node, that measure themselves.
        links: of those with the store.
    """

    timeout = 240
    layout: ClassVar[str] = "together"
    processes: ClassVar[tuple[str, ...]] = ("router",)
    links: ClassVar[int] = 1

    async def setUp(self) -> None:
        self.store = ValkeyServer()
        self.addCleanup(self.store.stop)
        self.store.start()
        self.node = Node(REDIS_URL=self.store.url, LAYOUT=self.layout)
        self.addCleanup(lambda: deferToThread(self.node.stop))
        await deferToThread(self.node.start)
        self.editors: list[Editor] = []

    async def tearDown(self) -> None:
        for editor in self.editors:
            await editor.client.cut()

    async def editor(self, client_id: str) -> Editor:
        editor = await Editor.on(self.node, "notes", client_id)
        self.editors.append(editor)
        return editor

    async def test_what_happens_is_counted(self) -> None:
        before = await scrape(self.node)
        ada, bob = await self.editor("client-ada1"), await self.editor("client-bob1")
        topics = ada.joined["topics"]
        await bob.client.subscribe(topics["presence"])
        await bob.client.subscribe(topics["edits"])
        await ada.edit(0)
        await ada.edit(1)
        await bob.edit(0)  # over two
        with self.assertRaises(CallError):
            await bob.edit(99)
        ada.client.publish(topics["cursor"], revision=3, position=1)
        ada.client.publish(topics["cursor"], nonsense=1)
        await until(lambda: bob.client.events(topics["presence"]), what="presence")
        stranger = await RawClient(self.node.port).connect()
        stranger.send([99])
        await stranger.until_closed()

        def grew(found: Scrape, name: str, **labels: str) -> float:
            return found.total(name, **labels) - before.total(name, **labels)

        edit = "collab.session.edit"
        exactly: tuple[tuple[float, str, dict[str, str]], ...] = (
            (2, "collab_connections", {}),
            (3, "collab_connections_opened_total", {}),
            (1, "collab_connections_refused_total", {"kind": "bad_message"}),
            (3, "collab_calls_total", {"procedure": edit, "outcome": "ok"}),
            (1, "collab_calls_total", {"procedure": edit, "outcome": "base_ahead"}),
            (4, "collab_call_seconds_count", {"procedure": edit}),
            (3, "collab_edits_committed_total", {}),
            (1, "collab_edits_rejected_total", {"code": "base_ahead"}),
            (1, "collab_edits_rejected_total", {}),
            (3, "collab_commit_seconds_count", {}),
            (3, "collab_commit_batch_edits_sum", {}),
            (3, "collab_rebase_distance_edits_count", {}),
            (2, "collab_rebase_distance_edits_sum", {}),
            (3, "collab_broadcast_edits_sum", {}),
            (2, "collab_presence_received_total", {}),
            (1, "collab_presence_refused_total", {}),
            (1, "collab_presence_sent_total", {}),
            (2, "collab_store_seconds_count", {"script": "join"}),
            (1, "collab_sessions_followed", {}),
            (2, "collab_participants", {}),
            (1, "collab_documents", {}),
        )
        somewhat: tuple[tuple[str, dict[str, str]], ...] = (
            ("collab_deliveries_total", {"topic": "edits"}),
            ("collab_broadcast_seconds_count", {}),
            ("collab_broadcast_window_seconds_sum", {}),
            ("collab_commit_seconds_sum", {}),
            ("collab_store_seconds_sum", {"script": "commit"}),
            *(
                (name, {"process": process})
                for process in self.processes
                for name in ("collab_loop_lag_seconds_count", "collab_process_cpu_seconds_total")
            ),
        )
        differing: list[Any] = []

        def as_expected(found: Scrape) -> bool:
            differing[:] = [
                (name, labels, expected, grown)
                for expected, name, labels in exactly
                if (grown := grew(found, name, **labels)) != expected
            ] + [(name, labels) for name, labels in somewhat if not grew(found, name, **labels) > 0]
            return not differing

        after = await scrape_until(self.node, as_expected, lambda: f"all moved but {differing}")
        self.assertEqual(after.labels("collab_process_start_time_seconds", "process"),
                         set(self.processes))  # fmt: skip
        for process in self.processes:
            for name in ("resident_memory_bytes", "open_fds", "start_time_seconds"):
                self.assertGreater(after.total(f"collab_process_{name}", process=process), 0)
            self.assertEqual(after.total("collab_uncaught_errors_total", process=process), 0)
        self.assertEqual(after.total("collab_store_up"), self.links)
        # And that is all that there is.
        documented = {name.removesuffix("_total") for name in metrics.defined()}
        self.assertEqual(after.families, documented)

    async def test_a_store_that_is_silent(self) -> None:
        people = [await self.editor(f"client-{number:04}") for number in range(3)]
        before = await scrape(self.node)
        self.store.signal(signal.SIGSTOP)
        editing = [start(editor.edit(0)) for editor in people]
        for call in editing:
            call.addErrback(lambda failure: failure.trap(CallError))
        await scrape_until(
            self.node, lambda found: found.total("collab_waiting_edits") > 0, "some wait"
        )
        found = await scrape_until(
            self.node, lambda found: found.total("collab_store_up") == 0, "links are down"
        )
        self.store.signal(signal.SIGCONT)
        await gatherResults(editing)
        lost = "collab_store_links_lost_total"
        self.assertGreater(found.total(lost), before.total(lost))
        found = await scrape_until(
            self.node, lambda found: found.total("collab_store_up") == self.links, "all are up"
        )
        rejected = found.total("collab_edits_rejected_total", code="store_unavailable")
        self.assertGreater(rejected, 0)
        self.assertEqual(found.total("collab_waiting_edits"), 0)

    async def test_with_another_router_everything_begins_anew(self) -> None:
        ada = await self.editor("client-ada1")
        await ada.edit(0)
        committed = "collab_edits_committed_total"
        await scrape_until(self.node, lambda found: found.total(committed) == 1, "an edit")
        self.node.kill("router")
        await until(lambda: "node is started again" in self.node.said(), 30)
        found = await self.scrape_when_there()
        self.assertEqual(found.total(committed), 0)
        self.assertEqual(found.total("collab_participants"), 0)

    async def scrape_when_there(self) -> Scrape:
        # While it is starting, nobody listens, or the path is not there yet.
        while True:
            try:
                if (await get(self.node, "/ready")).status != 404:
                    return await scrape(self.node)
            except OSError:
                pass
            await deferLater(reactor, AGAIN_S)

    async def test_what_a_process_uses_is_counted_once(self) -> None:
        """However many parts of the node live in it."""
        seconds, processes = "collab_process_cpu_seconds_total", self.processes
        found = await scrape(self.node)
        for process in processes:
            [pid] = self.node.pids(process)
            told = found.total(seconds, process=process)
            self.assertLessEqual(told, cpu_s(pid) + 0.1, process)
            beats = found.total("collab_loop_lag_seconds_count", process=process)
            age_s = time.time() - found.total("collab_process_start_time_seconds", process=process)
            self.assertLessEqual(beats, age_s / Pulse.EVERY_S + 1, process)


class ApartMovingTests(MovingTests):
    """The parts are in processes of their own, which may die alone."""

    layout = "apart"
    processes = ("router", "sessions", "relay")
    links = 2

    async def test_a_killed_worker_is_not_counted_twice_nor_forgotten(self) -> None:
        ada = await self.editor("client-ada1")
        for revision in range(5):
            await ada.edit(revision)
        began = "collab_process_start_time_seconds"
        committed = "collab_edits_committed_total"
        before = await scrape_until(
            self.node,
            lambda found: found.total("collab_documents") == 1 and found.total(committed) == 5,
            "a document and five edits",
        )
        for victim, gauge in (("sessions", "collab_documents"), ("relay", "collab_participants")):
            first = (await scrape(self.node)).total(began, process=victim)
            self.node.kill(victim)
            after = await scrape_until(
                self.node,
                lambda found, victim=victim, first=first: (
                    found.total(began, process=victim) not in (0, first)
                ),
                f"another {victim}",
            )
            if victim == "sessions":  # it has not been asked for a document yet
                self.assertEqual(after.total(gauge), 0)
            for name in metrics.defined():
                if name.endswith("_total"):
                    self.assertGreaterEqual(after.total(name), before.total(name), name)
            self.assertEqual(after.total(committed), 5)
            self.assertEqual(after.total("collab_build_info"), 1)
        await scrape_until(
            self.node, lambda found: found.total("collab_participants") == 1, "one participant"
        )
        await ada.join()
        await ada.edit(5)
        await scrape_until(self.node, lambda found: found.total(committed) == 6, "six edits")

    async def test_gauges_of_a_dead_worker_are_taken_out(self) -> None:
        await self.editor("client-ada1")
        await scrape_until(
            self.node, lambda found: found.total("collab_participants") == 1, "one participant"
        )
        # Without the store the next relay cannot find out who is there, and says nothing of them.
        self.store.signal(signal.SIGSTOP)
        self.node.kill("relay")
        await scrape_until(
            self.node,
            lambda found: found.total("collab_participants") == 0,
            "the dead relay's participants are not counted",
        )
        self.store.signal(signal.SIGCONT)
        await scrape_until(
            self.node, lambda found: found.total("collab_participants") == 1, "one participant"
        )


def cpu_s(pid: int) -> float:
    """What a process has used by now, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
