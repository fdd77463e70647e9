"""Composing, transforming and inverting operations of type `rich_text`, as quill-delta does.

All of it takes time in proportion to the sizes of what is given.
"""

from __future__ import annotations

from . import rich_attributes as attributes_of
from .base import OpError, Side
from .rich_parts import Builder, Op, Reader, joined, length


def fitted(size: int, op: Op) -> int:
    """How long a document of length `size` is after an operation.

    Raises:
        OpError: the operation reaches past the end.
    """
    position = change = 0
    for index, part in enumerate(op):
        count = length(part)
        if "insert" in part:
            change += count
            continue
        position += count
        if "delete" in part:
            change -= count
        if position > size:
            raise OpError(f"it reaches {position}, past the end at {size}", index)
    return size + change


def growth(op: Op) -> int:
    """By how much an operation makes a document longer."""
    return sum(
        -part["delete"] if "delete" in part else length(part) if "insert" in part else 0
        for part in op
    )


def compose(first: Op, second: Op) -> Op:
    """One operation that does `first`, then `second`; of a document, the document after it."""
    result = Builder()
    reader = Reader(first)
    for part in second:
        if "insert" in part:
            result.push(part)
            continue
        left = length(part)
        while left:
            if reader.part is not None and "delete" in reader.part:
                result.push(reader.rest())
                continue
            piece = reader.take(left)
            size = length(piece)
            left -= size
            if "delete" in part:
                if "retain" in piece:
                    result.delete(size)
                continue
            composed = attributes_of.compose(
                piece.get("attributes"), part.get("attributes"), keep_null="retain" in piece
            )
            if "insert" in piece:
                result.insert(piece["insert"], composed)
            else:
                result.retain(size, composed)
    while reader.part is not None:
        result.push(reader.rest())
    return result.finish()


def transform(op: Op, other: Op, side: Side) -> Op:
    """See `OTType.transform`.

    The left one is first where both insert, and its attributes stand where both format.
    """
    result = Builder()
    reader = Reader(op)
    for passed in other:
        if "insert" in passed:
            while side == "left" and reader.part is not None and "insert" in reader.part:
                result.push(reader.rest())
            result.retain(length(passed))
            continue
        left = length(passed)
        while left:
            part = reader.part
            if part is None:
                # All that comes is passed over: nothing more of `other` can matter to it.
                return result.finish()
            if "insert" in part:
                result.push(reader.rest())
                continue
            piece = reader.take(left)
            left -= length(piece)
            if "delete" in passed:
                continue
            if "delete" in piece:
                result.push(piece)
                continue
            remaining = attributes_of.transform(
                piece.get("attributes"), passed.get("attributes"), other_wins=side == "right"
            )
            result.retain(length(piece), remaining)
    while reader.part is not None:
        result.push(reader.rest())
    return result.finish()


def invert(op: Op, document: Op) -> Op:
    """What takes `op` back, which fits `document`."""
    result = Builder()
    reader = Reader(document)
    for part in op:
        size = length(part)
        if "insert" in part:
            result.delete(size)
            continue
        for run in reader.pieces(size):
            if "delete" in part:
                result.push(run)
            elif "attributes" in part:
                result.retain(
                    length(run), attributes_of.invert(part["attributes"], run.get("attributes"))
                )
            else:
                result.retain(length(run))
    return result.finish()


def normalize(op: Op) -> Op:
    """The canonical form: insertions have no attribute that is null."""
    return joined(
        {**part, "attributes": attributes_of.compose(None, part["attributes"], keep_null=False)}
        if "insert" in part and "attributes" in part
        else part
        for part in op
    )


def transform_position(position: int, op: Op) -> int:
    """Where a position is after `op`. What is inserted right at it goes after it."""
    at = 0
    for part in op:
        if position <= at:
            break
        size = length(part)
        if "delete" in part:
            position -= min(size, position - at)
            continue
        at += size
        if "insert" in part:
            position += size
    return position
