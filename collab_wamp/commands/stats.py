"""`collab-wamp stats`: a tenant's connections and sessions, and what is left of a user's limits."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from ..client.connection import Connection
from ..config import Config, ConfigError
from ..protocol import STATS_CONNECTIONS, STATS_LIMITS, STATS_SESSIONS
from . import reaching, showing

DESCRIPTION = """\
Tell how many connections, people and sessions a tenant has, on all nodes together and on each; and
with --user how much of the rate limits is left to somebody. Figures are some seconds old.
"""

EXAMPLES = """\
examples:
  collab-wamp stats --tenant demo
  collab-wamp stats --tenant demo --user ada --session welcome
  collab-wamp stats --tenant demo --json | jq .connections.connections

--json: {"connections", "sessions"}, with --user also {"limits"}: what collab.stats.connections,
.sessions and .limits answer, see PROTOCOL.md. A token that is given must have the capability stats,
or operate where --tenant is not its own.
"""


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "stats",
        help="tell a tenant's figures, and what is left of limits",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--user", help="also what is left of this user's limits")
    parser.add_argument(
        "--session",
        metavar="SESSION",
        type=reaching.session_id,
        help="with --user: also those of edits, on this session",
    )
    reaching.add_options(parser)


def run(args: argparse.Namespace, config: Config) -> int:
    if args.session and not args.user:
        raise ConfigError("--session is for limits: of which --user?")
    node = reaching.target(args, config, capabilities=("stats",), other_tenants=not args.user)
    other = args.tenant if node.given and args.tenant != node.tenant else None

    async def work(link: Connection) -> dict[str, Any]:
        found = {
            "connections": await reaching.call(link, STATS_CONNECTIONS, tenant=other),
            "sessions": await reaching.call(link, STATS_SESSIONS, tenant=other),
        }
        if args.user:
            found["limits"] = await reaching.call(
                link, STATS_LIMITS, user_id=args.user, session_id=args.session
            )
        return found

    found = reaching.ask(node, work)
    if args.json:
        showing.as_json(found)
    else:
        sys.stdout.write(described(found))
    return 0


def described(found: dict[str, Any]) -> str:
    """What the procedures answer, for people."""
    connections, sessions = found["connections"], found["sessions"]
    text = showing.fields(
        [
            ("tenant", connections["tenant"]),
            ("connections", connections["connections"]),
            ("sessions", sessions["sessions"]),
            ("with people on them", sessions["active"]),
            ("people on sessions", sessions["participants"]),
        ]
    )
    people = sessions["instances"]
    rows = [
        (name, row["connections"], row["users"], people.get(name, {}).get("participants", 0))
        for name, row in connections["instances"].items()
    ]
    text += "\n" + showing.table(("INSTANCE", "CONNECTIONS", "USERS", "ON SESSIONS"), rows)
    if "limits" in found:
        limits = found["limits"]["limits"]
        text += f"\nleft to {showing.clean(found['limits']['user_id'])}"
        if not limits:
            return text + ": there are no limits (RATE_LIMITS=0)\n"
        left = [(name, row["left"], row["burst"], row["per_s"]) for name, row in limits.items()]
        text += ":\n" + showing.table(("LIMIT", "LEFT", "AT ONCE", "A SECOND"), left)
    return text
