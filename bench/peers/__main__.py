"""Drives other servers and this one in turn, in one run on one machine, and compares them.

Each run has a fresh store and a fresh server. The server is on one core, the load driver and the
store on another, where there are two.

python -m bench.peers DIR [--runs N] [--servers …] [--scenarios …] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from .folder import environment, prepare
from .servers import SECRET, SERVERS, Server, serving, store

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
LONGEST_S = 120
# A run beside which other programs took more of a core than this is done again, so many times.
MOST_FOREIGN = 0.06
TRIES = 3


def cores() -> tuple[int | None, int | None]:
    """The server's, and that of the driver and the store; None = any."""
    usable = sorted(os.sched_getaffinity(0))
    return (usable[0], usable[1]) if len(usable) > 1 else (None, None)


def drive(server: Server, folder: Path, scenario: str, more: list[str]) -> dict[str, Any]:
    """One run; what the driver measured."""
    ours, theirs = cores()
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


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument("folder", type=Path, help="of the load driver and the other servers")
    parser.add_argument("--work", type=Path, default=Path("build/peers"), help="where to copy it")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--servers", default=",".join(SERVERS))
    parser.add_argument("--scenarios", default=",".join(SCENARIOS))
    parser.add_argument("--seconds", type=float, default=15, help="measured in each run")
    parser.add_argument("--tries", type=int, default=TRIES, help="where others take a core's time")
    parser.add_argument("--json", type=Path, help="file that each run adds a line to")
    args = parser.parse_args()
    folder = prepare(args.folder, args.work.absolute())
    for number in range(args.runs):
        for scenario in args.scenarios.split(","):
            for name in args.servers.split(","):
                more = [*SCENARIOS[scenario].split(), "--dur", str(args.seconds)]
                run = quiet_run(SERVERS[name], folder, scenario, more, args.tries)
                run["run"] = number
                sys.stderr.write(f"{brief(run)}\n")
                if args.json:
                    with args.json.open("a") as lines:
                        lines.write(json.dumps(run) + "\n")


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
