"""Measures nodes of its own, and prints figures with the machine and the versions.

python -m bench [--quick] [--only hot1,cursor] [--runs N] [--json FILE]
"""

from __future__ import annotations

import argparse
import os
import random
import sys
from pathlib import Path

from twisted.internet.defer import ensureDeferred
from twisted.internet.task import react

from . import report
from .about import about, heading
from .goals import GOALS
from .scenarios import SCENARIOS, Scenario
from .stand import RAISED, Cores, Stand, default_cores

SERVER = "collab_wamp"
SEED = 1


async def measure(args: argparse.Namespace, chosen: dict[str, Scenario]) -> list[report.Row]:
    rows: list[report.Row] = []
    for run in range(1, args.runs + 1):
        stand = Stand(args.quick, args.cores, random.Random(SEED + run))
        try:
            for name, scenario in chosen.items():
                sys.stderr.write(f"{name} …\n")
                for row, metrics in (await scenario(stand)).items():
                    rows.append(report.Row(SERVER, row, run, metrics))
        finally:
            await stand.end()
    return rows


async def run(args: argparse.Namespace, chosen: dict[str, Scenario]) -> None:
    found = about(str(args.cores), args.runs, RAISED, quick=args.quick)
    if args.cores.others:
        os.sched_setaffinity(0, args.cores.others)
    rows = await measure(args, chosen)
    titles = {name: (do.__doc__ or "").partition("\n")[0] for name, do in chosen.items()}
    goals = () if args.quick else GOALS
    print("\n".join([*heading(found), *report.table(report.summary(rows), titles, goals)]))
    if args.json:
        report.write(args.json, found, rows)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short and small, for trying it out")
    parser.add_argument(
        "--only", metavar="NAMES", help="of " + ", ".join(SCENARIOS), default=",".join(SCENARIOS)
    )
    parser.add_argument("--runs", type=int, default=1, metavar="N", help="medians of N runs (1)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the figures of all runs")
    parser.add_argument(
        "--cores",
        type=Cores.parse,
        default=default_cores(),
        metavar="NODE/OTHERS",
        help="the node's cores, and those of the store and the load driver, such as 0,1/2; or none "
        f"({default_cores()})",
    )
    args = parser.parse_args()
    names = args.only.split(",")
    if unknown := [name for name in names if name not in SCENARIOS]:
        parser.error(f"--only: there is no {', '.join(unknown)}")
    if args.runs < 1:
        parser.error("--runs: at least 1")
    chosen = {name: SCENARIOS[name] for name in SCENARIOS if name in names}
    react(lambda _reactor: ensureDeferred(run(args, chosen)))


if __name__ == "__main__":
    main()
