"""Rows of figures: medians of several runs, the table, and the file."""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from . import peer_rows
from .goals import Goal

# A metric of this form → (the line of the table it is in, what it is called there).
FAMILIES = (
    (re.compile(r"(\w+)_(p\d+)_ms"), "{} ms"),
    (re.compile(r"cpu_per_1k_(\w+)\.(\w+)"), "CPU s per 1,000 {}"),
    (re.compile(r"kib_per_(\w+)\.(\w+)"), "KiB per {}"),
    (re.compile(r"(rss)_mib\.(\w+)"), "memory MiB"),
    (re.compile(r"(idle)_cpu_share\.(\w+)"), "CPU share, idle"),
)
# Of a core: more than this, used by others, makes figures worthless.
DISTURBED = 0.1
SHARES = ("others_cpu_share", "stolen_cpu_share")
FIRST = ("total", "p50", "p95", "p99", "router", "sessions", "relay", "rest", "store")


@attrs.frozen
class Row:
    """One run of one scenario on one server.

    Attributes:
        metrics: name → figure; the names are in docs/benchmark.md.
    """

    server: str
    scenario: str
    run: int
    metrics: Mapping[str, float]


@attrs.frozen
class Spread:
    """A figure of several runs."""

    median: float
    least: float
    most: float

    def __str__(self) -> str:
        shown = number(self.median)
        if self.least == self.most:
            return shown
        return f"{shown} [{number(self.least)}..{number(self.most)}]"


Summary = dict[tuple[str, str], dict[str, Spread]]


def summary(rows: Iterable[Row]) -> Summary:
    """(server, scenario) → metric → its spread over the runs that have it."""
    values: dict[tuple[str, str], dict[str, list[float]]] = {}
    for row in rows:
        of_scenario = values.setdefault((row.server, row.scenario), {})
        for name, value in row.metrics.items():
            of_scenario.setdefault(name, []).append(value)
    return {
        key: {
            name: Spread(statistics.median(found), min(found), max(found))
            for name, found in metrics.items()
        }
        for key, metrics in values.items()
    }


def number(value: float) -> str:
    """With three digits that count, or all before the point, and at most three behind it."""
    digits = next((n for n in range(3) if abs(value) >= 100 / 10**n), 3)
    shown = f"{value:,.{digits}f}"
    return shown.rstrip("0").rstrip(".") if digits else shown


def family(metric: str) -> tuple[str, str]:
    """The line that a metric is in, and its name there; ("", its name) = the last line."""
    for pattern, title in FAMILIES:
        if found := pattern.fullmatch(metric):
            return title.format(found[1].replace("_", " ")), found[2]
    return "", metric.replace("_per_s", "/s")


def table(found: Summary, titles: Mapping[str, str], goals: Sequence[Goal]) -> list[str]:
    """A block of lines for each scenario, with what is held or missed."""
    lines: list[str] = []
    for (server, scenario), metrics in found.items():
        lines += ["", f"{scenario} ({server}): {titles.get(scenario, '')}".rstrip(": ")]
        lines += _block(metrics)
        if any(metrics[name].most > DISTURBED for name in SHARES if name in metrics):
            lines.append("  DISTURBED: something else took the cores' time; measure again")
        lines += [
            f"  goal: {goal.metric} {goal.bound}: {goal.verdict(metrics[goal.metric].median)}"
            for goal in goals
            if goal.scenario == scenario and goal.metric in metrics
        ]
    return lines


def _block(metrics: Mapping[str, Spread]) -> list[str]:
    of_family: dict[str, dict[str, Spread]] = {}
    for metric, spread in metrics.items():
        title, name = family(metric)
        of_family.setdefault(title, {})[name] = spread
    last = of_family.pop("", {})
    lines = []
    for title, parts in of_family.items():
        order = sorted(parts, key=lambda name: FIRST.index(name) if name in FIRST else len(FIRST))
        lines.append(f"  {title:28}" + "  ".join(f"{name} {parts[name]}" for name in order))
    if last:
        lines.append("  " + "  ".join(f"{name} {spread}" for name, spread in last.items()))
    return lines


def write(path: Path, about: Mapping[str, Any], rows: Iterable[Row]) -> None:
    """As JSON: `{about: {…}, rows: [{server, scenario, run, metrics}, …]}`."""
    body = {"about": about, "rows": [attrs.asdict(row) for row in rows]}
    path.write_text(json.dumps(body, indent=1) + "\n")


def read(path: Path) -> list[Row]:
    """What `write` has written, or runs of `bench.peers`' load driver, a line each.

    Raises:
        OSError, ValueError, KeyError, TypeError: it is none of these.
    """
    text = path.read_text()
    try:
        body = json.loads(text)
    except json.JSONDecodeError:
        body = [json.loads(line) for line in text.splitlines()]
    if isinstance(body, dict):
        # One line is JSON as well.
        body = body.get("rows", [body])
    return [row_of(found) for found in body]


def row_of(found: Mapping[str, Any]) -> Row:
    """A row as `write` writes it, or a run as the load driver of `bench.peers` tells it."""
    figures = found["metrics"] if "metrics" in found else peer_rows.metrics(found)
    return Row(found["server"], found["scenario"], found["run"], dict(figures))
