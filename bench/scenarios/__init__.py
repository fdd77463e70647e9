"""What is measured. A scenario takes a `Stand` and returns figures: name of the row → metrics."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from ..measuring import Metrics
from ..stand import Stand
from . import crowds, documents, joins, mixed, nodes, single

Scenario = Callable[[Stand], Awaitable[Mapping[str, Metrics]]]

SCENARIOS: dict[str, Scenario] = {
    "quiet": crowds.quiet,
    "hot1": crowds.hot1,
    "hot2": crowds.hot2,
    "hot3": crowds.hot3,
    "many1": crowds.many1,
    "many2": crowds.many2,
    "cursor": mixed.cursor,
    "mixed": mixed.mixed,
    "join1": joins.join1,
    "join50": joins.join50,
    "idle": joins.idle,
    "large": documents.large,
    "history": documents.history,
    "nodes": nodes.two,
    "alone": single.alone,
    "replay": single.replay,
}
