"""Tells the others where this user is: at most once in a while, and always the latest."""

from __future__ import annotations

from typing import Any

from .replica import Replica
from .requests import Publish


class Announcer:
    """
    Args:
        interval_s: between two announcements.
    """

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._moved = False
        self._told_at = float("-inf")
        # What the server has of this user, so that it is told when that is no more.
        self._told = {"cursor": False, "selection": False}

    def moved(self) -> None:
        """Something is to be told."""
        self._moved = True

    def restart(self) -> None:
        """Nothing that was told is known to the server any more."""
        self._told = {"cursor": False, "selection": False}
        self._moved = True

    def due_at(self) -> float | None:
        return self._told_at + self._interval_s if self._moved else None

    def due(self, replica: Replica, topics: dict[str, str], now: float) -> list[Publish]:
        at = self.due_at()
        if at is None or now < at:
            return []
        self._moved = False
        position = replica.positions.own_at_server()
        values: tuple[tuple[str, str, Any], ...] = (
            ("cursor", "position", position.cursor),
            ("selection", "ranges", position.selection),
        )
        news: list[Publish] = []
        for topic, name, value in values:
            if value is None and not self._told[topic]:
                continue
            self._told[topic] = value is not None
            self._told_at = now
            news.append(Publish(topics[topic], {"revision": replica.revision, name: value}))
        return news
