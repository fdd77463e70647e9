"""`collab-wamp instances`: which nodes, and instances of other services, are in the registry."""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

from ..client.connection import Connection
from ..config import Config, ConfigError
from ..protocol import NODE_HEALTH, REGISTRY_INSTANCES, REGISTRY_PICK
from ..registry.picking import STRATEGIES
from . import reaching, showing

DESCRIPTION = """\
List the instances of a service that are alive, as the registry of the node that is asked has them;
or pick one, as a client would that looks for a node. The exit status is 1 where none is ready to be
picked, or where --health finds that the node is failing.
"""

EXAMPLES = """\
examples:
  collab-wamp instances
  collab-wamp instances --health
  collab-wamp instances --pick least_loaded --json | jq -r .instance.host
  collab-wamp instances --service mailer --pick rendezvous --key notes

--json: what collab.registry.instances (or .pick) answers, and with --health also {"health"}, as of
collab.node.health; see PROTOCOL.md. A token that is given must have the capability stats.
"""


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "instances",
        help="list the nodes that run, pick one, tell how one is",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--service", help="another service than this one")
    parser.add_argument("--pick", choices=STRATEGIES, help="one of them that is ready")
    parser.add_argument("--key", help="for rendezvous: what is to come to the same one each time")
    parser.add_argument(
        "--health", action="store_true", help="also how the parts are of the node that is asked"
    )
    reaching.add_options(parser, for_tenant=False)


def run(args: argparse.Namespace, config: Config) -> int:
    if (args.pick == "rendezvous") != (args.key is not None):
        raise ConfigError("--key goes with --pick rendezvous, and that with --key")
    node = reaching.target(args, config, capabilities=("stats",), tenant=reaching.NODES_TENANT)

    async def work(link: Connection) -> dict[str, Any]:
        if args.pick:
            found = await reaching.call(
                link, REGISTRY_PICK, service=args.service, strategy=args.pick, key=args.key
            )
        else:
            found = await reaching.call(link, REGISTRY_INSTANCES, service=args.service)
        if args.health:
            found["health"] = await reaching.call(link, NODE_HEALTH)
        return found

    found = reaching.ask(node, work)
    if args.json:
        showing.as_json(found)
    else:
        sys.stdout.write(described(found))
    failing = args.health and found["health"]["status"] == "failing"
    return 1 if failing or (args.pick and found["instance"] is None) else 0


def described(found: dict[str, Any]) -> str:
    """What the procedures answer, for people."""
    rows = found["instances"] if "instances" in found else filter(None, [found["instance"]])
    shown = [_row(row) for row in rows]
    if shown:
        heads = ("INSTANCE", "STATUS", "ADDRESS", "VERSION", "ENVIRONMENT", "UP FOR", "LOAD")
        text = showing.table(heads, shown)
    elif "instances" in found:
        text = f"no instance of {showing.clean(found['service'])} is in the registry\n"
    else:
        text = "no instance is ready\n"
    if "health" in found:
        text += "\n" + _health(found["health"])
    return text


def _row(row: dict[str, Any]) -> tuple[str, ...]:
    host = f"[{row['host']}]" if ":" in row["host"] else row["host"]
    since_s = time.time() - row["started_ms"] / 1000
    return (
        row["instance_id"],
        row["status"],
        f"{host}:{row['port']}",
        row["version"],
        row["environment"],
        showing.duration(since_s) if row["started_ms"] else "",
        ", ".join(f"{value:,g} {name}" for name, value in sorted(row["load"].items())),
    )


def _health(health: dict[str, Any]) -> str:
    text = showing.fields(
        [
            ("node that was asked", health["instance_id"]),
            ("status", health["status"]),
            ("version", health["version"]),
            ("up for", showing.duration(health["uptime_s"])),
            *sorted(health["load"].items()),
        ]
    )
    parts = [
        (name, "ok" if part["ok"] else "FAILING", part["latency_ms"], part.get("problem", ""))
        for name, part in sorted(health["parts"].items())
    ]
    return text + "\n" + showing.table(("PART", "STATE", "LATENCY, MS", "PROBLEM"), parts)
