"""Follows the edits of a session: each once, in order, none left out."""

from __future__ import annotations

from typing import Any

from .replica import Replica

# Edits that came before those they continue are kept while these are fetched; so many at most.
MOST_EARLY = 1000


class Stream:
    """What is known of the stream in one round.

    Attributes:
        must_fetch: edits may be missing without a sign of it. True to begin with: some may have
            come between the join and the subscription.
    """

    def __init__(self) -> None:
        self.must_fetch = True
        self._head = 0
        self._early: list[tuple[int, list[Any]]] = []

    def lacks(self, replica: Replica) -> bool:
        """Whether edits are to be fetched."""
        return self.must_fetch or replica.revision < self._head

    def take(self, replica: Replica, after: int, edits: list[Any]) -> None:
        """Take an event's edits, or those of a page that was fetched."""
        self._head = max(self._head, after + len(edits))
        if after > replica.revision:
            if edits and sum(len(kept) for _, kept in self._early) < MOST_EARLY:
                self._early.append((after, edits))
            return
        replica.receive(after, edits)
        while self._early and self._early[0][0] <= replica.revision:
            replica.receive(*self._early.pop(0))

    def fetched(self, replica: Replica, after: int, page: dict[str, Any]) -> None:
        """Take the answer to a fetch: `{edits, revision, more}`."""
        self._head = max(self._head, page["revision"])
        self.take(replica, after, page["edits"])
