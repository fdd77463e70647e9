"""The command line, `collab-wamp`."""

from __future__ import annotations

import argparse
import importlib
import keyword
import os
import sys
from collections.abc import Sequence
from typing import Any

from . import __version__
from .commands import Unable
from .config import ConfigError, environment_name, load

COMMANDS = (
    *("up", "token", "check", "replay"),
    *("sessions", "stats", "instances", "drain", "kick", "export", "import", "verify"),
)

EPILOG = """\
Settings come from a TOML file (--config, or COLLAB_CONFIG) and the environment, which wins. Often
used: HOST, PORT, DATA_DIR, REDIS_URL, JWT_SECRET or JWT_SECRET_FILE, PRODUCTION, LOG_LEVEL.

first steps:
  collab-wamp up                                               and open the link that it prints
  collab-wamp token --user ada --tenant demo --rights '*=edit'
  collab-wamp sessions --tenant demo                           what is on the node that runs here
  collab-wamp COMMAND --help                                   for more about each

exit status: 0 fine, 1 it could not be done or something is wrong, 2 the command line or the
configuration is wrong.
"""


def make_parser(wanted: Sequence[str]) -> argparse.ArgumentParser:
    """The parser; only the modules of the commands `wanted` are imported."""
    parser = argparse.ArgumentParser(
        prog="collab-wamp",
        description="Real-time collaboration on documents over WAMP.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"collab-wamp {__version__}")
    parser.add_argument("--config", metavar="FILE", help="a TOML file with settings")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in wanted:
        command(name).add_parser(subparsers)
    return parser


def command(name: str) -> Any:
    """The module of a command; one that is called like a word of Python has a _ behind its name."""
    module = f"{name}_" if keyword.iskeyword(name) else name
    return importlib.import_module(f".commands.{module}", __package__)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the exit status (1: it could not be done; 2: the command line or the
    configuration is wrong).
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    named = [name for name in COMMANDS if name in argv]
    # Several: one is the command, the others are values of options.
    args = make_parser(named if len(named) == 1 else COMMANDS).parse_args(argv)
    try:
        options = {
            name: str(value)
            for name, value in vars(args).items()
            if "." in name and value is not None
        }
        config = load({**os.environ, **as_environment(options)}, args.config)
        status: int = command(args.command).run(args, config)
        sys.stdout.flush()
    except ConfigError as error:
        sys.stderr.write(f"collab-wamp: {error}\n")
        return 2
    except Unable as error:
        sys.stderr.write(f"collab-wamp: {error}\n")
        return 1
    except BrokenPipeError:
        # Whoever read it has had enough; Python must not say so again when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130
    return status


def as_environment(options: dict[str, str]) -> dict[str, str]:
    """Options that name a setting (`server.port`), as the environment would have them."""
    return {environment_name(name): value for name, value in options.items()}


if __name__ == "__main__":
    sys.exit(main())
