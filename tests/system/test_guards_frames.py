"""Guards of the connection: frames, origins and deadlines."""

from __future__ import annotations

import socket
import time

from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from tests.support.guards import GuardCase, last
from tests.support.waiting import until

OPEN = 20.0


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
