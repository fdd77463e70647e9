"""What makes one rich text of another, and operations in two."""

from __future__ import annotations

from . import rich_attributes as attributes_of
from .rich_attributes import same
from .rich_parts import (
    Builder,
    Op,
    Part,
    Reader,
    cut_out,
    extra_bytes,
    inserted_bytes,
    length,
    total,
)


def difference(old: Op, new: Op) -> Op:
    """An operation that makes `new` of `old`.

    What both have in common at their start and at their end is kept; where that is the text alone,
    it is formatted. Everything between is replaced.
    """
    old_size, new_size = total(old), total(new)
    shorter = min(old_size, new_size)
    start = _common(old, new, shorter, formatted=True)
    end = _common(_reversed(old), _reversed(new), shorter - start, formatted=True)
    old = cut_out(old, start, old_size - end)
    new = cut_out(new, start, new_size - end)
    result = Builder()
    result.retain(start)
    _replace(result, old, new)
    result.retain(end)
    return result.finish()


def _replace(result: Builder, old: Op, new: Op) -> None:
    old_size, new_size = total(old), total(new)
    shorter = min(old_size, new_size)
    start = _common(old, new, shorter, formatted=False)
    end = _common(_reversed(old), _reversed(new), shorter - start, formatted=False)
    _format(result, cut_out(old, 0, start), cut_out(new, 0, start))
    for run in cut_out(new, start, new_size - end):
        result.push(run)
    result.delete(old_size - start - end)
    _format(result, cut_out(old, old_size - end, old_size), cut_out(new, new_size - end, new_size))


def _format(result: Builder, old: Op, new: Op) -> None:
    """Make the attributes of `new` of those of `old`, which is the same text."""
    reader = Reader(new)
    for run in old:
        for piece in reader.pieces(length(run)):
            change = attributes_of.difference(run.get("attributes"), piece.get("attributes"))
            result.retain(length(piece), change)


def _common(one: Op, other: Op, most: int, *, formatted: bool) -> int:
    """How much two documents have in common at their start, at most `most`.

    Args:
        formatted: whether attributes must be the same, too.
    """
    ours, theirs = Reader(one), Reader(other)
    common = 0
    while common < most:
        size = min(ours.left, theirs.left, most - common)
        mine, yours = ours.take(size), theirs.take(size)
        if formatted and not same(mine.get("attributes"), yours.get("attributes")):
            break
        texts = mine["insert"], yours["insert"]
        if same(*texts):
            common += size
            continue
        if isinstance(texts[0], str) and isinstance(texts[1], str):
            common += next(i for i, pair in enumerate(zip(*texts, strict=True)) if len({*pair}) > 1)
        break
    return common


def _reversed(document: Op) -> Op:
    return [
        {**run, "insert": run["insert"][::-1]} if isinstance(run["insert"], str) else run
        for run in reversed(document)
    ]


def split(op: Op, parts: int, size: int) -> tuple[Op, Op]:
    """See `OTType.split`: `compose(first, rest)` is `op`.

    The first has something of `op` in it in any case, be that larger than `size`.

    Args:
        parts: 2 or more.
        size: bytes as `check` counts them.
    """
    first: Op = []
    reader = Reader(op)
    room = size
    changes = False
    while (part := reader.part) is not None and len(first) < parts:
        fits = _fitting(part, room)
        if not fits and changes:
            break
        piece = reader.take(fits or 1 if "insert" in part else length(part))
        first.append(piece)
        room -= inserted_bytes(piece)
        changes = changes or piece.keys() != {"retain"}
        if length(piece) < length(part):
            break
    if reader.part is None:
        return op, []
    rest = Builder()
    rest.retain(sum(length(piece) for piece in first if "delete" not in piece))
    while reader.part is not None:
        rest.push(reader.rest())
    result = Builder()
    for piece in first:
        result.push(piece)
    return result.finish(), rest.finish()


def _fitting(part: Part, room: int) -> int:
    """How much of a part has at most `room` bytes."""
    room -= extra_bytes(part)
    if room < 0:
        return 0
    text = part.get("insert")
    if not isinstance(text, str):
        return length(part)
    return len(text.encode()[:room].decode(errors="ignore"))
