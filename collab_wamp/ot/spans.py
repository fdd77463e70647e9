"""Transforming an operation on a text over edits at other places, by comparing numbers.

Nearly all of many concurrent edits are wholly before, or wholly behind, what an operation changes.
Over these it moves as one piece, and none of them conflicts with it. To see that takes of each edit
three numbers, told once when it is committed, where `transform` goes through the parts of both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from .base import Concurrent, Side

Met = tuple[int, Concurrent]


class Span(NamedTuple):
    """Where an operation changes a text, in the characters of the text before it.

    Attributes:
        start: where its first change is.
        end: where its last one ends; `start` where it only inserts at one place. One character
            further where the last one is an insertion and it is not the only one: who inserts
            there as well does not come wholly behind it.
        change: how many characters longer it makes the text.
    """

    start: int
    end: int
    change: int

    def concurrent(self, client_id: str, op: Any) -> Concurrent:
        """See `OTType.concurrent`; in the form that `pass_over` reads."""
        return client_id, op, self.start, self.end, self.change

    def pass_over(
        self, client_id: str, rest: Iterator[Met], side: Callable[[str, str], Side]
    ) -> tuple[int, Met | None]:
        """Move over edits as long as they are at other places.

        Args:
            rest: they are taken out of it.
            side: see `OTType.side`; of two insertions at one place.

        Returns:
            (where it starts after them, the first that has to be looked at more closely); None
            where that is none.
        """
        start, end, _ = self
        alone = start == end
        for met in rest:
            _, (other_client_id, _, at, other_end, change) = met
            if at > end:
                continue
            if other_end <= start:
                # At `start` it can only insert.
                if at == start and side(client_id, other_client_id) == "left":
                    if alone:
                        continue
                    return start, met
                start += change
                end += change
            elif at < end or alone:
                return start, met
        return start, None


def skim(
    op: list[Any],
    span_of: Callable[[list[Any]], Span],
    passing: Callable[[int], Any],
    client_id: str,
    rest: Iterator[Met],
    side: Callable[[str, str], Side],
) -> tuple[list[Any], Met | None]:
    """See `OTType.skim`.

    Args:
        span_of: tells where a type's operation changes the text.
        passing: makes a type's part that passes over so many units.
    """
    if not op:
        return op, None
    span = span_of(op)
    start, met = span.pass_over(client_id, rest, side)
    if start != span.start:
        changes = op[1:] if span.start else op
        op = [passing(start), *changes] if start else changes
    return op, met
