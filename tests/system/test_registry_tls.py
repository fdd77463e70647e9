"""A registry behind TLS is believed only with a certificate that the system trusts."""

from __future__ import annotations

import datetime
import ipaddress
import os
import time
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from twisted.internet import reactor
from twisted.internet.endpoints import SSL4ServerEndpoint
from twisted.internet.ssl import PrivateCertificate
from twisted.trial.unittest import TestCase

from collab_wamp.errors import CollabError
from collab_wamp.registry.interface import Registry
from collab_wamp.registry.opening import open_registry
from tests.support.consul_server import ConsulServer
from tests.support.registry_contract import instance


def certificate(address: str) -> bytes:
    """A certificate for an address, signed by itself, and its key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "registry")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), False
        )
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


class TlsTests(TestCase):
    timeout = 30

    async def serve(self, pem: bytes) -> Registry:
        server = ConsulServer(reactor)
        self.addCleanup(server.close)
        options = PrivateCertificate.loadPEM(pem).options()
        endpoint = SSL4ServerEndpoint(reactor, 0, options, interface="127.0.0.1")
        listening = await endpoint.listen(server.site)
        self.addCleanup(listening.stopListening)
        registry = open_registry(
            f"consuls://127.0.0.1:{listening.getHost().port}",
            reactor=reactor,
            store_url="",
            monotonic=time.monotonic,
        )
        self.addCleanup(registry.close)
        return registry

    def trust(self, pem: bytes) -> None:
        path = Path(self.mktemp())
        path.write_bytes(pem)
        before = os.environ.get("SSL_CERT_FILE")
        os.environ["SSL_CERT_FILE"] = str(path.absolute())
        if before is None:
            self.addCleanup(os.environ.pop, "SSL_CERT_FILE")
        else:
            self.addCleanup(os.environ.__setitem__, "SSL_CERT_FILE", before)

    async def test_one_that_is_trusted(self) -> None:
        pem = certificate("127.0.0.1")
        self.trust(pem)
        registry = await self.serve(pem)
        await registry.register(instance(), 60)
        self.assertEqual(await registry.services(), ("chat",))

    async def test_one_that_nobody_trusts(self) -> None:
        registry = await self.serve(certificate("127.0.0.1"))
        with self.assertRaises(CollabError) as caught:
            await registry.services()
        self.assertEqual(caught.exception.code, "store_unavailable")

    async def test_one_for_somebody_else(self) -> None:
        pem = certificate("127.0.0.2")
        self.trust(pem)
        registry = await self.serve(pem)
        with self.assertRaises(CollabError) as caught:
            await registry.services()
        self.assertEqual(caught.exception.code, "store_unavailable")
