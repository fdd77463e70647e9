"""A connection of the load client: WebSocket and WAMP, as PROTOCOL.md has them, and nothing kept.

All receivers of a topic get the same bytes, in the same order: so they share a `Stream`, the first
decodes a frame, and the others only compare bytes with the frame that is expected next.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import os
import time
from collections.abc import Callable
from typing import Any

import attrs
import orjson
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from . import frames

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
HELLO, WELCOME, ABORT, CHALLENGE, AUTHENTICATE, GOODBYE = 1, 2, 3, 4, 5, 6
ERROR, PUBLISH, SUBSCRIBE, SUBSCRIBED, EVENT, CALL, RESULT = 8, 16, 32, 33, 36, 48, 50


class CallError(Exception):
    """An ERROR or ABORT message.

    Attributes:
        uri: of the error.
        details: its keyword arguments.
    """

    def __init__(self, uri: str, details: dict[str, Any]) -> None:
        super().__init__(f"{uri} {details}")
        self.uri = uri
        self.details = details


@attrs.define(eq=False)
class Event:
    """An EVENT that somebody has received, and everybody who received it.

    Attributes:
        raw: the whole WebSocket frame.
        message: the WAMP message.
        after: what came next to whoever received it last.
        times, receivers: when it came to whom, side by side; `time.perf_counter()`.
        note: what the owner of the stream knows about it.
    """

    raw: bytes
    message: list[Any]
    after: Event | None = None
    times: list[float] = attrs.field(factory=list)
    receivers: list[str] = attrs.field(factory=list)
    note: Any = None


class Stream:
    """The events that the connections of one session receive, each decoded once.

    Args:
        describe: makes an event's `note` of its message.
    """

    def __init__(self, describe: Callable[[list[Any]], Any]) -> None:
        self._describe = describe
        self._known: dict[bytes, Event] = {}
        self.start = Event(b"", [])

    def event(self, raw: bytes, message: list[Any]) -> Event:
        event = self._known[raw] = Event(raw, message, note=self._describe(message))
        return event

    def known(self, raw: bytes) -> Event | None:
        return self._known.get(raw)

    def all(self) -> list[Event]:
        return list(self._known.values())


class Connection(Protocol):
    """One connection.

    Args:
        stream: shared with the others of the same session.
        name: what `Event.receivers` calls it; "" = it is not to be found there.

    Attributes:
        closed: why it is closed; "" = it is not.
    """

    transport: Any = None

    def __init__(self, stream: Stream, name: str) -> None:
        self.name = name
        self.closed = ""
        self.welcomed: Deferred[None] = Deferred()
        self._stream = stream
        self._last = stream.start
        self._rest = frames.Rest()
        self._upgraded = b""
        self._token = ""
        self._key = b""
        self._numbers = itertools.count(1)
        self._answers: dict[int, Callable[[list[Any]], None]] = {}

    # What subclasses say.

    def on_event(self, event: Event, now: float) -> None:
        """An event has come."""

    def on_lost(self) -> None:
        """The connection is gone without `close`."""

    # The way in.

    def login(self, host: str, token: str) -> Deferred[None]:
        """Upgrade to WebSocket and log in; fires when welcome.

        The Deferred fails with CallError (refused), or ConnectionError (closed before).
        """
        self._token = token
        self._key = base64.b64encode(os.urandom(16))
        self.transport.write(
            b"GET /ws HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: wamp.2.json\r\n"
            b"Sec-WebSocket-Key: %s\r\n\r\n" % (host.encode(), self._key)
        )
        return self.welcomed

    def _upgrade(self, data: bytes) -> bytes:
        """Look at the answer to the upgrade; what follows it."""
        self._upgraded += data
        head, end, behind = self._upgraded.partition(b"\r\n\r\n")
        if not end:
            return b""
        accept = base64.b64encode(hashlib.sha1(self._key + GUID).digest())
        if not head.startswith(b"HTTP/1.1 101") or accept not in head:
            self._fail(f"no upgrade: {head[:80]!r}")
            return b""
        self._key = b""
        roles: dict[str, Any] = {"caller": {}, "subscriber": {}, "publisher": {}}
        self.send([HELLO, "collab", {"roles": roles, "authmethods": ["ticket"]}])
        return behind

    def dataReceived(self, data: bytes) -> None:
        if self._key:
            data = self._upgrade(data)
            if not data:
                return
        whole = self._rest.add(data)
        if whole is None:
            return
        now = time.perf_counter()
        at, end = 0, len(whole)
        while at < end:
            expected = self._last.after
            if expected is not None and whole.startswith(expected.raw, at):
                at += len(expected.raw)
                self._came(expected, now)
                continue
            frame = frames.frame_at(whole, at)
            if frame is None or frame.stop > end:
                self._rest.keep(whole, at, frame)
                return
            self._take(whole, at, frame, now)
            at = frame.stop

    def _take(self, data: bytes, at: int, frame: frames.Frame, now: float) -> None:
        if frame.opcode != frames.TEXT:
            self._control(frame.opcode, data[frame.start : frame.stop])
            return
        if data.startswith(b"[36,", frame.start):
            raw = data[at : frame.stop]
            event = self._stream.known(raw)
            if event is None:
                event = self._stream.event(raw, orjson.loads(data[frame.start : frame.stop]))
            self._last.after = event
            self._came(event, now)
            return
        self._message(orjson.loads(data[frame.start : frame.stop]))

    def _came(self, event: Event, now: float) -> None:
        self._last = event
        if self.name:
            event.times.append(now)
            event.receivers.append(self.name)
        self.on_event(event, now)

    def _control(self, opcode: int, payload: bytes) -> None:
        if opcode == frames.PING:
            self.transport.write(frames.masked(payload, frames.PONG))
        elif opcode == frames.CLOSE:
            self._fail(f"closed by the server: {payload[2:].decode(errors='replace')}")

    def _message(self, row: list[Any]) -> None:
        kind = row[0]
        if kind in (RESULT, SUBSCRIBED):
            self._answers.pop(row[1])(row)
        elif kind == ERROR:
            self._answers.pop(row[2])(row)
        elif kind == CHALLENGE:
            self.send([AUTHENTICATE, self._token, {}])
        elif kind == WELCOME:
            self.welcomed.callback(None)
        elif kind in (ABORT, GOODBYE):
            self._fail(f"{row[2]} {row[1]}")

    # The way out.

    def send(self, message: list[Any]) -> None:
        self.transport.write(frames.masked(orjson.dumps(message)))

    def ask(self, kind: int, rest: list[Any], take: Callable[[list[Any]], None]) -> None:
        """Send a request; `take` gets the RESULT, SUBSCRIBED or ERROR."""
        if self.closed:
            take(_lost_answer(self.closed))
            return
        number = next(self._numbers)
        self._answers[number] = take
        self.send([kind, number, {}, *rest])

    def call(self, procedure: str, **kwargs: Any) -> Deferred[Any]:
        """The single positional result; the Deferred fails with CallError for an ERROR."""
        return self._answer(CALL, [procedure, [], kwargs], lambda row: row[3][0])

    def subscribe(self, topic: str) -> Deferred[int]:
        """The subscription's number; the Deferred fails with CallError for an ERROR."""
        return self._answer(SUBSCRIBE, [topic], lambda row: row[2])

    def publish(self, topic: str, **kwargs: Any) -> None:
        self.send([PUBLISH, next(self._numbers), {}, topic, [], kwargs])

    def _answer(
        self, kind: int, rest: list[Any], found: Callable[[list[Any]], Any]
    ) -> Deferred[Any]:
        answered: Deferred[Any] = Deferred()

        def take(row: list[Any]) -> None:
            if row[0] == ERROR:
                answered.errback(error_of(row))
            else:
                answered.callback(found(row))

        self.ask(kind, rest, take)
        return answered

    # The end.

    def close(self) -> None:
        """Cut the connection."""
        self.closed = self.closed or "by us"
        self.transport.abortConnection()

    def _fail(self, why: str) -> None:
        if not self.closed:
            self._lost(why)
        self.close()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self.closed:
            clean = isinstance(reason.value, ConnectionDone)
            self._lost("by the server" if clean else reason.getErrorMessage())

    def _lost(self, why: str) -> None:
        self.closed = why
        if not self.welcomed.called:
            self.welcomed.errback(ConnectionError(why))
        answers, self._answers = self._answers, {}
        for take in answers.values():
            take(_lost_answer(why))
        self.on_lost()


def _lost_answer(why: str) -> list[Any]:
    """What a request is answered with when the connection is gone."""
    return [ERROR, 0, 0, {}, "bench.lost", [], {"why": why}]


def error_of(row: list[Any]) -> CallError:
    """What an ERROR message says."""
    return CallError(row[4], row[6] if len(row) > 6 else {})
