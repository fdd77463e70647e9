"""The store in Redis keeps the contract, on a real server, also when that one fails."""

from __future__ import annotations

import select
import signal
import socket
import time
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import TestCase

from collab_wamp.errors import CollabError
from collab_wamp.gathering import gathering
from collab_wamp.store.address import parse_address
from collab_wamp.store.announcements import ChannelReset
from collab_wamp.store.answers import Committed, Moved
from collab_wamp.store.commons import Bucket
from collab_wamp.store.redis import RedisStore
from collab_wamp.store.values import Presence, make_snapshot
from tests.support.commons_contract import TOKEN, CommonsContract
from tests.support.held_contract import HeldContract, held
from tests.support.rights_contract import RightsContract
from tests.support.store_contract import KEY, StoreContract, participant, submission
from tests.support.valkey import ValkeyServer
from tests.support.versions_contract import VersionsContract, version
from tests.support.waiting import until


class RedisCase(TestCase):
    options: tuple[str, ...] = ()
    clock_set_by = 0.0
    timeout = 60

    async def setUp(self) -> None:
        self.server = ValkeyServer(*self.options)
        self.addCleanup(self.server.stop)
        self.server.start()
        self.stores: list[RedisStore] = []
        self.store = await self.open()

    async def open(self) -> RedisStore:
        store = RedisStore(
            reactor,
            self.server.url,
            durability="fsynced",
            instance_id="node-1",
            monotonic=lambda: time.monotonic() + self.clock_set_by,
        )
        self.stores.append(store)
        store.start()
        await store.until_ready()
        return store

    async def tearDown(self) -> None:
        for store in self.stores:
            await store.close()

    async def wait(self, heard: list[Any], count: int) -> None:
        await until(lambda: len(heard) >= count)

    async def pass_time(self, seconds: float) -> None:
        over: Deferred[None] = Deferred()
        reactor.callLater(seconds, over.callback, None)
        await over


class RedisCommonsTests(CommonsContract, RedisCase):
    async def setUp(self) -> None:
        await super().setUp()
        self.commons = self.store.commons

    async def until(self, condition: Any) -> None:
        await until(condition)

    async def fill_in_the_future(self, name: str, ms: float) -> None:
        await self.store._connection.command("SET", name, time.time() * 1000 + ms, "PX", 60_000)

    async def test_no_key_is_left_for_ever(self) -> None:
        await self.commons.revoke(TOKEN, 60)
        await self.commons.beat("a", {}, 60, "me")
        await self.commons.take([Bucket("{rate:acme}:edits", per_s=1, burst=3)], 0)
        keys = await self.store._connection.command("KEYS", "*")
        self.assertEqual(len(keys), 5)
        for key in keys:
            self.assertGreater(await self.store._connection.command("PTTL", key), 0, key)


class RedisStoreTests(StoreContract, VersionsContract, RightsContract, HeldContract, RedisCase):
    async def drop_checkpoints(self) -> None:
        await self.store._connection.command("DEL", "{acme:notes}:checkpoints")

    async def test_what_is_acknowledged_is_durable(self) -> None:
        await self.make()
        result = await self.store.commit(KEY, "epoch1", 0, [submission("client-0001", 1)])
        self.assertEqual(result, Committed(1, durable=True))
        self.assertTrue(await self.store.settle())

    async def test_without_appendfsync_always_waitaof_tells(self) -> None:
        await self.make()
        await self.store._connection.command("CONFIG", "SET", "appendfsync", "everysec")
        slow = await self.open()
        result = await slow.commit(KEY, "epoch1", 0, [submission("client-0001", 1)])
        self.assertEqual(result, Committed(1, durable=True))
        await self.store._connection.command("CONFIG", "SET", "appendonly", "no")
        never = await self.open()
        result = await never.commit(KEY, "epoch1", 1, [submission("client-0001", 2)])
        self.assertEqual(result, Committed(2, durable=False))

    async def test_every_key_that_is_no_document_expires(self) -> None:
        await self.make()
        await self.fill(3)
        await self.store.join(KEY, participant("p1"))
        await self.store.set_presence(KEY, "node-1", {"p1": Presence(0, 1, None)})
        await self.save(2, 0)
        await self.store.save_version(KEY, "epoch1", version(1), make_snapshot(1, b'"x"'))
        names = ("meta", "log", "seen", "snap", "checkpoints", "versions", "contents")
        documents = {f"{{acme:notes}}:{name}" for name in names}
        lasting = documents | {"tenant:acme:sessions"}
        for name in await self.store._connection.command("KEYS", "*"):
            ttl = await self.store._connection.command("TTL", name)
            self.assertEqual(ttl < 0, name.decode() in lasting, name)

    async def test_what_is_not_held_is_not_among_what_will_be_due(self) -> None:
        await self.make()
        for number in range(1, 6):
            await self.hold(held(f"conflict-{number}", seq=min(number, 4)))
        await self.hold(held("conflict-6", seq=2))
        await self.hold(held("conflict-7", epoch="epoch0"))
        await self.store.unhold(KEY, "conflict-1")
        rows = await self.store._connection.command("ZRANGE", "{nodes}:held", 0, -1)
        self.assertEqual({row.split(b"\n")[2] for row in rows}, {b"conflict-2", b"conflict-3"})

    async def test_clients_not_seen_for_a_day_are_forgotten_at_a_snapshot(self) -> None:
        await self.make()
        await self.fill(2)
        await self.store._connection.command(
            "HSET", "{acme:notes}:seen", "client-old1", "4:1:00:1000:ada"
        )
        await self.store.save_snapshot(KEY, "epoch1", make_snapshot(2, b'"xx"'), 0, 1)
        left = await self.store._connection.command("HKEYS", "{acme:notes}:seen")
        self.assertEqual(left, [b"client-0001"])

    async def test_a_command_that_the_socket_takes_in_pieces_arrives_whole(self) -> None:
        command = self.store._connection.command
        handle = self.store._connection._protocol.transport.getHandle()
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        values = [bytes([65 + number]) * (1 << 20) for number in range(3)]
        writing = [
            Deferred.fromCoroutine(command("SET", f"{{x}}:{number}", value))
            for number, value in enumerate(values)
        ]
        await gatherResults(writing)
        read = [await command("GET", f"{{x}}:{number}") for number in range(3)]
        self.assertEqual([hash(value) for value in read], [hash(value) for value in values])

    async def test_a_clock_that_is_set_stops_nobody_for_long(self) -> None:
        """Here it is the clock of this process; the same holds for the store's."""
        await self.make()
        self.clock_set_by = -60.0
        with self.assertRaises(CollabError) as caught:
            await self.fill(1)
        self.assertEqual(caught.exception.code, "store_unavailable")
        await self.fill(1)
        self.assertEqual((await self.store.meta(KEY)).revision, 1)

    async def test_two_writers_race_and_the_log_has_each_edit_once(self) -> None:
        await self.make()
        other = await self.open()

        async def write(store: RedisStore, client_id: str) -> None:
            head = 0
            for seq in range(1, 301):
                while True:
                    result = await store.commit(KEY, "epoch1", head, [submission(client_id, seq)])
                    if isinstance(result, Committed):
                        head = result.first
                        break
                    assert isinstance(result, Moved)
                    head = result.revision

        await gatherResults(
            Deferred.fromCoroutine(write(store, client_id))
            for store, client_id in ((self.store, "client-0001"), (other, "client-0002"))
        )
        edits, meta = await self.store.edits(KEY, "epoch1", 0, 1000)  # type: ignore[misc]
        self.assertEqual((meta.revision, len(edits)), (600, 600))
        for client_id in ("client-0001", "client-0002"):
            mine = [edit.seq for edit in edits if edit.client_id == client_id]
            self.assertEqual(mine, list(range(1, 301)))

    async def test_an_edit_takes_at_most_120_bytes(self) -> None:
        await self.make()
        count = 5000
        for block in range(count // 100):
            batch = [
                submission(
                    "k3jd82ls9dk2ls93", block * 100 + n + 1, (104_852, "a"), 1_767_225_600_000
                )
                for n in range(100)
            ]
            await self.store.commit(KEY, "epoch1", block * 100, batch)
        size = await self.store._connection.command("MEMORY", "USAGE", "{acme:notes}:log")
        self.assertLess(size / count, 120)


class BesideTests(RedisCase):
    """The links for commands and for announcements are read together."""

    make = StoreContract.make
    fill = StoreContract.fill

    async def at_one_time(self, work: Any, first: int) -> Any:
        """Do something whose answer and announcement are both there, and read one link first."""
        await self.pass_time(0)  # what is being read is read
        links = [self.store._connection, self.store._channels._connection]
        sockets = [link._protocol.transport.getHandle() for link in links]
        done = Deferred.fromCoroutine(work)
        for each in sockets:
            self.assertEqual(select.select([each], [], [], 10.0)[0], [each])
        links[first]._protocol.transport.doRead()
        return await done

    async def test_an_answer_and_what_is_announced_with_it_are_gathered(self) -> None:
        await self.make()
        await self.fill(1)  # its script is known from now on
        during: list[Any] = []
        await self.store.listen(KEY, lambda _key, _event: during.append(gathering.held))

        async def commit(head: int) -> None:
            await self.store.commit(KEY, "epoch1", head, [submission(f"other-{head:05}", 1)])
            during.append(gathering.held)

        for first in (0, 1):
            del during[:]
            await self.at_one_time(commit(1 + first), first)
            await until(lambda: len(during) == 2)
            self.assertIsNotNone(during[0])
            self.assertIs(during[0], during[1])
            await until(lambda: gathering.held is None)

    async def test_an_announcement_that_cannot_be_read_ends_no_link_but_its_own(self) -> None:
        await self.make()
        heard: list[Any] = []
        await self.store.listen(KEY, lambda _key, event: heard.append(event))
        link = self.store._connection._protocol
        channels = self.store._channels._connection
        listening = channels._protocol
        publish = self.store._connection.command("PUBLISH", "{acme:notes}:events", "not JSON")
        self.assertEqual(await self.at_one_time(publish, 0), 1)
        await until(lambda: ChannelReset() in heard)
        self.assertIs(self.store._connection._protocol, link)
        self.assertIsNot(channels._protocol, listening)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)


class FailureTests(RedisCase):
    async def unavailable(self, work: Any) -> None:
        started = reactor.seconds()
        with self.assertRaises(CollabError) as caught:
            await work
        self.assertEqual(caught.exception.code, "store_unavailable")
        self.assertLess(reactor.seconds() - started, 3.5)

    make = StoreContract.make
    fill = StoreContract.fill

    async def test_a_killed_server_loses_nothing_and_is_found_again(self) -> None:
        await self.make()
        heard: list[Any] = []
        await self.store.listen(KEY, lambda key, event: heard.append(event))
        await self.fill(50)
        self.server.kill()
        await until(lambda: not self.store._connection.ready)
        await self.unavailable(self.store.meta(KEY))
        self.server.start()
        await self.store.until_ready(5)
        await until(lambda: ChannelReset() in heard)
        edits, meta = await self.store.edits(KEY, "epoch1", 0, 1000)  # type: ignore[misc]
        self.assertEqual((len(edits), meta.revision), (50, 50))
        before = len(heard)
        await self.store.commit(KEY, "epoch1", 50, [submission("client-0001", 51)])
        await until(lambda: len(heard) > before)

    async def test_a_silent_server_is_given_up_and_does_not_act_late(self) -> None:
        await self.make()
        self.server.signal(signal.SIGSTOP)
        await self.unavailable(self.store.commit(KEY, "epoch1", 0, [submission("client-0001", 1)]))
        self.server.signal(signal.SIGCONT)
        await self.store.until_ready(10)
        meta = await self.store.meta(KEY)
        assert meta is not None
        if meta.revision:  # it was committed before its deadline: then a resend finds it
            result = await self.store.commit(KEY, "epoch1", 0, [submission("client-0001", 1)])
            self.assertNotIsInstance(result, Committed)

    async def test_a_call_that_arrives_after_its_deadline_does_nothing(self) -> None:
        await self.make()
        self.store._clock._offset_ms -= 10_000
        await self.unavailable(self.store.commit(KEY, "epoch1", 0, [submission("client-0001", 1)]))
        meta = await self.store.meta(KEY)
        assert meta is not None
        self.assertEqual(meta.revision, 0)

    async def test_a_full_or_read_only_server_is_unavailable(self) -> None:
        await self.make()
        command = self.store._connection.command
        await command("CONFIG", "SET", "maxmemory", "1")
        await self.unavailable(self.store.commit(KEY, "epoch1", 0, [submission("client-0001", 1)]))
        await self.unavailable(self.store.ping())
        await command("CONFIG", "SET", "maxmemory", "0")
        await command("REPLICAOF", "127.0.0.1", "1")
        await self.unavailable(self.store.commit(KEY, "epoch1", 0, [submission("client-0001", 1)]))
        await self.unavailable(self.store.ping())
        await command("REPLICAOF", "NO", "ONE")
        result = await self.store.commit(KEY, "epoch1", 0, [submission("client-0001", 1)])
        self.assertEqual(result, Committed(1, durable=True))

    async def test_ping_tells_how_the_server_is(self) -> None:
        found = await self.store.ping()
        self.assertEqual(
            (found["appendfsync"], found["maxmemory_policy"]), ("always", "noeviction")
        )
        self.server.kill()
        await until(lambda: not self.store._connection.ready)
        await self.unavailable(self.store.ping())


class AddressTests(TestCase):
    def test_urls(self) -> None:
        self.assertEqual(str(parse_address("redis://:s%40cret@db:7/2")), "redis://db:7/2")
        self.assertEqual(parse_address("redis://:s%40cret@db").password, "s@cret")
        self.assertEqual(parse_address("unix:///run/v.sock?db=3").db, 3)
        self.assertTrue(parse_address("rediss://db").tls)

    def test_what_is_wrong_is_named(self) -> None:
        for url, said in (("http://x", "http"), ("redis://", "host"), ("redis://h/x", "x")):
            with self.assertRaises(ValueError) as caught:
                parse_address(url)
            self.assertIn(said, str(caught.exception))
