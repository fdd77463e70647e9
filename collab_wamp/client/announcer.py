"""Tells the others where this user is: at most once in a while, and always the latest."""

from __future__ import annotations

from typing import Any

from .replica import Replica
from .requests import Publish


class Announcer:
    """
    Args:
        interval_s: between two announcements.

    Attributes:
        wants: something is to be told.
        at: not before.
    """

    def __init__(self, interval_s: float) -> None:
        self.wants = False
        self.at = float("-inf")
        self._interval_s = interval_s
        # What the server has of this user, so that it is told when that is no more.
        self._told = {"cursor": False, "selection": False}

    def moved(self) -> None:
        self.wants = True

    def restart(self) -> None:
        """Nothing that was told is known to the server any more."""
        self._told = {"cursor": False, "selection": False}
        self.wants = True

    def tell(self, replica: Replica, topics: dict[str, str], now: float) -> list[Publish]:
        """What to publish: each in the server's document at the replica's revision."""
        self.wants = False
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
            self.at = now + self._interval_s
            news.append(Publish(topics[topic], {"revision": replica.revision, name: value}))
        return news
