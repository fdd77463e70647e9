"""Whether the document here is what the server has, as its hash tells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from .replica import Replica


@attrs.define(eq=False)
class Check:
    """The server's document at a revision has this hash.

    Attributes:
        expected: hex SHA-256 of its canonical JSON.
        content: that document as it is known here, once it is; None = it cannot be told, since
            nothing fits together.
        done: told whether it is the same; None = that could not be found out.
    """

    epoch: str
    revision: int
    expected: str
    done: Callable[[bool | None], None] | None = None
    content: Any = None

    def end(self, result: bool | None) -> None:
        done, self.done = self.done, None
        if done is not None:
            done(result)


@attrs.frozen
class Divergence:
    """The document here was not what the server has; it has been replaced, or is about to be.

    Attributes:
        revision: where that was found.
        expected, found: hex SHA-256 of the canonical JSON of the server's document, and of the
            one here without what is pending; "" where that could not even be told.
    """

    revision: int
    expected: str
    found: str


class SelfCheck:
    """
    Attributes:
        ready: checks whose content is known: its hash is to be compared.
    """

    def __init__(self) -> None:
        self.ready: list[Check] = []
        self._waiting: list[Check] = []

    def expect(self, check: Check, replica: Replica) -> None:
        """Compare as soon as the document here is at that revision; not at all where it is past
        it."""
        self._waiting.append(check)
        self.reached(replica)

    def reached(self, replica: Replica) -> None:
        """The document here is at another revision."""
        waiting, self._waiting = self._waiting, []
        for check in waiting:
            if check.epoch != replica.epoch or check.revision < replica.revision:
                check.end(None)
            elif check.revision > replica.revision:
                self._waiting.append(check)
            else:
                check.content = replica.server_content()
                self.ready.append(check)

    def drop(self) -> None:
        """The document here goes on from elsewhere."""
        dropped, self._waiting, self.ready = self._waiting + self.ready, [], []
        for check in dropped:
            check.end(None)
