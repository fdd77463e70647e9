"""The registry in Redis keeps the contract, on a real server, also when that one fails."""

from __future__ import annotations

import signal
import time

from twisted.internet import reactor
from twisted.trial.unittest import TestCase

from collab_wamp.registry.opening import open_registry
from collab_wamp.registry.redis import RedisRegistry
from collab_wamp.store.address import parse_address
from collab_wamp.store.connection import Connection
from tests.support.bad_servers import BadServer
from tests.support.etcd import free_port
from tests.support.registry_contract import (
    RegistryContract,
    RegistryTrouble,
    eventually,
    instance,
)
from tests.support.valkey import ValkeyServer


class RedisRegistryCase(TestCase):
    timeout = 90

    async def setUp(self) -> None:
        self.server = ValkeyServer()
        self.addCleanup(self.server.stop)
        self.server.start()
        self.registry = self.open()
        self.direct = Connection(reactor, parse_address(self.server.url))
        self.direct.start()
        self.addCleanup(self.direct.close)
        await self.direct.until_ready(10)

    def open(self, url: str = "redis", store_url: str = "") -> RedisRegistry:
        registry = open_registry(
            url,
            reactor=reactor,
            store_url=store_url or self.server.url,
            monotonic=lambda: time.monotonic() + self.clock_set_by,
        )
        self.addCleanup(registry.close)
        assert isinstance(registry, RedisRegistry)
        return registry

    clock_set_by = 0.0


class RedisRegistryTests(RegistryContract, RedisRegistryCase):
    async def test_every_key_has_a_ttl_and_none_is_left_in_the_end(self) -> None:
        for ttl_s, instance_id in ((2, "a"), (1, "b")):
            await self.registry.register(instance(instance_id), ttl_s)
        await self.registry.register(instance("c", "other"), 1)
        self.assertTrue(await self.registry.heartbeat("chat", "a", {"n": 1}, 2))
        names = await self.direct.command("KEYS", "*")
        self.assertEqual(len(names), 7)
        for name in names:
            self.assertIn(await self.direct.command("PTTL", name), range(1, 2001), name)
        await eventually(lambda: self.direct.command("KEYS", "*"), [], self.tick)

    async def test_the_expired_are_removed_while_others_live(self) -> None:
        await self.registry.register(instance("stays"), 300)
        await self.registry.register(instance("goes"), 1)
        await self.registry.register(instance("goes", "brief"), 1)

        async def kept() -> list[int]:
            await self.registry.heartbeat("chat", "stays", {}, 300)
            counts = [await self.direct.command("ZCARD", "registry:chat")]
            for name in ("registry:chat:values", "registry:chat:load"):
                counts.append(await self.direct.command("HLEN", name))
            return [*counts, await self.direct.command("ZCARD", "registry")]

        await eventually(kept, [1, 1, 1, 1], self.tick)

    async def test_two_registries_see_the_same(self) -> None:
        other = self.open(self.server.url)
        await self.registry.register(instance(), 60)
        self.assertEqual(await other.instances("chat"), (instance(),))
        self.assertTrue(await other.heartbeat("chat", "node-1", {"n": 1}, 60))
        self.assertEqual((await self.registry.instances("chat"))[0].load, {"n": 1})

    async def test_an_entry_that_is_wrong_is_passed_over(self) -> None:
        for name in ("a", "b", "c", "d"):
            await self.registry.register(instance(name), 60)
        for name, value in (("a", b"{"), ("b", b'{"service":"chat"}'), ("c", b"\xff")):
            await self.direct.command("HSET", "registry:chat:values", name, value)
        self.assertEqual(await self.ids(), ["d"])

    async def test_a_clock_that_is_set_stops_nobody_for_long(self) -> None:
        """What reaches the store after its deadline is not carried out."""
        await self.registry.register(instance("a"), 60)
        self.clock_set_by = -60.0
        with self.assertRaisesRegex(Exception, "too late"):
            await self.registry.register(instance("b"), 60)
        self.assertEqual(await self.ids(), ["a"])
        await self.registry.register(instance("b"), 60)
        self.assertEqual(await self.ids(), ["a", "b"])

    async def test_texts_in_an_answer_of_another_kind_are_unavailable(self) -> None:
        await self.direct.command("SET", "registry:chat", "text")
        with self.assertRaisesRegex(Exception, "WRONGTYPE"):
            await self.registry.instances("chat")


class RedisRegistryTroubleTests(RegistryTrouble, RedisRegistryCase):
    async def test_a_server_that_is_gone(self) -> None:
        await self.all_unavailable(self.open(f"redis://:pa55@127.0.0.1:{free_port()}/0"))

    async def test_a_server_that_goes_and_comes_back(self) -> None:
        await self.registry.register(instance(), 60)
        self.server.kill()
        await self.all_unavailable(self.registry)
        self.server.start()
        await self.direct.until_ready(20)
        await self.registry._connection.until_ready(20)
        await self.registry.register(instance("again"), 60)

    async def test_a_server_that_stops_answering(self) -> None:
        """Nor does it carry out later what its caller was told had failed."""
        await self.registry.register(instance("before"), 300)
        self.server.signal(signal.SIGSTOP)
        await self.all_unavailable(self.registry)
        self.server.signal(signal.SIGCONT)
        await self.registry._connection.until_ready(20)
        await self.registry.register(instance("after"), 60)
        found = await self.registry.instances("chat")
        self.assertEqual([one.instance_id for one in found], ["after", "before"])

    async def test_a_server_that_never_answers(self) -> None:
        silent = BadServer()
        await silent.start()
        self.addCleanup(silent.stop)
        registry = self.open(f"redis://127.0.0.1:{silent.port}/0")
        await self.all_unavailable(registry)
        await registry.close()

    async def test_a_server_that_answers_rubbish(self) -> None:
        for answer in (b"+OK\r\n", b"-ERR no\r\n", b"*2\r\n$1\r\n1\r\n$1\r\n2\r\n", b":7\r\n"):
            bad = BadServer(answer)
            await bad.start()
            registry = self.open(f"redis://127.0.0.1:{bad.port}/0")
            await self.all_unavailable(registry)
            await registry.close()
            await bad.stop()
