"""One shared document, as a program uses it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .. import protocol
from .change import Change
from .conflicts import Conflict
from .errors import ClientError
from .history import History, read_history
from .keeping import Keeping
from .observer import Rejection
from .persistence import Choice, persistently
from .positions import Position
from .roster import Participant
from .status import Status
from .verifying import Verifying

Unlisten = Callable[[], None]


class Document(Keeping, Verifying):
    """A session's document; `Client.open` makes it.

    It is edited at any time, also offline: what is done here is sent as soon as it can be, and
    what others do appears by itself. Positions and lengths count code points.
    """

    # --- what is here -----------------------------------------------------------------------

    @property
    def client_id(self) -> str:
        return self._sync.settings.client_id

    @property
    def participant_id(self) -> str:
        return self._sync.participant_id

    @property
    def type(self) -> str:
        return self._replica.type.name

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
    def presence(self) -> Mapping[str, Position]:
        """Where the others are in the document as it is here, by participant id."""
        return self._replica.positions.others

    @property
    def unsent(self) -> bool:
        """Whether something was done here that has not been sent yet."""
        return self._replica.outbox.buffer is not None

    @property
    def held(self) -> Mapping[str, Conflict]:
        """The user's edits that the server holds until `resolve`, and those that have expired, by
        conflict id."""
        return self._sync.conflicts.held

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
        now = self._now()
        joined = now - self._edited_at < self._sync.settings.undo_group_s
        self._replica.edit(op, joined=joined)
        self._edited_at = now
        self._edited(op)

    @property
    def can_undo(self) -> bool:
        return self._replica.own_edits.can_undo

    @property
    def can_redo(self) -> bool:
        return self._replica.own_edits.can_redo

    def undo(self) -> Any:
        """Take back the last edit made here that is not taken back yet; others' edits stay.

        Returns:
            the operation that did it, or None if there was nothing to take back.

        Raises:
            ClientError: as `edit` does.
        """
        self._check_editable()
        op = self._replica.undo()
        self._edited(op)
        return op

    def redo(self) -> Any:
        """Do again what was undone last; returns and raises as `undo` does."""
        self._check_editable()
        op = self._replica.redo()
        self._edited(op)
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

    async def history(self) -> History:
        """What the document was, and who wrote what, as far as the server keeps it.

        What is pending here is not in it. It is read as a whole, a page of edits after another.

        Raises:
            ClientError: of the server; `disconnected`.
        """

        async def call(procedure: str, kwargs: dict[str, Any]) -> Any:
            if self._connection is None:
                raise self._sync.end or ClientError("disconnected", "There is no connection.")
            return await self._connection.call(procedure, kwargs)

        return await read_history(call, self.session_id)

    async def resolve(
        self, conflict_id: str, choice: Choice, op: Any = None, revision: int | None = None
    ) -> int:
        """Decide about a conflict; however long that takes, and however often it is tried.

        Args:
            choice: `mine`: instead of what the others did; `theirs`: nothing; `both`: merged;
                `op`: another operation.
            op, revision: what to do instead, and the revision it was made at (default: that of
                `Conflict.mine`).

        Returns:
            the revision it is committed at; with `theirs`, the head.

        Raises:
            ClientError: `no_such_conflict`, `base_too_old` and others; why the session is over.
        """
        kwargs: dict[str, Any] = {"session_id": self.session_id, "conflict_id": conflict_id}
        kwargs["choice"] = choice
        if choice == "op":
            kwargs |= {"op": op, "revision": revision}

        async def ask() -> Any:
            await self.until(lambda: self._connection is not None)
            assert self._connection is not None
            return await self._connection.call(protocol.RESOLVE, kwargs)

        answer = await persistently(ask, self._sleep)
        self._sync.conflicts.resolved(conflict_id, answer["revision"])
        return int(answer["revision"])

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

    def on_edited(self, listener: Callable[[Any], object]) -> Unlisten:
        """Be told, by the operation, of what `edit`, `undo` and `redo` have done here."""
        return self._listeners.add("edited", listener)

    def on_roster(self, listener: Callable[[Mapping[str, Participant]], object]) -> Unlisten:
        """Be told when somebody came, left, or may do something else now."""
        return self._listeners.add("roster", listener)

    def on_presence(self, listener: Callable[[list[str]], object]) -> Unlisten:
        """Be told, by their participant ids, who has moved; not of who only moved along."""
        return self._listeners.add("presence", listener)

    def on_status(self, listener: Callable[[Status], object]) -> Unlisten:
        return self._listeners.add("status", listener)

    def on_rejected(self, listener: Callable[[Rejection], object]) -> Unlisten:
        """Be told of an edit that the server refused, and that was taken back here; it is kept as
        a patch."""
        return self._listeners.add("rejected", listener)

    def on_conflict(self, listener: Callable[[Conflict], object]) -> Unlisten:
        """Be told of an edit that was taken back here, since others have changed the same; and of
        what becomes of it."""
        return self._listeners.add("conflict", listener)

    def on_merged(self, listener: Callable[[list[Mapping[str, Any]]], object]) -> Unlisten:
        """Be told of conflicts of an edit that was merged all the same, see `Observer.merged`."""
        return self._listeners.add("merged", listener)

    def on_sent(self, listener: Callable[[int], object]) -> Unlisten:
        """Be told of the number of an edit each time it is sent; all done so far is in it."""
        return self._listeners.add("sent", listener)

    def on_acknowledged(self, listener: Callable[[int], object]) -> Unlisten:
        """Be told of the number of an edit when the server is known to have it."""
        return self._listeners.add("acknowledged", listener)
