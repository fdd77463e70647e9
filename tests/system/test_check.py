"""`collab-wamp check` beside a node."""

from __future__ import annotations

from tests.support.cli_case import ToolsCase


class CheckTests(ToolsCase):
    async def test_a_node_that_runs_and_its_registry_are_told(self) -> None:
        done = await self.good("check", "--json")
        self.assertTrue(done.json["ok"])
        states = {row["what"]: row["state"] for row in done.json["checks"]}
        self.assertEqual(states[f"node at {self.node.http} is ready"], "ok")
        [registry] = [what for what in states if what.startswith("registry: ")]
        self.assertEqual(registry, "registry: redis, 1 of collab_wamp in it")
        shown = (await self.good("check")).out
        self.assertIn(f"ok      node at {self.node.http} is ready\n", shown)
        # Another node's configuration, on the same store.
        done = await self.good("check", PORT="1")
        self.assertIn("note    node at http://127.0.0.1:1: none runs\n", done.out)

    async def test_a_registry_that_does_not_answer_is_a_problem(self) -> None:
        for url, shown in (
            ("etcd://u:hidden@127.0.0.1:1", "etcd at http://127.0.0.1:1"),
            ("redis://:hidden@127.0.0.1:1", "redis://127.0.0.1:1/0"),
        ):
            done = await self.run_it("check", REGISTRY_URL=url)
            self.assertEqual((done.status, done.err), (1, ""))
            self.assertIn(f"PROBLEM registry: {shown}: The ", done.out)
            self.assertNotIn("hidden", done.out)
        done = await self.good("check", SERVICE_DISCOVERY_ENABLED="0")
        self.assertIn("ok      registry: none\n", done.out)
