"""Drives other servers and this one in turn, in one run on one machine, and compares them.

Each run has a fresh store and a fresh server. The server is on one core, the load driver and the
store on another, where there are two.

python -m bench.peers DIR [--runs N] [--knee] [--servers …] [--scenarios …] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from .. import report
from ..about import about, heading
from ..stand import Cores, default_cores
from . import comparing, knee
from .folder import environment, prepare, versions
from .servers import NO_CROWD_LIMITS, SECRET, SERVERS, Server, serving, store

STORE_PORT = 6391
# The driver's arguments for each scenario.
SCENARIOS = {
    "hot1": "--sessions 1 --clients 10 --rate 5",
    "hot2": "--sessions 1 --clients 50 --rate 5",
    "hot3": "--sessions 1 --clients 100 --rate 5",
    "many1": "--sessions 100 --clients 3 --rate 2",
    "many2": "--sessions 300 --clients 3 --rate 2",
    "cursor": "--mode cursor --sessions 1 --clients 50 --rate 20",
    "join1": "--mode join --sessions 1 --clients 500",
    "join50": "--mode join --sessions 50 --clients 10",
    "idle2k": "--mode idle --sessions 200 --clients 10 --prewarm 0",
}
HOT = ("--sessions", "1", "--rate", "5")
KNEE_STARTS = 60
LONGEST_S = 120
# A run beside which other programs took more of a core than this is done again, so many times.
MOST_FOREIGN = 0.06
TRIES = 3


def drive(server: Server, folder: Path, scenario: str, more: list[str]) -> dict[str, Any]:
    """One run; what the driver measured."""
    places = Cores.parse(default_cores())
    ours, theirs = (next(iter(found), None) for found in (places.node, places.others))
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        place = Path(name)
        with (
            store(place, STORE_PORT, theirs) as storing,
            serving(server, place, folder, STORE_PORT, ours) as process,
        ):
            command = [
                "node", "--max-semi-space-size=64", "--no-warnings", "driver.mjs",
                "--peer", server.adapter, "--tag", server.name, "--port", str(server.port),
                "--server-pid", str(process.pid), "--redis-pid", str(storing.pid), *more,
            ]  # fmt: skip
            if theirs is not None:
                command = ["taskset", "-c", str(theirs), *command]
            done = subprocess.run(
                command,
                cwd=folder,
                env={**environment(), "JWT_SECRET": SECRET},
                stdout=subprocess.PIPE,
                timeout=LONGEST_S,
            )
            if done.returncode or not done.stdout.strip():
                said = (place / "server.txt").read_text(errors="replace")[-2000:]
                raise RuntimeError(f"{server.name}, {scenario}: the driver failed. {said}")
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {"server": server.name, "scenario": scenario, **measured}


def quiet_run(
    server: Server, folder: Path, scenario: str, more: list[str], most_tries: int
) -> dict[str, Any]:
    """The least disturbed of some tries."""
    tries: list[dict[str, Any]] = []
    while len(tries) < most_tries:
        tries.append(drive(server, folder, scenario, more))
        if tries[-1].get("foreignCpuShare", 0) <= MOST_FOREIGN:
            break
    return min(tries, key=lambda run: float(run.get("foreignCpuShare", 0)))


def runs(args: argparse.Namespace, folder: Path) -> Iterator[dict[str, Any]]:
    """All runs, in turn: what changes on the machine meanwhile changes for all."""
    for number in range(1, args.runs + 1):
        for scenario in args.scenarios:
            for name in args.servers:
                more = [*SCENARIOS[scenario].split(), "--dur", str(args.seconds)]
                run = quiet_run(SERVERS[name], folder, scenario, more, args.tries)
                run["run"] = number
                sys.stderr.write(f"{brief(run)}\n")
                yield run
    for name in args.servers if args.knee else ():
        server = SERVERS[name]

        def with_people(people: int, server: Server = server) -> dict[str, Any]:
            more = [*HOT, "--clients", str(people), "--dur", "8", "--drain", "5"]
            run = quiet_run(server, folder, "knee", more, args.tries)
            sys.stderr.write(f"{people} people: {brief(run)}\n")
            return run

        people = knee.find(with_people, KNEE_STARTS)
        yield {"server": name, "scenario": "knee", "run": 1, "metrics": {"people": people}}


def named(known: Iterable[str]) -> Callable[[str], list[str]]:
    """Reads a list of names for the command line."""

    def read(text: str) -> list[str]:
        names = text.split(",")
        if unknown := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(f"there is no {', '.join(unknown)}")
        return names

    return read


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument("folder", type=Path, help="of the load driver and the other servers")
    parser.add_argument("--work", type=Path, default=Path("build/peers"), help="where to copy it")
    parser.add_argument("--runs", type=int, default=3, help="medians of so many (3)")
    parser.add_argument("--servers", type=named(SERVERS), default=list(SERVERS))
    parser.add_argument("--scenarios", type=named(SCENARIOS), default=list(SCENARIOS))
    parser.add_argument("--seconds", type=float, default=10, help="measured in each run (10)")
    parser.add_argument("--knee", action="store_true", help="and how many people one session takes")
    parser.add_argument("--tries", type=int, default=TRIES, help="where others take a core's time")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the figures of all runs")
    args = parser.parse_args()
    folder = prepare(args.folder, args.work.absolute())
    found = {**about(default_cores(), args.runs, NO_CROWD_LIMITS), "seconds": args.seconds}
    found["packages"] |= versions(folder)
    rows = []
    for run in runs(args, folder):
        rows.append(report.row_of(run))
        if args.json:  # each time, so that what has been measured is kept
            report.write(args.json, found, rows)
    scenarios = [*args.scenarios, *(["knee"] if args.knee else [])]
    lines = comparing.table(report.summary(rows), scenarios, args.servers)
    print("\n".join([*heading(found), *lines]))


def brief(run: dict[str, Any]) -> str:
    head = f"{run['server']:12} {run['scenario']:7}"
    foreign = f"foreign {run['foreignCpuShare']:.2f}"
    if "joinWallMs" in run:
        return (
            f"{head} all in {run['joinWallMs']:6.0f} ms, "
            f"CPU {run['serverCpuPerJoinMs']:.2f} ms/join, "
            f"{run['rssPerConnKiB']:.1f} KiB/connection, {foreign}"
        )
    latency = run["lat"]
    return (
        f"{head} CPU {run['serverCpuPer1kEdits']:.3f} s/1,000, p50 {latency['p50']:.1f} "
        f"p99 {latency['p99']:.1f} ms, core {run['serverCpuShare']:.2f}, store "
        f"{run['redisCpuPer1kEdits']:.3f}, missing {run['missing']}, "
        f"{(run.get('converge') or {}).get('ok')}, errors {run['errors']} {foreign}"
    )


if __name__ == "__main__":
    main()
