"""Where two concurrent operations of type `text` touch the same characters.

Transforming them always converges; but where both replaced a word, the result has both words, and
where one typed into what the other deleted, something is left that makes no sense alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import attrs

from .base import Conflict


@attrs.frozen
class Replacement:
    """`inserted` stands where the code points `start` up to `end` were."""

    start: int
    end: int
    inserted: str


def replacements(op: Sequence[Any]) -> Iterator[Replacement]:
    """What an operation does, from left to right; what stands side by side is one."""
    at = start = 0
    inserted = ""
    for part in op:
        if isinstance(part, int):
            if at > start or inserted:
                yield Replacement(start, at, inserted)
            at += part
            start, inserted = at, ""
        elif isinstance(part, str):
            inserted += part
        else:
            at += part["d"] if isinstance(part["d"], int) else len(part["d"])
    if at > start or inserted:
        yield Replacement(start, at, inserted)


def text_conflicts(op: Sequence[Any], other: Sequence[Any]) -> list[Conflict]:
    """See `OTType.conflicts`; goes once through both."""
    found: list[Conflict] = []
    rest = iter(replacements(other))
    theirs = next(rest, None)
    for mine in replacements(op):
        while theirs is not None and theirs.start <= mine.end:
            if (conflict := _conflict(mine, theirs)) is not None:
                found.append(conflict)
            if theirs.end >= mine.end:
                break  # it may reach into the next of mine
            theirs = next(rest, None)
    return found


def _conflict(mine: Replacement, theirs: Replacement) -> Conflict | None:
    start, end = max(mine.start, theirs.start), min(mine.end, theirs.end)
    if start < end:
        return None if mine == theirs else Conflict("replaced", [start, end])
    for point, span in ((mine, theirs), (theirs, mine)):
        if point.start == point.end and span.start < point.start < span.end:
            return Conflict("inside_deleted", [point.start, point.start])
    return None
