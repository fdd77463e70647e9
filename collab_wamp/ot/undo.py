"""Undo and redo of one's own edits, right also when others have edited around and inside them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .base import OTType

MOST = 500


class UndoStack:
    """What one person can undo and redo.

    Every entry is kept as the operation that takes its edit back, transformed over everything that
    has happened since, so that it fits the document as it is.

    Args:
        kind: the document's type; operations say what they delete, see `OTType.make_invertible`.
        content: the document as it is; asked for where the type is not `invertible_alone`.
    """

    def __init__(self, kind: OTType, content: Callable[[], Any] = lambda: None) -> None:
        self._type = kind
        self._content = content
        self._undo: list[Any] = []
        self._redo: list[Any] = []

    @property
    def can_undo(self) -> bool:
        return bool(self._undo)

    @property
    def can_redo(self) -> bool:
        return bool(self._redo)

    def own(self, op: Any, *, joined: bool = False) -> None:
        """An own edit is about to be made; with `joined` it is undone together with the last."""
        inverse = self._invert(op)
        if joined and self._undo:
            inverse = self._type.compose(inverse, self._undo.pop())
        if not self._type.is_noop(inverse):
            self._undo.append(inverse)
        del self._undo[:-MOST]
        self._redo.clear()

    def others(self, op: Any) -> None:
        """Somebody else's edit was applied to the document."""
        self._undo = self._over(self._undo, op)
        self._redo = self._over(self._redo, op)

    def undo(self) -> Any:
        """The operation that takes the last own edit back; None where there is none.

        It is to be applied, and sent like any other edit, without telling `own`.
        """
        return self._step(self._undo, self._redo)

    def redo(self) -> Any:
        return self._step(self._redo, self._undo)

    def _step(self, source: list[Any], target: list[Any]) -> Any:
        while source:
            op = source.pop()
            if not self._type.is_noop(op):
                target.append(self._invert(op))
                return op
        return None

    def _invert(self, op: Any) -> Any:
        alone = self._type.invertible_alone
        return self._type.invert(op, None if alone else self._content())

    def _over(self, stack: list[Any], op: Any) -> list[Any]:
        """Transform the entries, the newest of which fits the document as it was before `op`."""
        result: list[Any] = []
        for entry in reversed(stack):
            result.append(self._type.transform(entry, op, "right"))
            op = self._type.transform(op, entry, "left")
        result.reverse()
        return [entry for entry in result if not self._type.is_noop(entry)]
