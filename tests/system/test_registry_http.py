"""How a backend is asked over HTTP."""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import TestCase

from collab_wamp.errors import CollabError
from collab_wamp.registry.http import HttpBackend
from tests.support.bad_servers import BadServer, http_answer


class ForgetfulServer(Factory):
    """Answers the first request on each connection, and closes it at the second."""

    noisy = False

    def __init__(self) -> None:
        self.requests = 0
        self.connections = 0
        self.refusing = False

    def buildProtocol(self, addr: Any) -> Protocol:
        self.connections += 1
        return _Forgetful(self)


class _Forgetful(Protocol):
    def __init__(self, server: ForgetfulServer) -> None:
        self._server = server
        self._answered = False

    def dataReceived(self, data: bytes) -> None:
        self._server.requests += 1
        if self._answered or self._server.refusing:
            self.transport.abortConnection()  # type: ignore[union-attr]
            return
        self._answered = True
        self.transport.write(http_answer(b"{}"))  # type: ignore[union-attr]


class HttpBackendTests(TestCase):
    timeout = 30

    async def setUp(self) -> None:
        self.server = ForgetfulServer()
        endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
        listening = await endpoint.listen(self.server)
        self.addCleanup(listening.stopListening)
        self.backend = HttpBackend(reactor, f"http://127.0.0.1:{listening.getHost().port}", {})
        self.addCleanup(self.backend.close)

    async def test_a_kept_connection_that_was_closed_is_made_again(self) -> None:
        for _ in range(3):
            self.assertEqual((await self.backend.ask("POST", "/x", {})).json(), {})
        self.assertEqual((self.server.requests, self.server.connections), (5, 3))

    async def test_it_is_tried_twice_and_no_more(self) -> None:
        self.server.refusing = True
        with self.assertRaises(CollabError) as caught:
            await self.backend.ask("POST", "/x", {})
        self.assertEqual(caught.exception.code, "store_unavailable")
        self.assertEqual(self.server.requests, 2)

    async def test_what_is_cancelled_is_not_tried_again(self) -> None:
        silent = BadServer()
        await silent.start()
        self.addCleanup(silent.stop)
        backend = HttpBackend(reactor, f"http://127.0.0.1:{silent.port}", {})
        self.addCleanup(backend.close)

        async def ask() -> None:
            await backend.ask("POST", "/x", {})

        with self.assertRaisesRegex(CollabError, "no answer within"):
            await backend.within_deadline(ask)
        self.assertEqual(silent.connections, 1)
