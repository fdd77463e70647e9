"""`collab-wamp kick`: put a user out, of a session or of everything."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from ..access import RIGHTS
from ..client.connection import Connection
from ..client.errors import ClientError
from ..config import Config, ConfigError
from ..protocol import GRANT, REVOKE, TOKEN_REVOKE
from . import Unable, reaching, showing

DESCRIPTION = """\
Put a user out. With --session: take the right to view that session from them, whatever their token
says, at once and on every node; --let-in gives it back. Without: revoke all tokens that were issued
to them until now, so that all their connections are closed, on every node. Asks before it does so.
"""

EXAMPLES = """\
examples:
  collab-wamp kick bob --tenant demo --session welcome
  collab-wamp kick bob --tenant demo --session welcome --let-in edit
  collab-wamp kick bob --tenant demo --yes

--json: {"user_id", "session_id", "granted"}, or {"user_id", "tenant"} without --session. A token
that is given needs the right to manage the session, or the capability tokens.
"""


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "kick",
        help="put a user out, of one session or of all",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("user", metavar="USER", help="the user's id: the sub of their token")
    parser.add_argument(
        "--session", metavar="SESSION", type=reaching.session_id, help="of this session alone"
    )
    parser.add_argument(
        "--let-in",
        choices=RIGHTS,
        help="instead: grant this right on the session, which counts instead of their token's",
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")
    reaching.add_options(parser)


def run(args: argparse.Namespace, config: Config) -> int:
    if not 1 <= len(args.user) <= 128:
        raise ConfigError("USER must have 1 to 128 characters")
    if args.let_in and not args.session:
        raise ConfigError("--let-in: to which --session? (A new token lets in everywhere.)")
    if args.session:
        node = reaching.target(
            args, config, rights={args.session: "manage"}, capabilities=("edit",)
        )
    else:
        node = reaching.target(args, config, capabilities=("tokens",))
    if not args.let_in and not args.yes:
        confirm(question(args, node))
    done = reaching.ask(node, lambda link: _kick(link, args))
    if args.json:
        showing.as_json(done if args.session else {**done, "tenant": node.tenant})
    else:
        sys.stdout.write(told(args))
    return 0


async def _kick(link: Connection, args: argparse.Namespace) -> dict[str, Any]:
    if args.session:
        on = {"session_id": args.session, "user_id": args.user}
        if args.let_in:
            answer = await reaching.call(link, GRANT, **on, right=args.let_in)
        else:
            answer = await reaching.call(link, REVOKE, **on)
        return {**on, **answer}
    try:
        await reaching.call(link, TOKEN_REVOKE, user_id=args.user)
    except ClientError as error:
        # Who puts out themselves may be gone before they are answered.
        if error.code != "token_revoked" or link.welcome.get("user_id") != args.user:
            raise
    return {"user_id": args.user}


def question(args: argparse.Namespace, node: reaching.Target) -> str:
    user = showing.clean(args.user)
    if args.session:
        return f"Put {user} out of session {args.session} of tenant {node.tenant}?"
    return f"Revoke all tokens of {user} of tenant {node.tenant}, and close their connections?"


def confirm(asked: str) -> None:
    """Ask on the terminal.

    Raises:
        ConfigError: there is none.
        Unable: the answer was not yes.
    """
    if not sys.stdin.isatty():
        raise ConfigError("kick asks before it acts, and there is no terminal: --yes goes without")
    sys.stderr.write(f"{asked} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise Unable("nothing was done")


def told(args: argparse.Namespace) -> str:
    """What was done, and how to undo it, for people."""
    user = showing.clean(args.user)
    if args.let_in:
        return f"{user} has the right to {args.let_in} session {args.session}.\n"
    if args.session:
        return (
            f"{user} has no right on session {args.session} any more.\nTo let them in again: "
            f"the same command with --let-in view, edit or manage (collab.session.grant).\n"
        )
    return (
        f"All tokens issued to {user} until now are revoked, and their connections are closed.\n"
        "A token that is issued from now on lets them in again.\n"
    )
