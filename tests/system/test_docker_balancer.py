"""docker/haproxy/haproxy.cfg: what the nodes get to see, and what the world does not."""

from __future__ import annotations

import datetime
import http.client
import re
import ssl
import subprocess
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from twisted.internet import reactor
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase
from twisted.web.resource import Resource
from twisted.web.server import Site

from tests.support.composed import DOCKER, Balancer, get
from tests.support.node import free_port, shared_node
from tests.support.tools import tool
from tests.support.waiting import until


class Told(Resource):
    """Stands where a node would, and keeps what it is asked; ready, but otherwise as `status`."""

    isLeaf = True

    def __init__(self, status: int = 200) -> None:
        super().__init__()
        self.status = status
        self.ready = 200
        self.asked: list[tuple[bytes, dict[str, str]]] = []

    def render(self, request: Any) -> bytes:
        if request.path == b"/ready":
            request.setResponseCode(self.ready)
            return b""
        rows = request.requestHeaders.getAllRawHeaders()
        headers = {name.decode().lower(): b"|".join(values).decode() for name, values in rows}
        self.asked.append((request.path, headers))
        request.setResponseCode(self.status)
        return b"answered"


class BalancerTests(TestCase):
    timeout = 120

    async def put_in_front_of(self, *nodes: Told, **environment: str) -> Balancer:
        tool("haproxy")
        ports = []
        for node in nodes:
            port = reactor.listenTCP(0, Site(node), interface="127.0.0.1")  # type: ignore[attr-defined]
            self.addCleanup(port.stopListening)
            ports.append(port.getHost().port)
        balancer = Balancer(*[*ports, free_port()][:2], **environment)
        self.addCleanup(lambda: deferToThread(balancer.stop))
        await deferToThread(balancer.start)
        await self.until_up(balancer, len(nodes))
        return balancer

    async def until_up(self, balancer: Balancer, count: int) -> None:
        # The nodes are in this process: it must not wait for the balancer, who waits for them.
        while len(await deferToThread(balancer.up)) != count:
            pass

    async def test_nodes_are_told_who_asks_and_nobody_can_pretend(self) -> None:
        node = Told()
        balancer = await self.put_in_front_of(node)
        status, body, _ = await deferToThread(
            get, balancer.port, "/", X_Forwarded_For="6.6.6.6", X_Forwarded_Proto="https",
            X_Forwarded_Host="evil.example", Host="pad.example",
        )  # fmt: skip
        self.assertEqual((status, body), (200, "answered"))
        ((_, headers),) = node.asked
        self.assertEqual(headers["x-forwarded-for"], "127.0.0.1")
        self.assertEqual(headers["x-forwarded-proto"], "http")
        self.assertEqual(headers["x-forwarded-host"], "pad.example")
        # By this a node knows the pages that it has served itself.
        self.assertEqual(headers["host"], "pad.example")

    async def test_what_is_for_operators_is_not_for_the_world(self) -> None:
        node = Told()
        balancer = await self.put_in_front_of(node)
        for path in ("/health", "/metrics"):
            self.assertEqual((await deferToThread(get, balancer.port, path))[0], 404)
        self.assertEqual(node.asked, [])
        self.assertEqual((await deferToThread(get, balancer.port, "/ready"))[0], 200)

    async def test_who_meets_a_node_that_is_going_is_sent_to_the_other(self) -> None:
        going, staying = Told(status=503), Told()
        balancer = await self.put_in_front_of(going, staying)
        for _ in range(4):
            self.assertEqual((await deferToThread(get, balancer.port, "/"))[0], 200)
        self.assertTrue(going.asked)
        # What must not be done twice is not.
        statuses = [(await deferToThread(get, balancer.port, "/", "POST"))[0] for _ in range(2)]
        self.assertIn(503, statuses)

    async def test_a_drained_node_gets_no_new_connections(self) -> None:
        going, staying = Told(), Told()
        balancer = await self.put_in_front_of(going, staying)
        going.ready = 503
        await self.until_up(balancer, 1)
        before = len(going.asked)
        for _ in range(4):
            self.assertEqual((await deferToThread(get, balancer.port, "/"))[0], 200)
        self.assertEqual((len(going.asked), len(staying.asked)), (before, 4))
        going.ready = 200
        await self.until_up(balancer, 2)

    async def test_its_metrics_have_what_the_alerts_ask_for(self) -> None:
        balancer = await self.put_in_front_of(Told(), Told())
        await deferToThread(get, balancer.port, "/")
        text = (await deferToThread(get, balancer.metrics_port, "/metrics"))[1]
        rules = (DOCKER / "prometheus" / "rules.yml").read_text()
        wanted = set(re.findall(r"(haproxy_\w+)\{([^}]*)\}", rules))
        self.assertGreater(len(wanted), 4)
        for name, labels in wanted:
            series = [line for line in text.splitlines() if line.startswith(f"{name}{{")]
            for label in re.findall(r'\w+="\w+"', labels):
                series = [line for line in series if label in line]
            self.assertTrue(series, f"{name}{{{labels}}}")
        self.assertEqual((await deferToThread(get, balancer.metrics_port, "/"))[0], 404)


class TlsTests(TestCase):
    timeout = 120

    async def setUp(self) -> None:
        tool("haproxy")
        self.certificate = Path(self.mktemp()).absolute()
        self.certificate.write_bytes(self_signed())
        self.tls_port = free_port()
        self.node = await shared_node()
        self.balancer = Balancer(
            self.node.port,
            free_port(),
            TLS_CERT=str(self.certificate),
            TLS_BIND=f"127.0.0.1:{self.tls_port}",
        )
        self.addCleanup(lambda: deferToThread(self.balancer.stop))
        await deferToThread(self.balancer.start)
        await until(lambda: self.balancer.up() == {"node1"})

    def ask(self, path: str, **headers: str) -> tuple[int, dict[str, str], str]:
        context = ssl.create_default_context(cafile=str(self.certificate))
        link = http.client.HTTPSConnection("localhost", self.tls_port, timeout=10, context=context)
        try:
            link.request("GET", path, headers=headers)
            answer = link.getresponse()
            headers = {name.lower(): value for name, value in answer.getheaders()}
            body = "" if answer.status == 101 else answer.read().decode()
            return answer.status, headers, body
        finally:
            link.close()

    async def test_page_and_websocket_over_tls(self) -> None:
        status, headers, body = await deferToThread(self.ask, "/")
        self.assertEqual(status, 200)
        self.assertIn("main.js", body)
        self.assertIn("max-age", headers["strict-transport-security"])
        upgrade = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Protocol": "wamp.2.json",
            "Host": "pad.example",
        }
        # A page of the host under which the balancer is reached needs no ALLOWED_ORIGINS.
        ours = await deferToThread(lambda: self.ask("/ws", Origin="https://pad.example", **upgrade))
        self.assertEqual(ours[0], 101)
        theirs = await deferToThread(lambda: self.ask("/ws", Origin="https://evil.test", **upgrade))
        self.assertEqual(theirs[0], 403)

    async def test_without_tls_there_is_only_the_way_to_it(self) -> None:
        status, _, headers = await deferToThread(get, self.balancer.port, "/a", Host="pad.example")
        self.assertEqual((status, headers["location"]), (308, "https://pad.example/a"))
        self.assertEqual((await deferToThread(get, self.balancer.port, "/ready"))[0], 200)


class CheckedTests(TestCase):
    def test_haproxy_accepts_the_file(self) -> None:
        command = [tool("haproxy"), "-c", "-f", str(DOCKER / "haproxy" / "haproxy.cfg")]
        environment = {"NODE1": "127.0.0.1:1", "NODE2": "127.0.0.1:2"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("WARNING", done.stderr)


def self_signed() -> bytes:
    """PEM of a certificate for localhost and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return certificate.public_bytes(serialization.Encoding.PEM) + private
