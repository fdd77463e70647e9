"""Tests that have a node of their own, and clients on it."""

from __future__ import annotations

from typing import ClassVar

from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from collab_wamp.client import Client

from .node import Node


class OwnNodeCase(TestCase):
    """
    Attributes:
        environment: settings of the node.
        clients: those that are to be closed in the end.
    """

    timeout = 420
    environment: ClassVar[dict[str, str]] = {}

    async def setUp(self) -> None:
        self.node = Node(**self.environment)
        await deferToThread(self.node.start)
        self.clients: list[Client] = []

    async def tearDown(self) -> None:
        for client in self.clients:
            await client.close()
        await deferToThread(self.node.stop)
