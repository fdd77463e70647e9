"""The user's own edits: how many are not acknowledged, and what can be undone of all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..ot.outbox import Outbox
from ..ot.undo import UndoStack


class OwnEdits:
    """Follows what an outbox does with edits.

    Args:
        undo: None = nothing can be undone.
    """

    def __init__(self, outbox: Outbox, undo: UndoStack | None) -> None:
        self._outbox = outbox
        self._undo = undo
        self._buffered = 0
        self._in_flight = 0
        # `UndoStack.made` before the first edit in flight, and before the first behind it.
        self._since_in_flight = self._since_buffered = 0
        # And after the last in flight; None where only a part of that one is.
        self._until_in_flight: int | None = None

    @property
    def pending(self) -> int:
        return self._buffered + self._in_flight

    @property
    def can_undo(self) -> bool:
        return self._undo is not None and self._undo.can_undo

    @property
    def can_redo(self) -> bool:
        return self._undo is not None and self._undo.can_redo

    def begin(self, op: Any, *, joined: bool = False) -> None:
        """The user's edit is about to be applied, and given to the outbox."""
        self._begin()
        if self._undo is not None:
            self._undo.own(op, joined=joined)

    def undo(self) -> Any:
        """The operation that undoes something, about to be applied; None where there is none."""
        return self._step(self._undo.undo) if self._undo is not None else None

    def redo(self) -> Any:
        return self._step(self._undo.redo) if self._undo is not None else None

    def _step(self, take: Callable[[], Any]) -> Any:
        self._begin()
        return take()

    def _begin(self) -> None:
        if self._undo is not None and self._outbox.buffer is None:
            self._since_buffered = self._undo.made

    def made(self) -> None:
        """The outbox has the edit."""
        self._buffered += 1
        self.settle()

    def others(self, op: Any) -> None:
        """Something was applied that the user did not do."""
        if self._undo is not None:
            self._undo.others(op)

    def sent(self) -> None:
        """The outbox has put something in flight."""
        whole = self._outbox.buffer is None
        self._since_in_flight = self._since_buffered
        self._until_in_flight = self._undo.made if whole and self._undo is not None else None
        if whole:
            self._in_flight, self._buffered = self._buffered, 0
        else:
            self._in_flight = 1

    def rejoined(self) -> None:
        """The edit in flight will be sent anew, and maybe not all of it at once."""
        if self._outbox.buffer is not None:
            self._buffered = max(1, self._buffered)
            self._since_buffered = min(self._since_buffered, self._since_in_flight)
            self._until_in_flight = None
        self.settle()

    def came_back(self) -> None:
        """What was in flight, if anything, is about to be put back into the buffer."""
        if self._in_flight:
            self._since_buffered = self._since_in_flight
        self._buffered += self._in_flight
        self._in_flight = 0

    def refused(self, op: Any) -> None:
        """The outbox has dropped the edit in flight; `op` is about to take it back."""
        self.settle()
        if self._undo is not None:
            self._undo.refused(op, self._since_in_flight, self._until_in_flight)

    def forget(self) -> None:
        """Nothing that was done can be undone any more."""
        if self._undo is not None:
            self._undo.clear()

    def settle(self) -> None:
        """Count as pending only what is: edits may take each other back."""
        if self._outbox.buffer is None:
            self._buffered = 0
        if self._outbox.in_flight is None:
            self._in_flight = 0
