"""Two nodes on one store."""

from __future__ import annotations

from ..measuring import Metrics
from ..stand import Stand, processes
from .crowds import Crowd, arrive, leave, typing


async def two(stand: Stand) -> dict[str, Metrics]:
    """The same edits over one node, and over two, each with every other person of a session."""
    crowd = Crowd(stand.few(50, 5), 4, 2)
    async with stand.pair() as pair:
        places = await arrive(stand, "one-node", crowd, [pair.a])
        one = await typing(stand, places, crowd, processes(pair.a, store=pair.store))
        leave(places)
        places = await arrive(stand, "two-nodes", crowd, pair.nodes)
        both = await typing(stand, places, crowd, processes(*pair.nodes, store=pair.store))
        leave(places)
    cost = "cpu_per_1k_edits.total"
    return {"nodes-one": one, "nodes": {**both, "times_one_node": both[cost] / one[cost]}}
