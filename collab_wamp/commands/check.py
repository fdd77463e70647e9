"""`collab-wamp check`: is the configuration right, and is what it needs there?"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

from twisted.internet.defer import ensureDeferred
from twisted.internet.task import react

from ..config import Config, ConfigError, with_secret
from ..errors import CollabError
from ..node import render
from ..store.redis import RedisStore


def add_parser(subparsers: Any) -> None:
    subparsers.add_parser(
        "check",
        help="say whether configuration and dependencies are in order",
        description="Say in words whether the configuration is right and the store answers. The "
        "exit status is 0 if all is well, 1 if not.",
    )


def run(args: argparse.Namespace, config: Config) -> int:
    problems = 0

    def say(what: str, error: str = "") -> None:
        nonlocal problems
        problems += bool(error)
        sys.stdout.write(f"{'PROBLEM' if error else 'ok':8}{what}{': ' + error if error else ''}\n")

    try:
        with_secret(config).keyring()
        say("tokens: " + ", ".join(config.auth.algorithms))
    except ConfigError as error:
        say("tokens", str(error))
    try:
        render(config)
        say("node: .crossbar/config.yaml")
    except ConfigError as error:
        say("node", str(error))
    if config.store.url == "embedded":
        say(f"store: embedded, in {config.data_dir}")
    else:
        _run_reactor(config, say)
    return 1 if problems else 0


def _run_reactor(config: Config, say: Any) -> None:
    try:
        react(lambda reactor: ensureDeferred(_check_store(reactor, config, say)))
    except SystemExit as end:  # how `react` always ends
        if end.code:
            raise


async def _check_store(reactor: Any, config: Config, say: Any) -> None:
    store = RedisStore(
        reactor,
        config.store.url,
        durability="fsynced",
        instance_id="check",
        monotonic=time.monotonic,
    )
    store.start()
    try:
        await store.until_ready()
        found = await store.ping()
        say(f"store: {store.address}, version {found['server']}, {found['latency_ms']} ms")
        policy = found["maxmemory_policy"]
        say("store keeps all", "" if policy == "noeviction" else f"maxmemory-policy is {policy}")
    except CollabError as error:
        say(f"store: {store.address}", error.message)
    finally:
        await store.close()
