"""Which sessions the connections of a node have joined."""

from __future__ import annotations

from .store.values import SessionKey

NOWHERE: frozenset[SessionKey] = frozenset()


class Whereabouts:
    """Sessions by connection, so that nobody has to go through all sessions for one connection."""

    def __init__(self) -> None:
        self._joined: dict[int, set[SessionKey]] = {}

    def came(self, wamp_session_id: int, key: SessionKey) -> None:
        self._joined.setdefault(wamp_session_id, set()).add(key)

    def went(self, wamp_session_id: int, key: SessionKey) -> None:
        joined = self._joined.get(wamp_session_id)
        if joined is not None:
            joined.discard(key)
            if not joined:
                del self._joined[wamp_session_id]

    def of(self, wamp_session_id: int) -> frozenset[SessionKey]:
        return frozenset(self._joined.get(wamp_session_id, NOWHERE))

    def connections(self) -> set[int]:
        """Those that have joined something."""
        return set(self._joined)
