"""Parts of operations of type `text`: their sizes, and taking them in pieces."""

from __future__ import annotations

from typing import Any

from .reader import PartReader
from .spans import Span

Part = int | str | dict[str, Any]
Op = list[Part]


def size_of(deleted: int | str) -> int:
    return deleted if isinstance(deleted, int) else len(deleted)


def span_of(op: Op) -> Span:
    """Where a canonical operation changes the text."""
    start = op[0] if op and isinstance(op[0], int) else 0
    end = change = 0
    for part in op:
        if isinstance(part, int):
            end += part
        elif isinstance(part, str):
            change += len(part)
        else:
            deleted = size_of(part["d"])
            end += deleted
            change -= deleted
    if end > start and isinstance(op[-1], str):
        end += 1
    return Span(start, end, change)


def append(op: Op, part: Part) -> None:
    """Add a part that is not empty, merging it with the last one if that is of its kind."""
    if op:
        last = op[-1]
        if isinstance(part, int):
            if isinstance(last, int):
                op[-1] = last + part
                return
        elif isinstance(part, str):
            if isinstance(last, str):
                op[-1] = last + part
                return
        elif isinstance(last, dict):
            op[-1] = {"d": joined(last["d"], part["d"])}
            return
    op.append(part)


def joined(first: int | str, second: int | str) -> int | str:
    if isinstance(first, str) and isinstance(second, str):
        return first + second
    return size_of(first) + size_of(second)


def trimmed(op: Op) -> Op:
    if op and isinstance(op[-1], int):
        op.pop()
    return op


class Reader(PartReader[Part]):
    """Takes an operation's parts in pieces. After its end it passes over everything."""

    __slots__ = ()

    def rest(self) -> Part:
        """The rest of the part; there must be one."""
        part, offset = self._op[self._index], self._offset
        self._index += 1
        self._offset = 0
        if not offset:
            return part
        if isinstance(part, int):
            return part - offset
        if isinstance(part, str):
            return part[offset:]
        deleted = part["d"]
        return {"d": deleted - offset if isinstance(deleted, int) else deleted[offset:]}

    def take(self, most: int) -> Part:
        """At most `most` characters of the part, which must be of a kind that can be cut."""
        part = self.part
        if part is None:
            return most
        if length_of(part) - self._offset <= most:
            return self.rest()
        start = self._offset
        self._offset += most
        if isinstance(part, int):
            return most
        if isinstance(part, str):
            return part[start : self._offset]
        deleted = part["d"]
        return {"d": most if isinstance(deleted, int) else deleted[start : self._offset]}


def length_of(part: Part) -> int:
    """Characters that a part is about."""
    return part if isinstance(part, int) else size_of(part if isinstance(part, str) else part["d"])


def text_bytes(part: Part) -> int:
    text = part["d"] if isinstance(part, dict) else part
    return len(text.encode()) if isinstance(text, str) else 0


def fitting(part: Part, room: int) -> int:
    """How many characters of a part have texts of at most `room` bytes."""
    text = part["d"] if isinstance(part, dict) else part
    if not isinstance(text, str):
        return length_of(part)
    return len(text.encode()[:room].decode(errors="ignore"))
