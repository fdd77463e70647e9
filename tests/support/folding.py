"""Transforming over a list as the laws say it, one edit after the other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from collab_wamp.ot import Conflict, OTType

Found = list[tuple[int, list[Conflict]]]


def folded(
    kind: OTType, op: Any, client_id: str, concurrent: Iterable[tuple[str, Any]]
) -> tuple[Any, Found, int]:
    """`rebase`, with nothing left out to be quick.

    Returns:
        (the operation, what it conflicts with, parts gone through).
    """
    found: Found = []
    work = 0
    for index, (other_client_id, other) in enumerate(concurrent):
        compared = other_client_id != client_id
        work += kind.work(op, other) * (2 if compared else 1)
        if compared and (conflicts := kind.conflicts(op, other)):
            found.append((index, conflicts))
        op = kind.transform(op, other, kind.side(client_id, other_client_id))
    return op, found, work
