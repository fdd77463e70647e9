"""The processes of a server, from /proc: which they are, their CPU time, memory and cores.

How a node is made of processes may change: they are found by going down from the one that was
started, and named by their command lines.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import attrs

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")
# The first that fits a process's command line names its part; all others are `rest`.
PARTS = {
    "valkey-server": "store",
    "redis-server": "store",
    "crossbar-worker": "router",
    "wamp.worker sessions": "sessions",
    "wamp.worker relay": "relay",
}
REST, STORE = "rest", "store"


@attrs.frozen
class Stat:
    """What is used of /proc/PID/stat.

    Attributes:
        cpu_s: CPU seconds, user and system, also of children that have ended.
    """

    parent: int
    cpu_s: float


def parse_stat(text: str, ticks: int = TICKS) -> Stat:
    """Of the text of /proc/PID/stat (proc(5)); the name in it may contain anything."""
    fields = text.rpartition(")")[2].split()
    return Stat(int(fields[1]), sum(int(field) for field in fields[11:15]) / ticks)


def part_of(command: str, parts: Mapping[str, str] = PARTS) -> str:
    """The part of a node that a command line is of."""
    return next((part for pattern, part in parts.items() if pattern in command), REST)


def stats() -> dict[int, Stat]:
    """All processes there are."""
    found = {}
    for folder in PROC.iterdir():
        if folder.name.isdigit() and (text := _read(folder / "stat")):
            found[int(folder.name)] = parse_stat(text)
    return found


def _read(path: Path) -> str:
    """The text of a file of a process, "" if that has ended."""
    try:
        return path.read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def below(roots: Iterable[int], all_stats: Mapping[int, Stat]) -> list[int]:
    """The processes of the roots, and of all that they have started."""
    children: dict[int, list[int]] = {}
    for pid, stat in all_stats.items():
        children.setdefault(stat.parent, []).append(pid)
    found: list[int] = []
    waiting = [root for root in roots if root in all_stats]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += children.get(pid, [])
    return found


class Processes:
    """A server's processes.

    Args:
        roots: those that were started, and start the others.
    """

    def __init__(self, *roots: int) -> None:
        self._roots = roots

    def parts(self) -> dict[int, str]:
        """Which part each process is of, by pid."""
        pids = below(self._roots, stats())
        commands = {pid: _read(PROC / str(pid) / "cmdline").replace("\0", " ") for pid in pids}
        return {pid: part_of(command) for pid, command in commands.items()}

    def cpu_s(self) -> dict[str, float]:
        """CPU seconds that each part has used until now."""
        now = stats()
        used: dict[str, float] = {}
        for pid, part in self.parts().items():
            if pid in now:
                used[part] = used.get(part, 0.0) + now[pid].cpu_s
        return used

    def rss_mib(self) -> dict[str, float]:
        """Resident memory of each part, pages that are shared counted for each."""
        used: dict[str, float] = {}
        for pid, part in self.parts().items():
            for line in _read(PROC / str(pid) / "status").splitlines():
                if line.startswith("VmRSS"):
                    used[part] = used.get(part, 0.0) + int(line.split()[1]) / 1024
        return used

    def pin(self, part: str, cores: Iterable[int]) -> None:
        """Keep all threads of a part on some cores."""
        wanted = set(cores)
        for pid, name in self.parts().items():
            if name == part:
                for task in (PROC / str(pid) / "task").iterdir():
                    os.sched_setaffinity(int(task.name), wanted)


def parse_machine(text: str, ticks: int = TICKS) -> tuple[float, float]:
    """CPU seconds of all cores until now: busy, and stolen by the host (/proc/stat, proc(5))."""
    user, nice, system, _idle, _wait, irq, softirq, steal = (
        int(field) / ticks for field in text.split(maxsplit=9)[1:9]
    )
    return user + nice + system + irq + softirq, steal


def machine_cpu_s() -> tuple[float, float]:
    """`parse_machine` of now."""
    return parse_machine((PROC / "stat").read_text())


def used_between(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """What each part has used between two times, with `total` of all but the store."""
    used = {part: after[part] - before.get(part, 0.0) for part in after}
    used["total"] = sum(seconds for part, seconds in used.items() if part != STORE)
    return used
