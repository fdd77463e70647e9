"""Going through an operation whose parts may be taken in pieces."""

from __future__ import annotations

from typing import Generic, TypeVar

Part = TypeVar("Part")


class PartReader(Generic[Part]):
    """Where one is in an operation. After its end it passes over everything; types say how."""

    __slots__ = ("_index", "_offset", "_op")

    def __init__(self, op: list[Part]) -> None:
        self._op = op
        self._index = 0
        self._offset = 0

    @property
    def part(self) -> Part | None:
        """The part that the next piece is of; None after the end."""
        return self._op[self._index] if self._index < len(self._op) else None
