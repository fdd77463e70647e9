"""`collab-wamp import`: a new session from a file."""

from __future__ import annotations

import argparse
import errno
import gzip
import json
import os
import stat
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import attrs

from ..config import Config, ConfigError
from . import Unable, fetching, reaching, showing

MEDIA_TYPES = {"text": "text/plain; charset=utf-8", "json": "application/json"}

# A long history is gone through before there is an answer.
HISTORY_S = 600.0

DESCRIPTION = """\
Make a new session of a file: plain text, or any JSON that `collab-wamp export` writes. The edits of
a trace, and of a session, become the new session's history; all are said to be by the users that
the file names. The session must not be there yet.
"""

EXAMPLES = """\
examples:
  collab-wamp import --tenant demo minutes minutes.txt
  collab-wamp import --tenant demo copy welcome.json
  collab-wamp export --tenant demo welcome | collab-wamp import --tenant demo copy -

A name that ends in .json is read as JSON, all others as text, unless --format says; .gz is
unpacked. --json: {"session_id", "epoch", "revision", "created"}, as collab.session.create answers.
A token that is given needs the right to edit the session, and the capability `tokens`, or else all
edits are said to be by its user.
"""


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "import",
        help="make a new session from a file",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("session", metavar="SESSION", type=reaching.session_id)
    parser.add_argument("file", metavar="FILE", help="- is standard input")
    parser.add_argument("--format", choices=tuple(MEDIA_TYPES), help="of the file (by its name)")
    reaching.add_options(parser)


def run(args: argparse.Namespace, config: Config) -> int:
    capabilities = ("edit", "tokens")
    node = reaching.target(args, config, rights={args.session: "edit"}, capabilities=capabilities)
    kind = args.format or form_of(args.file)
    path = f"/sessions/{args.session}/content"
    with opened(args.file) as source:
        headers = {"Content-Type": MEDIA_TYPES[kind]}
        if source.size is not None:
            headers["Content-Length"] = str(source.size)
        with fetching.asked(
            node, "PUT", path, body=source, headers=headers, answer_s=HISTORY_S
        ) as answer:
            created = json.loads(b"".join(fetching.pieces(node, answer)))
    if args.json:
        showing.as_json(created)
    else:
        showing.line(f"session {created['session_id']} is made, of {args.file} as {kind}")
    return 0


def form_of(name: str) -> str:
    """`json` or `text`, by a file's name."""
    return "json" if name.removesuffix(".gz").endswith(".json") else "text"


@attrs.frozen
class Source:
    """A file that is read piece by piece.

    Attributes:
        size: in bytes, where it is known before it is read.
    """

    name: str
    file: fetching.Body
    size: int | None = None

    def read(self, size: int = -1, /) -> bytes:
        """
        Raises:
            Unable
        """
        try:
            return self.file.read(size)
        except (OSError, EOFError, zlib.error) as error:
            raise Unable(f"{self.name} cannot be read: {error}") from None


@contextmanager
def opened(name: str) -> Iterator[Source]:
    """
    Raises:
        ConfigError: there is no such file.
    """
    if name == "-":
        yield Source(name, sys.stdin.buffer)
        return
    try:
        descriptor = os.open(name, os.O_RDONLY)
        about = os.fstat(descriptor)
        if stat.S_ISDIR(about.st_mode):
            os.close(descriptor)
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    except OSError as error:
        raise ConfigError(f"{name} cannot be read: {error.strerror}") from None
    with open(descriptor, "rb") as file:
        if name.endswith(".gz"):
            with gzip.open(file) as unpacked:
                yield Source(name, unpacked)
            return
        yield Source(name, file, about.st_size if stat.S_ISREG(about.st_mode) else None)
