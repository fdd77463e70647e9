"""`collab-wamp check`: is the configuration right, and is what it needs there?"""

from __future__ import annotations

import argparse
import http.client
import resource
import sys
import time
from typing import Any, Literal

import attrs
from twisted.internet.defer import ensureDeferred
from twisted.internet.task import react

from .. import embedded
from ..config import Config, ConfigError, with_secret
from ..errors import CollabError
from ..layout import usable_cores
from ..node import render
from ..registry.address import parse_registry_url
from ..registry.opening import open_registry
from ..store.redis import RedisStore
from . import fetching, reaching, showing

READY_S = 2.0
# Of the router: its listening sockets, its logs, its libraries, those who are just being refused.
OTHER_FILES = 200

EPILOG = """\
Of a node that runs it tells whether that is ready; that there is none is no problem. Limits on open
files are those of the shell that this runs in: run it as the node is run.

--json: {"ok", "checks": [{"state": "ok", "note" or "PROBLEM", "what", "said"}, …]}
"""


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "check",
        help="say whether configuration and dependencies are in order",
        description="Say in words whether the configuration is right, and whether store and "
        "registry answer. The exit status is 0 if all is well, 1 if not.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document, for programs")


@attrs.frozen
class Finding:
    """
    Attributes:
        said: beside `ok` what is to be known, or is wrong.
    """

    state: Literal["ok", "note", "PROBLEM"]
    what: str
    said: str = ""


class Findings(list[Finding]):
    """What was found, in order."""

    def say(self, what: str, error: str = "") -> None:
        self.append(Finding("PROBLEM" if error else "ok", what, error))

    def note(self, what: str, said: str) -> None:
        """What may be as it is meant."""
        self.append(Finding("note", what, said))


def run(args: argparse.Namespace, config: Config) -> int:
    found = Findings()
    try:
        with_secret(config).keyring()
        found.say("tokens: " + ", ".join(config.auth.algorithms))
    except ConfigError as error:
        found.say("tokens", str(error))
    try:
        render(config)
        found.say("node: .crossbar/config.yaml")
    except ConfigError as error:
        found.say("node", str(error))
    _check_layout(config, found)
    _check_files(config, found)
    _check_node(config, found)
    if config.store.url == "embedded":
        found.say(f"store: embedded, in {config.data_dir}")
    _run_reactor(config, found)
    good = all(finding.state != "PROBLEM" for finding in found)
    if args.json:
        showing.as_json({"ok": good, "checks": [attrs.asdict(finding) for finding in found]})
    else:
        for finding in found:
            said = f": {finding.said}" if finding.said else ""
            sys.stdout.write(f"{finding.state:8}{finding.what}{said}\n")
    return 0 if good else 1


def _check_layout(config: Config, found: Findings) -> None:
    """How the node's parts would be spread over processes, started here and now."""
    layout, cores = config.layout, usable_cores()
    processes = "process" if layout.workers == 1 else "processes"
    what = f"layout: {layout.name}, edits are taken by {layout.workers} {processes}"
    # The router, and where edits are taken beside it, each of those.
    busy = 1 + layout.workers * ("sessions" in layout.guests)
    if busy <= cores:
        found.say(what)
    else:
        found.note(what, f"with the router that makes {busy}, and there are {cores} cores to use")


def _check_files(config: Config, found: Findings) -> None:
    """Whether the router may have as many files open as connections are let in."""
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = config.limits.connections + OTHER_FILES
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        found.say(f"open files: enough for limits.connections, {config.limits.connections:,}")
        return
    said = (
        f"{soft:,} may be open, and limits.connections = {config.limits.connections:,} wants "
        f"{wanted:,}: raise it (ulimit -n {wanted}; LimitNOFILE of systemd), or lower the limit"
    )
    # Who tries it out on a laptop has no use for so many.
    if config.server.production:
        found.say("open files", said)
    else:
        found.note("open files", said)


def _check_node(config: Config, found: Findings) -> None:
    """What a node of this configuration says, if one runs."""
    url = reaching.default_url(config)
    what = f"node at {fetching.origin(url)}"
    try:
        status, ready = fetching.state(url, "/ready", READY_S)
    except ConnectionRefusedError:
        found.note(what, "none runs")
    except (OSError, http.client.HTTPException) as error:
        found.note(what, f"does not answer ({error})")
    else:
        if not isinstance(ready, dict) or "ready" not in ready:
            found.note(what, f"something else answers there ({status})")
        elif ready["ready"]:
            found.say(f"{what} is ready")
        else:
            found.note(what, f"is not ready: {', '.join(map(str, ready.get('missing', [])))}")


def _run_reactor(config: Config, found: Findings) -> None:
    store_url = config.store.url
    if store_url == "embedded":
        running = embedded.answers(config.data_dir)
        store_url = embedded.url(config.data_dir) if running else ""
    address = parse_registry_url(config.registry.url)
    registry = config.registry.enabled
    if not registry:
        found.say("registry: none")
    elif not (store_url or address.store_url or address.kind != "redis"):
        found.note("registry: in the embedded store", "that does not run")
        registry = False

    async def main(reactor: Any) -> None:
        if config.store.url != "embedded":
            await _check_store(reactor, config, found)
        if registry:
            await _check_registry(reactor, config, store_url, found)

    if config.store.url == "embedded" and not registry:
        return
    try:
        react(lambda reactor: ensureDeferred(main(reactor)))
    except SystemExit as end:  # how `react` always ends
        if end.code:
            raise


async def _check_store(reactor: Any, config: Config, found: Findings) -> None:
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
        told = await store.ping()
        found.say(f"store: {store.address}, version {told['server']}, {told['latency_ms']} ms")
        policy = told["maxmemory_policy"]
        found.say(
            "store keeps all", "" if policy == "noeviction" else f"maxmemory-policy is {policy}"
        )
    except CollabError as error:
        found.say(f"store: {store.address}", error.message)
    finally:
        await store.close()


async def _check_registry(reactor: Any, config: Config, store_url: str, found: Findings) -> None:
    url = config.registry.url
    what = f"registry: {parse_registry_url(url)}"
    registry = open_registry(url, reactor=reactor, store_url=store_url, monotonic=time.monotonic)
    try:
        instances = await registry.instances(config.registry.service)
        found.say(f"{what}, {len(instances)} of {config.registry.service} in it")
    except CollabError as error:
        found.say(what, error.message)
    finally:
        await registry.close()
