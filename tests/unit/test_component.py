"""What the node's components do with the messages that the router hands them."""

from __future__ import annotations

from typing import Any

from autobahn.wamp.message import Event
from autobahn.wamp.types import ComponentConfig
from twisted.trial.unittest import TestCase

from collab_wamp.wamp.component import CollabComponent


class Listener(CollabComponent):
    """Keeps what a handler would be called with."""

    heard: list[Any]

    def onEvent(self, args: list[Any], kwargs: dict[str, Any]) -> None:
        self.heard.append((args, kwargs))


class ComponentTests(TestCase):
    def test_a_message_that_several_get_is_the_same_for_each(self) -> None:
        """In the router's process one object goes to all: what one does to it, others would see."""
        event = Event(7, 8, args=[3412], kwargs={"self": "x"})
        before = event.marshal()
        for _ in range(2):
            component = Listener(ComponentConfig("collab", {}))
            component.heard = []
            component._session_id = 1
            component._subscriptions = {7: [Handling(component.onEvent)]}
            component.onMessage(event)
            self.assertEqual(component.heard, [([3412], {"self": "x"})])
        self.assertEqual(event.marshal(), before)


class Handling:
    """As Autobahn keeps a subscription."""

    def __init__(self, call: Any) -> None:
        self.id = 7
        self.active = True
        self.topic = "collab.test"
        self.handler = HandlerOf(call)


class HandlerOf:
    def __init__(self, call: Any) -> None:
        self.fn = call
        self.obj = None
        self.details_arg = None
