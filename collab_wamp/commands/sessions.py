"""`collab-wamp sessions`: which sessions there are, and who is on one."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from typing import Any

from ..client.connection import Connection
from ..config import Config, ConfigError
from ..protocol import INFO, LIST
from . import reaching, showing

PAGE = 1000
MOST = 1_000_000

DESCRIPTION = """\
List the sessions of a tenant; or tell of one: where it is, who is on it, and who has been granted
or denied what. With a token that was given, those that it has a right on.
"""

EXAMPLES = """\
examples:
  collab-wamp sessions --tenant demo
  collab-wamp sessions --tenant demo --limit 50 --json
  collab-wamp sessions --tenant demo welcome
  COLLAB_TOKEN=$TOKEN collab-wamp sessions --url wss://example.com/ws welcome

--json: {"sessions": [id, …], "cursor": …}, where --cursor goes on from a cursor that is not null;
of one session what collab.session.info answers. Both are described in PROTOCOL.md.
"""


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "sessions",
        help="list sessions, or tell who is on one",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "session", metavar="SESSION", nargs="?", type=reaching.session_id, help="tell of this one"
    )
    parser.add_argument("--limit", type=int, metavar="N", help="list at most N (1000)")
    parser.add_argument("--cursor", metavar="ID", help="go on behind where a list ended")
    reaching.add_options(parser)


def run(args: argparse.Namespace, config: Config) -> int:
    reaching.check_number("--limit", args.limit, 1, MOST)
    if args.session and (args.limit is not None or args.cursor is not None):
        raise ConfigError(
            f"--limit and --cursor are for lists, not for one session ({args.session})"
        )
    # What is granted is told to managers alone.
    right = "manage" if args.session else "view"
    node = reaching.target(args, config, rights={"*": right})
    if args.session:
        info = reaching.ask(node, lambda link: reaching.call(link, INFO, session_id=args.session))
        if args.json:
            showing.as_json(info)
        else:
            sys.stdout.write(described(info))
        return 0
    limit = PAGE if args.limit is None else args.limit
    listed = reaching.ask(node, lambda link: _listed(link, limit, args.cursor))
    if args.json:
        showing.as_json(listed)
        return 0
    sys.stdout.write("".join(f"{name}\n" for name in listed["sessions"]))
    if listed["cursor"]:
        # Not among the names, which may be read by a program after all.
        sys.stderr.write(f"there are more: --cursor={listed['cursor']} goes on\n")
    elif not listed["sessions"]:
        sys.stderr.write(f"tenant {node.tenant} has no sessions here\n")
    return 0


async def _listed(link: Connection, limit: int, cursor: str | None) -> dict[str, Any]:
    """Up to `limit` sessions, page by page, as `collab.session.list` answers."""
    sessions: list[str] = []
    while True:
        page = await reaching.call(
            link, LIST, cursor=cursor, limit=min(PAGE, limit - len(sessions))
        )
        sessions += page["sessions"]
        cursor = page["cursor"]
        if cursor is None or len(sessions) >= limit:
            return {"sessions": sessions, "cursor": cursor}


def described(info: dict[str, Any]) -> str:
    """What `collab.session.info` answers, for people."""
    created = datetime.fromtimestamp(info["created_ms"] / 1000, UTC)
    rows: list[tuple[str, Any]] = [
        ("session", info["session_id"]),
        ("type", info["type"]),
        ("revision", info["revision"]),
        ("kept from revision", info["floor_revision"]),
        ("epoch", info["epoch"]),
        ("owner", info["owner"]),
        ("created", created.strftime("%Y-%m-%d %H:%M:%S UTC")),
        ("your right", info["rights"]),
    ]
    text = showing.fields(rows)
    roster = info["roster"]
    if roster:
        people = [
            (row["user_id"], row["user_info"].get("name", ""), row["right"], row["participant_id"])
            for row in roster
        ]
        text += "\n" + showing.table(("USER", "NAME", "RIGHT", "PARTICIPANT"), people)
    else:
        text += "\nnobody is on it\n"
    if granted := info.get("granted"):
        text += "\n" + showing.table(("USER", "GRANTED"), sorted(granted.items()))
    return text
