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


class Gathering:
    """Of one process.

    Attributes:
        held: what waits, by receiver; None while nothing is gathered.
    """

    log = Logger()

    def __init__(self) -> None:
        self.held: dict[Receiver, bytes] | None = None

    @contextmanager
    def until_done(self) -> Iterator[None]:
        """Gather until the block is left; within another such block, until that one is."""
        if self.held is not None:
            yield
            return
        held = self.held = {}
        try:
            yield
        finally:
            self.held = None
            for receiver, data in held.items():
                try:
                    receiver.write_now(data)
                except Exception:  # of this one; the others get theirs all the same
                    self.log.failure("what was gathered for a receiver is lost")

    def hold(self, receiver: Receiver, data: bytes) -> bool:
        """Keep something for later; False where nothing is gathered."""
        held = self.held
        if held is None:
            return False
        held[receiver] = held.get(receiver, b"") + data
        return True

    def take(self, receiver: Receiver) -> bytes:
        """What is held for a receiver, who writes it by itself."""
        return self.held.pop(receiver, b"") if self.held else b""


gathering = Gathering()
