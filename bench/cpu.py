"""CPU time and memory of a node's processes, from /proc."""

from __future__ import annotations

import os
from pathlib import Path

from tests.support.node import Node

PARTS = ("router", "sessions", "relay", "store")
TICKS = os.sysconf("SC_CLK_TCK")


class CpuClock:
    """CPU seconds (user and system) of each process since this was made."""

    def __init__(self, node: Node) -> None:
        self._pids = {part: node.pids(part)[0] for part in PARTS}
        self._start = {part: self._seconds(pid) for part, pid in self._pids.items()}

    @staticmethod
    def _seconds(pid: int) -> float:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def rows(self, name: str, edits: int) -> list[tuple[str, float, str]]:
        used = {part: self._seconds(pid) - self._start[part] for part, pid in self._pids.items()}
        rows = [
            (f"{name}: CPU of the {part}", used[part] / edits * 1000, "s/1,000 edits")
            for part in PARTS
        ]
        total = sum(used.values()) / edits * 1000
        return [*rows, (f"{name}: CPU in all", total, "s/1,000 edits")]


def memory_mib(pid: int) -> float:
    """Resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"process {pid} has no VmRSS")
