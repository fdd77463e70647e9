"""Announcements: one connection that subscribes to the channels of the sessions listened to."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from ..errors import CollabError
from .address import Address
from .announcements import ChannelReset, Listener
from .codec import channel, decode_announcement
from .connection import Connection
from .values import SessionKey

PING_S = 5.0


class Channels:
    """Listeners by session.

    A lost connection loses announcements; when it is back every listener is told `ChannelReset`.
    """

    log = Logger()

    def __init__(self, reactor: Any, address: Address) -> None:
        self._connection = Connection(
            reactor, address, came_up=self._came_up, message=self._message
        )
        self._listeners: dict[bytes, list[tuple[SessionKey, Listener]]] = {}
        self._subscribed: set[bytes] = set()
        self._was_up = False
        self._pinger = LoopingCall(self._ping)
        self._pinger.clock = reactor

    def beside(self, commands: Connection) -> None:
        """Read the announcements together with the answers to commands, and the other way round."""
        self._connection.beside = commands
        commands.beside = self._connection

    def start(self) -> None:
        self._connection.start()
        self._pinger.start(PING_S, now=False)

    async def close(self) -> None:
        self._pinger.stop()
        self._listeners.clear()
        await self._connection.close()

    @property
    def up(self) -> bool:
        return self._connection.ready

    async def until_ready(self, timeout_s: float) -> None:
        await self._connection.until_ready(timeout_s)

    async def _ping(self) -> None:
        """A link on which nothing is heard may be dead: an unanswered ping ends it."""
        if self._connection.ready:
            try:
                await self._connection.command("PING")
            except CollabError as error:
                self.log.debug("{error}", error=error)

    async def _came_up(self, connection: Connection) -> None:
        self._subscribed = set()
        for name in list(self._listeners):
            await self._subscribe(name)
        if self._was_up:
            for listeners in list(self._listeners.values()):
                for key, listener in list(listeners):
                    listener(key, ChannelReset())
        self._was_up = True

    async def _subscribe(self, name: bytes) -> None:
        await self._connection.command("SUBSCRIBE", name)
        self._subscribed.add(name)

    def _message(self, name: bytes, message: bytes) -> None:
        listeners = self._listeners.get(name)
        if not listeners:
            return
        announcement = decode_announcement(message)
        for key, listener in list(listeners):
            listener(key, announcement)

    async def listen(self, key: SessionKey, listener: Listener) -> None:
        name = channel(key).encode()
        listeners = self._listeners.setdefault(name, [])
        listeners.append((key, listener))
        if name not in self._subscribed:
            try:
                await self._subscribe(name)
            except CollabError:
                self._remove(name, key, listener)
                raise

    async def unlisten(self, key: SessionKey, listener: Listener) -> None:
        name = channel(key).encode()
        if self._remove(name, key, listener) and name in self._subscribed:
            self._subscribed.discard(name)
            if self._connection.ready:
                await self._connection.command("UNSUBSCRIBE", name)

    def _remove(self, name: bytes, key: SessionKey, listener: Listener) -> bool:
        """Whether that was the channel's last listener."""
        listeners = self._listeners.get(name, [])
        if (key, listener) in listeners:
            listeners.remove((key, listener))
        if listeners or name not in self._listeners:
            return False
        del self._listeners[name]
        return True
