"""`collab-wamp token`: print a token that the node of the same configuration accepts."""

from __future__ import annotations

import argparse
import secrets
import sys
import time
from typing import Any

from ..access import ADMINISTRATIVE, ORDINARY
from ..config import Config, ConfigError, with_secret
from ..errors import CollabError
from ..tokens import Claims, parse_capabilities, parse_rights

EXAMPLES = """\
examples:
  collab-wamp token --user ada --tenant demo --rights '*=edit'
  collab-wamp token --user bob --tenant demo --rights 'notes=edit,*=view' --ttl 3600

The token alone goes to standard output:
  TOKEN=$(collab-wamp token --user ada --tenant demo --rights '*=edit')
"""


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "token",
        help="print a token for a user",
        description="Print a token that the node of the same configuration accepts.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--user", required=True, help="the user's id, 1 to 128 characters")
    parser.add_argument("--tenant", required=True, help="the tenant, such as acme_1")
    parser.add_argument(
        "--rights",
        required=True,
        metavar="SESSION=RIGHT,…",
        help="a right (view, edit or manage) for each session id, or for * (all others)",
    )
    parser.add_argument(
        "--capabilities",
        default="",
        metavar="NAME,…",
        help=f"what else the token lets its user do: of {', '.join(ORDINARY + ADMINISTRATIVE)}; "
        f"without this {', '.join(ORDINARY)}",
    )
    parser.add_argument("--name", default="", help="the user's name, for others to see")
    parser.add_argument(
        "--ttl", type=int, default=900, metavar="SECONDS", help="how long it is good (900)"
    )


def run(args: argparse.Namespace, config: Config) -> int:
    if args.ttl < 1:
        raise ConfigError(f"--ttl {args.ttl}: must be at least 1 second")
    try:
        claims = Claims(
            args.user,
            args.tenant,
            parse_rights(args.rights),
            args.name,
            token_id=secrets.token_hex(8),
            capabilities=parse_capabilities(args.capabilities),
        )
        token = with_secret(config).keyring().issue(claims, now_s=time.time(), ttl_s=args.ttl)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    except CollabError:
        raise ConfigError(
            "--user must have 1 to 128 characters, --tenant must match ^[a-z0-9_]{1,64}$, and "
            "--name must have at most 128 characters"
        ) from None
    sys.stdout.write(token + "\n")
    return 0
