"""Keeps one document going, over one connection after another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

from ..ot.canonical import sha256
from .change import Change
from .conflicts import Conflict
from .connection import Connection
from .errors import ClientError
from .listeners import Listeners
from .observer import Rejection
from .patches import Reason
from .replica import Replica
from .requests import Action, Call, Compare, GiveUp, Publish, Request, Subscribe
from .roster import Participant
from .self_check import Check, Divergence
from .settings import Settings
from .status import State, Status
from .subscriptions import Following, Handler
from .sync import Sync, milliseconds
from .waiters import Waiters


class Driver:
    """Does what a `Sync` says is to be done, and tells it and the listeners what happened.

    It is the `Observer` of its `Sync`. Those who listen are told by these names: `change`,
    `roster`, `presence`, `status`, `rejected`, `conflict`, `merged`, `patches`, `diverged`,
    `sent`, `acknowledged`.
    """

    log = Logger()

    def __init__(self, reactor: Any, settings: Settings, random: Callable[[], float]) -> None:
        self._reactor = reactor
        self._sync = Sync(settings, self, random)
        self._listeners = Listeners()
        self._connection: Connection | None = None
        self._timer: Any = None
        self._pumping = False
        self._pump_again = False
        self._touched = False
        self._edited_at = float("-inf")
        self._status = Status("connecting", 0, False)
        self._following = Following()
        self._waiters = Waiters()

    # --- what is here -----------------------------------------------------------------------

    @property
    def session_id(self) -> str:
        return self._sync.settings.session_id

    @property
    def roster(self) -> Mapping[str, Participant]:
        """Who is here, oneself included, by participant id, in order of arrival."""
        return self._sync.roster.rows

    @property
    def status(self) -> Status:
        sync = self._sync
        pending = 0 if sync.replica is None else sync.replica.pending
        read_only = sync.right == "view" or sync.end is not None
        state: State = "saving" if pending else "saved" if self._touched else "connected"
        if sync.replica is None:
            state = "connecting"
        if sync.end is not None or (sync.replica is not None and not sync.joined):
            state = "offline"
        return Status(state, pending, read_only)

    @property
    def error(self) -> ClientError | None:
        """Why the session is over for this client, or None."""
        return self._sync.end

    async def until(self, condition: Callable[[], bool]) -> None:
        """Returns when a condition about this document is true; it is looked at after each change.

        Raises:
            ClientError: the session is over, and it is not.
            Exception: whatever the condition raises.
        """
        if condition():
            return
        if self._sync.end is not None:
            raise self._sync.end
        await self._waiters.add(condition)

    # --- what the client tells --------------------------------------------------------------

    def attach(self, connection: Connection) -> None:
        """Work over a connection."""
        self._connection = connection
        self._sync.connected(self._now())
        self._pump()

    def detach(self) -> None:
        """The connection has ended."""
        self._connection = None
        self._sync.disconnected()
        self._pump()

    def end(self, error: ClientError) -> None:
        """The session is over for this client."""
        self._sync.stop(error)
        self._pump()

    # --- what sync tells --------------------------------------------------------------------

    def changed(self, change: Change) -> None:
        self._listeners.tell("change", change)

    def placed(self, participant_ids: list[str]) -> None:
        self._listeners.tell("presence", participant_ids)

    def roster_changed(self) -> None:
        self._listeners.tell("roster", self.roster)

    def sent(self, seq: int) -> None:
        self._listeners.tell("sent", seq)

    def acknowledged(self, seq: int) -> None:
        self._listeners.tell("acknowledged", seq)

    def rejected(self, rejection: Rejection) -> None:
        self._listeners.tell("rejected", rejection)

    def conflicted(self, conflict: Conflict) -> None:
        self._listeners.tell("conflict", conflict)

    def merged(self, conflicts: list[Mapping[str, Any]]) -> None:
        self._listeners.tell("merged", conflicts)

    def patches_changed(self) -> None:
        self._listeners.tell("patches", self._replica.rescue.patches.all)

    def diverged(self, divergence: Divergence) -> None:
        self.log.error(
            "document {id} is not what the server has: {divergence}",
            id=self.session_id,
            divergence=divergence,
        )
        self._listeners.tell("diverged", divergence)

    def ended(self, error: ClientError) -> None:
        if self._sync.replica is not None:
            reason = Reason(error.code, error.message)
            self._sync.replica.rescue.keep_pending(reason, milliseconds(self._now()))
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        for topic, handler in self._following.clear():
            if self._connection is not None:
                self._connection.unsubscribe(topic, handler)

    async def _call(self, procedure: str, **kwargs: Any) -> Any:
        """Call a procedure for this session; its result.

        Raises:
            ClientError: of the server; `disconnected` and `timeout`, where the outcome is unknown;
                why the session is over.
        """
        if self._sync.end is not None:
            raise self._sync.end
        if self._connection is None:
            raise ClientError("disconnected", "There is no connection.")
        who = {"session_id": self.session_id, **kwargs}
        return await self._connection.call(procedure, who, self._sync.settings.timeout_s)

    # --- work -------------------------------------------------------------------------------

    @property
    def _replica(self) -> Replica:
        if self._sync.replica is None:
            raise ValueError("the document is not open")
        return self._sync.replica

    def _check_editable(self) -> None:
        if self._sync.end is not None:
            raise self._sync.end
        if self._sync.right == "view":
            raise ClientError("denied", "This session is read-only.")

    def _sleep(self, seconds: float) -> Deferred[None]:
        over: Deferred[None] = Deferred()
        self._reactor.callLater(seconds, over.callback, None)
        return over

    def _now(self) -> float:
        return float(self._reactor.seconds())

    def _edited(self, op: Any) -> None:
        self._touched = True
        if op is not None:
            self._listeners.tell("edited", op)
        self._pump()

    def _pump(self) -> None:
        """Do what is due, and see to it that what is due later is done later."""
        if self._pumping:
            self._pump_again = True
            return
        self._pumping = True
        try:
            self._pump_again = True
            while self._pump_again:
                self._pump_again = False
                for action in self._sync.due(self._now()):
                    self._perform(action)
        finally:
            self._pumping = False
        self._set_timer()
        self._tell()

    def _perform(self, action: Action) -> None:
        connection = self._connection
        if isinstance(action, Compare):
            Deferred.fromCoroutine(self._compare(action.check)).addErrback(self._failed)
        elif connection is None:
            return
        elif isinstance(action, GiveUp):
            connection.abort(action.error)
        elif self._sync.end is not None:
            # It may have ended while the request came about: who was told of something closed it.
            return
        elif isinstance(action, Publish):
            connection.publish(action.topic, action.kwargs)
        else:
            Deferred.fromCoroutine(self._ask(connection, action)).addErrback(self._failed)

    async def _compare(self, check: Check) -> None:
        content = check.content
        if content is None:
            found = ""
        elif isinstance(content, str):
            found = sha256(content)
        else:
            # A large one may take some tenths of a second.
            pool = self._reactor.getThreadPool()
            found = await deferToThreadPool(self._reactor, pool, sha256, content)
        self._sync.compared(check, found, self._now())
        self._pump()

    async def _ask(self, connection: Connection, request: Request) -> None:
        result: Any = None
        try:
            if isinstance(request, Call):
                result = await connection.call(request.procedure, request.kwargs)
            else:
                handler = self._handler(request)
                before = self._following.change(request, handler)
                if before is not None:
                    connection.unsubscribe(*before)
                await connection.subscribe(request.topic, handler)
        except ClientError as error:
            if connection.error is None:
                self._sync.failed(request, error, self._now())
        else:
            self._sync.answered(request, result, self._now())
        self._pump()

    def _handler(self, subscribe: Subscribe) -> Handler:
        def handle(event: dict[str, Any]) -> None:
            try:
                self._sync.event(subscribe, event, self._now())
            except Exception:
                self._failed()
            else:
                self._pump()

        return handle

    def _failed(self, failure: Any = None) -> None:
        """What is here cannot be relied on any more."""
        self.log.failure("document {id} failed", failure=failure, id=self.session_id)
        self.end(ClientError("internal", "The document here has failed; the log has more."))

    def _set_timer(self) -> None:
        at = self._sync.wake_at
        if at == float("inf"):
            return
        if self._timer is not None and self._timer.active():
            # One that goes off too early does no harm.
            if self._timer.getTime() <= at:
                return
            self._timer.cancel()
        self._timer = self._reactor.callLater(max(0.0, at - self._now()), self._pump)

    def _tell(self) -> None:
        status = self.status
        if status != self._status:
            self._status = status
            self._listeners.tell("status", status)
        self._waiters.look(self._sync.end)
