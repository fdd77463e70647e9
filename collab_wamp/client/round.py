"""One stretch of being joined, from the join to what makes another one necessary."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .requests import Call, Request, Subscribe

# Edits that came before those they continue are kept while these are fetched; so many at most.
MOST_EARLY = 1000


class Round:
    """
    Attributes:
        live: joined, and subscribed to everything.
        waiting: requests without an answer → when they count as lost.
        subscriptions: those whose events are to be heeded.
        topics: the session's, once joined.
        op_parts, op_size: limits of one operation (parts; bytes).
        edit, fetch: the call that waits for its answer.
        edit_at, fetch_at: none before.
        look_at: when the stream should have brought the edit that was answered.
        must_fetch: edits may be missing; True to begin with, as some may come while joining.
        head: the highest revision heard of.
        early: edits beyond a gap, as (after, edits).
        roster_events: those that came while the roster is being asked for; None = it is known.
        heard_at: when anything was last received.
    """

    def __init__(self, now: float) -> None:
        self.began = self.heard_at = now
        self.live = False
        self.waiting: dict[Request, float] = {}
        self.subscriptions: set[Subscribe] = set()
        self.topics: dict[str, str] = {}
        self.op_parts = 1000
        self.op_size = 32 * 1024
        self.edit: Call | None = None
        self.fetch: Call | None = None
        self.roster: Call | None = None
        self.edit_at = self.fetch_at = now
        self.look_at: float | None = None
        self.must_fetch = True
        self.head = 0
        self.early: list[tuple[int, list[Any]]] = []
        self.roster_events: list[Any] | None = []

    def overdue(self, now: float) -> list[Request]:
        return [request for request, deadline in self.waiting.items() if deadline <= now]

    def times(self) -> Iterator[float]:
        """When something may be to do."""
        yield from self.waiting.values()

    def keep_early(self, after: int, edits: list[Any]) -> None:
        self.head = max(self.head, after + len(edits))
        if edits and sum(len(kept) for _, kept in self.early) < MOST_EARLY:
            self.early.append((after, edits))
