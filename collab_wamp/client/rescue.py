"""Keeps what the user did and the server does not take, whatever happens to a session."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from ..ot import OpError
from ..ot.outbox import InFlight, Outbox
from .patches import Patch, Patches, Reason, Unsure, by_text, forward


class Rescue:
    """
    Args:
        patched: told when there are other patches than before.
    """

    def __init__(self, outbox: Outbox, patched: Callable[[], None]) -> None:
        self.patches = Patches(outbox.type, patched)
        self._type = outbox.type
        self._outbox = outbox
        # Whether the patches are for the server's document, and not for that on the screen.
        self._at_server = False
        self._rejected: InFlight | None = None

    def rejecting(self, in_flight: InFlight | None) -> None:
        """The edit in flight is about to be taken back."""
        self._rejected = in_flight

    def held(self) -> None:
        """The server keeps the edit that was taken back, until its author has decided."""
        self.patches.accepted(self._rejected)

    def refused(self, lost: Any, reason: Reason, now_ms: int) -> Patch:
        """The server refused the edit that was taken back.

        Args:
            lost: what it was, as `Replica.reject` told.
        """
        buffer = self._outbox.buffer
        # What was done since stood behind it.
        op = lost if buffer is None else self._type.transform(lost, buffer, "left")
        text, revision = self._type.text_of(lost), self._outbox.revision
        return self.patches.refused(self._rejected, op, text, reason, revision, now_ms)

    def lost(self, pending: Any, code: str, length: int, now_ms: int) -> None:
        """What was pending has been put onto a snapshot, where some of it may have no place."""
        buffer = self._outbox.buffer
        text = "" if pending is None else self._type.text_of(pending)
        if not text or text == ("" if buffer is None else self._type.text_of(buffer)):
            return
        reason = Reason(code, "It has no place in the document any more.")
        op = by_text(self._type.name, pending, length) if buffer is None else None
        self.patches.keep(op, text, reason, self._outbox.revision, now_ms)

    def keep_pending(self, reason: Reason, now_ms: int) -> None:
        """The session is over: keep what is pending."""
        box = self._outbox
        op, in_flight = box.pending, box.in_flight
        if op is None:
            return
        self.patches.applied(box.undo_pending())
        self._at_server = True
        unsure = None
        if in_flight is not None:
            rest = [] if box.buffer is None else box.buffer
            unsure = Unsure(box.client_id, in_flight.seq, in_flight.now, rest)
        self.patches.keep(op, self._type.text_of(op), reason, box.revision, now_ms, unsure)

    def at_server(self) -> list[Patch]:
        """The patches, their operations for the server's document."""
        patches, pending = self.patches.all, self._outbox.pending
        if self._at_server or pending is None:
            return patches
        undo = self._outbox.undo_pending()
        return [
            patch
            if patch.op is None
            else attrs.evolve(patch, op=self._type.transform(patch.op, undo, "left"))
            for patch in patches
        ]

    def take(self, patch: Patch, edits: list[list[Any]] | None, measure: Any) -> Patch:
        """Take a patch that was exported.

        Args:
            edits: from the revision that it is for up to the outbox's, as on the wire; None where
                these are not to be had: it is then taken by its text alone.
            measure: of the document here.
        """
        op = None
        if edits is not None and patch.op is not None:
            try:
                op = forward(self._type, patch, edits)
                pending = self._outbox.pending
                op = op if pending is None else self._type.transform(op, pending, "left")
                self._type.fit(measure, op)
            except OpError:
                op = None
        if (op is None or self._type.is_noop(op)) and patch.op is not None:
            op = by_text(self._type.name, patch.op, self._type.size(measure))
        return self.patches.add(patch, op)
