"""One stretch of being joined, from the join to what makes another one necessary."""

from __future__ import annotations

from typing import Any

from .requests import Call, Request, Subscribe
from .stream import Stream


class Round:
    """
    Attributes:
        live: joined, and subscribed to everything.
        waiting: requests without an answer → when they count as lost.
        subscriptions: those whose events are to be heeded.
        topics: the session's, once joined.
        fetch, roster: the call that waits for its answer.
        ask_at: nothing is fetched before.
        roster_known: whether the roster is as of a time after the subscription to its events.
        roster_events: those that came before that.
        heard_at: when anything was last received.
    """

    def __init__(self, now: float) -> None:
        self.began = self.heard_at = self.ask_at = now
        self.live = False
        self.waiting: dict[Request, float] = {}
        self.subscriptions: set[Subscribe] = set()
        self.topics: dict[str, str] = {}
        self.stream = Stream()
        self.fetch: Call | None = None
        self.roster: Call | None = None
        self.roster_known = False
        self.roster_events: list[dict[str, Any]] = []

    def overdue(self, now: float) -> list[Request]:
        return [request for request, deadline in self.waiting.items() if deadline <= now]

    def forget(self, request: Request | None) -> None:
        """Nothing depends on the request's answer any more."""
        if request is not None:
            self.waiting.pop(request, None)
