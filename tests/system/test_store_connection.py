"""A connection to the store ends when it is told to."""

from __future__ import annotations

from typing import Any

from hiredis import pack_command
from twisted.internet import reactor
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import TestCase

from collab_wamp.rounds import Rounds
from collab_wamp.store import links
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


class RoundsTests(TestCase):
    """Commands are written when a round of the reactor ends."""

    timeout = 30

    async def setUp(self) -> None:
        self.rounds = Rounds()
        self.rounds.known = True
        self.patch(links, "rounds", self.rounds)
        self.server = BadServer()
        await self.server.start()
        self.addCleanup(self.server.stop)
        self.connection = Connection(reactor, Address("127.0.0.1", self.server.port))
        self.addCleanup(self.connection.close)
        self.connection.start()
        await until(lambda: self.connection.ready)
        self.link = self.connection._protocol

    def ask(self, link: Any) -> list[str]:
        """Give a command; what becomes of it."""
        told: list[str] = []
        link.execute_command("SET", "a", "1").addErrback(
            lambda failure: told.append(failure.type.__name__)
        )
        return told

    async def test_they_are_held_until_then(self) -> None:
        self.ask(self.link)
        self.assertEqual(self.link._unsent, [pack_command(("SET", "a", "1"))])
        self.rounds.end()
        self.assertEqual(self.link._unsent, [])

    async def test_what_has_failed_is_not_sent_after_all(self) -> None:
        told = self.ask(self.link)
        self.link._fail(links.RedisTimeoutError("overdue"))
        self.assertEqual(told, ["TimeoutError"])
        self.assertEqual(self.link._unsent, [])
        self.assertTrue(self.rounds.end())

    async def test_nothing_is_sent_over_a_link_that_is_being_ended(self) -> None:
        self.ask(self.link)
        transport = self.link.transport
        transport.abortConnection()
        sent: list[bytes] = []
        self.patch(transport, "write", sent.append)
        self.rounds.end()
        self.assertEqual((sent, self.link._unsent), ([], []))
        await until(lambda: self.connection._protocol is not self.link)

    async def test_over_an_encrypted_link_they_are_written_at_once(self) -> None:
        """What encrypts sets a timer then, which the reactor must know of before it waits."""
        link, transport = self.connection._factory.buildProtocol(None), StringTransport()
        link.makeConnection(transport)
        self.ask(link)
        self.assertEqual(transport.value(), pack_command(("SET", "a", "1")))
        link._timer.cancel()
        link._timer = None
