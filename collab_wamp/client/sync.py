"""What a client does next, given what happened. It knows no network and no clock.

What happened goes in (`connected`, `answered`, `failed`, `event`, and the user's edits through
`replica`); what to do comes out of `due`. The rules are those of PROTOCOL.md, *Rules for a
client*. Times are seconds on any clock that only goes forward.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .. import protocol
from .announcer import Announcer
from .conflicts import Conflicts
from .errors import ClientError
from .observer import Observer, Rejection
from .patches import Reason
from .replica import Replica
from .requests import KINDS, Action, Call, Compare, GiveUp, Request, Subscribe, backoff
from .roster import Roster
from .round import Round
from .self_check import Check, Divergence, SelfCheck
from .sender import STREAM_LATE_S, Sender
from .settings import Settings

INFINITY = float("inf")
STABLE_S = 5.0
# A join brings the whole document: it may take so many times as long as other calls.
JOIN_PATIENCE = 4.0


def milliseconds(now: float) -> int:
    return int(now * 1000)


class Sync:
    """See the module.

    Args:
        random: a number from 0 up to 1, for delays that are never in step with others'.

    Attributes:
        replica: None until the session was joined for the first time.
        participant_id, right: as the last join said.
        conflicts: those that the user has to decide about.
        end: why the session is over for this client, or None.
        wake_at: see `due`.
    """

    def __init__(self, settings: Settings, observer: Observer, random: Callable[[], float]) -> None:
        self.settings = settings
        self.replica: Replica | None = None
        self.participant_id = ""
        self.right = ""
        self.roster = Roster()
        self.conflicts = Conflicts(observer.conflicted)
        self.end: ClientError | None = None
        self.wake_at = INFINITY
        self._observer = observer
        self._random = random
        self._sender = Sender(random)
        self._announcer = Announcer(settings.presence_s)
        self._connected = False
        self._fenced = False
        self._round: Round | None = None
        self._round_at = float("-inf")
        self._tries = 0
        # Whether what is known here is of no use for the next join.
        self._fresh = False
        self._checks = SelfCheck()
        # Whether it was found that the document here is not what it should be.
        self._wrong = False
        self._actions: list[Action] = []

    @property
    def joined(self) -> bool:
        """Whether this client is a participant, and follows the stream, right now."""
        return self._round is not None and self._round.live

    # --- what to do -------------------------------------------------------------------------

    def due(self, now: float) -> list[Action]:
        """What to do now; afterwards `wake_at` says when to ask again, if nothing happens before.

        Each request is to be answered by `answered` or `failed`, or never.
        """
        self.wake_at = INFINITY
        if self._round is not None:
            for request in self._round.overdue(now):
                self.failed(request, ClientError("timeout", "No answer in time."), now)
        if self._connected and self.end is None:
            if self._round is None and self._is_time(self._round_at, now):
                self._round = Round(now)
                self._sender.restart()
                self._begin(self._round, now)
            if self._round is not None:
                if self._round.live and self.replica is not None:
                    self._work(self._round, self.replica, now)
                self.wake_at = min(self.wake_at, *self._round.waiting.values(), INFINITY)
        actions, self._actions = self._actions, []
        ready, self._checks.ready = self._checks.ready, []
        return [*actions, *map(Compare, ready)]

    def _is_time(self, at: float, now: float) -> bool:
        if now < at:
            self.wake_at = min(self.wake_at, at)
        return now >= at

    def _begin(self, round: Round, now: float) -> None:
        settings = self.settings
        if settings.create and self.replica is None:
            content = {} if settings.content is None else {"content": settings.content}
            self._call(round, protocol.CREATE, now, type=settings.type, if_absent=True, **content)
        else:
            self._join(round, now)

    def _join(self, round: Round, now: float) -> None:
        known: dict[str, Any] = {}
        if self.replica is not None and not self._fresh:
            known = {"epoch": self.replica.epoch, "revision": self.replica.revision}
            if self.replica.last is not None:
                known["last"] = list(self.replica.last)
        who = {"client_id": self.settings.client_id, "user_info": self.settings.user_info}
        call = self._call(round, protocol.JOIN, now, **who, **known)
        round.waiting[call] = now + JOIN_PATIENCE * self.settings.timeout_s

    def _work(self, round: Round, replica: Replica, now: float) -> None:
        if self._sender.late_at is not None and self._is_time(self._sender.late_at, now):
            self._sender.late_at = now + STREAM_LATE_S
            round.stream.must_fetch = True
        if not round.fetch and self._is_time(round.heard_at + self.settings.silence_s, now):
            round.stream.must_fetch = True
        if round.stream.lacks(replica) and not round.fetch and self._is_time(round.ask_at, now):
            round.stream.must_fetch = False
            known = {"epoch": replica.epoch, "after": replica.revision}
            round.fetch = self._call(round, protocol.FETCH, now, **known)
        if not (round.roster_known or round.roster) and self._is_time(round.ask_at, now):
            round.roster = self._call(round, protocol.INFO, now)
        if self._sender.wants(replica) and self._is_time(self._sender.at, now):
            self._send(round, replica, now)
        if self._announcer.wants and self._is_time(self._announcer.at, now):
            self._actions += self._announcer.tell(replica, round.topics, now)

    def _send(self, round: Round, replica: Replica, now: float) -> None:
        edit = self._sender.next(replica)
        if edit is not None:
            who = {"epoch": replica.epoch, "client_id": self.settings.client_id}
            self._sender.call = self._call(round, protocol.EDIT, now, **who, **edit)
            self._observer.sent(edit["seq"])

    def _call(self, round: Round, procedure: str, now: float, **kwargs: Any) -> Call:
        call = Call(procedure, {"session_id": self.settings.session_id, **kwargs})
        self._request(round, call, now)
        return call

    def _request(self, round: Round, request: Request, now: float) -> None:
        round.waiting[request] = now + self.settings.timeout_s
        self._actions.append(request)

    # --- what happened: the connection and the user -----------------------------------------

    def connected(self, now: float) -> None:
        """There is a connection, logged in."""
        self._connected = True
        self._fenced = False
        self._tries = 0
        self._round_at = now

    def disconnected(self) -> None:
        """The connection is gone, and with it all that was asked over it."""
        self._connected = False
        self._round = None

    def moved(self) -> None:
        """The user is somewhere else in the document."""
        self._announcer.moved()

    def stop(self, error: ClientError) -> None:
        """Work no more."""
        if self.end is None:
            self.end = error
            self._round = None
            self._checks.drop()
            self._observer.ended(error)

    # --- whether all have the same ----------------------------------------------------------

    def expect(self, check: Check) -> None:
        """See `SelfCheck.expect`."""
        if self.replica is None or self.end is not None or self._wrong:
            check.end(None)
        else:
            self._checks.expect(check, self.replica)

    def _reached(self) -> None:
        if self.replica is not None:
            self._checks.reached(self.replica)

    def compared(self, check: Check, found: str, now: float) -> None:
        """A check's content has this hash, "" where there is no content."""
        same = found == check.expected
        current = self.replica is not None and check.epoch == self.replica.epoch
        if not (same or self._wrong) and current and self.end is None:
            self._wrong = self._fresh = True
            self._observer.diverged(Divergence(check.revision, check.expected, found))
            if self._round is not None:
                error = ClientError("diverged", "The document here is not the server's.")
                self._round_failed(self._round, error, now)
        check.end(same)

    # --- what happened: answers -------------------------------------------------------------

    def answered(self, request: Request, result: Any, now: float) -> None:
        """A request was answered.

        Args:
            result: of a call: its single positional result.
        """
        is_edit = isinstance(request, Call) and request.procedure == protocol.EDIT
        if is_edit and (conflicts := result.get("conflicts")):
            # Also where the stream was faster than the answer.
            self._observer.merged(conflicts)
        round = self._round
        if round is None or request not in round.waiting:
            return
        del round.waiting[request]
        round.heard_at = now
        try:
            if isinstance(request, Subscribe):
                self._subscribed(round)
            elif request.procedure == protocol.CREATE:
                self._join(round, now)
            elif request.procedure == protocol.JOIN:
                self._joined(round, result, now)
            elif request is round.fetch:
                round.fetch = None
                assert self.replica is not None
                round.stream.fetched(self.replica, request.kwargs["after"], result)
                if result.get("joined") is False:
                    raise ClientError("not_joined", "The server does not know of this join.")
            elif request is round.roster:
                self._take_roster(round, result["roster"])
            elif request is self._sender.call:
                assert self.replica is not None
                self._sender.answered(self.replica, request.kwargs["seq"], result["revision"], now)
        except ClientError as error:
            self._round_failed(round, error, now)

    def failed(self, request: Request, error: ClientError, now: float) -> None:
        """A request failed, or was not answered in time."""
        round = self._round
        if round is None or request not in round.waiting:
            return
        del round.waiting[request]
        again_s = error.retry_after_s or 0.5
        if request is self._sender.call:
            self._edit_failed(round, error, now)
        elif request is round.fetch and error.reaction == "again":
            round.fetch = None
            round.stream.must_fetch = True
            round.ask_at = now + again_s
        elif request is round.roster and error.reaction == "again":
            round.roster = None
            round.ask_at = now + again_s
        elif isinstance(request, Call) and request.procedure == protocol.CREATE:
            if error.code == "denied":
                # Who may not create may still join what is there.
                self._join(round, now)
            else:
                self._round_failed(round, error, now)
        else:
            self._round_failed(round, error, now)

    def _edit_failed(self, round: Round, error: ClientError, now: float) -> None:
        assert self.replica is not None
        if error.code == "base_too_old":
            self.replica.outbox.too_old()
        reaction, error = self._sender.failed(error, now)
        if reaction == "refuse" or error.code == "seq_reused":
            # `seq_reused`: another body was committed under the number, so this one never will be.
            self._sender.rejected()
            lost, held = self.replica.reject(), False
            if error.code == "conflict":
                held = self.conflicts.refused(error, lost).state == "held"
            if held:
                self.replica.rescue.held()
            else:
                reason = Reason(error.code, error.message)
                patch = self.replica.rescue.refused(lost, reason, milliseconds(now))
                text = self.replica.type.text_of(lost)
                self._observer.rejected(Rejection(error, lost, text, patch))
        if reaction not in ("again", "refuse"):
            self._round_failed(round, error, now)

    def _round_failed(self, round: Round, error: ClientError, now: float) -> None:
        """Something makes another join necessary, or impossible."""
        if round is not self._round:
            return
        self._round = None
        reaction = error.reaction
        if reaction in ("end", "refuse"):
            self.stop(error)
            return
        if reaction in ("reconnect", "token"):
            self._connected = False
            self._actions.append(GiveUp(error))
            return
        self._fresh = self._fresh or reaction == "snapshot"
        if now - round.began > STABLE_S:
            self._tries = 0
        wait = error.retry_after_s
        if wait is None:
            wait = backoff(self._random, self._tries, 0.1, 5.0)
        self._tries += 1
        self._round_at = now + wait

    def _acknowledged(self, seq: int) -> None:
        if self._round is not None:
            # The stream may be faster than the answer, and the answer may be lost.
            self._round.forget(self._sender.call)
        self._sender.acknowledged()
        # Whoever types stands behind what they typed, but the server cannot know that.
        self._announcer.moved()
        self._observer.acknowledged(seq)

    # --- joining ----------------------------------------------------------------------------

    def _joined(self, round: Round, joined: Mapping[str, Any], now: float) -> None:
        settings = self.settings
        if joined["type"] != settings.type:
            message = f"{settings.session_id} is of type {joined['type']}, not {settings.type}."
            raise ClientError("wrong_type", message)
        self.participant_id = joined["participant_id"]
        self.right = joined["rights"]
        round.topics = joined["topics"]
        self._sender.limit(joined["limits"])
        self._take_held(joined.get("held", []))
        replica = self._adopt(joined, now)
        self._fresh = False
        self.roster.reset(joined["roster"])
        self._observer.roster_changed()
        replica.positions.others.clear()
        self._place(replica, joined)
        self._announcer.restart()
        for kind in KINDS:
            subscribe = Subscribe(round.topics[kind], kind)
            round.subscriptions.add(subscribe)
            self._request(round, subscribe, now)

    def _take_held(self, rows: list[Mapping[str, Any]]) -> None:
        """An edit in flight that is held was answered so, though the answer was lost."""
        answer, lost = "", None
        in_flight = None if self.replica is None else self.replica.outbox.in_flight
        if self.replica is not None and in_flight is not None:
            answer = self.conflicts.answer_to(rows, self.settings.client_id, in_flight.seq)
            if answer:
                self._sender.rejected()
                lost = self.replica.reject()
                self.replica.rescue.held()
        self.conflicts.joined(rows, answer, lost)

    def _adopt(self, joined: Mapping[str, Any], now: float) -> Replica:
        """Take the document over, or what happened to it since it was last seen."""
        replica, next_seq = self.replica, joined["next_seq"]
        terms = (joined.get("conflicts", "merge") != "merge", *self._sender.limits)
        if replica is None:
            self.replica = Replica(
                self.settings.type,
                self.settings.client_id,
                epoch=joined["epoch"],
                revision=joined["revision"],
                content=joined["content"],
                next_seq=next_seq,
                changed=self._observer.changed,
                placed=self._observer.placed,
                acknowledged=self._acknowledged,
                patched=self._observer.patches_changed,
                reached=self._reached,
                keep_undo=self.settings.keep_undo,
            )
            self.replica.agree(*terms)
            return self.replica
        replica.agree(*terms)
        if "edits" not in joined:
            self._checks.drop()
            replica.reset(
                joined["epoch"],
                joined["revision"],
                joined["content"],
                next_seq,
                now_ms=milliseconds(now),
                went_wrong=self._wrong,
            )
            self._wrong = False
            return replica
        edits = joined["edits"]
        replica.rejoining(next_seq, len(edits))
        replica.receive(joined["revision"] - len(edits), edits)
        if next_seq != replica.next_seq:
            raise ClientError("seq_gap", f"The server expects edit {next_seq} next.")
        replica.rejoined()
        return replica

    def _subscribed(self, round: Round) -> None:
        if not any(request in round.waiting for request in round.subscriptions):
            round.live = True

    def _take_roster(self, round: Round, rows: list[Mapping[str, Any]]) -> None:
        """The roster after the subscription: who came or went in between is in it."""
        round.roster = None
        round.roster_known = True
        self.roster.reset(rows)
        for event in round.roster_events:
            self.roster.take(event)
        round.roster_events.clear()
        self._forget_positions()
        self._observer.roster_changed()

    def _forget_positions(self) -> None:
        """Who is not here is nowhere."""
        others = {} if self.replica is None else self.replica.positions.others
        gone = [name for name in others if name not in self.roster.rows]
        for participant_id in gone:
            del others[participant_id]
        if gone:
            self._observer.placed(gone)

    # --- what happened: events --------------------------------------------------------------

    def event(self, subscribe: Subscribe, event: Mapping[str, Any], now: float) -> None:
        """An event came, for a subscription that was asked for."""
        round, replica = self._round, self.replica
        if round is None or replica is None or subscribe not in round.subscriptions:
            return
        round.heard_at = now
        try:
            if subscribe.kind == "edits":
                if event["epoch"] != replica.epoch:
                    raise ClientError("stale_epoch", "The session goes on under a new epoch.")
                round.stream.take(replica, event["after"], event["edits"])
            elif subscribe.kind == "presence":
                self._place(replica, event)
            else:
                self._roster_event(round, event)
        except ClientError as error:
            self._round_failed(round, error, now)

    def _place(self, replica: Replica, event: Mapping[str, Any]) -> None:
        if event["epoch"] == replica.epoch:
            presence = dict(event["presence"])
            presence.pop(self.participant_id, None)
            if presence:
                replica.positions.place(event["revision"], presence)

    def _roster_event(self, round: Round, event: Mapping[str, Any]) -> None:
        if "destroyed" in event:
            raise ClientError("no_such_session", "The session was destroyed.")
        if "epoch" in event:
            raise ClientError("stale_epoch", "The session goes on under a new epoch.")
        if "left" in event and event["left"]["participant_id"] == self.participant_id:
            reason = event["left"]["reason"]
            if reason == "fenced" and self._fenced:
                raise ClientError("fenced", "Another connection goes on with this client id.")
            # An older connection of this client may have been heard of late; once.
            self._fenced = reason == "fenced"
            raise ClientError("not_joined", f"Put out of the session: {reason}.")
        if "conflict" in event:
            self.conflicts.event(event["conflict"])
            return
        if "check" in event:
            row = event["check"]
            self.expect(Check(row["epoch"], row["revision"], row["sha256"]))
            return
        if not Roster.knows(event):
            return
        if not round.roster_known:
            round.roster_events.append(dict(event))
        self.roster.take(event)
        self._forget_positions()
        mine = self.roster.rows.get(self.participant_id)
        if mine is not None:
            self.right = mine.right
        self._observer.roster_changed()
