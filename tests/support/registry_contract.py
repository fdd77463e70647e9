"""What every registry must do; run for each implementation."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater

from collab_wamp.errors import CollabError
from collab_wamp.registry.interface import CALL_S, Instance, Registry

EVENTUALLY_S = 30.0
STRANGE = {
    "quote": "\"\\'`$(x)</script>",
    "lines": "a\r\nb\0c",
    "words": "QUEUED 007 1_000",
    "people": "Ada 😀é\u200d 漢字",
    "yes": True,
    "nothing": None,
    "ratio": 0.25,
    "count": 2**53 - 1,
}


def instance(instance_id: str = "node-1", service: str = "chat", **more: Any) -> Instance:
    fields: dict[str, Any] = {
        "host": "10.0.0.7",
        "port": 8080,
        "version": "1.2.3+build.4",
        "environment": "staging",
        "started_ms": 1_700_000_000_123,
        "capabilities": ("text", "presence"),
        "load": {"connections": 3, "sessions": 1.5},
        "metadata": {"zone": "b", "weight": 2},
    }
    return Instance(service, instance_id, **(fields | more))


async def a_moment() -> None:
    await deferLater(reactor, 0.02, lambda: None)  # type: ignore[arg-type]


async def eventually(
    ask: Callable[[], Awaitable[Any]],
    expected: Any,
    tick: Callable[[], Awaitable[Any]] = a_moment,
) -> None:
    """Ask until the answer is the expected one.

    Raises:
        AssertionError: it was another for `EVENTUALLY_S`.
    """
    ends = time.monotonic() + EVENTUALLY_S
    while (found := await ask()) != expected:
        if time.monotonic() > ends:
            raise AssertionError(f"{found!r} is not {expected!r}")
        await tick()


class RegistryContract:
    """Mix into a `TestCase` that sets `self.registry`.

    Attributes:
        least_s: the shortest TTL of the backend.
    """

    registry: Registry
    least_s = 1

    async def tick(self) -> None:
        """Let some time pass."""
        await a_moment()

    async def ids(self, service: str = "chat") -> list[str]:
        return [found.instance_id for found in await self.registry.instances(service)]

    async def test_an_instance_is_told_as_it_was_registered(self: Any) -> None:
        full = instance(
            "Node_1.a:b@c-d", "a.b-c_d", host="2001:db8::7", metadata=STRANGE, status="draining"
        )
        bare = Instance("a.b-c_d", "bare", "db.internal", 1)
        for one in (full, bare):
            await self.registry.register(one, 60)
        found = await self.registry.instances("a.b-c_d")
        self.assertEqual(found, (full, bare))
        self.assertIs(found[0].metadata["yes"], True)

    async def test_the_largest_instance_fits(self: Any) -> None:
        name = "😀" * 300
        one = instance(
            "i" * 128,
            "s" * 64,
            capabilities=tuple(f"{i:064}" for i in range(32)),
            load={f"{i:064}": -(2**53) + 1 for i in range(32)},
            metadata={"long": name, "more": "x" * (2048 - len(name.encode()) - 21)},
        )
        await self.registry.register(one, 300)
        self.assertEqual(await self.registry.instances("s" * 64), (one,))

    async def test_instances_and_services_come_in_order(self: Any) -> None:
        for service, instance_id in (
            ("chat", "b"), ("chat.eu", "x"), ("chat", "a"), ("chat-2", "y"), ("cha", "z"),
        ):  # fmt: skip
            await self.registry.register(instance(instance_id, service), 60)
        self.assertEqual(await self.ids(), ["a", "b"])
        self.assertEqual(await self.ids("cha"), ["z"])
        self.assertEqual(await self.registry.services(), ("cha", "chat", "chat-2", "chat.eu"))

    async def test_nothing_is_known_at_the_start(self: Any) -> None:
        self.assertEqual(await self.registry.services(), ())
        self.assertEqual(await self.registry.instances("chat"), ())

    async def test_registering_again_replaces(self: Any) -> None:
        await self.registry.register(instance(), 60)
        other = Instance("chat", "node-1", "other", 9, status="draining")
        await self.registry.register(other, 60)
        self.assertEqual(await self.registry.instances("chat"), (other,))

    async def test_a_heartbeat_tells_the_load_and_keeps_the_rest(self: Any) -> None:
        one = instance(status="draining", metadata=STRANGE)
        await self.registry.register(one, 60)
        for load in ({"connections": 4}, {"connections": 4}, {}, {"sessions": 2.5}):
            self.assertIs(await self.registry.heartbeat("chat", "node-1", load, 60), True)
            expected = attrs.evolve(one, load=load)
            self.assertEqual(await self.registry.instances("chat"), (expected,))

    async def test_a_heartbeat_enters_nobody(self: Any) -> None:
        await self.registry.register(instance("node-2"), 60)
        self.assertIs(await self.registry.heartbeat("chat", "node-1", {}, 60), False)
        self.assertIs(await self.registry.heartbeat("other", "node-2", {}, 60), False)
        self.assertEqual(await self.ids(), ["node-2"])
        self.assertEqual(await self.registry.services(), ("chat",))

    async def test_who_is_taken_out_is_gone_and_the_others_stay(self: Any) -> None:
        for instance_id, service in (("a", "chat"), ("b", "chat"), ("a", "other")):
            await self.registry.register(instance(instance_id, service), 60)
        for _ in range(2):
            await self.registry.deregister("chat", "a")
        await self.registry.deregister("nobody", "a")
        self.assertEqual(await self.ids(), ["b"])
        self.assertIs(await self.registry.heartbeat("chat", "a", {}, 60), False)
        self.assertEqual(await self.registry.services(), ("chat", "other"))
        await self.registry.deregister("chat", "b")
        self.assertEqual(await self.registry.services(), ("other",))

    async def test_who_is_not_heard_of_for_its_ttl_is_gone(self: Any) -> None:
        """And who is, stays, for more than one TTL."""
        await self.registry.register(instance("beats"), 3)
        for round_ in range(2):
            await self.registry.register(instance(f"silent-{round_}"), 3)

            async def others() -> list[str]:
                self.assertIs(await self.registry.heartbeat("chat", "beats", {}, 3), True)
                return await self.ids()

            await eventually(others, ["beats"], self.tick)
        await eventually(self.registry.services, (), self.tick)
        self.assertEqual(await self.ids(), [])
        self.assertIs(await self.registry.heartbeat("chat", "beats", {}, 60), False)
        self.assertEqual(await self.registry.services(), ())
        await self.registry.register(instance("beats"), 60)
        self.assertEqual(await self.registry.instances("chat"), (instance("beats"),))

    async def test_who_has_expired_is_gone_though_others_live(self: Any) -> None:
        await self.registry.register(instance("stays"), 300)
        await self.registry.register(instance("goes"), self.least_s)
        await self.registry.register(instance("goes", "brief"), self.least_s)
        await eventually(self.registry.services, ("chat",), self.tick)
        await eventually(self.ids, ["stays"], self.tick)
        self.assertIs(await self.registry.heartbeat("chat", "goes", {}, 60), False)
        self.assertIs(await self.registry.heartbeat("brief", "goes", {}, 60), False)
        self.assertEqual(await self.ids(), ["stays"])
        self.assertEqual(await self.registry.services(), ("chat",))

    async def test_the_newest_ttl_counts(self: Any) -> None:
        await self.registry.register(instance("longer"), 3)
        self.assertTrue(await self.registry.heartbeat("chat", "longer", {}, 300))
        await self.registry.register(instance("again"), 3)
        await self.registry.register(instance("again"), 300)
        await self.registry.register(instance("shorter"), 300)
        self.assertTrue(await self.registry.heartbeat("chat", "shorter", {}, self.least_s))
        await self.registry.register(instance("less"), 300)
        await self.registry.register(instance("less"), self.least_s)
        await self.registry.register(instance("control"), 4)
        await eventually(self.ids, ["again", "longer"], self.tick)

    async def test_many_at_one_time(self: Any) -> None:
        names = [f"node-{i:02}" for i in range(20)]
        await gatherResults(
            [
                Deferred.fromCoroutine(self.registry.register(instance(name, load={}), 60))
                for name in names
            ]
        )
        beats = await gatherResults(
            [
                Deferred.fromCoroutine(self.registry.heartbeat("chat", name, {"n": i}, 60))
                for i, name in enumerate(names)
            ]
        )
        self.assertEqual(beats, [True] * 20)
        found = await self.registry.instances("chat")
        self.assertEqual([one.instance_id for one in found], names)
        self.assertEqual([one.load for one in found], [{"n": i} for i in range(20)])

    async def test_what_is_not_of_its_form_is_refused_by_name(self: Any) -> None:
        registry, good = self.registry, instance()
        for argument, call in (
            ("service", lambda: registry.register(attrs.evolve(good, service="A"), 60)),
            ("port", lambda: registry.register(attrs.evolve(good, port=0), 60)),
            ("ttl_s", lambda: registry.register(good, 0.5)),
            ("ttl_s", lambda: registry.register(good, 301)),
            ("service", lambda: registry.heartbeat("a/b", "x", {}, 60)),
            ("instance_id", lambda: registry.heartbeat("a", "x/y", {}, 60)),
            ("load", lambda: registry.heartbeat("a", "x", {"n": "1"}, 60)),
            ("ttl_s", lambda: registry.heartbeat("a", "x", {}, float("nan"))),
            ("service", lambda: registry.deregister("", "x")),
            ("instance_id", lambda: registry.deregister("a", "")),
            ("service", lambda: registry.instances("../a")),
        ):
            with self.assertRaises(CollabError) as caught:
                await call()
            self.assertEqual(caught.exception.code, "bad_request")
            self.assertEqual(caught.exception.details["argument"], argument)
        self.assertEqual(await registry.services(), ())


class RegistryTrouble:
    """For those with a backend: what each method does when that one cannot answer."""

    async def all_unavailable(self: Any, registry: Registry) -> list[str]:
        """Every method raises `store_unavailable` in time; the reasons it gives."""
        calls = (
            lambda: registry.register(instance(), 60),
            lambda: registry.heartbeat("chat", "node-1", {}, 60),
            lambda: registry.deregister("chat", "node-1"),
            lambda: registry.instances("chat"),
            lambda: registry.services(),
        )

        async def refused(call: Callable[[], Awaitable[Any]]) -> str:
            begun = time.monotonic()
            with self.assertRaises(CollabError) as caught:
                await call()
            # A second for the machine.
            self.assertLess(time.monotonic() - begun, CALL_S + 1)
            self.assertEqual(caught.exception.code, "store_unavailable")
            return str(caught.exception)

        return await gatherResults([Deferred.fromCoroutine(refused(call)) for call in calls])
