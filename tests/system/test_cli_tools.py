"""`collab-wamp sessions`, `stats`, `instances`, `kick`: for people and for programs."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.threads import deferToThread

from tests.support.bad_servers import BadServer
from tests.support.cli_case import ToolsCase
from tests.support.node import Node
from tests.support.raw_wamp import CallError, RawClient
from tests.support.waiting import until

WRONG_SECRET = "a secret for tests, and another one"


class SessionsTests(ToolsCase):
    async def made(self, count: int) -> list[str]:
        client = await self.client(self.token())
        names = [f"s{number:04}" for number in range(count)]

        async def make(some: list[str]) -> None:
            for name in some:
                await client.call("collab.session.create", session_id=name)

        await gatherResults([Deferred.fromCoroutine(make(names[at::40])) for at in range(40)])
        return names

    async def test_a_list_goes_on_where_it_ended(self) -> None:
        done = await self.run_it("sessions", "--tenant", self.tenant)
        self.assertEqual((done.status, done.out), (0, ""))
        self.assertEqual(done.err, f"tenant {self.tenant} has no sessions here\n")
        names = await self.made(5)
        listed = await self.ours("sessions")
        self.assertEqual(listed.out.splitlines(), names)
        listed = await self.ours("sessions", "--limit", "5", "--json")
        self.assertEqual(listed.json, {"sessions": names, "cursor": None})
        done = await self.run_it("sessions", "--tenant", self.tenant, "--limit", "2")
        self.assertEqual((done.status, done.out.splitlines()), (0, names[:2]))
        self.assertIn("there are more: --cursor=s0001 goes on", done.err)
        listed = await self.ours("sessions", "--limit", "2", "--cursor=s0001", "--json")
        self.assertEqual(listed.json, {"sessions": names[2:4], "cursor": "s0003"})

    async def test_a_list_is_asked_for_in_pages(self) -> None:
        names = await self.made(1005)
        listed = await self.ours("sessions", "--limit", "1003", "--json")
        self.assertEqual(listed.json, {"sessions": names[:1003], "cursor": names[1002]})

    async def test_with_a_token_that_is_given_its_sessions_are_listed(self) -> None:
        await self.made(3)
        token = self.token("ada", s0001="view")
        for done in (
            await self.good("sessions", COLLAB_TOKEN=token, JWT_SECRET=WRONG_SECRET),
            await self.good("sessions", "--token", token, "--tenant", self.tenant),
        ):
            self.assertEqual(done.out, "s0001\n")

    async def test_one_session_with_its_people_and_what_is_granted(self) -> None:
        client = await self.client(self.token("ada"))
        await client.call("collab.session.create", session_id="notes")
        await client.call(
            "collab.session.join",
            session_id="notes",
            client_id="client-0001",
            user_info={"name": "\x1b[31mAda"},
        )
        await client.call("collab.session.grant", session_id="notes", user_id="bob", right="view")
        info = (await self.ours("sessions", "notes", "--json")).json
        self.assertEqual((info["session_id"], info["type"], info["rights"]),
                         ("notes", "text", "manage"))  # fmt: skip
        self.assertEqual([row["user_id"] for row in info["roster"]], ["ada"])
        self.assertEqual(info["granted"], {"bob": "view"})
        shown = (await self.ours("sessions", "notes")).out
        self.assertEqual(self.rows(shown, "USER  NAME")["ada"][:2], ["\\x1b[31mAda", "manage"])
        self.assertEqual(self.rows(shown, "USER  GRANTED"), {"bob": ["view"]})
        self.assertNotIn("\x1b", shown)
        await client.call("collab.session.leave", session_id="notes")
        self.assertIn("nobody is on it", (await self.ours("sessions", "notes")).out)
        # Who may not manage it is not told.
        info = (
            await self.good(
                "sessions", "notes", "--json", COLLAB_TOKEN=self.token("eve", notes="view")
            )
        ).json
        self.assertNotIn("granted", info)

    async def test_errors(self) -> None:
        said = await self.refused("sessions", "nowhere", "--tenant", self.tenant)
        self.assertIn("no_such_session: ", said)
        self.assertIn(f"lists those of tenant {self.tenant}", said)
        said = await self.refused("sessions", "--tenant", "acme", "--url", "ws://127.0.0.1:1/ws")
        self.assertIn("no answer from ws://127.0.0.1:1/ws", said)
        self.assertIn("collab-wamp up", said)
        said = await self.refused("sessions", "--tenant", "acme", JWT_SECRET=WRONG_SECRET)
        self.assertIn("token_invalid", said)
        self.assertIn("made with this configuration's secret", said)
        token = self.token()[:-8] + "AAAAAAAA"
        said = await self.refused("sessions", COLLAB_TOKEN=token)
        self.assertIn("token_invalid", said)
        self.assertIn("collab-wamp token --help", said)
        self.assertNotIn(token, said)


class SilenceTests(ToolsCase):
    async def test_ctrl_c_ends_the_waiting_for_a_node_that_says_nothing(self) -> None:
        silent = BadServer()
        await silent.start()
        self.addCleanup(silent.stop)
        url = ("--url", f"ws://127.0.0.1:{silent.port}/ws")
        waiting = subprocess.Popen(
            [sys.executable, "-m", "collab_wamp.cli", "sessions", "--tenant", self.tenant, *url],
            env=self.node.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert waiting.stdout is not None
        self.addCleanup(waiting.stdout.close)
        await until(lambda: silent.connections)
        waiting.send_signal(signal.SIGINT)
        self.assertEqual(await deferToThread(waiting.wait, 9), 130)
        self.assertEqual(waiting.stdout.read(), b"")


class StatsTests(ToolsCase):
    async def make_node(self) -> Node:
        node = Node(RATE_LIMITS="1")
        self.addCleanup(lambda: deferToThread(node.stop))
        await deferToThread(node.start)
        return node

    async def test_figures_and_limits(self) -> None:
        client = await self.client(self.token("ada"))
        await client.call("collab.session.create", session_id="notes")
        await client.call("collab.session.join", session_id="notes", client_id="client-0001")
        while True:  # figures are some seconds old
            found = (await self.ours("stats", "--json")).json
            if found["sessions"]["participants"]:
                break
        self.assertEqual(set(found), {"connections", "sessions"})
        [(name, row)] = found["connections"]["instances"].items()
        self.assertEqual(found["connections"]["tenant"], self.tenant)
        self.assertGreaterEqual(row["users"], 1)
        self.assertEqual(found["sessions"]["sessions"], 1)
        shown = (await self.ours("stats")).out
        self.assertRegex(shown, r"(?m)^sessions +1$")
        self.assertRegex(shown, r"(?m)^people on sessions +1$")
        self.assertEqual(self.rows(shown, "INSTANCE")[name][2], "1")
        # What is left to somebody: some of the joins is used.
        found = (await self.ours("stats", "--user", "ada", "--session", "notes", "--json")).json
        limits = found["limits"]["limits"]
        self.assertEqual(found["limits"]["user_id"], "ada")
        self.assertEqual(limits["edits_per_user"], {"left": 60, "burst": 60, "per_s": 20.0})
        shown = (await self.ours("stats", "--user", "ada")).out
        rows = self.rows(shown, "LIMIT")
        self.assertEqual(rows["joins_per_tenant"][1:], ["10,000", "500"])
        self.assertNotIn("edits_per_user", rows)

    async def test_whose_figures_a_token_that_is_given_may_see(self) -> None:
        said = await self.refused("stats", COLLAB_TOKEN=self.token())
        self.assertIn("denied", said)
        self.assertIn("collab-wamp token … --capabilities edit,stats", said)
        said = await self.refused(
            "stats", "--tenant", "other", COLLAB_TOKEN=self.token("a", "stats")
        )
        self.assertIn("--capabilities edit,operate", said)
        boss = self.token("boss", "operate")
        found = await self.good("stats", "--tenant", "other", "--json", COLLAB_TOKEN=boss)
        self.assertEqual(found.json["connections"]["tenant"], "other")


class InstancesTests(ToolsCase):
    async def test_who_is_in_the_registry(self) -> None:
        while True:  # it enters itself a moment after it is ready
            found = (await self.good("instances", "--json")).json
            if found["instances"]:
                break
        [instance] = found["instances"]
        self.assertEqual((found["service"], instance["port"]), ("collab_wamp", self.node.port))
        shown = (await self.good("instances")).out
        row = self.rows(shown, "INSTANCE")[instance["instance_id"]]
        self.assertEqual(row[:2], ["ready", f"127.0.0.1:{self.node.port}"])
        for more in (("least_loaded",), ("rendezvous", "--key", "notes")):
            picked = (await self.good("instances", "--pick", *more, "--json")).json
            self.assertEqual(picked["instance"]["instance_id"], instance["instance_id"])
        shown = (await self.good("instances", "--pick", "random")).out
        self.assertEqual(list(self.rows(shown, "INSTANCE")), [instance["instance_id"]])

    async def test_how_the_node_is(self) -> None:
        found = (await self.good("instances", "--health", "--json")).json
        self.assertEqual(found["health"]["status"], "ok")
        self.assertIn("instances", found)
        shown = (await self.good("instances", "--health")).out
        parts = self.rows(shown, "PART")
        self.assertEqual({name: row[0] for name, row in parts.items()},
                         {"node": "ok", "relay": "ok", "sessions": "ok"})  # fmt: skip

    async def test_none_is_there(self) -> None:
        done = await self.good("instances", "--service", "mailer")
        self.assertEqual(done.out, "no instance of mailer is in the registry\n")
        for more, out in (
            ((), "no instance is ready\n"),
            (("--json",), '{\n  "instance": null\n}\n'),
        ):
            done = await self.run_it("instances", "--service", "mailer", "--pick", "random", *more)
            self.assertEqual((done.status, done.out, done.err), (1, out, ""))

    async def test_a_token_without_the_capability_is_refused(self) -> None:
        said = await self.refused("instances", COLLAB_TOKEN=self.token())
        self.assertIn("denied: ", said)
        self.assertIn("--capabilities edit,registry", said)


class KickTests(ToolsCase):
    async def joined(self, client: RawClient) -> Any:
        return await client.call("collab.session.join", session_id="notes", client_id="client-0001")

    async def test_out_of_a_session_and_in_again(self) -> None:
        boss, bob = await self.client(self.token("boss")), await self.client(self.token("bob"))
        await boss.call("collab.session.create", session_id="notes")
        roster = (await self.joined(bob))["topics"]["roster"]
        await bob.subscribe(roster)
        kick = ("kick", "bob", "--session", "notes")
        done = await self.ours(*kick, "--yes", "--json")
        self.assertEqual(done.json, {"session_id": "notes", "user_id": "bob", "granted": "none"})
        await until(
            lambda: any(e.get("left", {}).get("reason") == "revoked" for e in bob.events(roster))
        )
        with self.assertRaises(CallError) as caught:
            await self.joined(bob)
        self.assertEqual(caught.exception.code, "no_such_session")
        done = await self.ours(*kick, "--yes")
        self.assertIn("bob has no right on session notes any more", done.out)
        self.assertIn("--let-in", done.out)
        done = await self.ours(*kick, "--let-in", "view")
        self.assertEqual(done.out, "bob has the right to view session notes.\n")
        self.assertEqual((await self.joined(bob))["rights"], "view")

    async def test_out_of_everything(self) -> None:
        bob, other = await self.client(self.token("bob")), await self.client(self.token("eve"))
        done = await self.ours("kick", "bob", "--yes", "--json")
        self.assertEqual(done.json, {"user_id": "bob", "tenant": self.tenant})
        goodbye = await until(lambda: bob._first(6))
        self.assertEqual(goodbye[2], "collab.error.token_revoked")
        await other.call("collab.session.list")
        again = await self.client(self.token("bob"))
        await again.call("collab.session.list")
        done = await self.ours("kick", "bob", "--yes")
        self.assertIn("A token that is issued from now on lets them in again.", done.out)
        await until(lambda: again._first(6))

    async def test_who_kicks_themselves_is_told_that_it_is_done(self) -> None:
        for _ in range(3):
            token = self.token("boss", "tokens")
            await self.good("kick", "boss", "--yes", COLLAB_TOKEN=token)
            self.assertIn("token_revoked", await self.refused("sessions", COLLAB_TOKEN=token))

    async def test_nothing_is_done_without_asking_nor_without_the_right_to(self) -> None:
        bob = await self.client(self.token("bob"))
        done = await self.run_it("kick", "bob", "--tenant", self.tenant)
        self.assertEqual((done.status, done.out), (2, ""))
        said = await self.refused("kick", "bob", "--yes", COLLAB_TOKEN=self.token())
        self.assertIn("--capabilities edit,tokens", said)
        said = await self.refused(
            "kick", "bob", "--session", "no", "--yes", "--tenant", self.tenant
        )
        self.assertIn("no_such_session", said)
        await bob.call("collab.session.create", session_id="notes")
        said = await self.refused(
            "kick",
            "bob",
            "--session",
            "notes",
            "--yes",
            COLLAB_TOKEN=self.token("eve", **{"*": "edit"}),
        )
        self.assertIn("--rights '*=manage'", said)
        await bob.call("collab.session.list")
