"""A node's relay: follows the sessions that have participants here, and lets nobody linger.

One per node. It owns what the node's connections hear of sessions (see `feed`), where its
participants are, and their removal when their connection goes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

import attrs
from twisted.logger import Logger

from . import metrics, protocol
from .access import right_for, withheld_from
from .errors import CollabError
from .feed import Feed, Heard, nobody
from .shared import Shared
from .store.interface import Store
from .store.values import JoinRecord, Participant, SessionKey
from .surroundings import Surroundings
from .tokens import Claims
from .whereabouts import Whereabouts

# A feed without participants is kept so long: somebody may be about to join.
LINGER_S = 20.0
RETRY_S = 0.5
# A join is over by then, one way or the other.
JOIN_S = 10.0


# Gets the WAMP session ids of the node's connections.
Live = Callable[[], Awaitable[Collection[int]]]


class Relay:
    """The feeds of one node.

    Args:
        instance_id: the node.
        surroundings: clock, timers, publishing; see `surroundings.Surroundings`.
        sessions_per_connection: that a connection may have joined at one time.
        heard: see `Feed`.
    """

    log = Logger()

    def __init__(
        self,
        store: Store,
        instance_id: str,
        surroundings: Surroundings,
        sessions_per_connection: int = 50,
        heard: Heard = nobody,
    ) -> None:
        self._store = store
        self._instance_id = instance_id
        self._around = surroundings
        self._sessions_per_connection = sessions_per_connection
        self._heard = heard
        self._feeds: dict[SessionKey, Feed] = {}
        self._starting = Shared()
        self._topics: dict[str, Feed] = {}
        self._whereabouts = Whereabouts()
        # Participants whose token is another, until the roster says so.
        self._renewing: dict[str, Participant] = {}
        # Connection → sessions that it is about to join → when that must be over.
        self._joining: dict[int, dict[SessionKey, float]] = {}
        # What the newest token says, of connections that have got another one.
        self._claims: dict[int, Claims] = {}
        self.refused_presence = 0

    async def watch(self, key: SessionKey, wamp_session_id: int = 0) -> str:
        """Follow a session, if it is not followed yet. Somebody is about to join it.

        Args:
            wamp_session_id: on this connection; 0 = nobody new.

        Returns:
            the epoch that is followed.

        Raises:
            CollabError: `too_many`, `no_such_session`, `store_unavailable`.
        """
        self._check_number(key, wamp_session_id)
        feed = self._feeds.get(key)
        if feed is not None and not feed.ended:
            if feed.empty_since is not None:
                feed.empty_since = self._around.now_s()
            return feed.epoch
        epoch: str = await self._starting.ask(key, lambda: self._start(key))
        return epoch

    def _check_number(self, key: SessionKey, wamp_session_id: int) -> None:
        if not wamp_session_id:
            return
        now = self._around.now_s()
        # Those that are under way count too, until they are heard of or have failed.
        under_way = self._joining.setdefault(wamp_session_id, {})
        for other in [other for other, until in under_way.items() if until < now]:
            del under_way[other]
        joined = self._whereabouts.of(wamp_session_id)
        if len((joined | under_way.keys()) - {key}) < self._sessions_per_connection:
            under_way[key] = now + JOIN_S
        else:
            raise CollabError(
                "too_many",
                f"A connection joins {self._sessions_per_connection} sessions at most.",
                limit="sessions_per_connection",
            )

    async def _start(self, key: SessionKey) -> str:
        feed = Feed(
            self._store,
            key,
            self._instance_id,
            self._around,
            self._as_of_now,
            self._whereabouts,
            self._heard,
        )
        if (ended := self._feeds.get(key)) is not None:
            await self._drop(key, ended)
        if not await feed.start():
            raise CollabError("no_such_session", f"There is no session {key.session_id!r}.")
        assert feed.meta is not None
        self._feeds[key] = self._topics[feed.meta.topic_key] = feed
        return feed.epoch

    # --- connections ------------------------------------------------------------------------

    async def reconcile(self, live: Live) -> None:
        """Take up the participants whose connections are alive, remove the others.

        To be called when the relay has (re)started.
        """
        records = await self._store.joined_on(self._instance_id)
        alive = await live()
        for record in records:
            if record.wamp_session_id in alive:
                await self._take_up(record)
            else:
                await self._clear(record)
        for feed in self._feeds.values():
            feed.announce_state()

    async def _take_up(self, record: JoinRecord) -> bool:
        """Follow the session that somebody joined; whether it was not followed until now."""
        feed = self._feeds.get(record.key)
        if feed is not None and not feed.ended and record.participant_id in feed.participants:
            return False
        if feed is not None and not feed.ended:
            participant = await feed.look_for(record.participant_id)
        else:
            participant = await self._store.participant(record.key, record.participant_id)
        if participant is not None and not participant.may:
            await self._store.leave(record.key, record.participant_id, "revoked")
            return False
        if participant is None or participant.join_id != record.join_id:
            # They have left since, or the session is gone.
            await self._store.forget(self._instance_id, record)
            return False
        if feed is not None and not feed.ended:
            return False
        try:
            await self.watch(record.key)
        except CollabError as error:
            if error.code != "no_such_session":
                raise
            await self._store.forget(self._instance_id, record)
            return False
        return True

    async def _clear(self, record: JoinRecord) -> None:
        """Remove whoever joined on a connection that is gone."""
        await self._store.leave(record.key, record.participant_id, "disconnected")
        await self._store.forget(self._instance_id, record)

    def connection_lost(self, wamp_session_id: int) -> None:
        """Remove everything that a connection was joined to."""
        self._claims.pop(wamp_session_id, None)
        self._joining.pop(wamp_session_id, None)
        for feed in self._joined_by(wamp_session_id):
            participant_id = feed.by_connection.get(wamp_session_id)
            if participant_id is not None:
                self._remove(feed.key, participant_id)

    def _joined_by(self, wamp_session_id: int) -> list[Feed]:
        keys = self._whereabouts.of(wamp_session_id)
        return [feed for key in keys if (feed := self._feeds.get(key)) is not None]

    def refreshed(self, wamp_session_id: int, claims: Claims) -> None:
        """A connection goes on under another token: its rights count everywhere it has joined, and
        wherever a join is under way."""
        self._claims[wamp_session_id] = claims
        for feed in self._joined_by(wamp_session_id):
            feed.refreshed(wamp_session_id)

    def _as_of_now(self, key: SessionKey, known: Participant) -> Participant:
        """A participant of this node with what their token says by now; the store is told too."""
        self._joining.get(known.wamp_session_id, {}).pop(key, None)  # it is heard of
        claims = self._claims.get(known.wamp_session_id)
        if claims is None:
            return known
        right = right_for(claims, key.session_id) or ""
        renewed = attrs.evolve(known, right=right, withheld=withheld_from(claims))
        if (renewed.right, renewed.withheld) != (known.right, known.withheld):
            self._renewing[renewed.participant_id] = renewed
            self._renew(key, renewed)
        return renewed

    def _renew(self, key: SessionKey, renewed: Participant) -> None:
        # A newer token may have taken the place of this one while the store was away.
        if self._renewing.get(renewed.participant_id) is not renewed:
            return

        async def renew() -> None:
            try:
                await self._store.renew(key, renewed)
                if self._renewing.get(renewed.participant_id) is renewed:
                    del self._renewing[renewed.participant_id]
            except CollabError as error:
                self.log.warn(
                    "{id} not renewed yet: {error}", id=renewed.participant_id, error=error
                )
                self._around.later(RETRY_S, lambda: self._renew(key, renewed))

        self._around.background(renew())

    def _remove(self, key: SessionKey, participant_id: str) -> None:
        async def remove() -> None:
            try:
                await self._store.leave(key, participant_id, "disconnected")
            except CollabError as error:
                self.log.warn("{id} not removed yet: {error}", id=participant_id, error=error)
                self._around.later(RETRY_S, lambda: self._remove(key, participant_id))

        self._around.background(remove())

    async def tidy(self, live: Live) -> None:
        """Keep what is used alive in the store, drop what is not. Every half minute or so.

        A leave that was not heard of is noticed here, and a join that came through only when its
        connection had gone.
        """
        records = await self._store.joined_on(self._instance_id)
        # Asked for afterwards: who joined before was connected before.
        alive = await live()
        taken_up = set()
        for record in records:
            if record.wamp_session_id not in alive:
                await self._clear(record)
            elif await self._take_up(record):
                taken_up.add(record.key)
        for key in taken_up & self._feeds.keys():
            self._feeds[key].announce_state()
        now = self._around.now_s()
        for key, feed in list(self._feeds.items()):
            idle = feed.empty_since is not None and now - feed.empty_since > LINGER_S
            if feed.ended or idle:
                await self._drop(key, feed)
        used = [key for key, feed in self._feeds.items() if feed.participants]
        await self._store.touch(self._instance_id, used)

    async def _drop(self, key: SessionKey, feed: Feed) -> None:
        assert feed.meta is not None
        # Another may have taken its place while something was waited for.
        if self._feeds.get(key) is feed:
            del self._feeds[key]
            for wamp_session_id in feed.by_connection:
                self._whereabouts.went(wamp_session_id, key)
        if self._topics.get(feed.meta.topic_key) is feed:
            del self._topics[feed.meta.topic_key]
        if not feed.ended:
            await feed.stop()

    # --- presence ---------------------------------------------------------------------------

    def presence(self, topic: str, wamp_session_id: int, event: Mapping[str, Any]) -> None:
        """Take a participant's cursor or selection event; what is not in order has no effect."""
        metrics.presence_received.inc()
        topic_key, _, what = topic.removeprefix(protocol.INCOMING_PREFIX).partition(".")
        feed = self._topics.get(topic_key)
        participant_id = feed.by_connection.get(wamp_session_id) if feed is not None else None
        if feed is None or participant_id is None:
            self.refused_presence += 1
            metrics.PRESENCE_REFUSED.inc()
            return
        if what in feed.participants[participant_id].withheld:
            self.refused_presence += 1
            metrics.PRESENCE_REFUSED.inc()
            return
        try:
            if what == "cursor":
                revision, position = protocol.parse_cursor(event)
                feed.moved(participant_id, revision, cursor=position)
            elif what == "selection":
                revision, ranges = protocol.parse_selection(event)
                feed.moved(participant_id, revision, selection=ranges)
            else:
                self.refused_presence += 1
                metrics.PRESENCE_REFUSED.inc()
        except CollabError as error:
            self.refused_presence += 1
            metrics.PRESENCE_REFUSED.inc()
            self.log.debug("presence refused: {error}", error=error)

    def by_tenant(self) -> dict[str, dict[str, int]]:
        """Tenant → its `participants` here, and the `sessions` with people on them.

        Of a session that several instances follow only the first by name counts it.
        """
        tenants: dict[str, dict[str, int]] = {}
        for key, feed in self._feeds.items():
            if feed.participants:
                row = tenants.setdefault(key.tenant, {"sessions": 0, "participants": 0})
                row["sessions"] += feed.is_first()
                row["participants"] += len(feed.participants)
        return tenants

    def connections(self) -> set[int]:
        """The WAMP session ids of those who have joined something here."""
        return self._whereabouts.connections()

    def participants(self) -> int:
        """How many there are on this node."""
        return sum(len(feed.participants) for feed in self._feeds.values())

    # --- state ------------------------------------------------------------------------------

    def followed(self) -> int:
        """How many sessions are followed."""
        return len(self._feeds)

    async def health(self) -> dict[str, Any]:
        return {
            "ok": True,
            "store": await self._store.ping(),
            "sessions": self.followed(),
            "participants": self.participants(),
        }

    async def stop(self) -> None:
        for feed in self._feeds.values():
            await feed.stop()
        self._feeds.clear()
        self._topics.clear()
