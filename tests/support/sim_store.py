"""A worker's connection to the store: slow, at times interrupted, mute once the worker died."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from collab_wamp.errors import CollabError
from collab_wamp.store.announcements import (
    Announcement,
    ChannelReset,
    EditsAnnounced,
    JoinAnnounced,
    LeaveAnnounced,
    Listener,
)
from collab_wamp.store.memory import MemoryStore
from collab_wamp.store.values import Participant, SessionKey

from .sim_weather import Pipe, Time, Weather


class StoreLink:
    """A `Store` between a worker and the one memory store that all workers share.

    Commands go in order, and take effect in order. Each, and each answer, takes its time, so that
    the commits of several workers race.

    Attributes:
        gone: WAMP session id → the join whose end this worker was told of, and of no join since.
        told: WAMP session id → the revision that this worker, a relay, has led them to.
    """

    def __init__(self, name: str, store: MemoryStore, time: Time, weather: Weather) -> None:
        self.name = name
        self.gone: dict[int, str] = {}
        self.told: dict[int, int] = {}
        self.people: dict[str, Participant] = {}
        self._store = store
        self._time = time
        self._weather = weather
        self._up, self._down = Pipe(time), Pipe(time)
        self._channels: list[Channel] = []
        self.alive = True

    def __getattr__(self, command: str) -> Any:
        method = getattr(self._store, command)

        async def ask(*args: Any, **kwargs: Any) -> Any:
            await self._travel(self._up)
            self._fail_by_chance(command, "before")
            result = await method(*args, **kwargs)
            if command == "commit":
                self._time.tell(self.name, "commit", args[2], result)
            await self._travel(self._down)
            self._fail_by_chance(command, "after")
            if command == "roster" and result is not None:
                self.people |= {person.participant_id: person for person in result[1]}
            if command == "participant" and result is not None:
                self._heard_of(result)
            return result

        return ask

    def _heard_of(self, person: Participant) -> None:
        """Somebody is there; if by another join than that whose end was told, not gone."""
        if self.gone.get(person.wamp_session_id) != person.join_id:
            self.gone.pop(person.wamp_session_id, None)
        self.people[person.participant_id] = person

    async def _travel(self, pipe: Pipe) -> None:
        if self.alive and self._weather.store:
            await pipe.wait(self._weather.store)
        if not self.alive:
            # A process that died waits for nothing: this never comes.
            await Deferred()

    def _fail_by_chance(self, command: str, when: str) -> None:
        if self._weather.store_fails and self._time.chance.random() < self._weather.store_fails:
            self._time.tell(self.name, "store unavailable", command, when)
            raise CollabError("store_unavailable", f"as the weather will have it, {when} {command}")

    async def listen(self, key: SessionKey, listener: Listener) -> None:
        await self._travel(self._up)
        channel = Channel(self, key, listener)
        self._channels.append(channel)
        await self._store.listen(key, channel.announced)
        await self._travel(self._down)

    async def unlisten(self, key: SessionKey, listener: Listener) -> None:
        await self._travel(self._up)
        for channel in [c for c in self._channels if (c.key, c.listener) == (key, listener)]:
            await self._drop(channel)

    async def _drop(self, channel: Channel) -> None:
        self._channels.remove(channel)
        await self._store.unlisten(channel.key, channel.announced)

    async def die(self) -> None:
        self.alive = False
        for channel in list(self._channels):
            await self._drop(channel)

    def interrupt(self, seconds: float) -> None:
        """The connection that brings announcements breaks, and is restored after a while."""
        for channel in self._channels:
            channel.cut = True
            self._time.later(seconds, channel.restore)


class Channel:
    """A session's announcements on their way to one worker."""

    def __init__(self, link: StoreLink, key: SessionKey, listener: Listener) -> None:
        self.key = key
        self.listener = listener
        self.cut = False
        self._link = link
        self._pipe = Pipe(link._time)

    def announced(self, _key: SessionKey, announcement: Announcement) -> None:
        """Take an announcement from the store."""
        link, chance = self._link, self._link._time.chance
        if self.cut:
            return
        if isinstance(announcement, EditsAnnounced):
            if chance.random() < link._weather.lost_events:
                link._time.tell(link.name, "announcement lost", announcement.after)
                return
            if chance.random() < link._weather.repeated:
                self._send(announcement)
        self._send(announcement)

    def restore(self) -> None:
        self.cut = False
        self._send(ChannelReset())

    def _send(self, announcement: Announcement) -> None:
        if self._link._weather.store:
            self._pipe.send(self._link._weather.store, self._arrive, announcement)
        else:
            self._arrive(announcement)

    def _arrive(self, announcement: Announcement) -> None:
        link = self._link
        if not link.alive or self.cut:
            return
        left = None
        if isinstance(announcement, JoinAnnounced):
            link._heard_of(announcement.participant)
            link.gone.pop(announcement.participant.wamp_session_id, None)
        elif isinstance(announcement, LeaveAnnounced):
            left = link.people.get(announcement.participant_id)
        elif isinstance(announcement, ChannelReset):
            link.told.clear()
            link.gone.clear()  # they may have joined again without this worker hearing of it
        self.listener(self.key, announcement)
        if left is not None:
            link.gone[left.wamp_session_id] = left.join_id
            link.told.pop(left.wamp_session_id, None)
