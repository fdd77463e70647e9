"""Transforming an edit over those that were committed before it and that it has not seen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .base import Concurrent, Conflict, OTType


class TooMuchWork(Exception):
    """Transforming an edit would take longer than it may."""


class TooLarge(TooMuchWork):
    """Transformed, an operation would be larger than it may be."""


def rebase(
    kind: OTType, op: Any, client_id: str, concurrent: Iterable[tuple[str, Any]], **limits: Any
) -> Any:
    """See `rebase_over`; over (client_id, op) of each edit, and without the work it was."""
    edits = [kind.concurrent(*edit) for edit in concurrent]
    return rebase_over(kind, op, client_id, edits, **limits)[0]


def rebase_over(
    kind: OTType,
    op: Any,
    client_id: str,
    concurrent: Sequence[Concurrent],
    *,
    work: float = float("inf"),
    parts: float = float("inf"),
    weight: float = float("inf"),
    found: list[tuple[int, list[Conflict]]] | None = None,
) -> tuple[Any, int]:
    """Transform an edit over edits that are concurrent to it, one after the other.

    Args:
        work: how many parts may be gone through, its own and the others'. An operation may grow
            with each that it is transformed over. An edit that the type skims over counts as one
            part: that takes less time than a part does otherwise.
        parts: how many the result may have.
        weight: see `OTType.weight`; of a result that has more parts than `op`. What others have
            inserted in between cuts a part in two, and each has all its attributes.
        found: is given (index in `concurrent`, conflicts) of each edit by another client that it
            conflicts with; looking for them is as much work again. None = nobody asks.

    Returns:
        (the operation, how much work it was).

    Raises:
        TooMuchWork: it would take more.
        TooLarge: the result would be larger.
    """
    before, spent, done = len(op), 0, 0
    rest = enumerate(concurrent)
    while True:
        op, met = kind.skim(op, client_id, rest)
        spent += (len(concurrent) if met is None else met[0]) - done
        if len(op) > parts:
            raise TooLarge
        if met is None:
            break
        index, (other_client_id, other, *_) = met
        done = index + 1
        compared = found is not None and other_client_id != client_id
        spent += kind.work(op, other) * (2 if compared else 1)
        if spent > work:
            raise TooMuchWork
        # Both are on one document here, and nowhere else.
        if found is not None and compared and (conflicts := kind.conflicts(op, other)):
            found.append((index, conflicts))
        op = kind.transform(op, other, kind.side(client_id, other_client_id))
    if spent > work:
        raise TooMuchWork
    if len(op) > before and weight < float("inf") and kind.weight(op) > weight:
        raise TooLarge
    return op, spent
