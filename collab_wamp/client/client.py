"""A connection to a node that stays, and the documents on it."""

from __future__ import annotations

import random as random_numbers
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..protocol import NOTICE, TOKEN_REFRESH
from .connection import Connection, open_connection
from .document import Document
from .errors import ClientError
from .listeners import Listeners
from .requests import backoff
from .settings import Settings

Token = str | Callable[[], str | Awaitable[str]]
State = Literal["connected", "offline", "ended"]

STABLE_S = 5.0
FIRST_WAIT_S = 0.3
LONGEST_WAIT_S = 5.0


async def connect(
    reactor: Any,
    url: str | Sequence[str],
    token: Token,
    *,
    timeout_s: float = 10.0,
    random: Callable[[], float] = random_numbers.random,
) -> Client:
    """Connect to a node. The client then stays connected by itself, until it is closed.

    Args:
        reactor: Twisted's.
        url: `ws://HOST:PORT/ws`, or `wss://…`; of several the next is tried where one fails.
        token: the JWT, or a function (it may be `async`) that gets a current one; it is asked at
            each connection, and when the token is about to expire. With a text alone, the client
            ends when that is not accepted any more.
        timeout_s: until a login, or a `Client.call`, counts as failed.
        random: a number from 0 up to 1, for delays.

    Raises:
        ClientError: `token_…` where the token is refused; `disconnected`, `timeout`.
        ValueError: the url is not one of a WebSocket.
    """
    urls = [url] if isinstance(url, str) else list(url)
    client = Client(reactor, urls, token, timeout_s, random)
    await client.start()
    return client


class Client:
    """See `connect`. Also an asynchronous context manager that closes itself.

    Attributes:
        state: `connected`, `offline` (it tries to connect again), `ended`.
        error: why it has ended.
    """

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        urls: list[str],
        token: Token,
        timeout_s: float,
        random: Callable[[], float],
    ) -> None:
        self.state: State = "offline"
        self.error: ClientError | None = None
        self._reactor = reactor
        self._urls = urls
        self._token = token
        self._timeout_s = timeout_s
        self._random = random
        self._connection: Connection | None = None
        self._documents: dict[str, Document] = {}
        self._listeners = Listeners()
        # What `close` cancels.
        self._step: Deferred[Any] | None = None
        self._finished: Deferred[None] = Deferred()

    async def start(self) -> None:
        """Connect for the first time; see `connect`."""
        for number in range(len(self._urls)):
            try:
                connection = await self._connect()
                break
            except ClientError as error:
                if error.reaction == "token" or number == len(self._urls) - 1:
                    raise
        Deferred.fromCoroutine(self._stay(connection)).addErrback(self._crashed)

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.close()

    @property
    def welcome(self) -> dict[str, Any]:
        """What the server told at login: `user_id`, `tenant`, `limits`, …; empty while offline."""
        return {} if self._connection is None else self._connection.welcome

    async def open(
        self,
        session_id: str,
        *,
        type: str = "text",
        create: bool = False,
        content: Any = None,
        user_info: dict[str, Any] | None = None,
        undo: bool = True,
        undo_group_s: float = 0.0,
    ) -> Document:
        """Join a session. Waits as long as there is no connection.

        Args:
            create: make the session where there is none, with `content`.
            user_info: what others are shown of this user: a flat object, at most 2 KiB of JSON.
            undo: whether edits can be undone; it costs some work for each edit of the others.
            undo_group_s: edits that follow each other within so many seconds are undone together;
                0.5 is good where somebody types.

        Raises:
            ClientError: `no_such_session`, `denied`, `wrong_type`, …
            ValueError: the session is open already.
        """
        known = self._documents.get(session_id)
        if known is not None and known.error is None:
            raise ValueError(f"session {session_id!r} is open already")
        settings = Settings(
            session_id,
            client_id=secrets.token_hex(16),
            type=type,
            create=create,
            content=content,
            user_info=user_info or {},
            keep_undo=undo,
            undo_group_s=undo_group_s,
        )
        document = Document(self._reactor, settings, self._random)
        self._documents[session_id] = document
        document.on_status(lambda status: self._forget_ended(document))
        if self.error is not None:
            document.end(self.error)
        elif self._connection is not None:
            document.attach(self._connection)
        await document.until(lambda: document.status.state not in ("connecting", "offline"))
        return document

    async def call(self, procedure: str, **kwargs: Any) -> Any:
        """Call any of the server's procedures; the single positional result.

        Raises:
            ClientError: of the server; `disconnected` and `timeout` (after the client's
                `timeout_s`), where the outcome is unknown.
        """
        if self._connection is None:
            raise self.error or ClientError("disconnected", "There is no connection.")
        return await self._connection.call(procedure, kwargs, self._timeout_s)

    async def close(self) -> None:
        """End the connection and all documents. What is pending is not sent any more."""
        self._end(ClientError("left", "The client was closed."))
        if self._connection is not None:
            await self._connection.close()
        if self._step is not None:
            self._step.cancel()
        await self._finished

    def on_state(self, listener: Callable[[State], object]) -> Callable[[], None]:
        """Be told of the state; returns a function that takes the listener away."""
        return self._listeners.add("state", listener)

    def on_notice(self, listener: Callable[[dict[str, Any]], object]) -> Callable[[], None]:
        """Be told of the server's notices, see PROTOCOL.md; returns what takes that away."""
        return self._listeners.add("notice", listener)

    # --- staying connected ------------------------------------------------------------------

    async def _connect(self) -> Connection:
        token = await self._current_token()
        try:
            return await open_connection(self._reactor, self._urls[0], token, self._timeout_s)
        except ClientError:
            self._try_next()
            raise

    async def _current_token(self) -> str:
        token = self._token if isinstance(self._token, str) else self._token()
        return token if isinstance(token, str) else await token

    def _try_next(self) -> None:
        self._urls.append(self._urls.pop(0))

    async def _stay(self, connection: Connection) -> None:
        tries = 0
        try:
            while self.error is None:
                self._attach(connection)
                since = self._reactor.seconds()
                self._detach(await connection.closed)
                tries = 0 if self._reactor.seconds() - since > STABLE_S else tries + 1
                while self.error is None:
                    again = await self._again(tries)
                    if again is not None:
                        connection = again
                        break
                    tries += 1
        finally:
            self._finished.callback(None)

    async def _again(self, tries: int) -> Connection | None:
        """One more try to connect, after a while."""
        wait = backoff(self._random, tries, FIRST_WAIT_S, LONGEST_WAIT_S)
        try:
            self._step = waiting = self._wait(wait)
            await waiting
            connecting = Deferred.fromCoroutine(self._connect())
            self._step = connecting
            return await connecting
        except CancelledError:
            return None
        except ClientError as error:
            self.log.debug("not connected: {error}", error=error)
            self._end_if_final(error)
        except Exception:
            self.log.failure("no token to connect with")
        return None

    def _wait(self, seconds: float) -> Deferred[None]:
        waiting: Deferred[None] = Deferred(lambda _waiting: timer.cancel())
        timer = self._reactor.callLater(seconds, waiting.callback, None)
        return waiting

    def _attach(self, connection: Connection) -> None:
        self._connection = connection
        self._enter("connected")
        Deferred.fromCoroutine(self._follow_notices(connection)).addErrback(
            lambda failure: self.log.failure("notices are not followed", failure=failure)
        )
        for document in tuple(self._documents.values()):
            document.attach(connection)

    # --- notices ----------------------------------------------------------------------------

    async def _follow_notices(self, connection: Connection) -> None:
        try:
            await connection.subscribe(NOTICE, lambda event: self._noticed(connection, event))
        except ClientError as error:
            self.log.debug("no notices: {error}", error=error)

    def _noticed(self, connection: Connection, notice: dict[str, Any]) -> None:
        kind = notice.get("kind")
        if kind == "drain":
            # Not all at the same time, and early enough that there is time for another try.
            wait_s = min(notice["within_ms"] / 2000, LONGEST_WAIT_S) * self._random()
            self._reactor.callLater(wait_s, self._go_elsewhere, connection)
        elif kind == "token_expiring" and not isinstance(self._token, str):
            Deferred.fromCoroutine(self._refresh(connection)).addErrback(
                lambda failure: self.log.failure("no newer token", failure=failure)
            )
        self._listeners.tell("notice", notice)

    def _go_elsewhere(self, connection: Connection) -> None:
        if connection is self._connection:
            self._try_next()
            connection.abort(ClientError("draining", "The instance is ending."))

    async def _refresh(self, connection: Connection) -> None:
        ticket = await self._current_token()
        try:
            await connection.call(TOKEN_REFRESH, {"ticket": ticket}, self._timeout_s)
        except ClientError as error:
            # It connects anew when the old one has expired.
            self.log.warn("the newer token is not accepted: {error}", error=error)

    def _detach(self, error: ClientError) -> None:
        self._connection = None
        self._end_if_final(error)
        self._enter("offline")
        for document in tuple(self._documents.values()):
            document.detach()

    def _end_if_final(self, error: ClientError) -> None:
        if error.reaction == "token" and isinstance(self._token, str):
            self._end(error)

    def _end(self, error: ClientError) -> None:
        if self.error is not None:
            return
        self.error = error
        self._enter("ended")
        for document in tuple(self._documents.values()):
            document.end(error)

    def _enter(self, state: State) -> None:
        if self.state not in (state, "ended"):
            self.state = state
            self._listeners.tell("state", state)

    def _forget_ended(self, document: Document) -> None:
        # The session may be open again, as another document.
        if document.error is not None and self._documents.get(document.session_id) is document:
            del self._documents[document.session_id]

    def _crashed(self, failure: Failure) -> None:
        self.log.failure("the client stopped", failure=failure)
        self._end(ClientError("internal", "The client has failed; the log has more."))
