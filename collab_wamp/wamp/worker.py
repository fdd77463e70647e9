"""Runs components of the node: `python -m collab_wamp.wamp.worker sessions|relay NUMBER`.

Connects to the store and to the router's private socket, and stays connected to both. Ends with
status 1 where a component cannot start: its supervisor starts it again.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from functools import partial
from typing import Any

from autobahn.twisted.rawsocket import WampRawSocketClientFactory
from autobahn.wamp.serializer import MsgPackSerializer
from autobahn.wamp.types import ComponentConfig
from twisted.application.internet import ClientService
from twisted.internet import reactor as global_reactor
from twisted.internet.endpoints import UNIXClientEndpoint

from .. import config as configuration
from .. import node, protocol
from ..children import die_with_parent
from . import polling, tuning
from .extras import extras
from .logs import begin_log

# Worker → its components; each has a connection to the router, and all have one store.
COMPONENTS = {"sessions": ("sessions",), "relay": ("relay", "node")}
RETRY_S = 0.25

# Twisted's interfaces have no types that mypy understands.
reactor: Any = global_reactor


def run(name: str, number: int) -> int:
    """A worker, until the process is told to end; the exit status."""
    config = configuration.load(os.environ)
    begin_log(config)
    tuning.stop_formatting()
    polling.install(reactor)
    status = 0

    def failed() -> None:
        nonlocal status
        status = 1
        if reactor.running:
            reactor.stop()

    extra = extras(config, name, reactor, failed, number)
    endpoint: Any = UNIXClientEndpoint(reactor, str(node.private_socket(config)))  # type: ignore[no-untyped-call]
    for component in COMPONENTS[name]:
        kind = importlib.import_module(f"collab_wamp.wamp.{component}_component").Component
        make = partial(kind, ComponentConfig(protocol.REALM, extra))
        factory = WampRawSocketClientFactory(make, serializer=MsgPackSerializer())
        service = ClientService(endpoint, factory, retryPolicy=lambda _attempt: RETRY_S)
        service.startService()
        # First nothing more comes in.
        reactor.addSystemEventTrigger("before", "shutdown", service.stopService)
    reactor.callWhenRunning(tuning.settle_memory)
    reactor.run()
    return status


def main() -> None:
    if len(sys.argv) != 3 or sys.argv[1] not in COMPONENTS:
        sys.exit(f"usage: python -m collab_wamp.wamp.worker {'|'.join(COMPONENTS)} NUMBER")
    # Who ends in order is asked to by its parent, which waits. Where that one has been killed, a
    # worker that hangs would stay for ever.
    die_with_parent(signal.SIGKILL)
    sys.exit(run(sys.argv[1], int(sys.argv[2])))


if __name__ == "__main__":
    main()
