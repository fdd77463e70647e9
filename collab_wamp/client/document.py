"""One shared document, as a program uses it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from .. import protocol
from .connection import Connection
from .errors import ClientError
from .listeners import Listeners
from .observer import Rejection
from .positions import Position
from .replica import Change, Replica
from .requests import Action, Call, GiveUp, Publish, Request, Subscribe
from .roster import Participant
from .settings import Settings
from .status import State, Status
from .subscriptions import Following, Handler
from .sync import Sync
from .waiters import Waiters

Unlisten = Callable[[], None]


class Document:
    """A session's document; `Client.open` makes it.

    It is edited at any time, also offline: what is done here is sent as soon as it can be, and
    what others do appears by itself. Positions and lengths count code points.
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
        self._status = Status("connecting", 0, False)
        self._following = Following()
        self._waiters = Waiters()

    # --- what is here -----------------------------------------------------------------------

    @property
    def session_id(self) -> str:
        return self._sync.settings.session_id

    @property
    def client_id(self) -> str:
        return self._sync.settings.client_id

    @property
    def participant_id(self) -> str:
        return self._sync.participant_id

    @property
    def content(self) -> Any:
        """The document as it is here. Reading it costs time in proportion to its length."""
        return self._replica.content

    @property
    def length(self) -> int:
        return self._replica.length

    @property
    def epoch(self) -> str:
        return self._replica.epoch

    @property
    def revision(self) -> int:
        """The last revision that is known here."""
        return self._replica.revision

    @property
    def roster(self) -> Mapping[str, Participant]:
        """Who is here, oneself included, by participant id, in order of arrival."""
        return self._sync.roster.rows

    @property
    def presence(self) -> Mapping[str, Position]:
        """Where the others are in the document as it is here, by participant id."""
        return self._replica.positions.others

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
    def unsent(self) -> bool:
        """Whether something was done here that has not been sent yet."""
        return self._replica.outbox.buffer is not None

    @property
    def error(self) -> ClientError | None:
        """Why the session is over for this client, or None."""
        return self._sync.end

    # --- editing ----------------------------------------------------------------------------

    def insert(self, position: int, text: str) -> None:
        """Insert a text; see `edit`."""
        self.edit([position, text])

    def delete(self, position: int, length: int) -> None:
        """Delete so many code points from a position on; see `edit`."""
        self.edit([position, {"d": length}])

    def edit(self, op: Any) -> None:
        """Apply an operation of the document's type, made of the document as it is here.

        Raises:
            OpError: it is not one, or does not fit; nothing is changed.
            ClientError: `denied` where this client may not edit; why the session is over.
        """
        self._check_editable()
        self._replica.edit(op)
        self._edited()

    def undo(self) -> Any:
        """Take back the last edit made here that is not taken back yet; others' edits stay.

        Returns:
            the operation that did it, or None if there was nothing to take back.

        Raises:
            ClientError: as `edit` does.
        """
        self._check_editable()
        op = self._replica.undo()
        self._edited()
        return op

    def redo(self) -> Any:
        """Do again what was undone last; returns and raises as `undo` does."""
        self._check_editable()
        op = self._replica.redo()
        self._edited()
        return op

    def move(
        self, cursor: int | None = None, selection: list[tuple[int, int]] | None = None
    ) -> None:
        """Tell the others where the user is; may be called at any rate, what goes out is bounded.

        Args:
            cursor: None = nowhere.
            selection: pairs of anchor and head; None = nothing is selected.
        """
        self._replica.positions.own = Position(cursor, tuple(selection) if selection else None)
        self._sync.moved()
        self._pump()

    async def saved(self) -> None:
        """Returns when everything that was done here is acknowledged.

        Raises:
            ClientError: the session is over, by an error or by `close`, and it is not; it is
                never going to be.
        """
        await self.until(lambda: self._replica.pending == 0)

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

    async def close(self) -> None:
        """Leave the session. It raises nothing.

        Edits that are pending are not sent any more, and whoever waits for `saved` is told so by
        the error `left`. To have them sent, `await saved()` first.

        The document is closed at once; this returns when the server has answered, or after the
        settings' `timeout_s` (3 s) without an answer.
        """
        connection = self._connection
        was_open = self._sync.end is None
        self.end(ClientError("left", "The document was closed."))
        if was_open and connection is not None:
            who = {"session_id": self.session_id}
            try:
                await connection.call(protocol.LEAVE, who, self._sync.settings.timeout_s)
            except ClientError as error:
                # The node takes out whoever is gone, so nothing depends on it.
                self.log.debug("not left in order: {error}", error=error)

    # --- listening --------------------------------------------------------------------------

    def on_change(self, listener: Callable[[Change], object]) -> Unlisten:
        """Be told of all that happens to the document, other than by `edit`, `undo` and `redo`.

        Each change has been applied when its listeners are told. Returns, as all of these do, a
        function that takes the listener away.
        """
        return self._listeners.add("change", listener)

    def on_roster(self, listener: Callable[[Mapping[str, Participant]], object]) -> Unlisten:
        """Be told when somebody came, left, or may do something else now."""
        return self._listeners.add("roster", listener)

    def on_presence(self, listener: Callable[[list[str]], object]) -> Unlisten:
        """Be told, by their participant ids, who has moved; not of who only moved along."""
        return self._listeners.add("presence", listener)

    def on_status(self, listener: Callable[[Status], object]) -> Unlisten:
        return self._listeners.add("status", listener)

    def on_rejected(self, listener: Callable[[Rejection], object]) -> Unlisten:
        """Be told of an edit that the server refused, and that was taken back here."""
        return self._listeners.add("rejected", listener)

    def on_sent(self, listener: Callable[[int], object]) -> Unlisten:
        """Be told of the number of an edit each time it is sent; all done so far is in it."""
        return self._listeners.add("sent", listener)

    def on_acknowledged(self, listener: Callable[[int], object]) -> Unlisten:
        """Be told of the number of an edit when the server is known to have it."""
        return self._listeners.add("acknowledged", listener)

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

    def ended(self, error: ClientError) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        for topic, handler in self._following.clear():
            if self._connection is not None:
                self._connection.unsubscribe(topic, handler)

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

    def _now(self) -> float:
        return float(self._reactor.seconds())

    def _edited(self) -> None:
        self._touched = True
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
        if connection is None:
            return
        if isinstance(action, GiveUp):
            connection.abort(action.error)
        elif self._sync.end is not None:
            # It may have ended while the request came about: who was told of something closed it.
            return
        elif isinstance(action, Publish):
            connection.publish(action.topic, action.kwargs)
        else:
            Deferred.fromCoroutine(self._ask(connection, action)).addErrback(self._failed)

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
