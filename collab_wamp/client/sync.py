"""What a client does next, given what happened. It knows no network and no clock.

What happened goes in (`connected`, `answered`, `failed`, `event`, the user's edits through
`replica`), what to do comes out of `due`: requests to make, a connection to give up. The rules are
those of PROTOCOL.md, *Rules for a client*. Times are seconds on any clock that only goes forward.

A connection is worked over in rounds: one round is a stretch of being joined, from the join to
the first thing that makes another join necessary.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import attrs

from .. import protocol
from ..ot.outbox import InFlight
from .announcer import Announcer
from .errors import ClientError
from .replica import Change, Replica
from .requests import Action, Call, GiveUp, Publish, Subscribe, backoff
from .roster import Roster
from .round import Round

STABLE_S = 5.0


class Observer(Protocol):
    """Who is told of what happens."""

    def changed(self, change: Change) -> None: ...

    def placed(self, participant_ids: list[str]) -> None: ...

    def roster_changed(self) -> None: ...

    def rejected(self, rejection: Rejection) -> None: ...

    def sent(self, seq: int) -> None: ...

    def acknowledged(self, seq: int) -> None: ...

    def ended(self, error: ClientError) -> None: ...


@attrs.frozen
class Rejection:
    """The server refused an edit; it was taken back here.

    Attributes:
        op: what is lost, an operation at the revision that was current.
    """

    error: ClientError
    op: Any

    @property
    def text(self) -> str:
        """What the operation of a `text` had inserted."""
        return "".join(part for part in self.op if isinstance(part, str))


@attrs.frozen
class Settings:
    """How a client behaves.

    Attributes:
        create: make the session where there is none; `content` is what it then starts with.
        timeout_s: until an edit or another call counts as lost.
        silence_s: without a word from the server before it is asked for news.
        presence_s: between two announcements of where the user is.
    """

    session_id: str
    client_id: str
    type: str = "text"
    create: bool = False
    content: Any = None
    user_info: dict[str, Any] = attrs.field(factory=dict)
    keep_undo: bool = True
    timeout_s: float = 3.0
    silence_s: float = 45.0
    presence_s: float = 0.1


class Sync:
    """See the module.

    Args:
        random: a number from 0 up to 1, for delays that are never in step with others'.

    Attributes:
        replica: None until the session was joined for the first time.
        participant_id, right: as the last join said.
        end: why the session is over for this client, or None.
    """

    def __init__(
        self, settings: Settings, observer: Observer, random: Callable[[], float]
    ) -> None:
        self.settings = settings
        self._observer = observer
        self._random = random
        self.replica: Replica | None = None
        self.participant_id = ""
        self.right = ""
        self.roster = Roster()
        self.end: ClientError | None = None
        self._announcer = Announcer(settings.presence_s)
        self._connected = False
        self._round: Round | None = None
        self._round_at = 0.0
        self._tries = 0
        self._fresh = False
        # The edit that was handed out to be sent: what is sent of it from now on are copies.
        self._sent: InFlight | None = None
        self._actions: list[Action] = []

    @property
    def joined(self) -> bool:
        """Whether this client is a participant, and follows the stream, right now."""
        return self._round is not None and self._round.live

    @property
    def pending(self) -> int:
        return 0 if self.replica is None else self.replica.pending

    # --- what to do -------------------------------------------------------------------------

    def due(self, now: float) -> list[Action]:
        """What to do now. Each request is to be answered by `answered` or `failed`."""
        if self._round is not None:
            for call in self._round.overdue(now):
                late = ClientError("timeout", f"No answer to {call.what} in time.")
                self.failed(call, late, now)
        if self.end is None and self._connected:
            if self._round is None and now >= self._round_at:
                self._round = Round(now)
                self._begin(self._round, now)
            if self._round is not None and self._round.live:
                self._work(self._round, now)
        actions, self._actions = self._actions, []
        return actions

    def wake_at(self) -> float | None:
        """When `due` is to be asked again at the latest, if nothing happens before."""
        if self.end is not None or not self._connected:
            return None
        if self._round is None:
            return self._round_at
        times = [*self._round.deadlines(self.settings.silence_s)]
        if self._round.live and (moves_at := self._announcer.due_at()) is not None:
            times.append(moves_at)
        return min(times, default=None)

    def moved(self) -> None:
        """The user's position, or the document that it is told for, has changed."""
        self._announcer.moved()

    def _request(self, round: Round, call: Call | Subscribe, now: float, patience: float = 1) -> None:
        round.waiting[call] = now + patience * self.settings.timeout_s
        self._actions.append(call)

    def _call(self, round: Round, procedure: str, now: float, patience: float = 1, **kw: Any) -> Call:
        call = Call(procedure, {"session_id": self.settings.session_id, **kw})
        self._request(round, call, now, patience)
        return call

    def _begin(self, round: Round, now: float) -> None:
        if self.settings.create and self.replica is None:
            content = {} if self.settings.content is None else {"content": self.settings.content}
            self._call(
                round, protocol.CREATE, now, type=self.settings.type, if_absent=True, **content
            )
        else:
            self._join(round, now)

    def _join(self, round: Round, now: float) -> None:
        known = {}
        if self.replica is not None and not self._fresh:
            known = {"epoch": self.replica.epoch, "revision": self.replica.revision}
        self._call(
            round,
            protocol.JOIN,
            now,
            # A join brings the whole document.
            patience=4,
            client_id=self.settings.client_id,
            user_info=self.settings.user_info,
            **known,
        )
