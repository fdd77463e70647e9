"""Where two concurrent operations of type `rich_text` touch the same: see `text_conflicts`."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from .base import Conflict
from .rich_attributes import Attributes, same
from .rich_parts import Op, length


@attrs.frozen
class Change:
    """What is done to the code points `start` up to `end`.

    Attributes:
        inserted: what stands in their place; where nothing is deleted, in front of `end`.
        formats: what they are formatted with; None where they are replaced.
    """

    start: int
    end: int
    inserted: Op
    formats: Attributes | None


def changes(op: Op) -> Iterator[Change]:
    """What an operation does, from left to right."""
    at = 0
    inserted: Op = []
    for part in op:
        if "insert" in part:
            inserted.append(part)
            continue
        end = at + length(part)
        if "delete" in part:
            yield Change(at, end, inserted, None)
        else:
            if inserted:
                yield Change(at, at, inserted, None)
            if "attributes" in part:
                yield Change(at, end, [], part["attributes"])
        inserted = []
        at = end
    if inserted:
        yield Change(at, at, inserted, None)


def rich_conflicts(op: Op, other: Op) -> list[Conflict]:
    """See `OTType.conflicts`; goes once through both."""
    found: list[Conflict] = []
    ours, theirs = changes(op), changes(other)
    mine, yours = next(ours, None), next(theirs, None)
    while mine is not None and yours is not None:
        if (conflict := _conflict(mine, yours)) is not None:
            found.append(conflict)
        if mine.end <= yours.end:
            mine = next(ours, None)
        else:
            yours = next(theirs, None)
    return found


def _conflict(mine: Change, yours: Change) -> Conflict | None:
    start, end = max(mine.start, yours.start), min(mine.end, yours.end)
    for point, span in ((mine, yours), (yours, mine)):
        if point.start == point.end:
            inside = span.formats is None and span.start < point.start < span.end
            return Conflict("inside_deleted", [start, end]) if inside else None
    if start >= end:
        return None
    if mine.formats is None and yours.formats is None:
        alike = (mine.start, mine.end) == (yours.start, yours.end)
        return (
            None
            if alike and same(mine.inserted, yours.inserted)
            else Conflict("replaced", [start, end])
        )
    if mine.formats is None or yours.formats is None:
        return Conflict("inside_deleted", [start, end])
    differ = any(
        name in yours.formats and not same(value, yours.formats[name])
        for name, value in mine.formats.items()
    )
    return Conflict("formatted", [start, end]) if differ else None
