"""Undo and redo of one's own edits, right also when others have edited around and inside them.

`web/src/undo.js` is the same in JavaScript; `tests/vectors/undo.json` holds both to it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from .base import OTType

MOST = 500
# Others' edits are taken as one, until the stack is looked at or there is so much work to do:
# steps, times the edits' parts. For a full stack that is some tens of milliseconds at most.
MOST_WORK = 10_000


@attrs.frozen
class _Step:
    """What one undo or redo does: `op`, for the edits from the `first`-th to the `number`-th."""

    op: Any
    first: int
    number: int


class UndoStack:
    """What one person can undo and redo.

    Every entry is kept as the operation that takes its edit back, transformed over everything that
    has happened since, so that it fits the document as it is.

    Args:
        kind: the document's type; operations say what they delete, see `OTType.make_invertible`.
        content: the document as it is; asked for where the type is not `invertible_alone`, and
            where edits are refused.

    Attributes:
        made: how many own edits were made, undone and redone ones among them.
    """

    def __init__(self, kind: OTType, content: Callable[[], Any]) -> None:
        self._type = kind
        self._content = content
        self._undo: list[_Step] = []
        self._redo: list[_Step] = []
        self._unseen: Any = None
        # Whether the newest step is still the last own edit, so that another can be joined to it.
        self._open = False
        self.made = 0
        # `made` at the last undo or redo.
        self._stepped = 0

    @property
    def can_undo(self) -> bool:
        self._see()
        return bool(self._undo)

    @property
    def can_redo(self) -> bool:
        self._see()
        return bool(self._redo)

    def own(self, op: Any, *, joined: bool = False) -> None:
        """An own edit is about to be made; with `joined` it is undone together with the last."""
        self._see()
        self.made += 1
        inverse, first = self._invert(op), self.made
        if joined and self._open:
            last = self._undo.pop()
            inverse, first = self._type.compose(inverse, last.op), last.first
        self._open = self._push(self._undo, inverse, first)
        del self._undo[:-MOST]
        self._redo.clear()

    def others(self, op: Any) -> None:
        """Somebody else's edit was applied to the document, or is about to be."""
        if not (self._undo or self._redo):
            return
        self._unseen = op if self._unseen is None else self._type.compose(self._unseen, op)
        if len(self._unseen) * (len(self._undo) + len(self._redo)) > MOST_WORK:
            self._see()

    def refused(self, op: Any, since: int, until: int | None = None) -> None:
        """Own edits are about to be taken back, because the server refused them.

        There is nothing to undo about them; and where what was refused was itself an undo or a
        redo, it can be done once more.

        Args:
            op: takes them back.
            since, until: `made` before the first and after the last of them; None where only a
                part of the last was refused.
        """
        self._see()
        if self._type.is_noop(op):
            return
        self._open = False
        bounds = (since,) if until is None else (since, until)
        if until is None or self._stepped > since or any(
            step.first <= bound < step.number for step in self._undo for bound in bounds
        ):  # fmt: skip
            self._refused_mixed(op, since)
            return
        refused = [step for step in self._undo if since < step.number <= until]
        newer = [step for step in self._undo if step.number > until]
        older = [step for step in self._undo if step.number <= since]
        moved = self._over(newer, op)
        # The document that the older ones fit, and will have to: the same, unless others did some
        # of what was refused as well.
        content = self._content()
        fitted = self._undone(content, refused + newer)
        base = self._undone(self._type.apply(content, op), moved)
        if fitted != base:
            older = self._over(older, self._type.difference(fitted, base))
        self._undo = older + moved

    def _refused_mixed(self, op: Any, since: int) -> None:
        """What was refused cannot be told from what was not: it becomes one step."""
        # Each step fits the document before `op`: `again` leads there.
        again = self._invert(op)
        document = self._type.apply(self._content(), op)
        undo, kept_undo = self._taken(self._undo, since, again)
        redo, kept_redo = self._taken(self._redo, since, again)
        # To delete a text and insert it again is no noop to compose, but does nothing.
        if self._undo and self._type.apply(document, undo) == document:
            self._undo = kept_undo
            if self._redo:
                self._push(self._redo, again)
        elif self._redo and self._type.apply(document, redo) == document:
            self._redo = kept_redo
            self._push(self._undo, again)
        else:
            self._undo, self._redo = kept_undo, kept_redo
            self._push(self._undo, undo)
            self._push(self._redo, redo)

    def clear(self) -> None:
        """The document goes on from elsewhere: nothing of what was done can be told any more."""
        self._undo, self._redo, self._unseen, self._open = [], [], None, False

    def undo(self) -> Any:
        """The operation that takes the last own edit back; None where there is none.

        It is to be applied, and sent like any other edit, without telling `own`. Edits of which
        others have left nothing are passed over.
        """
        self._see()
        return self._step(self._undo, self._redo)

    def redo(self) -> Any:
        self._see()
        return self._step(self._redo, self._undo)

    def _step(self, source: list[_Step], target: list[_Step]) -> Any:
        self._open = False
        if not source:
            return None
        op = source.pop().op
        self.made += 1
        self._stepped = self.made
        self._push(target, self._invert(op))
        return op

    def _push(self, stack: list[_Step], op: Any, first: int | None = None) -> bool:
        does_something = not self._type.is_noop(op)
        if does_something:
            stack.append(_Step(op, self.made if first is None else first, self.made))
        return does_something

    def _taken(self, stack: list[_Step], since: int, first: Any) -> tuple[Any, list[_Step]]:
        """`first`, the newest step, and all others newer than `since`, as one; and what is left."""
        kept = stack[:-1]
        op = self._type.compose(first, stack[-1].op) if stack else []
        while kept and kept[-1].number > since:
            op = self._type.compose(op, kept.pop().op)
        return op, kept

    def _undone(self, document: Any, steps: list[_Step]) -> Any:
        for step in reversed(steps):
            document = self._type.apply(document, step.op)
        return document

    def _invert(self, op: Any) -> Any:
        alone = self._type.invertible_alone
        return self._type.invert(op, None if alone else self._content())

    def _see(self) -> None:
        """Bring the steps past what others have done meanwhile."""
        op, self._unseen = self._unseen, None
        if op is None:
            return
        newest = self._undo[-1:]
        self._undo = self._over(self._undo, op)
        self._redo = self._over(self._redo, op)
        if newest and (not self._undo or self._undo[-1].number != newest[0].number):
            self._open = False

    def _over(self, stack: list[_Step], op: Any) -> list[_Step]:
        """Transform the steps, the newest of which fits the document as it was before `op`."""
        result: list[_Step] = []
        for step in reversed(stack):
            moved = self._type.transform(step.op, op, "right")
            result.append(attrs.evolve(step, op=moved))
            op = self._type.transform(op, step.op, "left")
        result.reverse()
        return [step for step in result if not self._type.is_noop(step.op)]
