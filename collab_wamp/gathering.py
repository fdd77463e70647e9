"""What is written while one thing is gone through reaches each receiver in one piece.

One reading of the store's replies often brings somebody an answer and then an event; to write both
at once saves a system call, which costs about as much as transforming an edit.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from twisted.logger import Logger


class Receiver(Protocol):
    """Takes what was gathered for it."""

    def write_now(self, data: bytes) -> None: ...

    def cut(self, kind: str) -> None: ...


class Gathering:
    """Of one process.

    Attributes:
        held: what waits, by receiver; None while nothing is gathered.
    """

    log = Logger()

    def __init__(self) -> None:
        self.held: dict[Receiver, list[bytes]] | None = None

    @contextmanager
    def until_done(self) -> Iterator[None]:
        """Gather until the block is left; within another such block, until that one is."""
        if self.held is not None:
            yield
            return
        self.held = {}
        try:
            yield
        finally:
            # What comes of the writing waits its turn: it must not overtake what was there before.
            while self.held:
                self._write(next(iter(self.held)))
            self.held = None

    def hold(self, receiver: Receiver, data: bytes) -> bool:
        """Keep something for later; False where nothing is gathered."""
        held = self.held
        if held is None:
            return False
        before = held.get(receiver)
        if before is None:
            held[receiver] = [data]
        else:
            before.append(data)
        return True

    def take(self, receiver: Receiver) -> bytes:
        """What is held for a receiver, who writes it by itself."""
        return b"".join(self.held.pop(receiver, ())) if self.held else b""

    def _write(self, receiver: Receiver) -> None:
        try:
            receiver.write_now(self.take(receiver))
        except Exception:  # of this one; the others get theirs all the same
            self.log.failure("what was gathered for a receiver is lost, and the receiver is cut")
            receiver.cut("failure")


gathering = Gathering()
