"""What the participants of one session on one node are told, and when: in windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import metrics, tracing
from .merging import in_frames
from .presence import PresenceBoard
from .protocol import topics
from .store.values import Edit, Participant, SessionMeta
from .surroundings import Surroundings, Timer

LONGEST_WINDOW_S = 0.050
# So many deliveries a second of one session are sent as they come; beyond that a window opens.
DELIVERIES_PER_S = 2000.0
PRESENCE_WINDOW_S = 0.030


class Teller:
    """Publishes to the participants; edits first, then the presence that refers to them.

    Attributes:
        participants: those on this node, by participant id.
        revision: the last one published (or passed over as older than the first participant).
    """

    _board: PresenceBoard

    def __init__(self, surroundings: Surroundings) -> None:
        self._around = surroundings
        self.meta: SessionMeta | None = None
        self.revision = 0
        self.participants: dict[str, Participant] = {}
        self._outgoing: list[Edit] = []
        self._timer: Timer | None = None
        self._sent_at = float("-inf")
        # When the first of what is outgoing was announced.
        self._announced_at = float("-inf")

    @property
    def epoch(self) -> str:
        """That is followed; "" before it is known."""
        return "" if self.meta is None else self.meta.epoch

    def _window(self) -> float:
        """Seconds between two sendings: the more people, the longer, so that the frames of a
        session stay bounded while the wait stays short of what anybody notices."""
        return min(LONGEST_WINDOW_S, len(self.participants) / DELIVERIES_PER_S)

    def _presence_window(self) -> float:
        few = len(self.participants) <= 2
        return self._window() if few else max(self._window(), PRESENCE_WINDOW_S)

    def _schedule(self, window: float) -> None:
        """Send now if the session was quiet for a window, else when the window closes."""
        if self._timer is not None:
            return
        wait = self._sent_at + window - self._around.now_s()
        if wait <= 0:
            self._send()
        else:
            self._timer = self._around.later(wait, self._send)

    def _send(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()
        self._sent_at = self._around.now_s()
        outgoing, self._outgoing = self._outgoing, []
        after = self.revision - len(outgoing)
        for edits in in_frames(outgoing):
            self._publish("edits", self._event(edits, after))
            after += len(edits)
        if outgoing:
            waited = self._around.now_s() - self._announced_at
            metrics.broadcast(len(outgoing), waited, self._window())
            tracing.published(self.epoch, outgoing, len(self.participants))
        self._send_presence()

    def _send_presence(self) -> None:
        assert self.meta is not None
        rows = self._board.take_untold()
        if rows:
            metrics.presence_sent.inc(len(rows))
            event = {"epoch": self.meta.epoch, "revision": self.revision, "presence": rows}
            self._publish("presence", event)

    def _event(self, edits: Sequence[Edit], after: int) -> dict[str, Any]:
        assert self.meta is not None
        return {
            "epoch": self.meta.epoch,
            "after": after,
            "edits": [edit.as_wire() for edit in edits],
        }

    def _publish(self, topic: str, event: dict[str, Any], only: str = "") -> None:
        """To everybody here, or to the connections of one user."""
        assert self.meta is not None
        receivers = [
            participant.wamp_session_id
            for participant in self.participants.values()
            if only in ("", participant.user_id)
        ]
        # An empty list of receivers means everybody to the router.
        if receivers:
            metrics.deliveries[topic].inc(len(receivers))
            self._around.publish(topics(self.meta.topic_key)[topic], event, receivers)
