"""Which connection takes part in which session, as this process remembers it."""

from __future__ import annotations

import base64
import hashlib
from collections import OrderedDict
from collections.abc import Callable

from .shared import Shared
from .store.interface import Store
from .store.values import Participant, SessionKey

# Another process may have taken the leave: what is remembered is good for a moment.
FRESH_S = 1.0
MOST = 10_000


class Participants:
    """A cache of the rosters in the store.

    Args:
        instance_id: the node.
        now_s: a monotonic clock, seconds.
    """

    def __init__(self, store: Store, instance_id: str, now_s: Callable[[], float]) -> None:
        self._store = store
        self._instance_id = instance_id
        self._now_s = now_s
        self._asking = Shared()
        self._known: OrderedDict[str, tuple[float, Participant]] = OrderedDict()
        self._ids: dict[tuple[int, SessionKey], str] = {}

    def id_of(self, key: SessionKey, wamp_session_id: int) -> str:
        """A connection's participant id: the same for every process of the node."""
        who = (wamp_session_id, key)
        known = self._ids.get(who)
        if known is not None:
            return known
        name = f"{self._instance_id}\n{wamp_session_id}\n{key.tenant}\n{key.session_id}"
        if len(self._ids) >= MOST:
            self._ids.clear()
        found = self._ids[who] = random_name(hashlib.sha256(name.encode()).digest()[:12])
        return found

    def remember(self, participant: Participant) -> None:
        self._known[participant.participant_id] = (self._now_s(), participant)
        self._known.move_to_end(participant.participant_id)
        while len(self._known) > MOST:
            self._known.popitem(last=False)

    def forget(self, participant_id: str) -> None:
        self._known.pop(participant_id, None)

    def forget_user(self, user_id: str) -> None:
        """Ask anew who somebody is, who may have other rights now."""
        for participant_id, (_, participant) in list(self._known.items()):
            if participant.user_id == user_id:
                self.forget(participant_id)

    def forget_connection(self, wamp_session_id: int) -> None:
        for participant_id, (_, participant) in list(self._known.items()):
            if participant.wamp_session_id == wamp_session_id:
                self.forget(participant_id)

    def remembered(self, key: SessionKey, wamp_session_id: int) -> Participant | None:
        """Who a connection was on a session, however long ago that was looked up.

        Good for what is found out anyway where it is no more so: a commit asks the roster itself.
        """
        known = self._known.get(self.id_of(key, wamp_session_id))
        return None if known is None else known[1]

    async def find(self, key: SessionKey, wamp_session_id: int) -> Participant | None:
        """Who a connection is on a session; None where it has not joined it.

        Raises:
            CollabError: `store_unavailable`.
        """
        participant_id = self.id_of(key, wamp_session_id)
        known = self._known.get(participant_id)
        if known is not None and self._now_s() - known[0] <= FRESH_S:
            return known[1]
        participant: Participant | None = await self._asking.ask(
            participant_id, lambda: self._store.participant(key, participant_id)
        )
        if participant is None:
            self.forget(participant_id)
        else:
            self.remember(participant)
        return participant


def random_name(data: bytes) -> str:
    """Lower-case base32 of random bytes."""
    return base64.b32encode(data).decode().rstrip("=").lower()
