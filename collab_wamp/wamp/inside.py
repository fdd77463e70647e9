"""The node's components in the router's process, where the layout has them there.

Crossbar makes each with a configuration of its own, and adds it to the router without a connection:
what it is called with and publishes is not serialized. They share one store. Where one cannot
start, the process ends, and with it the node, which its supervisor starts again.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from twisted.internet import reactor as global_reactor

from ..metrics_folder import ROUTER
from . import node_component, relay_component, sessions_component
from .extras import extras
from .settings import from_environment

# Twisted's interfaces have no types that mypy understands.
reactor: Any = global_reactor


@cache
def surroundings() -> dict[str, Any]:
    """What a component finds in its `config.extra`; the store begins to connect."""
    config = from_environment()
    return {**extras(config, ROUTER, reactor, stop_the_process, 1), "inside": True}


def stop_the_process() -> None:
    if reactor.running:
        reactor.stop()


class Sessions(sessions_component.Component):
    """See `sessions_component`."""

    def __init__(self, config: Any) -> None:
        config.extra = surroundings()
        super().__init__(config)


class Relay(relay_component.Component):
    """See `relay_component`."""

    def __init__(self, config: Any) -> None:
        config.extra = surroundings()
        super().__init__(config)


class Node(node_component.Component):
    """See `node_component`."""

    def __init__(self, config: Any) -> None:
        config.extra = surroundings()
        super().__init__(config)
