"""The table: each scenario with each server, and how ours stands to the best of the others."""

from __future__ import annotations

from collections.abc import Sequence

from ..goals import GOALS
from ..report import Spread, Summary, number

OURS = "collab_wamp"
# What is compared, in the units of the table: metric → (title, less is better).
COMPARED = {
    "cpu_per_1k_edits.total": ("CPU s per 1,000 edits", True),
    "cpu_per_1k_moves.total": ("CPU s per 1,000 moves", True),
    "cpu_per_1k_joins.total": ("CPU s per 1,000 joins", True),
    "delivery_p50_ms": ("with the others, p50 ms", True),
    "delivery_p99_ms": ("with the others, p99 ms", True),
    "all_in_s": ("all are in, s", True),
    "kib_per_joined_connection.total": ("KiB per connection", True),
    "people": ("people", False),
}
NAME_WIDTH, WIDTH = 26, 22


def ratio(found: Summary, scenario: str, metric: str) -> tuple[str, float] | None:
    """The best of the others, and ours divided by it; None where that says nothing."""
    less = COMPARED[metric][1]
    others: dict[str, float] = {
        server: metrics[metric].median
        for (server, name), metrics in found.items()
        if name == scenario and server != OURS and metric in metrics
    }
    ours = found.get((OURS, scenario), {}).get(metric)
    if ours is None or not others:
        return None
    best = (min if less else max)(others, key=lambda server: others[server])
    # Memory may have been given back meanwhile: that is no figure to divide by.
    return (best, ours.median / others[best]) if others[best] > 0 else None


def table(found: Summary, scenarios: Sequence[str], servers: Sequence[str]) -> list[str]:
    """A line for each metric of each scenario: the servers, the ratio, and the goal."""
    head = f"{'':8}{'':{NAME_WIDTH}}" + "".join(f"{server:>{WIDTH}}" for server in servers)
    lines = [f"{head}   ours / best"]
    for scenario in scenarios:
        shown = scenario
        for metric, (title, _less) in COMPARED.items():
            cells: list[Spread | None] = [
                found.get((server, scenario), {}).get(metric) for server in servers
            ]
            if not any(cells):
                continue
            row = "".join(f"{'-' if cell is None else str(cell):>{WIDTH}}" for cell in cells)
            line = f"{shown:8}{title:{NAME_WIDTH}}{row}"
            if compared := ratio(found, scenario, metric):
                line += f"   {number(compared[1])} x {compared[0]}"
            line += verdict(found, scenario, metric)
            lines.append(line)
            shown = ""
    return lines


def verdict(found: Summary, scenario: str, metric: str) -> str:
    ours = found.get((OURS, scenario), {}).get(metric)
    goals = [goal for goal in GOALS if (goal.scenario, goal.metric) == (scenario, metric)]
    if ours is None:
        return ""
    return "".join(f"   goal {goal.bound}: {goal.verdict(ours.median)}" for goal in goals)
