"""A connection to the store ends when it is told to."""

from __future__ import annotations

from twisted.internet import reactor
from twisted.trial.unittest import TestCase

from collab_wamp.store.address import Address
from collab_wamp.store.connection import Connection
from tests.support.bad_servers import BadServer
from tests.support.waiting import until


class ClosingTests(TestCase):
    timeout = 30

    async def setUp(self) -> None:
        self.server = BadServer()
        await self.server.start()
        self.addCleanup(self.server.stop)
        self.connection = Connection(reactor, Address("127.0.0.1", self.server.port))

    async def test_while_it_is_being_made(self) -> None:
        """Nothing is left behind: trial looks at the reactor."""
        self.connection.start()
        await self.connection.close()
        self.assertEqual((self.connection.ready, self.server.connections), (False, 0))

    async def test_twice(self) -> None:
        self.connection.start()
        await until(lambda: self.connection.ready)
        await self.connection.close()
        await self.connection.close()
        self.assertFalse(self.connection.ready)
