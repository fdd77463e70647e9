"""A node's metrics, as somebody sees them who scrapes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from twisted.internet import reactor
from twisted.internet.task import deferLater

from .http import get, token_with
from .node import Node

AGAIN_S = 0.1
TIMEOUT_S = 20.0


class Scrape:
    """One answer of `GET /metrics`."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.families = {family.name for family in text_string_to_metric_families(text)}
        self._samples: list[tuple[str, dict[str, str], float]] = [
            (sample.name, sample.labels, sample.value)
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        ]

    def total(self, name: str, **labels: str) -> float:
        """The sum of the samples of a name with (at least) these labels; 0 for none."""
        return sum(
            value
            for sample, found, value in self._samples
            if sample == name and labels.items() <= found.items()
        )

    def labels(self, name: str, label: str) -> set[str]:
        """The values that a label has in the samples of a name."""
        return {found[label] for sample, found, _value in self._samples if sample == name}

    def has(self, name: str, **labels: str) -> bool:
        return any(
            sample == name and labels.items() <= found.items()
            for sample, found, _value in self._samples
        )


async def scrape(node: Node) -> Scrape:
    answer = await get(node, "/metrics", Authorization=f"Bearer {token_with('stats')}")
    assert answer.status == 200, (answer.status, answer.text)
    return Scrape(answer.text)


async def scrape_until(
    node: Node, condition: Callable[[Scrape], Any], what: str | Callable[[], str]
) -> Scrape:
    """Scrape until something is so: gauges are set twice a second."""
    deadline = reactor.seconds() + TIMEOUT_S
    while True:
        found = await scrape(node)
        if condition(found):
            return found
        if reactor.seconds() > deadline:
            said = what if isinstance(what, str) else what()
            raise AssertionError(f"not in {TIMEOUT_S} s: {said}\n{found.text}")
        await deferLater(reactor, AGAIN_S)
