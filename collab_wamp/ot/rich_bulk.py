"""How many bytes the attributes and embeds of a document of type `rich_text` may have by now.

A document's length does not bound that: one operation formats all runs of a long text, with as much
for each as it inserts at most, and what is typed in the middle of a run makes two of it. So beside
the length a bound is kept, which takes a moment to bring up to date, and is never too low. Where it
seems to be too much, `RichTextBuffer.bulk` has the exact number.
"""

from __future__ import annotations

import attrs

from .rich_parts import Op, extra_bytes


@attrs.frozen
class Bulk:
    """
    Attributes:
        bytes: of all runs, JSON text of attributes and embeds.
        runs: how many there are.
        widest: bytes of the run with the most.
    """

    bytes: int
    runs: int
    widest: int


def bulk_after(bulk: Bulk, op: Op) -> Bulk:
    """A bound after an operation, of one before it."""
    inserted = formats = added = runs = 0
    for part in op:
        if "retain" in part and "attributes" not in part:
            continue
        extra = extra_bytes(part)
        # It may cut a run on either side, and is one itself.
        runs += 3
        if "insert" in part:
            inserted = max(inserted, extra)
            added += extra
        elif "retain" in part:
            formats = max(formats, extra)
            added += extra * min(part["retain"], bulk.runs)
    widest = bulk.widest + formats
    added += runs * widest
    return Bulk(bulk.bytes + added, bulk.runs + runs, max(widest, inserted))


def grows(op: Op) -> bool:
    """Whether an operation does more than delete."""
    return any("insert" in part or "attributes" in part for part in op)
