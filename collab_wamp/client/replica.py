"""A session as this client has it: the document, what of it is not sent yet, and where people are.

Pure: it knows no network and no clock.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..ot import Limits, OpError, get_type
from ..ot.outbox import InFlight, Message, Outbox
from ..ot.undo import UndoStack
from .change import Change
from .own_edits import OwnEdits
from .patches import Patch
from .positions import Position, Positions
from .rescue import Rescue
from .resetting import go_on_from

# What a user does in one step may be as large as they like: it is sent in pieces.
_UNLIMITED = Limits(parts=1 << 30, insert_bytes=1 << 30)


class Replica:
    """See the module.

    Args:
        type_name: of the document.
        content: the document at `revision`.
        next_seq: the number of this client's next edit.
        changed: told of every `Change`.
        placed: told of the participants whose positions the server has set.
        acknowledged: told of the number of the edit that was in flight and is committed.
        patched: told when there are other patches than before.
        reached: told of each revision that the server's document has come to here.
        keep_undo: whether edits can be undone; it costs some work for each edit of the others.
    """

    def __init__(
        self,
        type_name: str,
        client_id: str,
        *,
        epoch: str,
        revision: int,
        content: Any,
        next_seq: int,
        changed: Callable[[Change], None],
        placed: Callable[[list[str]], None],
        acknowledged: Callable[[int], None],
        patched: Callable[[], None] = lambda: None,
        reached: Callable[[], None] = lambda: None,
        keep_undo: bool = True,
    ) -> None:
        self.type = get_type(type_name)
        self.epoch = epoch
        content = self.type.create(content)
        self.outbox = Outbox(self.type, client_id, revision, next_seq, content)
        self.positions = Positions(self.outbox, placed)
        self._buffer = self.type.buffer(content)
        self._measure = self.type.measure(content)
        undo = UndoStack(self.type, lambda: self.content) if keep_undo else None
        self.own_edits = OwnEdits(self.outbox, undo)
        self.rescue = Rescue(self.outbox, patched)
        self._changed = changed
        self._on_acknowledged = acknowledged
        self._reached = reached

    @property
    def content(self) -> Any:
        return self._buffer.content()

    @property
    def length(self) -> int:
        """In the type's units; for `text`, code points."""
        return self._buffer.length

    @property
    def revision(self) -> int:
        return self.outbox.revision

    @property
    def last(self) -> tuple[str, int] | None:
        """(client_id, seq) of the edit that made the revision; None = not known."""
        return self.outbox.last

    @property
    def next_seq(self) -> int:
        """The number that the server must expect next, as far as is known here."""
        in_flight = self.outbox.in_flight
        return self.outbox.next_seq if in_flight is None else in_flight.seq

    @property
    def pending(self) -> int:
        """How many of the user's edits are not acknowledged."""
        return self.own_edits.pending

    # --- the user ---------------------------------------------------------------------------

    def edit(self, op: Any, *, joined: bool = False) -> None:
        """The user's edit of the document as it is here.

        Args:
            joined: whether it is undone together with the one before it.

        Raises:
            OpError: it is not an operation, or does not fit; nothing is changed.
        """
        op = self.type.check(self.type.normalize(op), _UNLIMITED)
        op, _ = self.type.fit(self._measure, op)
        if self.type.is_noop(op):
            return
        op = self._invertible(op)
        self.own_edits.begin(op, joined=joined)
        self._local(op)

    def undo(self) -> Any:
        """Take the user's last edit back; the operation that did, None if there is nothing left."""
        return self._step(self.own_edits.undo())

    def redo(self) -> Any:
        """Do again what was undone last; the operation that did, None if there is nothing."""
        return self._step(self.own_edits.redo())

    def _step(self, op: Any) -> Any:
        if op is not None:
            self._local(op)
        return op

    def _invertible(self, op: Any) -> Any:
        if self.type.invertible_alone:
            try:
                self.type.invert(op)
            except OpError:
                return self.type.make_invertible(op, self.content)
        return op

    def _local(self, op: Any) -> None:
        self._apply(op)
        self.outbox.local(op)
        self.own_edits.made()

    # --- the server -------------------------------------------------------------------------

    def next(self, parts: int, size: int) -> Message | None:
        """What to send now, if anything. See `Outbox.next`."""
        message = self.outbox.next(parts, size)
        if message is not None:
            self.own_edits.sent()
        return message

    def receive(self, after: int, edits: list[list[Any]]) -> None:
        """Take edits of the stream; those that are known are passed over.

        Args:
            after: the revision before the first.
            edits: `[client_id, seq, op, user_id, time_ms]`, as on the wire.

        Raises:
            Gap: edits are missing before them.
        """
        for revision, (client_id, seq, op, user_id, _time_ms) in enumerate(edits, after + 1):
            if revision <= self.revision:
                continue
            if revision == self.revision + 1 and self.outbox.freeze():
                self.own_edits.sent()
            in_flight = self.outbox.in_flight
            incoming = self.outbox.receive(revision, client_id, seq, op)
            if incoming is None:
                self._acknowledged(in_flight)
                self._reached()
                continue
            self.own_edits.settle()
            self._theirs(incoming)
            self.positions.committed(op)
            self._reached()
            self._changed(Change(incoming, "remote", revision, client_id, seq, user_id))

    def answered(self, seq: int, revision: int) -> None:
        """The call was answered: the edit of this number is committed at `revision`."""
        in_flight = self.outbox.in_flight
        if in_flight is not None and in_flight.seq == seq and self.outbox.answered(seq, revision):
            self._acknowledged(in_flight)
            self._reached()

    def _acknowledged(self, in_flight: InFlight | None) -> None:
        assert in_flight is not None
        self.own_edits.settle()
        self.positions.committed(in_flight.now)
        self.rescue.patches.accepted(in_flight)
        self._on_acknowledged(in_flight.seq)

    def agree(self, compares: bool, parts: int, size: int) -> None:
        """A join has said what the server does.

        Args:
            compares: see `Outbox`.
            parts, size: the limits of one operation.
        """
        self.outbox.compares, self.outbox.limits = compares, (parts, size)

    def rejoining(self, next_seq: int, missed: int) -> None:
        """A join has told `next_seq`; so many missed edits are about to be received."""
        if self.outbox.rejoining(next_seq, missed):
            self.own_edits.came_back()
            self.own_edits.settle()

    def rejoined(self) -> None:
        """A join has said that the edit in flight, if any, is not committed, whatever was answered;
        and what was missed is received."""
        before = self.outbox.in_flight
        self.outbox.rejoined(*self.outbox.limits)
        if self.outbox.in_flight is not before:
            self.own_edits.rejoined()

    def reject(self) -> Any:
        """The server refused the edit in flight: take it back here. `rescue` is to be told what
        becomes of it.

        Returns:
            the operation that is lost.
        """
        self.rescue.rejecting(self.outbox.in_flight)
        undo, lost = self.outbox.reject()
        undo, _ = self.type.fit(self._measure, undo)
        self.own_edits.refused(undo)
        self._apply(undo)
        self._changed(Change(undo, "rejected", self.revision))
        return lost

    def apply_patch(self, patch_id: str) -> Any:
        """Do again what a patch has kept; the operation.

        Raises:
            KeyError: there is none of this id.
            OpError: it has no place in the document any more.
        """
        patch = self.rescue.patches.get(patch_id)
        if patch.op is None:
            raise OpError("it has no place in the document any more")
        in_flight = self.outbox.in_flight
        self.edit(patch.op)
        self.rescue.patches.taken(patch, in_flight)
        return patch.op

    def take_patch(self, patch: Patch, edits: list[list[Any]] | None) -> Patch:
        """Take a patch that was exported; see `Rescue.take`."""
        return self.rescue.take(patch, edits, self._measure)

    def reset(
        self,
        epoch: str,
        revision: int,
        content: Any,
        next_seq: int,
        *,
        now_ms: int = 0,
        went_wrong: bool = False,
    ) -> None:
        """Go on from a snapshot, with all that is pending; what has no place there any more is kept
        as a patch.

        Args:
            next_seq: as the server said with the snapshot. See `Outbox.reset`.
            went_wrong: whether the document here was not what it should be.
        """
        outbox, in_flight = self.outbox, self.outbox.in_flight
        if in_flight is not None and next_seq > in_flight.seq:
            # It is part of the snapshot. Taken as acknowledged, only what others did comes between
            # the document here and the snapshot, and what was done since stays as it is.
            outbox.receive(outbox.revision + 1, outbox.client_id, in_flight.seq, in_flight.now)
            self._acknowledged(in_flight)
        pending = outbox.pending
        self.own_edits.came_back()
        op = go_on_from(outbox, self.content, self.type.create(content), revision, next_seq)
        if epoch != self.epoch or went_wrong:
            # What it was made of is not what the document is made of.
            self.own_edits.forget()
        code = "base_too_old" if epoch == self.epoch else "stale_epoch"
        self.epoch = epoch
        self.positions.reset()
        self.own_edits.settle()
        self._theirs(op)
        if not self.type.is_noop(op):
            self._changed(Change(op, "reset", revision))
        self.rescue.lost(pending, code, self.length, now_ms)

    def server_content(self) -> Any:
        """The server's document at `revision`: the one here, without what is pending. None where
        these do not fit together."""
        if self.outbox.pending is None:
            return self.content
        try:
            return self.type.apply(self.content, self.outbox.undo_pending())
        except OpError:
            return None

    # --- positions --------------------------------------------------------------------------

    def move(self, position: Position) -> None:
        """The user is somewhere else now."""
        self.positions.own = position

    # --- the document -----------------------------------------------------------------------

    def _theirs(self, op: Any) -> None:
        self._apply(op)
        self.own_edits.others(op)

    def _apply(self, op: Any) -> None:
        _, self._measure = self.type.fit(self._measure, op)
        self._buffer.apply(op)
        self.positions.applied(op)
        self.rescue.patches.applied(op)
