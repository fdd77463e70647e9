"""What must hold, on a machine with two cores of about 3 GHz."""

from __future__ import annotations

import attrs


@attrs.frozen
class Goal:
    """A bound of a metric of a scenario; `at_least` where more is better."""

    scenario: str
    metric: str
    limit: float
    at_least: bool = False

    @property
    def bound(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.limit:,g}"

    def verdict(self, value: float) -> str:
        held = value >= self.limit if self.at_least else value <= self.limit
        return "held" if held else "MISSED"


EDIT, MOVE, JOIN = (f"cpu_per_1k_{what}.total" for what in ("edits", "moves", "joins"))
P50, P99 = "delivery_p50_ms", "delivery_p99_ms"

GOALS = (
    Goal("quiet", P50, 5),
    Goal("hot1", EDIT, 1.2),
    Goal("hot1", P99, 10),
    Goal("hot1", "log_bytes_per_edit", 70),
    Goal("hot2", EDIT, 0.6),
    Goal("hot2", P99, 60),
    Goal("hot3", EDIT, 0.6),
    Goal("hot3", P99, 80),
    Goal("many1", EDIT, 0.6),
    Goal("many2", EDIT, 0.41),
    Goal("many2", P99, 30),
    Goal("cursor", MOVE, 0.17),
    Goal("cursor", P99, 80),
    Goal("join1", "all_in_s", 1.0),
    Goal("join1", JOIN, 2.5),
    Goal("join50", JOIN, 2.5),
    Goal("idle", "kib_per_joined_connection.total", 25),
    Goal("large", "times_a_small_one", 1.5),
    Goal("history", "times_a_small_one", 1.5),
    Goal("history", "join_p99_ms", 50),
    Goal("nodes", "times_one_node", 1.1),
    Goal("knee", "people", 364, at_least=True),
    Goal("replay-automerge-paper", "steps_per_s", 3000, at_least=True),
)
