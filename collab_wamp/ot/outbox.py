"""The client's side of the protocol as a state machine; it knows no network.

What the user does goes in, what is to be sent comes out, and the other way round. The document
on the user's screen is the server's at `revision`, then the edit in flight, then the buffer. At
most one edit is in flight; what is done meanwhile is composed into the buffer.

The law: applying to the screen all that `receive`, `reject` and `reset` return, in between the
user's own operations, keeps screen == server's document ∘ in flight ∘ buffer.

`web/src/outbox.js` is the same in JavaScript; `tests/vectors/outbox.json` holds both to it.
"""

from __future__ import annotations

from typing import Any, Literal

import attrs

from .base import OTType, Side

State = Literal["synchronized", "awaiting", "awaiting_with_buffer"]


class Gap(Exception):
    """An edit does not continue the revision: some are missing in between."""

    def __init__(self, expected: int, revision: int) -> None:
        super().__init__(f"edit {revision} came where {expected} was expected")
        self.expected = expected
        self.revision = revision


@attrs.define
class InFlight:
    """The edit that was sent and is not acknowledged.

    Attributes:
        base: the revision it was made at.
        sent: the operation as it was sent; it never changes, but for `rejoined`.
        now: the operation transformed to the outbox's revision.
        answered: its own revision, once the call was answered.
        unsent: whether no copy was sent that may be committed.
        too_old: whether the server has said that `base` is.
    """

    seq: int
    base: int
    sent: Any
    now: Any
    answered: int | None = None
    unsent: bool = False
    too_old: bool = False


@attrs.frozen
class Message:
    """What to send: the arguments of `collab.session.edit`."""

    seq: int
    revision: int
    op: Any


class Outbox:
    """See the module.

    Args:
        kind: the document's type. Operations given to `local` say what they delete, see
            `OTType.make_invertible`.
        next_seq: the number of this client's next edit.
        content: the server's document at `revision`; it is looked at where the type is not
            `invertible_alone`.

    Attributes:
        last: (client_id, seq) of the edit that made `revision`; None = not known.
        compares: whether the server looks for conflicts, and does not merge where it finds some. It
            compares an edit with what was committed after its base; so what is pending keeps the
            base that it was made at, as far as that can be.
        limits: of one operation, as `next` takes them; for what is put in flight by itself.
    """

    def __init__(
        self, kind: OTType, client_id: str, revision: int, next_seq: int, content: Any = None
    ) -> None:
        self.type = kind
        self.client_id = client_id
        self.revision = revision
        self.last: tuple[str, int] | None = None
        self.next_seq = next_seq
        self.in_flight: InFlight | None = None
        self.buffer: Any = None
        self.compares = False
        self.limits = (0, 0)
        self._server = None if kind.invertible_alone else kind.buffer(content)

    @property
    def state(self) -> State:
        if self.buffer is not None:
            return "awaiting_with_buffer"
        return "awaiting" if self.in_flight is not None else "synchronized"

    def local(self, op: Any) -> None:
        """The user did something."""
        if self.type.is_noop(op):
            return
        buffer = op if self.buffer is None else self.type.compose(self.buffer, op)
        self.buffer = None if self.type.is_noop(buffer) else buffer

    def next(self, parts: int = 0, size: int = 0) -> Message | None:
        """Freeze the buffer as the edit in flight, and say what to send.

        Args:
            parts, size: limits of one operation (number of parts; bytes of all texts in it);
                what is beyond stays buffered. 0 = no limits.

        Returns:
            None where an edit is in flight, or there is nothing to send.
        """
        if self.in_flight is not None or self.buffer is None:
            return None
        op, rest = self._split(self.buffer, parts, size)
        self.in_flight = InFlight(self.next_seq, self.revision, op, op, unsent=True)
        self.buffer = None if self.type.is_noop(rest) else rest
        self.next_seq += 1
        return self.resend()

    def freeze(self) -> bool:
        """Where the server compares, and nothing is in flight: put the buffer there as it is now,
        before an edit of others changes it. It is not sent yet, see `InFlight.unsent`.

        What does not fit into one operation stays in the buffer, and so does what is typed while
        something is in flight: of those edits of others that come until they are sent, they are
        not compared with any. Where there is a connection that is one round trip.

        Returns:
            whether something was.
        """
        if not self.compares or self.next(*self.limits) is None:
            return False
        assert self.in_flight is not None
        self.in_flight.unsent = True
        return True

    def resend(self) -> Message | None:
        """The edit in flight, to be sent now: just as it was sent before, if it was."""
        if self.in_flight is None:
            return None
        self.in_flight.unsent = False
        op = self.type.to_send(self.in_flight.sent)
        return Message(self.in_flight.seq, self.in_flight.base, op)

    def receive(self, revision: int, client_id: str, seq: int, op: Any) -> Any:
        """Take the next edit of the stream. See also `freeze`.

        Returns:
            what to apply to the user's document; None for an own edit that is thereby
            acknowledged, and for one that is known already.

        Raises:
            Gap: edits are missing in between.
        """
        if revision <= self.revision:
            return None
        if revision > self.revision + 1:
            raise Gap(self.revision + 1, revision)
        if client_id == self.client_id and self.in_flight is not None and seq == self.in_flight.seq:
            self._acknowledge()
            return None
        self.freeze()
        self.revision = revision
        self.last = (client_id, seq)
        self._moved_on(op)
        return self._pass(op, self._side_of(client_id))

    def answered(self, seq: int, revision: int) -> bool:
        """The call was answered: the edit has this revision.

        Returns:
            whether it is acknowledged; if not, the stream will do that.
        """
        if self.in_flight is None or seq != self.in_flight.seq:
            return True
        self.in_flight.answered = revision
        if revision != self.revision + 1:
            return False
        self._acknowledge()
        return True

    @property
    def pending(self) -> Any:
        """All that is pending, as one operation on the server's document; None = nothing."""
        if self.in_flight is None or self.buffer is None:
            return self.buffer if self.in_flight is None else self.in_flight.now
        return self.type.compose(self.in_flight.now, self.buffer)

    def undo_pending(self) -> Any:
        """What takes all that is pending back from the user's document."""
        op = self.pending
        return self._invert([] if op is None else op)

    def reject(self) -> tuple[Any, Any]:
        """Drop the edit in flight, which the server refused. Its number is free again.

        Returns:
            (undo, lost): undo takes it back from the user's document; lost is what it was, at
            `revision`.
        """
        if self.in_flight is None:
            raise ValueError("no edit is in flight")
        lost = self.in_flight.now
        self.next_seq = self.in_flight.seq
        self.in_flight = None
        return self._pass_buffer(self._invert(lost), "right"), lost

    def rejoining(self, next_seq: int, missed: int) -> bool:
        """A join has told `next_seq`; the edits that were missed are about to be received.

        Where the server compares, and the edit in flight is not committed: all that is pending is
        to be compared with what was missed, so it becomes one edit, unless that edit would then
        not be compared with more than it gains.

        Args:
            missed: how many edits.

        Returns:
            whether the edit in flight is in the buffer again.
        """
        flight = self.in_flight
        if not self.compares or flight is None or next_seq > flight.seq:
            return False
        fits = self.type.is_noop(self._split(flight.sent, *self.limits)[1])
        gained = 0 if self.buffer is None else missed
        if fits and not flight.too_old and self.revision - flight.base >= gained:
            return False
        self._unsend(flight)
        self.next_seq = flight.seq
        return True

    def rejoined(self, parts: int = 0, size: int = 0) -> None:
        """A join has said that the edit in flight is not committed, and what was missed is known.

        Then nothing of what was sent before the join will be, so it may be sent as it is now,
        however far behind it was made. Where the server compares, it stays as it is.

        Args:
            parts, size: as for `next`: transformed, it may have more parts than it had.
        """
        if self.in_flight is None:
            return
        if self.compares:
            self.in_flight.answered, self.in_flight.unsent = None, True
            return
        seq = self.in_flight.seq
        op, rest = self._split(self.in_flight.now, parts, size)
        if not self.type.is_noop(rest):
            rest = rest if self.buffer is None else self.type.compose(rest, self.buffer)
            # What was done since may take it back.
            self.buffer = None if self.type.is_noop(rest) else rest
        if self.type.is_noop(op):
            self.in_flight, self.next_seq = None, seq
        else:
            self.in_flight = InFlight(seq, self.revision, op, op, unsent=True)

    def too_old(self) -> None:
        """The server has said that the base of the edit in flight is too old."""
        if self.in_flight is not None:
            self.in_flight.too_old = True

    def restart(self, revision: int, next_seq: int, content: Any) -> None:
        """Go on from a snapshot, without what is pending."""
        self.in_flight = self.buffer = self.last = None
        self.revision, self.next_seq = revision, next_seq
        self._know(content)

    def reset(self, revision: int, difference: Any, next_seq: int, content: Any = None) -> Any:
        """Go on from a snapshot.

        Args:
            revision: of the snapshot.
            difference: from the server's document at the old revision to the snapshot.
            next_seq: as the server said with the snapshot; if it is past the edit in flight, that
                one is part of the snapshot, otherwise it goes back into the buffer.
            content: the snapshot, where the document here may not be what it should be.

        Returns:
            what to apply to the user's document.
        """
        take_back: Any = []
        if self.in_flight is not None and next_seq > self.in_flight.seq:
            take_back, _ = self.reject()
        elif self.in_flight is not None:
            self._unsend(self.in_flight)
        self.revision = revision
        self.last = None
        self.next_seq = next_seq
        if content is None:
            self._moved_on(difference)
        else:
            self._know(content)
        return self.type.compose(take_back, self._pass_buffer(difference, self._side_of("")))

    def _split(self, op: Any, parts: int, size: int) -> tuple[Any, Any]:
        return self.type.split(op, parts, size) if parts else (op, [])

    def _unsend(self, flight: InFlight) -> None:
        """Put the edit in flight back into the buffer."""
        whole = flight.now
        if self.buffer is not None:
            whole = self.type.compose(whole, self.buffer)
        self.in_flight = None
        self.buffer = None if self.type.is_noop(whole) else whole

    def _side_of(self, client_id: str) -> Side:
        """The side of an edit that is committed before what is pending here."""
        return other_side(self.type.side(self.client_id, client_id))

    def _moved_on(self, op: Any) -> None:
        """The server's document has changed."""
        if self._server is not None:
            self._server.apply(op)

    def _know(self, content: Any) -> None:
        """The server's document at `revision` is this, whatever was made of it here."""
        if self._server is not None:
            self._server = self.type.buffer(content)

    def _invert(self, op: Any) -> Any:
        """The inverse of an operation on the server's document."""
        return self.type.invert(op, None if self._server is None else self._server.content())

    def _acknowledge(self) -> None:
        assert self.in_flight is not None
        self._moved_on(self.in_flight.now)
        self.last = (self.client_id, self.in_flight.seq)
        self.in_flight = None
        self.revision += 1

    def _pass(self, op: Any, theirs: Side) -> Any:
        """Bring a server's operation past all that is pending, and that past it."""
        if self.in_flight is not None:
            mine = self.in_flight.now
            self.in_flight.now = self.type.transform(mine, op, other_side(theirs))
            op = self.type.transform(op, mine, theirs)
        return self._pass_buffer(op, theirs)

    def _pass_buffer(self, op: Any, theirs: Side) -> Any:
        if self.buffer is None:
            return op
        mine = self.type.transform(self.buffer, op, other_side(theirs))
        op = self.type.transform(op, self.buffer, theirs)
        self.buffer = None if self.type.is_noop(mine) else mine
        return op


def other_side(side: Side) -> Side:
    return "right" if side == "left" else "left"
