"""Runs several nodes on one machine, with one store: to try what many machines do.

Node 1 listens on the configured port, node 2 on the next, and so on; each has a folder of its own
in the data folder. Plain process, no reactor.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from types import FrameType

import attrs

from . import embedded
from .children import Child
from .config import Config, ConfigError

LOOK_S = 0.05
STORE_START_S = 60.0
# What a node needs after it has drained; it ends its own processes in that time.
END_MORE_S = 20.0


def run(config: Config, environment: dict[str, str], count: int, say: Callable[[str], None]) -> int:
    """Until told to end by SIGINT or SIGTERM, once for in order, twice for at once.

    Returns:
        exit status: 0 after an orderly end.

    Raises:
        ConfigError: it cannot be started like this.
    """
    signals = 0

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        nonlocal signals
        signals += 1

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    store, config = _store(config)
    nodes = [_node(config, environment, number) for number in range(1, count + 1)]
    children = [*([store] if store is not None else []), *nodes]
    try:
        for node in nodes:
            node.start()
        while not signals:
            time.sleep(LOOK_S)
            for child in children:
                if happened := child.look():
                    say(happened)
        for node in nodes:
            node.ask_to_end()
        end = time.monotonic() + config.server.drain_s + END_MORE_S
        while signals < 2 and time.monotonic() < end and any(node.alive for node in nodes):
            time.sleep(LOOK_S)
        return 0 if not any(node.alive for node in nodes) else 1
    finally:
        for child in reversed(children):
            child.end(END_MORE_S if child is store else 0)


def _store(config: Config) -> tuple[Child | None, Config]:
    """The embedded store, started, if it is to be used; and the configuration with its address."""
    if config.store.url != "embedded":
        return None, config
    folder = config.data_dir.absolute()
    (folder / "log").mkdir(parents=True, exist_ok=True)
    try:
        url = embedded.url(folder)
    except ValueError as error:
        raise ConfigError(f"server.data_dir: {error}") from None
    if embedded.answers(folder):
        raise ConfigError(f"a store is still running in {folder}; end it first")
    store = Child("store", embedded.command(folder), log=folder / "log" / "store.log")
    store.start()
    if not embedded.wait_until_it_answers(folder, STORE_START_S):
        store.end(0)
        raise ConfigError(f"the embedded store does not start; see {folder / 'log' / 'store.log'}")
    return store, attrs.evolve(config, store=attrs.evolve(config.store, url=url))


def _node(config: Config, environment: dict[str, str], number: int) -> Child:
    server = attrs.evolve(
        config.server,
        port=config.server.port + number - 1,
        data_dir=str(config.data_dir.absolute() / f"node-{number}"),
        instance_id=f"{config.server.instance_id}-{number}",
    )
    ours = attrs.evolve(config, server=server)
    return Child(
        f"node {number}",
        [sys.executable, "-m", "collab_wamp.cli", "up"],
        environment={**environment, **ours.as_environment()},
    )
