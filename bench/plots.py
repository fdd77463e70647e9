"""Draws pictures of results: `python -m bench.plots FILE… --out FOLDER`.

One SVG for what edits cost, one for how late they are, and one for what joins cost. Results of
several servers, in one file or in several, are drawn side by side.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")

from matplotlib import pyplot as plt
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from .report import Row, Spread, Summary, number, read, summary

# Okabe and Ito's colours, told apart by nearly everybody, in an order that also differs in grey.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#999999", "#000000")
PARTS = ("router", "sessions", "relay", "rest")
# With one edit a second it is the idle node that is measured.
NO_COST = {"quiet"}
# From least to most on a log axis; beyond it the numbers between the powers of ten are left out.
WIDE = 300
WIDTH_IN = 9.0
# Height of a bar and of the space between scenarios, inches.
BAR_IN, SPACE_IN, FRAME_IN = 0.24, 0.14, 1.5
STYLE: dict[Any, Any] = {
    "font.size": 11,
    "axes.titlesize": 13,
    "axes.titlelocation": "left",
    "axes.titlepad": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "svg.fonttype": "none",
    "svg.hashsalt": "bench",
}


def costs(found: Summary, things: Sequence[str]) -> dict[tuple[str, str], tuple[str, Spread]]:
    """(server, scenario) → per a thousand of which thing, and the CPU seconds, where known."""
    known = {}
    for key, metrics in found.items():
        for what in things:
            if (spread := metrics.get(f"cpu_per_1k_{what}.total")) and key[1] not in NO_COST:
                known[key] = what, spread
                break
    return known


def draw_costs(found: Summary, title: str, things: Sequence[str]) -> Any:
    """Bars: CPU of the server for a thousand things; where there is one server, by its parts.

    None where nothing is known about them; so do the others.
    """
    known = costs(found, things)
    if not known:
        return None
    scenarios, servers = names(known)
    figure, axes = canvas(len(scenarios), len(servers))
    highest = max(spread.most for _, spread in known.values())
    for row, scenario in enumerate(scenarios):
        for place, server in enumerate(servers):
            if (server, scenario) not in known:
                continue
            what, spread = known[server, scenario]
            at = row + offset(place, len(servers))
            if len(servers) == 1:
                parts = [found[server, scenario].get(f"cpu_per_1k_{what}.{p}") for p in PARTS]
                stack(axes, at, [part.median if part else 0.0 for part in parts])
            else:
                axes.barh(at, spread.median, thickness(len(servers)), color=COLOURS[place])
            whiskers(axes, at, spread)
            axes.text(spread.most + highest * 0.01, at, number(spread.median), va="center")
    counted = {scenario: what for (_, scenario), (what, _) in known.items()}
    label(
        axes,
        [
            f"{scenario}\n(1,000 moves)" if counted[scenario] == "moves" else scenario
            for scenario in scenarios
        ],
        title,
        "CPU seconds, user and system, of all processes but the store; less is better",
    )
    axes.set_xlim(0, highest * 1.12)
    legend(axes, PARTS if len(servers) == 1 else servers)
    return figure


def stack(axes: Any, at: float, values: Sequence[float]) -> None:
    left = 0.0
    for colour, value in zip(COLOURS, values, strict=False):
        axes.barh(at, value, thickness(1), left=left, color=colour)
        left += value


def draw_latency(found: Summary) -> Any:
    """From p50 to p99 of the time until the others have an edit, on a log axis."""
    known = {
        key: (metrics["delivery_p50_ms"], metrics["delivery_p99_ms"])
        for key, metrics in found.items()
        if "delivery_p50_ms" in metrics
    }
    if not known:
        return None
    scenarios, servers = names(known)
    figure, axes = canvas(len(scenarios), len(servers))
    axes.set_xscale("log")
    for row, scenario in enumerate(scenarios):
        for place, server in enumerate(servers):
            if (server, scenario) not in known:
                continue
            p50, p99 = (spread.median for spread in known[server, scenario])
            at, colour = row + offset(place, len(servers)), COLOURS[place]
            axes.plot([p50, p99], [at, at], color=colour, linewidth=2.5, alpha=0.45)
            axes.plot(p50, at, "o", color=colour, markersize=7)
            axes.plot(p99, at, "D", color=colour, markersize=7)
            axes.annotate(number(p50), (p50, at), (-7, 0), **BESIDE, ha="right")
            axes.annotate(number(p99), (p99, at), (7, 0), **BESIDE, ha="left")
    label(
        axes,
        scenarios,
        "Time until an edit, or a cursor, is with the others",
        "milliseconds, log scale; ● half of all deliveries (p50), ◆ 99 of 100 (p99)",
    )
    # Room for the figures at both ends.
    low, high = axes.get_xlim()
    axes.set_xlim(low / 1.4, high * 1.4)
    subs = (1, 2, 5) if high / low < WIDE else (1,)
    axes.xaxis.set_major_locator(LogLocator(subs=subs))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    if len(servers) > 1:
        legend(axes, servers)
    return figure


BESIDE: dict[str, Any] = {"textcoords": "offset points", "va": "center", "fontsize": 9.5}


def names(keys: Any) -> tuple[list[str], list[str]]:
    """The scenarios and the servers of (server, scenario) pairs, in order."""
    scenarios = list(dict.fromkeys(scenario for _, scenario in keys))
    return scenarios, list(dict.fromkeys(server for server, _ in keys))


def canvas(scenarios: int, servers: int) -> tuple[Any, Any]:
    height = FRAME_IN + scenarios * (BAR_IN * max(1, servers) + SPACE_IN)
    return plt.subplots(figsize=(WIDTH_IN, height), layout="constrained")


def thickness(servers: int) -> float:
    """Of a bar, where scenarios are 1 apart."""
    each = BAR_IN / (BAR_IN * servers + SPACE_IN)
    return each * 0.92


def offset(place: int, servers: int) -> float:
    """Of a server's bar from the middle of its scenario."""
    each = BAR_IN / (BAR_IN * servers + SPACE_IN)
    return (place - (servers - 1) / 2) * each


def whiskers(axes: Any, at: float, spread: Spread) -> None:
    """From the least to the most of several runs."""
    if spread.least != spread.most:
        below, above = spread.median - spread.least, spread.most - spread.median
        axes.errorbar(spread.median, at, xerr=[[below], [above]], color="#333333", capsize=2.5)


def label(axes: Any, rows: Sequence[str], title: str, unit: str) -> None:
    axes.set_title(title, fontweight="bold")
    axes.set_xlabel(unit)
    axes.set_yticks(range(len(rows)), rows)
    axes.set_ylim(len(rows) - 0.45, -0.55)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="#dddddd")


def legend(axes: Any, entries: Sequence[str]) -> None:
    marks = [Patch(color=colour) for colour in COLOURS]
    axes.figure.legend(
        marks[: len(entries)], entries, loc="outside lower left", ncols=4, frameon=False
    )


def draw_edits(found: Summary) -> Any:
    return draw_costs(found, "CPU time of the server for 1,000 edits", ("edits", "moves"))


def draw_joins(found: Summary) -> Any:
    return draw_costs(found, "CPU time of the server for 1,000 people who join", ("joins",))


DRAWINGS = {"cost": draw_edits, "latency": draw_latency, "joins": draw_joins}


def draw(rows: Sequence[Row], folder: Path, form: str = "svg") -> list[Path]:
    """Write all pictures; where they are."""
    found = summary(rows)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    with matplotlib.rc_context(STYLE):
        for name, drawing in DRAWINGS.items():
            figure = drawing(found)
            if figure is None:
                continue
            path = folder / f"{name}.{form}"
            # Without a date, the same results make the same file.
            figure.savefig(path, dpi=110, metadata={"Date": None} if form == "svg" else None)
            plt.close(figure)
            written.append(path)
    return written


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.plots", description=__doc__)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="written by --json")
    parser.add_argument("--out", type=Path, default=Path("."), metavar="FOLDER")
    parser.add_argument("--form", choices=("svg", "png"), default="svg")
    args = parser.parse_args()
    rows = [row for path in args.files for row in read(path)]
    for path in draw(rows, args.out, args.form):
        print(path)


if __name__ == "__main__":
    main()
