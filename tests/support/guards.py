"""A node with short deadlines for the tests of its guards, and an innocent person on it."""

from __future__ import annotations

from typing import Any, ClassVar

from autobahn.twisted.rawsocket import WampRawSocketClientFactory
from autobahn.twisted.wamp import ApplicationSession
from autobahn.wamp.serializer import MsgPackSerializer
from autobahn.wamp.types import ComponentConfig
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from collab_wamp.layout import AUTO, choose, usable_cores
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


class GuardCase(TestCase):
    """One node for all, with short deadlines; no test may leave a traceback in its log.

    Attributes:
        layout: how that node's parts are spread over processes.
    """

    timeout = 120
    layout: ClassVar[str] = AUTO
    nodes: ClassVar[dict[str, Node]] = {}

    async def setUp(self) -> None:
        name = choose(self.layout, 0, usable_cores()).name
        if name not in self.nodes:
            node = Node(LAYOUT=name, **LIMITS)
            await deferToThread(node.start)
            self.nodes[name] = node
        self.at = self.nodes[name]
        folder = self.at.data_dir / "log"
        self.logs = {log: log.stat().st_size for log in folder.glob("[nr]o*.log")}
        self.clients: list[RawClient] = []
        self.session_id = self.id().rsplit(".", 1)[-1][-60:]

    async def tearDown(self) -> None:
        for client in self.clients:
            await client.cut()
        self.assertEqual({log.name for log in self.logs}, {"node.log", "router.log"})
        for log, start in self.logs.items():
            self.assertNotIn("Traceback", log.read_text()[start:])

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


def replies(client: RawClient, number: int) -> Any:
    return next((row for row in client.received if row[0] == 8 and row[2] == number), None)


def last(client: RawClient, kind: int) -> Any:
    return next((row for row in reversed(client.received) if row[0] == kind), None)
