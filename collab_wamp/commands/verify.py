"""`collab-wamp verify`: whether a session's history leads to the document that the node has."""

from __future__ import annotations

import argparse
import hashlib
import sys
from typing import Any

import attrs

from ..client.connection import Connection
from ..client.errors import ClientError
from ..config import Config, ConfigError
from ..ot import OpError, get_type
from ..ot.base import Buffer
from ..ot.canonical import canonical
from ..protocol import FETCH, HASH, INFO, LIST, SNAPSHOT
from . import reaching, showing

PAGE = 1000
# The node is asked for its hash at so many edits from one time to the next, and at the head.
COMPARE_EVERY = 2000
PATIENCE_S = 30.0

DESCRIPTION = """\
Fold the edits of sessions, from the oldest content that is kept, and compare the result with what
the node says that the document is: at some revisions on the way, and at the newest. They are equal
unless something is broken, in the store or in this program. Nothing is changed, and people may go
on working meanwhile.
"""

EXAMPLES = """\
examples:
  collab-wamp verify --tenant demo welcome
  collab-wamp verify --tenant demo --all
  collab-wamp verify --tenant demo --all --json

--json: {"sessions": [{"session_id", "type", "first", "last", "compared", "sha256", "problem"}, …]},
where problem is null if all is well. The exit status is 1 where one has a problem.
"""


@attrs.define
class Finding:
    """What came out for one session.

    Attributes:
        first, last: revisions: of the content that was begun with, and of the last one compared.
        compared: at how many revisions.
        sha256: of the content at `last`, as RFC 8785 writes it; hex.
        problem: what is wrong, or None.
    """

    session_id: str
    type: str = ""
    first: int = 0
    last: int = 0
    compared: int = 0
    sha256: str = ""
    problem: str | None = None


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "verify",
        help="fold a session's history, and compare",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("sessions", metavar="SESSION", nargs="*", type=reaching.session_id)
    parser.add_argument("--all", action="store_true", help="all sessions of the tenant")
    reaching.add_options(parser)


def run(args: argparse.Namespace, config: Config) -> int:
    if bool(args.sessions) == args.all:
        raise ConfigError("name the sessions to verify, or give --all")
    node = reaching.target(args, config, rights={"*": "view"})

    async def work(link: Connection) -> list[Finding]:
        names = [*args.sessions] if args.sessions else await _all(link)
        found = []
        for name in names:
            found.append(finding := await verify(link, name))
            if not args.json:
                showing.line(told(finding))
        return found

    findings = reaching.ask(node, work)
    if args.json:
        showing.as_json({"sessions": [attrs.asdict(finding) for finding in findings]})
    elif not findings:
        sys.stderr.write(f"tenant {node.tenant} has no sessions here\n")
    return 1 if any(finding.problem for finding in findings) else 0


def told(finding: Finding) -> str:
    """A finding in one line."""
    name = showing.clean(finding.session_id)
    if finding.problem:
        return f"{name}: WRONG: {showing.clean(finding.problem)}"
    return (
        f"{name}: fine: {finding.type}, revisions {finding.first:,} to {finding.last:,}, compared "
        f"at {finding.compared:,}, sha256 {finding.sha256[:16]}…"
    )


async def _all(link: Connection) -> list[str]:
    names: list[str] = []
    cursor: str | None = None
    while True:
        page = await _call(link, LIST, cursor=cursor, limit=PAGE)
        names += page["sessions"]
        cursor = page["cursor"]
        if cursor is None:
            return names


async def verify(link: Connection, session_id: str) -> Finding:
    """Fold a session and compare.

    Raises:
        ClientError: the node cannot be asked, or there is no such session.
    """
    finding = Finding(session_id)
    who = {"session_id": session_id}
    info = await _call(link, INFO, **who)
    start = await _start(link, session_id, info["floor_revision"])
    kind = get_type(info["type"])
    finding.type, finding.first = info["type"], start["revision"]
    buffer = kind.buffer(kind.create(start["content"]))
    revision, epoch = start["revision"], start["epoch"]
    while True:
        await _compare(link, finding, buffer, revision, epoch)
        if finding.problem:
            return finding
        end = revision + COMPARE_EVERY
        while revision < end:
            page = await _call(link, FETCH, **who, epoch=epoch, after=revision, limit=PAGE)
            for client_id, seq, op, *_who in page["edits"]:
                revision += 1
                try:
                    buffer.apply(op)
                except OpError as error:
                    finding.problem = (
                        f"edit {revision} ({client_id}, {seq}) does not fit what is before it: "
                        f"{error}"
                    )
                    return finding
            if not page["more"]:
                await _compare(link, finding, buffer, revision, epoch)
                return finding


async def _start(link: Connection, session_id: str, oldest: int) -> dict[str, Any]:
    """The oldest content that is kept, which may become a newer one while it is asked for."""
    while True:
        try:
            return await _call(link, SNAPSHOT, session_id=session_id, revision=oldest)
        except ClientError as error:
            newer = error.details.get("oldest")
            if error.code != "bad_revision" or not isinstance(newer, int) or newer <= oldest:
                raise
            oldest = newer


async def _compare(
    link: Connection, finding: Finding, buffer: Buffer, revision: int, epoch: str
) -> None:
    """Compare with the node's hash at a revision, and write down what came out."""
    folded = hashlib.sha256(canonical(buffer.content())).hexdigest()
    said = await _call(link, HASH, session_id=finding.session_id, revision=revision)
    finding.last, finding.sha256 = revision, folded
    finding.compared += 1
    if said["epoch"] != epoch:
        finding.problem = "it was made anew meanwhile; try again"
    elif said["sha256"] != folded:
        finding.problem = (
            f"at revision {revision} the edits lead to sha256 {folded}, the node has "
            f"{said['sha256']}"
        )


async def _call(link: Connection, procedure: str, **arguments: Any) -> dict[str, Any]:
    """Call, and again where the node asks to wait."""
    waited = 0.0
    while True:
        try:
            return await reaching.call(link, procedure, **arguments)
        except ClientError as error:
            pause = error.retry_after_s
            if pause is None or waited + pause > PATIENCE_S:
                raise
            waited += pause
            await link.pause(pause)
