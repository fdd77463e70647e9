"""`collab-wamp up`: run a node."""

from __future__ import annotations

import argparse
import os
import time
from typing import Any

from .. import node, several
from ..config import Config, ConfigError, with_secret
from ..supervisor import Supervisor
from ..tokens import Claims

EXAMPLES = """\
examples:
  collab-wamp up                                   with a store of its own in ./.data
  collab-wamp up --port 9000 --data /var/lib/collab
  collab-wamp up --nodes 2                         two nodes on one store, on ports 8080 and 8081
  collab-wamp up --store redis://:password@db.internal:6379/0
  PRODUCTION=1 JWT_SECRET_FILE=/run/secrets/jwt collab-wamp up

Ctrl-C (or SIGTERM) ends it in order; a second one at once. GET /ready says 200 when it is ready.
"""
DEMO_TOKEN_S = 7 * 86_400
MOST_NODES = 16


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "up",
        help="run a node, with a store of its own unless told otherwise",
        description="Run a node: the router, its components and, unless --store names one, a "
        "store.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", dest="server.host", help="where to listen (127.0.0.1)")
    parser.add_argument("--port", dest="server.port", type=int, help="port to listen on (8080)")
    parser.add_argument(
        "--data", dest="server.data_dir", metavar="DIR", help="documents and logs (.data)"
    )
    parser.add_argument(
        "--store", dest="store.url", metavar="URL", help="redis://, rediss://, unix:// or embedded"
    )
    parser.add_argument(
        "--nodes",
        type=int,
        default=1,
        metavar="N",
        help="so many nodes on this machine, on one store, on this port and the next ones (1)",
    )


def run(args: argparse.Namespace, config: Config) -> int:
    if not 1 <= args.nodes <= MOST_NODES:
        raise ConfigError(f"--nodes {args.nodes}: must be from 1 to {MOST_NODES}")
    config = with_secret(config)
    if args.nodes > 1:
        return several.run(config, dict(os.environ), args.nodes, lambda row: print(row, flush=True))
    keyring = config.keyring()
    supervisor = Supervisor(config, dict(os.environ), lambda line: print(line, flush=True))

    def ready() -> None:
        host = (
            "localhost"
            if config.server.host in ("", "0.0.0.0", "127.0.0.1")
            else config.server.host
        )
        address = f"http://{host}:{config.server.port}/"
        if not (node.static_dir() / "index.html").exists():
            print("the page is not built: run `make web` for the editor", flush=True)
        if config.server.production or not keyring.secret:
            print(f"ready: {address}", flush=True)
            return
        claims = Claims("demo", "demo", {"*": "edit"})
        token = keyring.issue(claims, now_s=time.time(), ttl_s=DEMO_TOKEN_S)
        print(f"ready: {address}#token={token}", flush=True)
        print("Open this link in two windows and write. Ctrl-C ends.", flush=True)

    return supervisor.run(ready)
