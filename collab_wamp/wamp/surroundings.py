"""What use cases need of the process that they live in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import Any

from autobahn.wamp.types import PublishOptions

from ..surroundings import Timer
from . import shortcuts
from .component import CollabComponent


class ComponentSurroundings:
    """The reactor's clock, and the router to publish through; see `surroundings.Surroundings`."""

    def __init__(self, component: CollabComponent) -> None:
        self._component = component

    def now_s(self) -> float:
        return float(self._component.clock.seconds())

    def later(self, seconds: float, call: Callable[[], None]) -> Timer:
        timer: Timer = self._component.clock.callLater(seconds, call)
        return timer

    def publish(self, topic: str, event: dict[str, Any], receivers: Collection[int]) -> None:
        if self._component.inside and shortcuts.publish is not None:
            shortcuts.publish(topic, event, receivers)
        elif self._component.is_attached():
            options = PublishOptions(eligible=list(receivers))
            self._component.publish(topic, options=options, **event)

    def background(self, work: Awaitable[None]) -> None:
        self._component.background(work)
