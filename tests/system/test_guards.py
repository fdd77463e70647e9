"""Each guard of the router, attacked over raw WebSocket frames, with an innocent client beside it.

Taken out one at a time (see `wamp/gate.py` and `wamp/guarded.py`), each has a test here that fails.
"""

from __future__ import annotations

import json
import socket
import time
from typing import Any, ClassVar

from autobahn.twisted.rawsocket import WampRawSocketClientFactory
from autobahn.twisted.wamp import ApplicationSession
from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.serializer import MsgPackSerializer
from autobahn.wamp.types import CallOptions, ComponentConfig, PublishOptions
from twisted.internet import reactor
from twisted.internet.defer import Deferred, FirstError, gatherResults
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from tests.support.node import Node
from tests.support.raw_wamp import CallError, RawClient, logged_in
from tests.support.waiting import until

LIMITS = {
    "COLLAB_LIMITS_HELLO_S": "1.5",
    "COLLAB_LIMITS_FAREWELL_S": "0.5",
    "COLLAB_LIMITS_CONNECTIONS_PER_USER": "4",
    "COLLAB_LIMITS_SUBSCRIPTIONS": "20",
    "COLLAB_LIMITS_SEND_BUFFER_BYTES": "4000000",
    "COLLAB_LIMITS_DOCUMENT_LENGTH": "600000",
    "COLLAB_LIMITS_SEND_BUFFER_SLOW_BYTES": "100000",
    "COLLAB_LIMITS_SEND_BUFFER_SLOW_S": "1",
}
OPEN = 20.0


class GuardCase(TestCase):
    """One node for all, with short deadlines; no test may leave a traceback in its log."""

    timeout = 120
    node: ClassVar[Node | None] = None

    async def setUp(self) -> None:
        if GuardCase.node is None:
            node = Node(**LIMITS)
            await deferToThread(node.start)
            GuardCase.node = node
        self.at = GuardCase.node
        self.log = self.at.data_dir / "log" / "node.log"
        self.log_start = self.log.stat().st_size
        self.clients: list[RawClient] = []
        self.session_id = self.id().rsplit(".", 1)[-1][-60:]

    async def tearDown(self) -> None:
        for client in self.clients:
            await client.cut()
        self.assertNotIn("Traceback", self.log.read_text()[self.log_start :])

    async def client(self, user: str = "mallory", **more: Any) -> RawClient:
        client = await logged_in(self.at.port, self.at.token(user, **more))
        self.clients.append(client)
        return client

    async def connected(self, *subprotocols: str) -> RawClient:
        client = await RawClient(self.at.port, subprotocols or ("wamp.2.json",)).connect()
        self.clients.append(client)
        return client

    async def canary(self) -> Canary:
        return await Canary(self, await self.client("canary")).begin()

    async def inside(self) -> Any:
        """A WAMP session on the private socket, as the node's components have."""
        joined: Deferred[Any] = Deferred()
        gone: Deferred[None] = Deferred()

        class Inside(ApplicationSession):  # type: ignore[misc]  # Autobahn has no types
            def onJoin(self, details: Any) -> None:
                joined.callback(self)

            def onDisconnect(self) -> None:
                gone.callback(None)

        factory = WampRawSocketClientFactory(
            lambda: Inside(ComponentConfig("collab")), serializer=MsgPackSerializer()
        )
        path = str(self.at.data_dir / "node" / "router.sock")
        await UNIXClientEndpoint(reactor, path).connect(factory)
        wamp_session = await joined
        self.addCleanup(lambda: gone)
        self.addCleanup(wamp_session.disconnect)
        return wamp_session

    async def code_of(self, client: RawClient, procedure: str, **kwargs: Any) -> str:
        error = await self.failure(client, procedure, **kwargs)
        return error.code

    async def failure(self, client: RawClient, procedure: str, **kwargs: Any) -> CallError:
        try:
            await client.call(procedure, **kwargs)
        except CallError as error:
            return error
        raise AssertionError(f"{procedure} was answered")


class Canary:
    """An innocent client that edits: what others do must not be felt here."""

    def __init__(self, case: GuardCase, client: RawClient) -> None:
        self._case = case
        self.client = client
        self.seq = 0

    async def begin(self) -> Canary:
        await self.client.call("collab.session.create", session_id=self._case.session_id)
        self.joined = await self.client.call(
            "collab.session.join", session_id=self._case.session_id, client_id="canary-client"
        )
        for name in ("edits", "roster", "presence"):
            await self.client.subscribe(self.joined["topics"][name])
        return self

    async def sings(self) -> None:
        """An edit is answered and comes back in the stream, and nothing else has changed."""
        await self.writes("a")

    async def writes(self, text: str) -> None:
        self.seq += 1
        answer = await self.client.call(
            "collab.session.edit",
            session_id=self._case.session_id,
            epoch=self.joined["epoch"],
            revision=self.seq - 1,
            client_id="canary-client",
            seq=self.seq,
            op=[text],
        )
        self._case.assertEqual(answer["revision"], self.seq)
        topic = self.joined["topics"]["edits"]
        await until(
            lambda: any(
                edit[1] == self.seq
                for event in self.client.events(topic)
                for edit in event["edits"]
            )
        )
        self._case.assertIsNone(self.client.closed)


class IdentityTests(GuardCase):
    async def test_forward_for_ends_the_connection(self) -> None:
        """Whoever would speak as somebody else is thrown out, and nobody heard it."""
        canary = await self.canary()
        forged = {"forward_for": [{"session": 1, "authid": "canary", "authrole": "backend"}]}
        presence = canary.joined["topics"]["cursor"]
        for message in (
            [48, 1, forged, "collab.session.destroy", [], {"session_id": self.session_id}],
            [16, 1, forged, presence, [], {"revision": 0, "position": 0}],
            [32, 1, forged, canary.joined["topics"]["edits"]],
            [34, 1, 77, forged],
            [49, 1, forged],
            [48, 1, {"forward_for": None}, "collab.session.list"],
        ):
            client = await self.client()
            client.send(message)
            code, _ = await client.until_closed()
            self.assertEqual(code, 1008, message)
            self.assertEqual([row for row in client.received if row[0] in (8, 50)], [])
        await canary.sings()

    async def test_the_token_alone_says_who_connects(self) -> None:
        """What HELLO claims of authid, role and extra counts for nothing."""
        client = await self.connected()
        token = self.at.token("mallory", "acme", notes="view")
        welcome = await client.login(
            token,
            authid="canary",
            authrole="backend",
            authextra={"tenant": "other", "rights": {"*": "manage"}, "transport": {}},
        )
        self.assertEqual(welcome[0], 2)
        details = welcome[2]
        self.assertEqual((details["authid"], details["authrole"]), ("mallory", "user"))
        self.assertEqual(details["authextra"]["tenant"], "acme")
        self.assertEqual(details["authextra"]["rights"], {"notes": "view"})
        self.assertEqual(
            await self.code_of(client, "collab.session.info", session_id="x"), "no_such_session"
        )

    async def test_other_ways_in_are_closed(self) -> None:
        for hello in (
            [1, "collab", {"roles": {"caller": {}}}],
            [1, "collab", {"roles": {"caller": {}}, "authmethods": ["anonymous"]}],
            [1, "collab", {"roles": {"caller": {}}, "authmethods": ["cookie", "tls", "scram"]}],
            [1, "other", {"roles": {"caller": {}}, "authmethods": ["anonymous"]}],
        ):
            client = await self.connected()
            client.send(hello)
            await client.until_closed()
            self.assertEqual([row[0] for row in client.received], [3], hello)

    async def test_a_bad_ticket_is_refused_and_the_connection_ends(self) -> None:
        for ticket in ("", "x", "a.b.c", self.at.token() + "x", "x" * 60_000):
            client = await self.connected()
            answer = await client.login(ticket)
            self.assertEqual((answer[0], answer[2]), (3, "collab.error.token_invalid"), ticket[:20])
            self.assertEqual(answer[1]["message"], "The token is not accepted.")
            await client.until_closed(5)

    async def test_another_realm_is_refused(self) -> None:
        client = await self.connected()
        client.send([1, "sys", {"roles": {"caller": {}}, "authmethods": ["ticket"]}])
        client.send([5, self.at.token(), {}])
        await client.until_closed()
        self.assertNotIn(2, [row[0] for row in client.received])

    async def test_a_user_has_so_many_connections(self) -> None:
        for _ in range(4):
            await self.client("many")
        fifth = await self.connected()
        answer = await fifth.login(self.at.token("many"))
        self.assertEqual((answer[0], answer[2]), (3, "collab.error.too_many"))
        other = await self.connected()
        self.assertEqual((await other.login(self.at.token("many", "elsewhere")))[0], 2)
        self.clients[0].send([6, {}, "wamp.close.normal"])
        await self.clients[0].until_closed()
        sixth = await self.connected()
        self.assertEqual((await sixth.login(self.at.token("many")))[0], 2)

    async def test_the_components_believe_no_forged_identity_either(self) -> None:
        """One that comes past the router's guard, here from the components' own socket."""
        canary, ada, bob = await self.canary(), await self.client("ada"), await self.client("bob")
        at = {}
        for name, client in (("ada", ada), ("bob", bob)):
            at[name] = await client.call(
                "collab.session.join", session_id=self.session_id, client_id=f"client-{name}"
            )
        inside = await self.inside()
        forged = [{"session": bob.received[1][1], "authid": "bob", "authrole": "user"}]
        with self.assertRaises(ApplicationError) as caught:
            await inside.call(
                "collab.session.destroy",
                session_id=self.session_id,
                options=CallOptions(forward_for=forged),
            )
        self.assertEqual(caught.exception.error, "collab.error.denied")
        topic, presence = at["bob"]["topics"]["cursor"], canary.joined["topics"]["presence"]
        options = PublishOptions(acknowledge=True, forward_for=forged)
        await inside.publish(topic, revision=0, position=0, options=options)
        ada.publish(topic, revision=0, position=0)
        seen = await until(lambda: canary.client.events(presence))
        self.assertEqual([list(e["presence"]) for e in seen], [[at["ada"]["participant_id"]]])
        await canary.sings()


class RequestTests(GuardCase):
    async def test_patterns_are_refused(self) -> None:
        """Subscriptions are exact, so nobody hears a session whose topics they were not told."""
        canary = await self.canary()
        client = await self.client()
        for topic, match in (
            ("collab.s.", "prefix"),
            ("collab.s", "prefix"),
            ("", "prefix"),
            ("collab.s..edits", "wildcard"),
            (canary.joined["topics"]["edits"], "prefix"),
        ):
            with self.assertRaises(CallError) as caught:
                await client.subscribe(topic, match=match)
            self.assertEqual(caught.exception.uri, "wamp.error.not_authorized")
        await client.subscribe(canary.joined["topics"]["edits"])  # a stolen name, not a participant
        await canary.sings()
        await self.failure(client, "collab.session.info", session_id="../")  # a round trip
        self.assertEqual([row for row in client.received if row[0] == 36], [])

    async def test_nothing_is_registered(self) -> None:
        client = await self.client()
        for number, options in enumerate(
            ({}, {"invoke": "roundrobin"}, {"force_reregister": True}, {"match": "prefix"}), 1
        ):
            client.send([64, number, options, "collab.session.edit"])
            answer = await until(lambda n=number: replies(client, n))
            self.assertEqual(answer[4], "wamp.error.not_authorized")
        await (await self.canary()).sings()

    async def test_what_is_not_for_clients_is_refused(self) -> None:
        client = await self.client()
        for procedure in (
            "wamp.session.list", "wamp.session.get", "wamp.session.kill", "wamp.session.count",
            "wamp.session.add_testament", "wamp.session.flush_testaments", "wamp.registration.list",
            "wamp.subscription.list", "crossbar.node.shutdown", "collab.relay.watch",
            "collab.node.health.relay", "collab.node.health.sessions",
        ):  # fmt: skip
            error = await self.failure(client, procedure)
            self.assertEqual(error.uri, "wamp.error.not_authorized", procedure)
        for topic in ("wamp.session.on_join", "wamp.session.on_leave", "collab.in.x.cursor"):
            with self.assertRaises(CallError) as caught:
                await client.subscribe(topic)
            self.assertEqual(caught.exception.uri, "wamp.error.not_authorized", topic)

    async def test_server_topics_are_not_for_clients_to_publish(self) -> None:
        canary = await self.canary()
        client = await self.client()
        topics = canary.joined["topics"]
        for topic in (topics["edits"], topics["roster"], topics["presence"], "collab.notice"):
            client.publish(topic, {"acknowledge": True}, epoch="x", after=0, edits=[["forged"]])
            answer = await until(
                lambda: client.received[-1] if client.received[-1][0] == 8 else None
            )
            self.assertEqual(answer[4], "wamp.error.not_authorized")
            client.received.pop()
            client.publish(topic, {"eligible": [1]}, epoch="x", after=0, edits=[["forged"]])
        await canary.sings()
        self.assertNotIn("forged", json.dumps(canary.client.received))

    async def test_whom_a_publish_reaches_is_not_for_clients_to_say(self) -> None:
        """Its options are without effect: the relay hears of a cursor whatever they are."""
        canary = await self.canary()
        client = await self.client()
        joined = await client.call(
            "collab.session.join", session_id=self.session_id, client_id="mallory-client"
        )
        for position, options in enumerate(
            (
                {"eligible": []}, {"eligible_authid": ["nobody"]}, {"retain": True},
                {"exclude_authrole": ["backend"]}, {"exclude_me": False}, {"disclose_me": False},
            )
        ):  # fmt: skip
            client.publish(joined["topics"]["cursor"], options, revision=0, position=None)
            client.publish(joined["topics"]["cursor"], options, revision=0, position=0)
            await until(
                lambda: any(
                    joined["participant_id"] in event["presence"]
                    for event in canary.client.events(canary.joined["topics"]["presence"])
                ),
                what=f"cursor {position} with {options}",
            )
            canary.client.received.clear()
        await canary.sings()

    async def test_subscriptions_are_limited(self) -> None:
        client = await self.client()
        for number in range(20):
            await client.subscribe(f"collab.s.{number:026}.edits")
        with self.assertRaises(CallError) as caught:
            await client.subscribe("collab.s.more.edits")
        self.assertEqual(caught.exception.code, "too_many")

    async def test_a_call_cannot_be_cancelled_half_way(self) -> None:
        """CANCEL is passed over: the call is answered with what happened."""
        canary = await self.canary()
        for mode in ("kill", "killnowait", "skip"):
            canary.seq += 1
            number = canary.client.start_call(
                "collab.session.edit",
                session_id=self.session_id,
                epoch=canary.joined["epoch"],
                revision=canary.seq - 1,
                client_id="canary-client",
                seq=canary.seq,
                op=["b"],
            )
            canary.client.send([49, number, {"mode": mode}])
            answer = await canary.client.answer(50, number)
            self.assertEqual(answer[3][0]["revision"], canary.seq)
        await canary.sings()

    async def test_malformed_messages_end_the_connection(self) -> None:
        canary = await self.canary()
        for message in (
            [], {}, 1, None, "x", [True], ["x"], [48], [48, "x", {}, "a.b.c"], [48, 1, [], "a.b.c"],
            [48, 0, {}, "a.b.c"], [48, 1, {}, 5], [48, 1, {}, "a.b.c", {}],
            [48, 1, {}, "a.b.c", [], []], [32, 1, {}, None], [16, -1, {}, "a.b.c"], [2, 1, {}],
            [4, "ticket", {}], [36, 1, 1, {}], [50, 1, {}], [68, 1, 1, {}], [70, 1, {}],
            [8, 68, 1, {}, "x"], [1, "collab", {}], [5, "x", {}], [99], [2**60], [33, 1, 1],
        ):  # fmt: skip
            client = await self.client()
            client.send(message)
            code, _ = await client.until_closed()
            self.assertIn(code, (1002, 1008), message)
        await canary.sings()

    async def test_bad_uris_are_answered(self) -> None:
        client = await self.client()
        for uri in ("", ".", "collab..x", "collab session", "COLLAB", "a" * 10_000):
            error = await self.failure(client, uri)
            self.assertTrue(error.uri.startswith("wamp.error."), error.uri)


class LoadTests(GuardCase):
    async def test_too_many_calls_at_one_time_are_to_wait(self) -> None:
        client = await self.client()
        numbers = [client.start_call("collab.session.list") for _ in range(300)]
        answers = gatherResults(
            [Deferred.fromCoroutine(client.answer(50, number)) for number in numbers],
            consumeErrors=True,
        )
        with self.assertRaises(FirstError) as caught:
            await answers
        error = caught.exception.subFailure.value
        self.assertEqual((error.code, error.kwargs["retryable"]), ("overloaded", True))
        await until(lambda: len([row for row in client.received if row[0] in (8, 50)]) == 300)
        # Errors are answers too: nothing is counted for ever.
        for _ in range(150):
            await self.failure(client, "collab.session.info", session_id="none")
            await self.failure(client, "collab.nothing.like.this")
        await client.call("collab.session.list")


class OrderTests(GuardCase):
    async def test_everybody_hears_everything_in_order_while_people_leave(self) -> None:
        """Beyond a number of receivers Crossbar would send an event in pieces, with pauses.

        The events are as the relay's when many leave at once: close upon each other, each for one
        person fewer than the one before.
        """
        canary = await self.canary()
        topic = canary.joined["topics"]["roster"]
        crowd = await gatherResults(
            [Deferred.fromCoroutine(self.client(f"p{number}")) for number in range(180)]
        )
        await gatherResults([Deferred.fromCoroutine(c.subscribe(topic)) for c in crowd])
        inside = await self.inside()
        rounds = [crowd[first:] for first in range(60)]
        for number, here in enumerate(rounds):
            receivers = [last(client, 2)[1] for client in here]
            inside.publish(topic, number=number, options=PublishOptions(eligible=receivers))
        await until(lambda: crowd[-1].events(topic))
        for client in crowd[:60]:
            client.protocol.transport.abortConnection()
        await until(lambda: all(len(c.events(topic)) == len(rounds) for c in crowd[60:]))
        for client in crowd[60:]:
            self.assertEqual([e["number"] for e in client.events(topic)], [*range(len(rounds))])
            self.assertIsNone(client.closed)
        await canary.sings()


def replies(client: RawClient, number: int) -> Any:
    return next((row for row in client.received if row[0] == 8 and row[2] == number), None)


def last(client: RawClient, kind: int) -> Any:
    return next((row for row in reversed(client.received) if row[0] == kind), None)


class FrameTests(GuardCase):
    async def test_fragments_without_end(self) -> None:
        canary = await self.canary()
        client = await self.client()
        client.protocol.beginMessage()
        for _ in range(20_000):
            client.protocol.sendMessageFrame(b"")
        await client.until_closed()
        await canary.sings()

    async def test_a_message_in_some_fragments_is_one(self) -> None:
        client = await self.client(tenant="empty")
        client.protocol.beginMessage()
        for part in (b'[48,1,{},"collab', b"", b'.session.list",[],{}]'):
            client.protocol.sendMessageFrame(part)
        client.protocol.endMessage()
        self.assertEqual((await client.answer(50, 1))[3][0]["sessions"], [])

    async def test_too_large_a_message(self) -> None:
        canary = await self.canary()
        client = await self.client()
        client.send_text("[" + " " * (64 * 1024) + "]")
        self.assertEqual((await client.until_closed())[0], 1009)
        await canary.sings()

    async def test_too_large_a_message_in_pieces(self) -> None:
        client = await self.client()
        client.protocol.beginMessage()
        for _ in range(3):
            client.protocol.sendMessageFrame(b" " * 30_000)
        self.assertEqual((await client.until_closed())[0], 1009)

    async def test_what_a_client_is_sent_may_be_larger(self) -> None:
        canary = await self.canary()
        for _ in range(4):
            await canary.writes("x" * 30_000)
        client = await self.client()
        answer = await client.call("collab.session.snapshot", session_id=self.session_id)
        self.assertEqual(len(answer["content"]), 120_000)

    async def test_frames_that_are_no_frames(self) -> None:
        call = b'[48,1,{},"collab.session.list",[],{}]'
        for raw, codes in (
            (bytes([0x81, len(call)]) + call, (1002,)),  # unmasked
            (b"\x83\x80\0\0\0\0", (1002,)),  # an opcode that is reserved
            (b"\xf1\x80\0\0\0\0", (1002,)),  # reserved bits
            (b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", (1009,)),  # length 2^63 - 1
            (b"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", (1002, 1009)),  # length 2^64 - 1
            (b"\x81\x82\0\0\0\0\xc3\x28", (1007,)),  # bad UTF-8
        ):
            client = await self.client()
            client.protocol.transport.write(raw)
            code, _ = await client.until_closed()
            self.assertIn(code, codes, raw)

    async def test_only_the_two_subprotocols(self) -> None:
        for name in ("wamp.2.cbor", "wamp.2.json.batched", "wamp.2.msgpack.batched", "chat"):
            status = await deferToThread(self.upgrade, subprotocol=name)
            self.assertEqual(status, 400, name)
        self.assertEqual(await deferToThread(self.upgrade, subprotocol=""), 400)
        for name in ("wamp.2.json", "wamp.2.msgpack", "wamp.2.json.batched, wamp.2.json"):
            self.assertEqual(await deferToThread(self.upgrade, subprotocol=name), 101, name)

    async def test_no_compression(self) -> None:
        """A small frame that unpacks to gigabytes is not read: what is offered is not taken up."""
        for offer in ("permessage-deflate", "permessage-deflate; client_max_window_bits, x-webkit"):
            head = await deferToThread(self.answer, more=f"Sec-WebSocket-Extensions: {offer}")
            self.assertTrue(head.startswith("HTTP/1.1 101 "), head)
            self.assertNotIn("extensions", head.lower())
        client = await self.client()
        client.protocol.transport.write(b"\xc1\x80\0\0\0\0")  # as if it had been
        self.assertEqual((await client.until_closed())[0], 1002)

    async def test_origins(self) -> None:
        port = self.at.port
        for origin in (
            "http://evil.example", "null", f"http://localhost.evil.example:{port}", "file:///x",
            f"http://localhost:{port + 1}", f"http://127.0.0.1.evil.example:{port}", "http://",
        ):  # fmt: skip
            status = await deferToThread(self.upgrade, origin=origin)
            self.assertIn(status, (400, 403), origin)
            if origin.startswith(("http://e", "http://l", "null")):
                self.assertEqual(status, 403, origin)
        for origin in (f"http://localhost:{port}", f"http://127.0.0.1:{port}"):
            self.assertEqual(await deferToThread(self.upgrade, origin=origin), 101, origin)
        self.assertEqual(
            await deferToThread(self.upgrade, origin="http://pad.example", host="pad.example"), 101
        )

    async def test_huge_headers(self) -> None:
        for more in ("X-Large: " + "x" * 65_536, "\r\n".join(f"X-{n}: y" for n in range(1000))):
            status = await deferToThread(self.upgrade, more=more)
            self.assertTrue(status == 0 or 400 <= status < 500, status)

    def upgrade(self, **request: str) -> int:
        """The HTTP status of an upgrade, in a thread; 0 = closed without an answer."""
        first = self.answer(**request).split("\r\n")[0].split()
        return int(first[1]) if len(first) > 1 else 0

    def answer(
        self, *, subprotocol: str = "wamp.2.json", origin: str = "", host: str = "", more: str = ""
    ) -> str:
        """What an upgrade is answered with; "" = closed without an answer."""
        lines = [
            "GET /ws HTTP/1.1",
            f"Host: {host or f'127.0.0.1:{self.at.port}'}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Version: 13",
            *([f"Sec-WebSocket-Protocol: {subprotocol}"] if subprotocol else []),
            *([f"Origin: {origin}"] if origin else []),
            *([more] if more else []),
        ]
        with socket.create_connection(("127.0.0.1", self.at.port), timeout=OPEN) as link:
            found = b""
            try:
                link.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
                while b"\r\n\r\n" not in found and (part := link.recv(4096)):
                    found += part
            except ConnectionError:
                return ""
            return found.partition(b"\r\n\r\n")[0].decode("latin-1")


class DeadlineTests(GuardCase):
    async def test_who_does_not_say_hello(self) -> None:
        client = await self.connected()
        start = reactor.seconds()
        await client.until_closed(OPEN)
        self.assertLess(reactor.seconds() - start, 5)

    async def test_who_does_not_authenticate(self) -> None:
        """Not by saying HELLO again and again either."""
        client = await self.connected()
        client.send([1, "collab", {"roles": {"caller": {}}, "authmethods": ["ticket"]}])
        await until(lambda: last(client, 4))
        start = reactor.seconds()
        await client.until_closed(OPEN)
        self.assertLess(reactor.seconds() - start, 5)

    async def test_who_does_not_finish_a_request(self) -> None:
        """Silent, or a byte now and then: the connection's time for its one request is short."""
        asked = b"GET /ready HTTP/1.1\r\nHost: localhost\r\n\r\n"
        for text, drip in ((b"", b""), (b"GET /ws HTTP/1.1\r\nX: ", b"x"), (asked, b"x")):
            self.assertLess(await deferToThread(self.seconds_open, text, drip), 5.0, text)

    def seconds_open(self, text: bytes, drip: bytes) -> float:
        """How long a connection lives that sends a text, and then a byte four times a second."""
        start = time.monotonic()
        with socket.create_connection(("127.0.0.1", self.at.port)) as link:
            link.sendall(text)
            link.settimeout(0.25)
            while time.monotonic() - start < 10:
                try:
                    if link.recv(100) == b"":
                        break
                    link.sendall(drip)
                except TimeoutError:
                    link.sendall(drip)
                except ConnectionError:
                    break
        return time.monotonic() - start

    async def test_who_is_frozen_is_gone_soon(self) -> None:
        """No ping is answered: the others see it leave."""
        canary = await self.canary()
        client = await self.client()
        await client.call(
            "collab.session.join", session_id=self.session_id, client_id="mallory-client"
        )
        client.protocol.transport.pauseProducing()
        roster = canary.joined["topics"]["roster"]
        await until(lambda: any("left" in event for event in canary.client.events(roster)), 15.0)
        client.protocol.transport.resumeProducing()
        await client.until_closed()

    async def test_who_says_hello_without_end(self) -> None:
        client = await self.connected()
        for _ in range(50):
            client.send([1, "collab", {"roles": {"caller": {}}, "authmethods": ["ticket"]}])
        self.assertEqual((await client.until_closed())[0], 1008)

    async def test_a_connection_ends_with_its_token(self) -> None:
        client = await self.client(ttl_s=2)
        start = reactor.seconds()
        goodbye = await until(lambda: last(client, 6))
        self.assertEqual(goodbye[2], "collab.error.token_expired")
        client.send([48, 1, {}, "collab.session.list"])  # it stays, and goes on
        await client.until_closed(OPEN)
        self.assertLess(reactor.seconds() - start, 7)
        self.assertIsNone(last(client, 50))

    async def test_who_says_goodbye_is_let_go(self) -> None:
        client = await self.client()
        client.send([6, {}, "wamp.close.normal"])
        self.assertEqual((await client.until_closed(5))[0], 1000)
        self.assertEqual(last(client, 6)[0], 6)

    async def test_who_does_not_read_is_cut(self) -> None:
        """Before it fills the router's memory; the others do not notice."""
        canary = await self.canary()
        for _ in range(4):
            await canary.writes("x" * 30_000)
        client = await self.client()
        await client.call(
            "collab.session.join", session_id=self.session_id, client_id="mallory-client"
        )
        before = self.router_memory()
        client.protocol.transport.pauseProducing()
        for _ in range(800):  # 100 MB
            client.start_call("collab.session.snapshot", session_id=self.session_id)
        roster = canary.joined["topics"]["roster"]
        most = 0

        def gone() -> bool:
            nonlocal most
            most = max(most, self.router_memory())
            return any("left" in event for event in canary.client.events(roster))

        await until(gone, OPEN)
        await canary.sings()
        self.assertLess(most - before, 64 << 20)
        client.protocol.transport.resumeProducing()
        await client.until_closed()

    async def test_who_leaves_a_little_unread_for_long_is_cut(self) -> None:
        """Less than is cut at once. Answers to pings count: they are made below WAMP."""
        canary = await self.canary()
        client = await self.client()
        await client.call(
            "collab.session.join", session_id=self.session_id, client_id="mallory-client"
        )
        client.protocol.transport.getHandle().setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.protocol.transport.pauseProducing()
        ping = b"\x89\xfd\0\0\0\0" + b"x" * 125
        client.protocol.transport.write(ping * 36_000)  # 4.5 MB, of which the kernel holds a part
        roster = canary.joined["topics"]["roster"]
        await until(lambda: any("left" in event for event in canary.client.events(roster)), 8.0)
        await canary.sings()
        client.protocol.transport.resumeProducing()
        await client.until_closed()

    def router_memory(self) -> int:
        (pid,) = self.at.pids("router")
        with open(f"/proc/{pid}/statm") as file:
            return int(file.read().split()[1]) * 4096
