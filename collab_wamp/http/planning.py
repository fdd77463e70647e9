"""Histories that come in: each is gone through in a process of its own, see `imports`."""

from __future__ import annotations

import io
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import IO, Any, Final

import attrs
import orjson
from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore
from twisted.internet.error import ProcessTerminated
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from .. import imports
from ..errors import CollabError
from .routes import JSON

MOST_AT_ONE_TIME: Final = 2
# Of the process: time to do what it may do on a machine that is busy.
LONGEST_S: Final = 3.0 * imports.CPU_S
# One of these keys a history has.
SIGNS: Final = (b'"txns"', b'"edits"')
PIECE_BYTES: Final = 1 << 20
STDERR_BYTES: Final = 8192


@attrs.frozen
class Planned:
    """A session that is to be made, with its history; see `imports.Plan`.

    Attributes:
        revision: how many edits there are.
    """

    type: str
    content: Any
    conflicts: str
    revision: int
    _lines: IO[bytes]

    def batches(self) -> Iterator[list[Any]]:
        """Edits `[client_id, seq, op, user_id, time_ms]`, as they are committed together."""
        for line in self._lines:
            yield orjson.loads(line)


class Planner:
    """
    Args:
        reactor: an `IReactorProcess` and `IReactorTime`.
        settings: for `imports.Settings`, as of now.
    """

    def __init__(self, reactor: Any, settings: Callable[[], imports.Settings]) -> None:
        self._reactor = reactor
        self._settings = settings
        self._free = DeferredSemaphore(MOST_AT_ONE_TIME)

    async def plan(self, media_type: str, body: IO[bytes]) -> Planned | None:
        """What is to be made of a request's body; None = it is a document without a history.

        Raises:
            CollabError: it cannot be made; `too_large` where that takes too much to find out.
        """
        if media_type.partition(";")[0].strip().lower() != JSON or not _may_be_history(body):
            return None
        await self._free.acquire()
        try:
            lines = await self._run(body)
        finally:
            self._free.release()
        head = orjson.loads(lines.readline())
        if not head:
            body.seek(0)
            return None
        if "code" in head:
            raise CollabError(head["code"], head["message"], **head["details"])
        return Planned(**head, lines=lines)

    async def _run(self, body: IO[bytes]) -> IO[bytes]:
        # Files without a name: they are gone with whoever has them.
        source, target = body, tempfile.TemporaryFile()  # noqa: SIM115
        if isinstance(body, io.BytesIO):  # a small one
            source = tempfile.TemporaryFile()  # noqa: SIM115
            shutil.copyfileobj(body, source)
        source.flush()
        source.seek(0)
        ended: Deferred[None] = Deferred()
        process = Process(ended)
        started = self._reactor.spawnProcess(
            process,
            sys.executable,
            [
                sys.executable, "-m", imports.__name__,
                orjson.dumps(attrs.asdict(self._settings())).decode(),
            ],
            env=None,
            childFDs={0: source.fileno(), 1: target.fileno(), 2: "r"},
        )  # fmt: skip
        try:
            await ended.addTimeout(LONGEST_S, self._reactor)
        except (CancelledError, TimeoutError):
            # Whoever waited has gone, or it took too long.
            if not process.over:
                started.signalProcess("KILL")
            raise
        target.seek(0)
        return target


class Process(ProcessProtocol):
    """Fires with nothing when the process has ended well.

    Attributes:
        over: whether it has ended.
    """

    def __init__(self, ended: Deferred[None]) -> None:
        self._ended = ended
        self._said = b""
        self.over = False

    def childDataReceived(self, _child_fd: int, data: bytes) -> None:
        self._said = (self._said + data)[-STDERR_BYTES:]

    def processEnded(self, reason: Failure) -> None:
        self.over = True
        if self._ended.called:
            return
        error = reason.value
        if not isinstance(error, ProcessTerminated):
            self._ended.callback(None)
        elif error.signal in (signal.SIGXCPU, signal.SIGKILL):
            self._ended.errback(CollabError("too_large", imports.TOO_MUCH))
        else:
            said = self._said.decode(errors="replace")
            self._ended.errback(RuntimeError(f"going through a history: {error}: {said}"))


def _may_be_history(body: IO[bytes]) -> bool:
    """Whether one of the keys of a history is somewhere in it."""
    before = b""
    try:
        while piece := body.read(PIECE_BYTES):
            if any(sign in before + piece for sign in SIGNS):
                return True
            before = piece[-8:]
        return False
    finally:
        body.seek(0)
