"""Presence: where people's cursors and selections are, moved along as the document changes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from .ot import OTType
from .store.values import Edit, Presence

# Presence of up to so many edits ago is moved to the head; older is told anew by its owner.
MEMORY = 128
# Moving positions goes through so many parts of operations at most, for all that is told at once.
WORK = 50_000


class Budget:
    """How much work there is left for moving positions; beyond it they are passed over."""

    def __init__(self, parts: int = WORK) -> None:
        self._left = parts

    def spend(self, parts: int) -> bool:
        """Whether there is enough left; where there is not, it is kept for others."""
        if parts > self._left:
            return False
        self._left -= parts
        return True


def move_presence(
    kind: OTType, presence: Presence, ops: Iterable[Any], revision: int, budget: Budget
) -> Presence | None:
    """Presence as it is after `ops`, which lead from its own revision to `revision`.

    None where there is no budget for that: its owner tells it anew.
    """
    cursor, selection = presence.cursor, presence.selection
    ops = list(ops)
    if not budget.spend((1 + 2 * len(selection or ())) * sum(map(len, ops))):
        return None
    for op in ops:
        if cursor is not None:
            cursor = kind.transform_position(cursor, op)
        if selection is not None:
            selection = [
                [kind.transform_position(anchor, op), kind.transform_position(head, op)]
                for anchor, head in selection
            ]
    return Presence(revision, cursor, selection)


def as_wire(presence: Presence) -> dict[str, Any]:
    return {"cursor": presence.cursor, "selection": presence.selection}


class PresenceBoard:
    """Where everybody on a session is, and what of it is yet to be told.

    Args:
        revision: the head.
        known: what is in the store.

    Attributes:
        unstored: changes made on this node that the store has not been given.
    """

    def __init__(self, kind: OTType, revision: int, known: dict[str, Presence]) -> None:
        self._type = kind
        self._revision = revision
        self._recent: deque[Edit] = deque(maxlen=MEMORY)
        self._known = dict(known)
        self._untold: dict[str, Presence | None] = {}
        self.unstored: dict[str, Presence | None] = {}

    def advance(self, edits: Sequence[Edit]) -> None:
        """The head has moved on by these edits."""
        self._recent.extend(edits)
        self._revision += len(edits)

    def skip(self, revision: int) -> None:
        """The head has moved on by edits that are not known here."""
        self._recent.clear()
        self._revision = revision

    def set(self, participant_id: str, presence: Presence | None) -> None:
        if presence is None:
            self._known.pop(participant_id, None)
        else:
            self._known[participant_id] = presence
        self._untold[participant_id] = presence

    def change(self, participant_id: str, revision: int, changed: dict[str, Any]) -> None:
        """A participant of this node says where it is: `cursor` or `selection`; latest wins."""
        known = self._known.get(participant_id)
        if known is not None and known.revision != revision:
            known = self._moved_to(known, revision, Budget())
        values = {} if known is None else as_wire(known)
        values.update(changed)
        cursor, selection = values.get("cursor"), values.get("selection")
        gone = cursor is None and selection is None
        presence = None if gone else Presence(revision, cursor, selection)
        self.set(participant_id, presence)
        self.unstored[participant_id] = presence

    def remove(self, participant_id: str) -> None:
        for rows in (self._known, self._untold, self.unstored):
            rows.pop(participant_id, None)

    def take_untold(self) -> dict[str, Any]:
        """What is to be told, as on the wire, counted at the head.

        What refers to an edit that is still on its way here is kept for the next time.
        """
        rows: dict[str, Any] = {}
        budget = Budget()
        for participant_id, presence in list(self._untold.items()):
            if presence is not None and presence.revision > self._revision:
                continue
            del self._untold[participant_id]
            if presence is None:
                rows[participant_id] = None
                continue
            at_head = self._moved_to(presence, self._revision, budget)
            if at_head is not None:
                rows[participant_id] = as_wire(at_head)
        return rows

    def _moved_to(self, presence: Presence, revision: int, budget: Budget) -> Presence | None:
        """Presence at another revision; None where the edits between are not remembered, or are
        too many."""
        oldest = self._revision - len(self._recent)
        if not oldest <= presence.revision <= revision <= self._revision:
            return None
        between = islice(self._recent, presence.revision - oldest, revision - oldest)
        return move_presence(self._type, presence, (edit.op for edit in between), revision, budget)
