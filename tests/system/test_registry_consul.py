"""The registry in Consul keeps the contract, against a recorded Consul agent.

See `tests/support/consul_server.py`: that one is no Consul.
"""

from __future__ import annotations

import time
from typing import Any

import attrs
import orjson
from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from collab_wamp.errors import CollabError
from collab_wamp.registry.consul import ConsulRegistry
from collab_wamp.registry.http import HttpBackend
from collab_wamp.registry.opening import open_registry
from tests.support.bad_servers import BadServer, http_answer
from tests.support.consul_server import ConsulServer
from tests.support.registry_contract import RegistryContract, RegistryTrouble, instance


class ConsulRegistryCase(TestCase):
    timeout = 60
    token = ""

    async def setUp(self) -> None:
        self.clock = self.make_clock()
        self.server = ConsulServer(self.clock, self.token)
        self.addCleanup(self.server.close)
        endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
        listening = await endpoint.listen(self.server.site)
        self.addCleanup(listening.stopListening)
        self.port = listening.getHost().port
        self.registry = self.open()
        self.direct = HttpBackend(reactor, f"http://127.0.0.1:{self.port}", {})
        self.addCleanup(self.direct.close)

    def make_clock(self) -> Any:
        return reactor

    def open(self, token: str = "") -> ConsulRegistry:
        login = f":{token}@" if token else ""
        registry = open_registry(
            f"consul://{login}127.0.0.1:{self.port}",
            reactor=reactor,
            store_url="",
            monotonic=time.monotonic,
        )
        self.addCleanup(registry.close)
        assert isinstance(registry, ConsulRegistry)
        return registry

    async def put(self, path: str, body: Any, status: int = 200) -> None:
        answer = await self.direct.ask("PUT", path, body)
        self.assertEqual(answer.status, status, answer.body)


class ConsulRegistryTests(RegistryContract, ConsulRegistryCase):
    pass


class ConsulEntriesTests(ConsulRegistryCase):
    """What stands in Consul, by hand on a clock."""

    def make_clock(self) -> Any:
        return Clock()

    async def ids(self, service: str = "chat") -> list[str]:
        return [found.instance_id for found in await self.registry.instances(service)]

    async def test_what_has_expired_is_taken_out_by_consul(self) -> None:
        await self.registry.register(instance(), 10)
        self.clock.advance(9.9)
        self.assertEqual(await self.ids(), ["node-1"])
        self.clock.advance(0.1)
        self.assertEqual((await self.ids(), await self.registry.services()), ([], ()))
        self.assertIs(await self.registry.heartbeat("chat", "node-1", {}, 10), False)
        self.assertEqual(list(self.server.entries), ["chat:node-1"])
        self.clock.advance(60)
        self.assertEqual(list(self.server.entries), [])

    async def test_registering_what_has_expired_brings_it_back(self) -> None:
        """Consul keeps the state of a check when its service is registered again."""
        await self.registry.register(instance(), 10)
        self.clock.advance(11)
        await self.registry.register(instance(), 10)
        self.assertEqual(await self.ids(), ["node-1"])
        self.clock.advance(9.9)
        self.assertEqual(await self.ids(), ["node-1"])

    async def test_version_environment_and_status_stand_there_plainly(self) -> None:
        await self.registry.register(instance(status="draining"), 10)
        entry = self.server.entries["chat:node-1"]
        self.assertEqual((entry.address, entry.port), ("10.0.0.7", 8080))
        self.assertEqual(entry.tags, ["text", "presence"])
        self.assertLessEqual(
            {"version": "1.2.3+build.4", "environment": "staging", "status": "draining"}.items(),
            entry.meta.items(),
        )

    async def test_a_beat_without_news_writes_nothing_to_the_cluster(self) -> None:
        await self.registry.register(instance(), 10)
        self.server.requests.clear()
        self.assertTrue(await self.registry.heartbeat("chat", "node-1", instance().load, 10))
        self.assertEqual(
            self.server.requests,
            [
                "GET /v1/agent/health/service/id/chat%3Anode-1",
                "PUT /v1/agent/check/update/service%3Achat%3Anode-1",
            ],
        )

    async def test_a_node_that_fails_takes_its_instances_along(self) -> None:
        await self.registry.register(instance(), 10)
        self.server.node_status = "critical"
        self.assertEqual((await self.ids(), await self.registry.services()), ([], ()))

    async def test_what_others_registered_their_way_is_read(self) -> None:
        for body in (
            {"Name": "mail"},
            {"Name": "mail", "ID": "mail-2", "Port": 25},
            {
                "Name": "mail", "ID": "mail-3", "Address": "mx.example", "Port": 26,
                "Tags": ["smtp"], "Meta": {"version": "2", "zone": "b"},
            },
            {
                "Name": "mail", "ID": "sick", "Port": 27,
                "Check": {"TTL": "30s", "Status": "critical"},
            },
            {"Name": "UPPER", "Port": 1, "Check": {"TTL": "30s", "Status": "passing"}},
            {
                "Name": "post", "ID": "post-1", "Port": 27,
                "Check": {"TTL": "30s", "Status": "passing"},
            },
        ):  # fmt: skip
            await self.put("/v1/agent/service/register", body)
        bare = instance(
            "mail-2", "mail", host="10.9.8.7", port=25, version="", environment="",
            started_ms=0, capabilities=(), load={}, metadata={},
        )  # fmt: skip
        full = attrs.evolve(
            bare, instance_id="mail-3", host="mx.example", port=26, version="2",
            capabilities=("smtp",), metadata={"version": "2", "zone": "b"},
        )  # fmt: skip
        self.assertEqual(await self.registry.instances("mail"), (bare, full))
        self.assertEqual(await self.registry.services(), ("post",))


class ConsulTokenTests(ConsulRegistryCase):
    token = "b1gs33cr3t"

    async def test_the_token_of_the_url_is_sent(self) -> None:
        registry = self.open(self.token)
        await registry.register(instance(), 60)
        self.assertTrue(await registry.heartbeat("chat", "node-1", {}, 60))
        self.assertEqual(await registry.instances("chat"), (instance(load={}),))
        await registry.deregister("chat", "node-1")

    async def test_without_the_right_one_nothing_is_changed(self) -> None:
        for token in ("", "wr0ng"):
            with self.assertRaises(CollabError) as caught:
                await self.open(token).register(instance(), 60)
            self.assertEqual(caught.exception.code, "store_unavailable")
            self.assertIn("403", str(caught.exception))
        self.assertEqual(self.server.entries, {})


class RecordedServerTests(ConsulRegistryCase):
    """The stand-in refuses what Consul would refuse."""

    async def test_it_is_strict(self) -> None:
        good: dict[str, Any] = {"Name": "a", "Port": 1}
        for wrong in (
            {"Name": ""},
            {"Port": "1"},
            {"Port": 65536},
            {"Tags": [1]},
            {"Prot": 1},
            {"Meta": {"k": "x" * 513}},
            {"Meta": {"k k": "x"}},
            {"Meta": {"consul-x": "x"}},
            {"Meta": {str(i): "" for i in range(65)}},
            {"Check": {"TTL": "10"}},
            {"Check": {"TTL": "0s"}},
            {"Check": {"TTL": "10s", "Status": "good"}},
        ):
            await self.put("/v1/agent/service/register", good | wrong, 400)
        self.assertEqual(self.server.entries, {})
        await self.put("/v1/agent/check/update/service:a", {"Status": "passing"}, 404)
        await self.put("/v1/agent/check/update/service:a", {"Status": "good"}, 400)
        await self.put("/v1/agent/service/deregister/a", None, 404)
        await self.put("/v1/health/state/any", None, 405)


class ConsulTroubleTests(RegistryTrouble, TestCase):
    timeout = 60

    async def against(self, answer: bytes) -> list[str]:
        bad = BadServer(answer)
        await bad.start()
        registry = open_registry(
            f"consul://127.0.0.1:{bad.port}",
            reactor=reactor,
            store_url="",
            monotonic=time.monotonic,
        )
        try:
            return await self.all_unavailable(registry)
        finally:
            await registry.close()
            await bad.stop()

    async def test_a_server_that_is_gone(self) -> None:
        bad = BadServer()
        await bad.start()
        await bad.stop()
        registry = open_registry(
            f"consul://127.0.0.1:{bad.port}",
            reactor=reactor,
            store_url="",
            monotonic=time.monotonic,
        )
        self.addCleanup(registry.close)
        await self.all_unavailable(registry)

    async def test_silent(self) -> None:
        for reason in await self.against(b""):
            self.assertIn("no answer within", reason)

    async def test_rubbish(self) -> None:
        """A 200 is all that Consul says to a change, so only other statuses are refused there."""
        for answer in (
            b"SSH-2.0-OpenSSH_9\r\n",
            http_answer(b"rpc error: No cluster leader", "500 Internal Server Error"),
            http_answer(b"", "503 Service Unavailable"),
        ):
            await self.against(answer)
        for body in (b"", b"{", b"3", b"[3]", b'{"Service": 3}', orjson.dumps([{"Node": 1}])):
            bad = BadServer(http_answer(body))
            await bad.start()
            registry = open_registry(
                f"consul://127.0.0.1:{bad.port}",
                reactor=reactor,
                store_url="",
                monotonic=time.monotonic,
            )
            for call in (
                lambda asked=registry: asked.instances("chat"),
                lambda asked=registry: asked.services(),
                lambda asked=registry: asked.heartbeat("chat", "node-1", {}, 60),
            ):
                with self.assertRaises(CollabError) as caught:
                    await call()
                self.assertEqual(caught.exception.code, "store_unavailable")
            await registry.close()
            await bad.stop()
