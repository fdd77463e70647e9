"""Recorded editing sessions, as https://github.com/josephg/editing-traces has them.

A trace is JSON, mostly gzipped: transactions of patches `[position, deleted, inserted]` in code
points, each made in the document that the transactions among its `parents` had led to. A
sequential trace has one author, and each transaction follows the one before it.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from .ot import get_type

TEXT = get_type("text")


class TraceError(Exception):
    """It is not a trace, or not one that can be replayed; the message says why."""


@attrs.frozen
class Transaction:
    """What one person did in one step.

    Attributes:
        agent: index of the person.
        op: an operation of type `text`, in the document as that person had it.
        seen: how many transactions of each agent that document was made of; of the own agent, all
            before this one.
    """

    agent: int
    op: Any
    seen: tuple[int, ...]


@attrs.frozen
class Trace:
    """A recorded session.

    Attributes:
        start, end: the text before and after.
        by_agent: each agent's transactions, in order.
    """

    name: str
    start: str
    end: str
    by_agent: tuple[tuple[Transaction, ...], ...]

    def __len__(self) -> int:
        return sum(len(transactions) for transactions in self.by_agent)

    def first(self, count: int) -> Trace:
        """The first so many transactions of a sequential trace, with what they lead to.

        Raises:
            TraceError: several people are in it: nobody has recorded what they had then.
        """
        if len(self.by_agent) > 1:
            raise TraceError(f"{self.name} has several people in it; it can be played whole only")
        buffer = TEXT.buffer(self.start)
        transactions = self.by_agent[0][:count]
        for transaction in transactions:
            buffer.apply(transaction.op)
        return attrs.evolve(self, end=buffer.content(), by_agent=(transactions,))

    def watched(self, agent: int) -> frozenset[int]:
        """After which of an agent's transactions (their count) somebody else has looked."""
        return frozenset(
            transaction.seen[agent]
            for other, transactions in enumerate(self.by_agent)
            if other != agent
            for transaction in transactions
        )


def load(path: Path) -> Trace:
    """Read a trace from a file, gzipped or not.

    Raises:
        TraceError
        OSError
    """
    data = path.read_bytes()
    try:
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
        return parse(path.name.split(".")[0], json.loads(data))
    except (ValueError, EOFError, OSError, zlib.error) as error:
        raise TraceError(f"{path} is not a trace: {error}") from error


def parse(name: str, data: Mapping[str, Any]) -> Trace:
    """Make a trace of its JSON.

    Raises:
        TraceError
    """
    try:
        rows = data["txns"]
        agents = data.get("numAgents", 1)
        by_agent: list[list[Transaction]] = [[] for _ in range(agents)]
        # After each transaction: how many of each agent's are in the document.
        after: list[tuple[int, ...]] = []
        for index, row in enumerate(rows):
            agent = row.get("agent", 0)
            parents = row.get("parents", [index - 1] if index else [])
            seen = [0] * agents
            for parent in parents:
                seen = [max(pair) for pair in zip(seen, after[parent], strict=True)]
            if seen[agent] != len(by_agent[agent]):
                raise TraceError(f"{name}: agent {agent} does not see all of their own work")
            by_agent[agent].append(Transaction(agent, _op(row["patches"]), tuple(seen)))
            seen[agent] += 1
            after.append(tuple(seen))
        end = data["endContent"]
        start = data.get("startContent", "")
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise TraceError(f"{name} is not a trace: {error!r}") from error
    return Trace(name, start, end, tuple(tuple(rows) for rows in by_agent))


def _op(patches: list[Any]) -> Any:
    """One operation for patches, each of which is made after the one before."""
    op: Any = []
    for position, deleted, inserted in patches:
        patch = TEXT.normalize([position, inserted, {"d": deleted}])
        op = TEXT.compose(op, patch) if op else patch
    return op
