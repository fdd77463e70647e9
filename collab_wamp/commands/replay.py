"""`collab-wamp replay`: play a recorded editing session through a running node."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import attrs
from twisted.internet.defer import ensureDeferred
from twisted.internet.task import react

from .. import embedded
from ..client import Client, ClientError, connect
from ..client.replay import Replay, Report
from ..config import Config, ConfigError, with_secret
from ..errors import CollabError
from ..store.address import parse_address
from ..store.connection import Connection
from ..tokens import Claims
from ..traces import Trace, TraceError, load

TENANT = "replay"
TOKEN_S = 3600
SHIPPED = Path(__file__).parents[2] / "tests" / "data" / "traces"
BAR = 30

DESCRIPTION = """\
Play a recorded editing session through a running node, with real clients over WebSocket: one for
each person in it, each of whom does what is recorded as soon as they have seen what they had seen
then. Then compare everybody's text, and the server's, with the recorded one. The exit status is 0
if they are equal, 1 if not.
"""

EXAMPLES = """\
examples:
  collab-wamp replay clownschool                     two people at once, on the node of this folder
  collab-wamp replay automerge-paper --mode both --first 20000
  collab-wamp replay TRACE.json.gz --url wss://example.com/ws --token "$TOKEN" --json

Traces: any file in the format of https://github.com/josephg/editing-traces, or the name of one that
comes with the sources (clownschool, automerge-paper, sveltecomponent).
"""


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "replay",
        help="play a recorded editing session through a running node",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("trace", metavar="TRACE", help="a file, or the name of a shipped trace")
    parser.add_argument("--url", help="where the node is: ws://HOST:PORT/ws (that of this folder)")
    parser.add_argument("--token", help="a token with the right to manage sessions (made here)")
    parser.add_argument(
        "--mode",
        choices=("composing", "one-by-one", "both"),
        default="composing",
        help="send what is done while an edit is in flight as one edit (composing), or each step "
        "by itself, when the one before is acknowledged (one-by-one)",
    )
    parser.add_argument(
        "--clients",
        type=int,
        default=0,
        metavar="N",
        help="so many clients on each session; those beyond the people of the trace look on",
    )
    parser.add_argument(
        "--sessions", type=int, default=1, metavar="N", help="play it N times at once"
    )
    parser.add_argument(
        "--first", type=int, default=0, metavar="N", help="only the first N steps (one person's)"
    )
    parser.add_argument(
        "--store", metavar="URL", help="where the store is, to measure (that of this folder)"
    )
    parser.add_argument(
        "--keep", action="store_true", help="do not destroy the sessions afterwards"
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")


def run(args: argparse.Namespace, config: Config) -> int:
    for name in ("clients", "sessions", "first"):
        if getattr(args, name) < (name == "sessions"):
            raise ConfigError(f"--{name} {getattr(args, name)}: is too small")
    try:
        trace = find(args.trace)
        if args.first:
            trace = trace.first(args.first)
    except (TraceError, OSError) as error:
        raise ConfigError(str(error)) from None
    modes = ("composing", "one-by-one") if args.mode == "both" else (args.mode,)
    reports: list[Report] = []
    problem = _react(lambda reactor: _replay(reactor, args, config, trace, modes, reports))
    if problem:
        sys.stderr.write(f"collab-wamp: {problem}\n")
    if args.json:
        sys.stdout.write(json.dumps([as_json(report) for report in reports], indent=2) + "\n")
    elif reports:
        sys.stdout.write(table(trace, reports))
    return 0 if reports and not problem and all(report.equal for report in reports) else 1


def find(name: str) -> Trace:
    """The trace of a file, or a shipped one by its name.

    Raises:
        TraceError, OSError
    """
    path = Path(name)
    shipped = SHIPPED / f"{name}.json.gz"
    if path.exists():
        return load(path)
    if not shipped.exists():
        raise TraceError(f"there is no file {name}, and no trace of that name in {SHIPPED}")
    return load(shipped)


def _react(main: Callable[[Any], Awaitable[str]]) -> str:
    """Run with a reactor; what `main` returns: what went wrong, or ""."""
    problems: list[str] = []

    async def run(reactor: Any) -> None:
        problems.append(await main(reactor))

    try:
        react(lambda reactor: ensureDeferred(run(reactor)))
    except SystemExit as end:  # how `react` always ends
        if end.code:
            raise
    return problems[0]


async def _replay(
    reactor: Any,
    args: argparse.Namespace,
    config: Config,
    trace: Trace,
    modes: Sequence[str],
    reports: list[Report],
) -> str:
    """Play in each mode; what went wrong, or ""."""
    url = args.url or f"ws://{config.server.host or '127.0.0.1'}:{config.server.port}/ws"
    store_url = args.store or ("" if args.url else _store_url(config))
    store = Connection(reactor, parse_address(store_url)) if store_url else None

    async def client(number: int) -> Client:
        token = args.token or (lambda: _token(config, number))
        return await connect(reactor, url, token)

    async def bytes_per_edit(session_id: str) -> float | None:
        return await _bytes_per_edit(store, session_id) if store is not None else None

    try:
        if store is not None:
            store.start()
        for mode in modes:
            bar = Bar(reactor, mode, args.sessions * len(trace))
            replay = Replay(
                reactor,
                trace,
                client,
                sessions=args.sessions,
                clients=args.clients,
                keep=args.keep,
                bytes_per_edit=bytes_per_edit,
                stepped=bar.stepped,
            )
            try:
                reports.append(await replay.run(one_by_one=mode == "one-by-one"))
            finally:
                bar.clear()
    except (ClientError, TraceError, CollabError, ValueError) as error:
        return str(error)
    finally:
        if store is not None:
            await store.close()
    return ""


def _token(config: Config, number: int) -> str:
    claims = Claims(f"person-{number + 1}", TENANT, {"*": "manage"})
    keyring = with_secret(config).keyring()
    return keyring.issue(claims, now_s=time.time(), ttl_s=TOKEN_S)


def _store_url(config: Config) -> str:
    if config.store.url != "embedded":
        return config.store.url
    return embedded.url(config.data_dir) if embedded.answers(config.data_dir) else ""


async def _bytes_per_edit(store: Connection, session_id: str) -> float | None:
    await store.until_ready(2)
    # With a token of its own the session is another tenant's, and the store is not asked.
    log = f"{{{TENANT}:{session_id}}}:log"
    edits = await store.command("XLEN", log)
    used = await store.command("MEMORY", "USAGE", log, "SAMPLES", 0)
    return used / edits if edits else None


class Bar:
    """How far it is, on standard error if that is a terminal."""

    def __init__(self, reactor: Any, what: str, steps: int) -> None:
        self._reactor = reactor
        self._what = what
        self._steps = steps
        self._done = 0
        self._began = self._shown = reactor.seconds()
        self._on = sys.stderr.isatty()

    def stepped(self) -> None:
        self._done += 1
        now = self._reactor.seconds()
        if self._on and now - self._shown > 0.1:
            self._shown = now
            share = self._done / self._steps
            filled = "#" * int(share * BAR)
            rate = self._done / (now - self._began)
            sys.stderr.write(
                f"\r{self._what} [{filled:{BAR}}] {share:4.0%}  {rate:,.0f} steps/s \x1b[K"
            )
            sys.stderr.flush()

    def clear(self) -> None:
        if self._on:
            sys.stderr.write("\r\x1b[K")


def as_json(report: Report) -> dict[str, Any]:
    """A report as `--json` prints it: its fields, and what follows from them."""
    rates = {"steps_per_s": report.steps_per_s, "edits_per_s": report.edits_per_s}
    return {**attrs.asdict(report), **rates}


def table(trace: Trace, reports: Sequence[Report]) -> str:
    """The reports side by side, for people."""

    def pair(values: tuple[float, float] | None) -> str:
        return "-" if values is None else f"{values[0]:.1f} / {values[1]:.1f}"

    first = reports[0]
    rows: list[tuple[str, Callable[[Report], str]]] = [
        ("", lambda r: r.mode),
        ("edits", lambda r: f"{r.edits:,}"),
        ("of which rebased", lambda r: f"{r.rebased:,}"),
        ("seconds", lambda r: f"{r.seconds:.1f}"),
        ("steps/s", lambda r: f"{r.steps_per_s:,.0f}"),
        ("edits/s", lambda r: f"{r.edits_per_s:,.0f}"),
        ("acknowledged after, ms (p50 / p99)", lambda r: pair(r.answer_ms)),
        ("with the others after, ms (p50 / p99)", lambda r: pair(r.delivery_ms)),
        (
            "store, bytes/edit",
            lambda r: "-" if r.store_bytes is None else f"{r.store_bytes:.0f}",
        ),
        ("everybody has the recorded text", lambda r: "yes" if r.equal else "NO"),
    ]
    where = f"{first.clients} client(s) on {first.sessions} session(s)"
    lines = [f"{trace.name}: {first.steps:,} steps, {where}"]
    lines += [f"{name:40}" + "".join(f"{cell(r):>16}" for r in reports) for name, cell in rows]
    return "\n".join(lines) + "\n"
