"""One session as its node's relay follows it: in order, without gaps, in windows.

A `Feed` takes announcements from the store and presence from participants, and publishes to the
participants on its node. It is the only publisher of the session's events there, which gives each
connection one order: revisions 1, 2, 3, … once each, and presence after the edits it refers to.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import attrs
from twisted.logger import Logger

from . import tracing
from .errors import CollabError
from .merging import roster_after
from .ot import get_type
from .presence import PresenceBoard
from .store.announcements import (
    Announcement,
    ChannelReset,
    CheckAnnounced,
    ConflictAnnounced,
    DestroyAnnounced,
    EditsAnnounced,
    EpochAnnounced,
    JoinAnnounced,
    LeaveAnnounced,
    PresenceAnnounced,
    RightsAnnounced,
)
from .store.answers import NoSession, StaleEpoch
from .store.interface import Store
from .store.values import Edit, Participant, SessionKey
from .surroundings import Surroundings, Timer
from .telling import PRESENCE_WINDOW_S, Teller
from .whereabouts import Whereabouts

PAGE = 1000
STORE_PRESENCE_S = 0.250
RETRY_S = 0.5
# Who is further behind than this is told where the head is, and catches up by themselves.
MOST_MISSED = 2500

Heard = Callable[[SessionKey, EditsAnnounced], None]


def nobody(_key: SessionKey, _announced: EditsAnnounced) -> None:
    """Who is told where nobody wants to know."""


class Feed(Teller):
    """Follows one session for the participants on one node.

    Args:
        instance_id: the node.
        as_of_now: a participant of this node with what their token says by now.
        whereabouts: of the node's connections.
        heard: is told of edits as they are announced.

    Attributes:
        by_connection: WAMP session id → participant id.
        empty_since: when the last participant of this node left (monotonic seconds), or None.
    """

    log = Logger()

    def __init__(
        self,
        store: Store,
        key: SessionKey,
        instance_id: str,
        surroundings: Surroundings,
        as_of_now: Callable[[SessionKey, Participant], Participant] = lambda _key, person: person,
        whereabouts: Whereabouts | None = None,
        heard: Heard = nobody,
    ) -> None:
        self._store = store
        self.key = key
        self._instance_id = instance_id
        super().__init__(surroundings)
        self._as_of_now = as_of_now
        self._whereabouts = whereabouts or Whereabouts()
        self._heard = heard
        self.by_connection: dict[int, str] = {}
        self._elsewhere: dict[str, Participant] = {}
        self.empty_since: float | None = surroundings.now_s()
        self.ended = False
        # What is announced while the roster is being read.
        self._early: list[Announcement] = []
        self._meanwhile: list[list[Announcement]] = []
        self._filling = False
        self._again = False
        # Identity of the last edit; "" = not known.
        self._head = ""
        self._store_timer: Timer | None = None

    # --- following --------------------------------------------------------------------------

    async def start(self) -> bool:
        """Listen, then read where the session is; False where there is none.

        Raises:
            CollabError: `store_unavailable`; it does not listen then.
        """
        await self._store.listen(self.key, self.announced)
        try:
            found = await self._read()
        except CollabError:
            await self.stop()
            raise
        if not found:
            await self.stop()
        return found

    async def stop(self) -> None:
        self.ended = True
        for timer in (self._timer, self._store_timer):
            if timer is not None:
                timer.cancel()
        self._timer = self._store_timer = None
        await self._store.unlisten(self.key, self.announced)

    async def _read(self) -> bool:
        found = await self._store.roster(self.key)
        if found is None:
            return False
        meta, roster, presence = found
        self.meta, self.revision, self._head = meta, meta.revision, meta.head
        early, self._early = self._early, []
        for participant in roster_after(roster, early):
            if participant.instance_id == self._instance_id:
                participant = self._as_of_now(self.key, participant)
            if participant.may:
                self._add(participant)
            else:
                self._put_out(participant)
        self._board = PresenceBoard(get_type(meta.type), meta.revision, presence)
        for announcement in early:
            if not isinstance(announcement, JoinAnnounced | LeaveAnnounced):
                self.announced(self.key, announcement)
        return True

    def announced(self, _key: SessionKey, announcement: Announcement) -> None:
        """Take one announcement of the session's channel."""
        if self.ended:
            return
        if self.meta is None:
            self._early.append(announcement)
            return
        for announcements in self._meanwhile:
            announcements.append(announcement)
        match announcement:
            case EditsAnnounced():
                self._edits(announcement)
            case JoinAnnounced(participant):
                self._joined(participant)
            case LeaveAnnounced(participant_id, reason):
                self._left(participant_id, reason)
            case RightsAnnounced(user_id, granted):
                self._granted(user_id, granted)
            case ConflictAnnounced(user_id, conflict):
                self._publish("roster", {"conflict": conflict}, only=user_id)
            case PresenceAnnounced(instance_id, presence):
                if instance_id != self._instance_id:
                    for participant_id, moved in presence.items():
                        self._board.set(participant_id, moved)
                    self._schedule(self._presence_window())
            case CheckAnnounced(epoch, revision, sha256) if epoch == self.epoch:
                self._check(revision, sha256)
            # Both may be of the session that was here before this one.
            case DestroyAnnounced(epoch) if epoch == self.epoch:
                self._end({"destroyed": {"epoch": epoch}})
            case EpochAnnounced(epoch) if epoch != self.epoch:
                self._end({"epoch": {"epoch": epoch}})
            case ChannelReset():
                self._around.background(self._recover())

    def announce_state(self) -> None:
        """Tell the participants what they may have missed: who is here, and where the head is."""
        if self.meta is not None:
            everybody = [*self.participants.values(), *self._elsewhere.values()]
            self._publish("roster", {"roster": [person.as_wire() for person in everybody]})
            self._send()
            self._publish("edits", self._event([], self.revision))

    # --- edits ------------------------------------------------------------------------------

    def _edits(self, announced: EditsAnnounced) -> None:
        assert self.meta is not None
        self._heard(self.key, announced)
        if announced.epoch != self.meta.epoch:
            return
        if announced.after > self.revision:
            self._fill()
            return
        self._take(announced.edits[self.revision - announced.after :])

    def _take(self, edits: Sequence[Edit]) -> None:
        if not edits:
            return
        self._announced_at = self._announced_at if self._outgoing else self._around.now_s()
        self._outgoing.extend(edits)
        tracing.announced(self.epoch, edits)
        self._board.advance(edits)
        self.revision += len(edits)
        self._head = edits[-1].identity
        self._schedule(self._window())

    def _fill(self) -> None:
        """Read from the log what the channel did not bring."""
        self._again = True
        if not self._filling:
            self._filling = True
            self._around.background(self._fill_from_log())

    async def _fill_from_log(self) -> None:
        assert self.meta is not None
        try:
            while self._again and not self.ended:
                self._again = False
                more = True
                while more and not self.ended:
                    after = self.revision
                    answer = await self._store.edits(self.key, self.meta.epoch, after, PAGE)
                    if isinstance(answer, NoSession | StaleEpoch):
                        return
                    edits, meta = answer
                    far = not edits or meta.revision - after > MOST_MISSED
                    if far and meta.revision > self.revision:
                        # Or below the floor: clients find the gap.
                        self._send()
                        self.revision, self._head = meta.revision, meta.head
                        self._board.skip(meta.revision)
                        self._publish("edits", self._event([], self.revision))
                        break
                    self._take(edits[self.revision - after :])
                    more = self.revision < meta.revision
        except CollabError as error:
            self.log.warn("gap in {key} not filled yet: {error}", key=self.key, error=error)
            self._around.later(RETRY_S, self._fill)
        finally:
            self._filling = False

    async def _recover(self) -> None:
        """The channel was interrupted: bring roster and edits to where the store is."""
        try:
            with self._listening() as meanwhile:
                found = await self._store.roster(self.key)
                lost = await self._has_lost_history()
        except CollabError as error:
            self.log.warn("{key} not followed yet: {error}", key=self.key, error=error)
            self._around.later(RETRY_S, lambda: self._around.background(self._recover()))
            return
        if self.ended or self.meta is None:
            return
        if found is None:
            self._end({"destroyed": {"epoch": self.meta.epoch}})
            return
        meta, roster, _presence = found
        if lost or meta.epoch != self.meta.epoch:
            self._end({"epoch": {"epoch": meta.epoch}})
            return
        roster = roster_after(roster, meanwhile)
        here = {participant.participant_id for participant in roster}
        for participant_id in [*self.participants, *self._elsewhere]:
            if participant_id not in here:
                self._left(participant_id, "disconnected")
        for participant in roster:
            self._joined(participant)
        self._fill()

    @contextlib.contextmanager
    def _listening(self) -> Iterator[list[Announcement]]:
        """Keep what is announced while something is asked of the store."""
        meanwhile: list[Announcement] = []
        self._meanwhile.append(meanwhile)
        try:
            yield meanwhile
        finally:
            self._meanwhile = [other for other in self._meanwhile if other is not meanwhile]

    async def look_for(self, participant_id: str) -> Participant | None:
        """Take in a participant whose join was not heard of; None where there is none."""
        with self._listening() as meanwhile:
            found = await self._store.participant(self.key, participant_id)
        [found] = roster_after([found] if found else [], meanwhile, participant_id) or [None]
        if found is not None and not self.ended:
            self._joined(found)
        return found

    async def _has_lost_history(self) -> bool:
        """Whether another edit, or none, stands where the last one stood that was told here.

        So it is after a failover to a replica that had not heard of it, whatever was committed
        since.
        """
        if self.meta is None or not self._head:
            return False
        revision, head = self.revision, self._head
        found = await self._store.edits(self.key, self.meta.epoch, revision - 1, 1)
        if isinstance(found, NoSession | StaleEpoch):
            return False
        edits, meta = found
        if not edits:
            return meta.revision < revision
        return edits[0].identity != head

    def is_first(self) -> bool:
        """Whether this instance is the first, by name, of those with participants here."""
        others = {participant.instance_id for participant in self._elsewhere.values()}
        return all(self._instance_id < other for other in others)

    # --- roster -----------------------------------------------------------------------------

    def _add(self, participant: Participant) -> bool:
        """Take a participant in; False where they were known already, just so."""
        if participant.instance_id != self._instance_id:
            known_as = self._elsewhere.get(participant.participant_id)
            self._elsewhere[participant.participant_id] = participant
            return known_as != participant
        known_as = self.participants.get(participant.participant_id)
        self.participants[participant.participant_id] = participant
        self.by_connection[participant.wamp_session_id] = participant.participant_id
        self._whereabouts.came(participant.wamp_session_id, self.key)
        self.empty_since = None
        return known_as != participant

    def _joined(self, participant: Participant) -> None:
        if participant.instance_id == self._instance_id:
            participant = self._as_of_now(self.key, participant)
        participant_id = participant.participant_id
        known_as = self.participants.get(participant_id) or self._elsewhere.get(participant_id)
        if not participant.may:
            self._put_out(participant)
        elif not self._add(participant):
            return
        elif known_as is not None and known_as.join_id == participant.join_id:
            # Another token, or another right: they never went.
            if known_as.may != participant.may:
                self._tell_right(participant)
        else:
            self._publish("roster", {"joined": participant.as_wire()})

    def _granted(self, user_id: str, granted: str) -> None:
        """A user has other rights from now on, on whichever connections they are here."""
        for participant in [*self.participants.values(), *self._elsewhere.values()]:
            if participant.user_id == user_id:
                self._joined(attrs.evolve(participant, granted=granted))

    def refreshed(self, wamp_session_id: int) -> None:
        """A connection goes on under another token."""
        known = self.participants.get(self.by_connection.get(wamp_session_id, ""))
        if known is not None:
            self._joined(known)

    def _check(self, revision: int, sha256: str) -> None:
        """Tell what the content at a revision is, after the edits that lead there."""
        if revision > self.revision - len(self._outgoing):
            self._send()
        check = {"epoch": self.epoch, "revision": revision, "sha256": sha256}
        self._publish("roster", {"check": check})

    def _tell_right(self, participant: Participant) -> None:
        row = {"participant_id": participant.participant_id, "right": participant.may}
        self._publish("roster", {"rights": row})

    def _put_out(self, participant: Participant) -> None:
        """Who may not view any more hears nothing from now on, and is removed by their node."""
        participant_id = participant.participant_id
        self._left(participant_id, "revoked")
        if participant.instance_id == self._instance_id:
            self._around.background(self._remove(participant_id))

    async def _remove(self, participant_id: str) -> None:
        await self._store.leave(self.key, participant_id, "revoked")

    def _left(self, participant_id: str, reason: str) -> None:
        gone = self.participants.get(participant_id)
        if gone is None and participant_id not in self._elsewhere:
            return
        # Who was put out is told so too; who left or vanished has no ear for it.
        self._publish("roster", {"left": {"participant_id": participant_id, "reason": reason}})
        if gone is not None:
            del self.participants[participant_id]
            self.by_connection.pop(gone.wamp_session_id, None)
            self._whereabouts.went(gone.wamp_session_id, self.key)
        self._elsewhere.pop(participant_id, None)
        self._board.remove(participant_id)
        if not self.participants:
            self.empty_since = self._around.now_s()

    def _end(self, event: dict[str, Any]) -> None:
        """The session is no more under this epoch: say so, and follow it no further."""
        self._send()
        self._publish("roster", event)
        self._around.background(self.stop())

    # --- presence ---------------------------------------------------------------------------

    def moved(self, participant_id: str, revision: int, **changed: Any) -> None:
        """A participant of this node says where it is: `cursor=position` or `selection=ranges`."""
        self._board.change(participant_id, revision, changed)
        self._schedule(self._presence_window())
        if self._store_timer is None:
            delay = STORE_PRESENCE_S if not self._elsewhere else PRESENCE_WINDOW_S
            self._store_timer = self._around.later(delay, self._store_presence)

    def _store_presence(self) -> None:
        self._store_timer = None
        changed, self._board.unstored = self._board.unstored, {}
        if changed:
            self._around.background(self._store.set_presence(self.key, self._instance_id, changed))
