"""What a component of ours finds in its `config.extra`, in whichever process it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from .. import tracing
from ..config import Config
from ..store.redis import RedisStore


def extras(
    config: Config, process: str, reactor: Any, failed: Callable[[], None], number: int
) -> dict[str, Any]:
    """Begin to trace, and to connect to the store, which all components of a process share.

    Args:
        process: its part of the node.
        failed: ends the process, where a component cannot start.
        number: of the worker, from 1 on.
    """
    tracing.start(config.tracing, config.server.instance_id, process)
    reactor.addSystemEventTrigger("after", "shutdown", tracing.stop)
    store = RedisStore(
        reactor,
        config.store.url,
        durability=config.store.durability,  # type: ignore[arg-type]  # config has checked it
        instance_id=config.server.instance_id,
        monotonic=time.monotonic,
    )
    store.start()
    return {
        "config": config,
        "store": store,
        "reactor": reactor,
        "now_ms": lambda: int(time.time() * 1000),
        "failed": failed,
        "number": number,
    }
