"""`collab-wamp export`: a session's document, or its history, as a file."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from ..config import Config, ConfigError
from . import Unable, fetching, reaching, showing

FORMATS = ("text", "delta", "json", "trace", "session")

DESCRIPTION = """\
Write a session's document to standard output, or into a file: as plain text, as a Quill Delta, as
JSON; or its whole history, as a trace, or as the session that it is, of any type, with who edited
what and when. A file appears when it is complete, and one that is there already is left alone
without --force.
"""

EXAMPLES = """\
examples:
  collab-wamp export --tenant demo welcome
  collab-wamp export --tenant demo welcome --format json -o welcome.json
  collab-wamp export --tenant demo welcome --format trace -o t.json && collab-wamp replay t.json
  collab-wamp export --tenant demo welcome --format session -o s.json
  for s in $(collab-wamp sessions --tenant demo); do
      collab-wamp export --tenant demo "$s" -o "$s.txt" || break; done

--json (with -o): {"session_id", "format", "file", "bytes"}. A token that is given needs the right
to view the session. `collab-wamp import` reads all of these forms.
"""


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "export",
        help="write a session's document, or its history, to a file",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("session", metavar="SESSION", type=reaching.session_id)
    parser.add_argument("--format", choices=FORMATS, default="text", help="the form (text)")
    parser.add_argument("--revision", type=int, metavar="N", help="as it was then (the newest)")
    parser.add_argument("-o", "--output", metavar="FILE", help="where to (standard output)")
    parser.add_argument("--force", action="store_true", help="overwrite FILE")
    reaching.add_options(parser)


def run(args: argparse.Namespace, config: Config) -> int:
    reaching.check_number("--revision", args.revision, 0, 2**53 - 1)
    if args.json and args.output is None:
        raise ConfigError(
            "--json tells of the file, so it needs -o FILE; --format json is the document as JSON"
        )
    if args.output is not None and not args.force and os.path.lexists(args.output):
        raise ConfigError(_is_there(args.output))
    node = reaching.target(args, config, rights={args.session: "view"})
    path = f"/sessions/{args.session}/content?format={args.format}"
    if args.revision is not None:
        path += f"&revision={args.revision}"
    if args.output is None:
        with fetching.asked(node, "GET", path) as answer:
            _copy(fetching.pieces(node, answer), sys.stdout.buffer)
        return 0
    try:
        with (
            fetching.asked(node, "GET", path) as answer,
            new_file(Path(args.output), args.force) as file,
        ):
            size = _copy(fetching.pieces(node, answer), file)
    except OSError as error:
        raise Unable(f"{args.output} cannot be written: {error.strerror or error}") from None
    if args.json:
        told = {"session_id": args.session, "format": args.format}
        showing.as_json({**told, "file": args.output, "bytes": size})
    else:
        showing.line(f"{args.output}: {size:,} bytes, session {args.session} as {args.format}")
    return 0


def _copy(pieces: Iterator[bytes], file: BinaryIO) -> int:
    size = 0
    for piece in pieces:
        file.write(piece)
        size += len(piece)
    file.flush()
    return size


@contextmanager
def new_file(path: Path, force: bool) -> Iterator[BinaryIO]:
    """A file that appears at `path` when it is complete, or not at all.

    Args:
        force: in the place of one that is there.

    Raises:
        Unable: there is one, meanwhile.
        OSError
    """
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with partial.open("xb") as file:
            yield file
            os.fsync(file.fileno())
        if force:
            partial.replace(path)
        else:
            path.hardlink_to(partial)
    except FileExistsError:
        raise Unable(_is_there(path)) from None
    finally:
        partial.unlink(missing_ok=True)


def _is_there(path: str | Path) -> str:
    return f"{path} is there already; --force overwrites it"
