"""Where people are in the document as it is here."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs

from ..ot import OTType
from ..ot.outbox import Outbox

# Positions told at a revision so far back are brought up to date; older ones are passed over,
# their owner tells them anew.
MEMORY = 200

# Told of what? Positions for revisions that are not here yet; the newest of each is what counts.
MOST_EARLY = 100


@attrs.frozen
class Position:
    """Where a participant is.

    Attributes:
        cursor: in code points from the document's start; None = nowhere.
        selection: pairs of anchor and head; None = nothing is selected.
    """

    cursor: int | None = None
    selection: tuple[tuple[int, int], ...] | None = None

    @classmethod
    def from_wire(cls, row: Mapping[str, Any]) -> Position:
        selection = row.get("selection")
        if selection is not None:
            selection = tuple((anchor, head) for anchor, head in selection)
        return cls(row.get("cursor"), selection)

    def moved(self, kind: OTType, op: Any) -> Position:
        """The position after `op`."""

        def move(position: int) -> int:
            return kind.transform_position(position, op)

        return Position(
            None if self.cursor is None else move(self.cursor),
            None
            if self.selection is None
            else tuple((move(anchor), move(head)) for anchor, head in self.selection),
        )


class Positions:
    """The others' positions, and one's own, moved along with everything that happens.

    Args:
        placed: told of the participants that the server has placed; not of those that only moved
            with the document.

    Attributes:
        others: by participant id.
        own: set by the user.
    """

    def __init__(self, outbox: Outbox, placed: Callable[[list[str]], None]) -> None:
        self._outbox = outbox
        self._placed = placed
        self._recent: deque[Any] = deque(maxlen=MEMORY)
        self._early: deque[tuple[int, dict[str, Any]]] = deque(maxlen=MOST_EARLY)
        self.others: dict[str, Position] = {}
        self.own = Position()

    def applied(self, op: Any) -> None:
        """`op` was applied to the document here."""
        kind = self._outbox.type
        self.own = self.own.moved(kind, op)
        for participant_id, position in self.others.items():
            self.others[participant_id] = position.moved(kind, op)

    def committed(self, op: Any) -> None:
        """The server's document has moved on by `op`, and so has the outbox's revision."""
        self._recent.append(op)
        if self._early:
            self._take_early()

    def reset(self) -> None:
        """What was known of the past does not lead to where the document is now."""
        self._recent.clear()
        self._early.clear()

    def place(self, revision: int, presence: Mapping[str, Any]) -> None:
        """Take the server's word on where people are.

        Args:
            revision: at which the positions are counted.
            presence: participant id → `{cursor, selection}`, or None = gone.
        """
        outbox = self._outbox
        if revision > outbox.revision:
            self._early.append((revision, dict(presence)))
            return
        oldest = outbox.revision - len(self._recent)
        if revision < oldest:
            return
        ops = list(self._recent)[revision - oldest :]
        if outbox.in_flight is not None:
            ops.append(outbox.in_flight.now)
        if outbox.buffer is not None:
            ops.append(outbox.buffer)
        for participant_id, row in presence.items():
            if row is None:
                self.others.pop(participant_id, None)
            else:
                self.others[participant_id] = self._after(Position.from_wire(row), ops)
        self._placed(list(presence))

    def own_at_server(self) -> Position:
        """One's own position in the server's document at the outbox's revision."""
        return self.own.moved(self._outbox.type, self._outbox.undo_pending())

    def _after(self, position: Position, ops: Iterable[Any]) -> Position:
        for op in ops:
            position = position.moved(self._outbox.type, op)
        return position

    def _take_early(self) -> None:
        early = list(self._early)
        self._early.clear()
        for revision, presence in early:
            self.place(revision, presence)
