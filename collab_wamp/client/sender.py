"""Sends what is pending: one edit at a time, and again until it is known what became of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .errors import ClientError, Reaction
from .replica import Replica
from .requests import Call, backoff

# So long after its answer the stream should have brought an edit.
STREAM_LATE_S = 1.0
MOST_TIMEOUTS = 2
# Of one edit: with one more it counts as refused.
MOST_INTERNAL_ERRORS = 5


class Sender:
    """
    Args:
        random: a number from 0 up to 1.

    Attributes:
        call: a copy of the edit in flight that is on its way, and has no answer yet.
        at: nothing is sent before.
        late_at: when the stream should have brought the edit that was answered, or None.
        limits: the server's, of one operation: parts, and bytes inserted.
    """

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self.call: Call | None = None
        self.at = float("-inf")
        self.late_at: float | None = None
        self.limits = (1000, 32 * 1024)
        self._again = False
        self._failures = 0
        self._internal_errors = 0
        self._timeouts = 0

    def limit(self, limits: Mapping[str, int]) -> None:
        """Keep to the server's limits of one operation, as a join tells them."""
        self.limits = (limits["op_parts"], limits["op_insert_bytes"])

    def restart(self) -> None:
        """A new round: whatever was on its way may have been lost."""
        self.call = None
        self.at = float("-inf")
        self.late_at = None
        self._timeouts = 0

    def wants(self, replica: Replica) -> bool:
        """Whether there is something to send, as soon as the time has come."""
        in_flight = replica.outbox.in_flight
        if in_flight is None:
            return replica.outbox.buffer is not None
        return self.call is None and in_flight.answered is None

    def next(self, replica: Replica) -> dict[str, Any] | None:
        """The edit to send now: `{seq, revision, op}`, or None."""
        outbox = replica.outbox
        self._again = outbox.in_flight is not None and not outbox.in_flight.unsent
        message = outbox.resend() or replica.next(*self.limits)
        if message is None:
            return None
        return {"seq": message.seq, "revision": message.revision, "op": message.op}

    def answered(self, replica: Replica, seq: int, revision: int, now: float) -> None:
        """The edit is committed at `revision`."""
        self.call = None
        replica.answered(seq, revision)
        if replica.outbox.in_flight is not None:
            self.late_at = now + STREAM_LATE_S

    def acknowledged(self) -> None:
        """The edit in flight is known to be in the server's document at its place."""
        self.call = None
        self.late_at = None
        self._failures = self._internal_errors = self._timeouts = 0

    def rejected(self) -> None:
        """The edit in flight was taken back; what was tried for it does not count for others."""
        self._failures = self._internal_errors = 0

    def failed(self, error: ClientError, now: float) -> tuple[Reaction, ClientError]:
        """The call failed.

        Returns:
            what to do, and the error to do it for: `again` is taken care of here; `refuse` means
            that the edit is not committed and will not be.
        """
        self.call = None
        reaction = self._reaction(error)
        if reaction == "again":
            wait = error.retry_after_s
            if wait is None:
                wait = backoff(self._random, self._failures, 0.1, 2.0)
            self._failures += 1
            self.at = now + wait
        elif reaction == "refuse" and self._again and error.code != "conflict":
            # A copy sent before may have been committed; a join tells.
            message = f"Whether the edit is committed is not known ({error})."
            return "snapshot", ClientError("seq_gap", message)
        return reaction, error

    def _reaction(self, error: ClientError) -> Reaction:
        if error.code == "timeout":
            self._timeouts += 1
            return "again" if self._timeouts < MOST_TIMEOUTS else "reconnect"
        if error.code == "internal":
            self._internal_errors += 1
            if self._internal_errors > MOST_INTERNAL_ERRORS:
                return "refuse"
        return error.reaction
