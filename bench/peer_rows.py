"""Figures of other servers' load driver (`bench.peers`), under the names of the benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Of the driver's output → the metric, and what one of its units is there.
COMMON = {
    "serverRssMiB": ("rss_mib.total", 1.0),
    "driverCpuShare": ("driver_cpu_share", 1.0),
    "errors": ("errors", 1.0),
}
# Its `coalesced` cursors are those that were told, so its edits are moves there.
LOAD = {
    "serverCpuPer1kEdits": ("cpu_per_1k_{}.total", 1.0),
    "redisCpuPer1kEdits": ("cpu_per_1k_{}.store", 1.0),
    "serverCpuPer1kDeliv": ("cpu_per_1k_deliveries.total", 1.0),
    "editsPerS": ("{}_per_s", 1.0),
    "deliveriesPerS": ("deliveries_per_s", 1.0),
    "framesPerS": ("events_per_s", 1.0),
    "missing": ("undelivered", 1.0),
    "coalesced": ("passed_on", 1.0),
    "schedLagP99": ("driver_late_p99_ms", 1.0),
}
JOINS = {
    "joinWallMs": ("all_in_s", 0.001),
    "serverCpuPerJoinMs": ("cpu_per_1k_joins.total", 1.0),
    "redisCpuPerJoinMs": ("cpu_per_1k_joins.store", 1.0),
    "rssPerConnKiB": ("kib_per_joined_connection.total", 1.0),
    "rssMiB": ("rss_mib.total", 1.0),
}
LATENCIES = {"lat": "delivery", "ack": "ack"}


def metrics(run: Mapping[str, Any]) -> dict[str, float]:
    """Of one line that the driver wrote."""
    joins = run["mode"] in ("join", "idle")
    what = "moves" if run["mode"] == "cursor" else "edits"
    found = {}
    for name, (metric, unit) in {**COMMON, **(JOINS if joins else LOAD)}.items():
        if run.get(name) is not None:
            found[metric.format(what)] = run[name] * unit
    for name, prefix in {"joinMs": "join"}.items() if joins else LATENCIES.items():
        for label in ("p50", "p95", "p99"):
            if (value := (run.get(name) or {}).get(label)) is not None:
                found[f"{prefix}_{label}_ms"] = value
    return found
