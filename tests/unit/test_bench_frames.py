"""The load client's frames and connection, without a network."""

from __future__ import annotations

import base64
import hashlib
import random
import re
from typing import Any

import orjson
from autobahn.websocket.xormasker import create_xor_masker
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from bench.connection import GUID, CallError, Connection, Event, Stream
from bench.frames import PING, PONG, TEXT, FrameError, Rest, frame_at, masked


def from_server(payload: bytes, opcode: int = TEXT) -> bytes:
    """A frame as servers send them (RFC 6455, 5.2)."""
    length = len(payload)
    if length < 126:
        return bytes([0x80 | opcode, length]) + payload
    if length < 1 << 16:
        return bytes([0x80 | opcode, 126]) + length.to_bytes(2, "big") + payload
    return bytes([0x80 | opcode, 127]) + length.to_bytes(8, "big") + payload


def as_sent(data: bytes) -> list[tuple[int, bytes]]:
    """(opcode, payload) of frames from a client, unmasked by Autobahn."""
    found = []
    while data:
        length, at = data[1] & 0x7F, 2
        if length == 126:
            length, at = int.from_bytes(data[2:4], "big"), 4
        elif length == 127:
            length, at = int.from_bytes(data[2:10], "big"), 10
        masker = create_xor_masker(data[at : at + 4], length)
        found.append((data[0] & 0x0F, masker.process(data[at + 4 : at + 4 + length])))
        data = data[at + 4 + length :]
    return found


class FrameTests(SynchronousTestCase):
    def test_every_length_has_its_header(self) -> None:
        for length in (0, 1, 125, 126, 65_535, 65_536, 70_000):
            payload = bytes(length)
            frame = frame_at(b"??" + from_server(payload), 2)
            assert frame is not None
            self.assertEqual((frame.opcode, frame.stop - frame.start), (TEXT, length))
            self.assertEqual(as_sent(masked(payload)), [(TEXT, payload)])

    def test_a_header_that_is_not_all_there_is_none(self) -> None:
        for length, header in ((5, 2), (300, 4), (70_000, 10)):
            whole = from_server(bytes(length))
            for cut in range(header):
                self.assertIsNone(frame_at(whole[:cut], 0))
            frame = frame_at(whole[:header], 0)
            assert frame is not None
            self.assertEqual(frame.stop, len(whole))

    def test_what_nodes_do_not_send_is_refused(self) -> None:
        masked_frame, piece, compressed = b"\x81\x85abcde", b"\x01\x05hello", b"\xc1\x05hello"
        for wrong in (masked_frame, piece, compressed):
            self.assertRaises(FrameError, frame_at, wrong, 0)

    def test_a_long_frame_in_pieces_is_put_together_once(self) -> None:
        whole = from_server(bytes(1000))
        rest = Rest()
        rest.keep(whole[:10], 0, frame_at(whole[:10], 0))
        for at in range(10, 1000, 10):
            self.assertIsNone(rest.add(whole[at : at + 10]))
        self.assertEqual(rest.add(whole[1000:]), whole)


class Listener(Connection):
    """Notes what came."""

    def __init__(self, stream: Stream, name: str) -> None:
        super().__init__(stream, name)
        self.events: list[Any] = []

    def on_event(self, event: Event, now: float) -> None:
        self.events.append(event.note)


class ConnectionCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.decoded = 0
        self.stream = Stream(self.describe)

    def describe(self, message: list[Any]) -> Any:
        self.decoded += 1
        return message[5]["n"]

    def connected(self, name: str) -> tuple[Listener, StringTransport]:
        """A connection that is upgraded and welcome."""
        client, transport = Listener(self.stream, name), StringTransport()
        client.makeConnection(transport)
        welcomed = client.login("localhost:1", "a token")
        request = transport.value()
        found = re.search(rb"Sec-WebSocket-Key: (\S+)\r\n", request)
        assert found is not None
        accept = base64.b64encode(hashlib.sha1(found[1] + GUID).digest())
        self.assertTrue(request.endswith(b"\r\n\r\n"))
        self.assertIn(b"Sec-WebSocket-Protocol: wamp.2.json\r\n", request)
        head = b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: " + accept
        transport.clear()
        client.dataReceived(head[:30])
        client.dataReceived(head[30:] + b"\r\n\r\n" + from_server(b'[4,"ticket",{}]'))
        self.assertNoResult(welcomed)
        hello, authenticate = (orjson.loads(sent) for _, sent in as_sent(transport.value()))
        self.assertEqual(hello[:2], [1, "collab"])
        self.assertEqual(authenticate, [5, "a token", {}])
        client.dataReceived(from_server(b"[2,7,{}]"))
        self.successResultOf(welcomed)
        transport.clear()
        return client, transport


def event(number: int, padding: int = 0) -> bytes:
    kwargs = {"n": number, "padding": "x" * padding}
    return from_server(orjson.dumps([36, 9, 1000 + number, {}, [], kwargs]))


class ConnectionTests(ConnectionCase):
    def test_events_cut_anywhere_come_once_each_and_in_order(self) -> None:
        chance = random.Random(1)
        data = b"".join(event(number, number % 200) for number in range(100))
        for name in "abc":
            client, _ = self.connected(name)
            at = 0
            while at < len(data):
                size = chance.choice((1, 2, 3, 50, 1000))
                client.dataReceived(data[at : at + size])
                at += size
            self.assertEqual(client.events, list(range(100)))
        self.assertEqual(self.decoded, 100)

    def test_who_receives_other_events_than_the_others_gets_theirs(self) -> None:
        a, _ = self.connected("a")
        b, _ = self.connected("b")
        a.dataReceived(event(1) + event(2) + event(3) + event(4))
        b.dataReceived(event(1) + event(3) + event(2) + event(5) + event(4))
        self.assertEqual(a.events, [1, 2, 3, 4])
        self.assertEqual(b.events, [1, 3, 2, 5, 4])
        self.assertEqual(self.decoded, 5)
        receivers = {found.note: found.receivers for found in self.stream.all()}
        self.assertEqual(receivers[2], ["a", "b"])
        self.assertEqual(receivers[5], ["b"])

    def test_a_ping_is_answered(self) -> None:
        client, transport = self.connected("a")
        client.dataReceived(event(1) + from_server(b"still there?", PING) + event(2))
        self.assertEqual(as_sent(transport.value()), [(PONG, b"still there?")])
        self.assertEqual(client.events, [1, 2])

    def test_calls_and_subscriptions_are_answered_by_number(self) -> None:
        client, transport = self.connected("a")
        first, second = client.call("a.procedure", x=1), client.subscribe("a.topic")
        third = client.call("another")
        sent = [orjson.loads(payload) for _, payload in as_sent(transport.value())]
        self.assertEqual(sent[0], [48, 1, {}, "a.procedure", [], {"x": 1}])
        self.assertEqual(sent[1], [32, 2, {}, "a.topic"])
        client.dataReceived(from_server(b"[33,2,77]") + from_server(b'[50,1,{},["so"]]'))
        client.dataReceived(from_server(b'[8,48,3,{},"an.error",["no"],{"why":"so"}]'))
        self.assertEqual(self.successResultOf(first), "so")
        self.assertEqual(self.successResultOf(second), 77)
        self.assertEqual(self.failureResultOf(third, CallError).value.uri, "an.error")

    def test_what_is_under_way_fails_when_the_connection_goes(self) -> None:
        client, _ = self.connected("a")
        answer = client.call("a.procedure")
        client.dataReceived(from_server(b'[6,{},"collab.error.token_expired"]'))
        self.assertEqual(self.failureResultOf(answer, CallError).value.uri, "bench.lost")
        self.assertIn("token_expired", client.closed)
