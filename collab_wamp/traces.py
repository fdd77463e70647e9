"""Recorded editing sessions, as https://github.com/josephg/editing-traces has them.

A trace is JSON, mostly gzipped: transactions of patches `[position, deleted, inserted]` in code
points, each made in the document that the transactions among its `parents` had led to. A
sequential trace has one author, and each transaction follows the one before it.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs

from .ot import get_type

TEXT = get_type("text")
# Who has done nothing may be counted among the agents.
IDLE_AGENTS = 1000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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
        rows, agents = read_rows(data)
        by_agent: list[list[Transaction]] = [[] for _ in range(agents)]
        for row, seen in zip(rows, seen_by(rows, agents), strict=True):
            by_agent[row.agent].append(Transaction(row.agent, row.op, seen))
        start, end = texts_of(data)
    except TraceError as error:
        raise TraceError(f"{name} is not a trace: {error}") from None
    return Trace(name, start, end, tuple(tuple(rows) for rows in by_agent))


# --- rows -----------------------------------------------------------------------------------------


@attrs.frozen
class Row:
    """A transaction as it is listed.

    Attributes:
        agent: index of the person.
        parents: indexes of the transactions that led to the document that it was made in.
        op: an operation of type `text`.
        time_ms: when, in milliseconds since 1970; None = nobody knows.
    """

    agent: int
    parents: tuple[int, ...]
    op: Any
    time_ms: int | None


def texts_of(data: Mapping[str, Any]) -> tuple[str, str]:
    """The texts before and after.

    Raises:
        TraceError: one is none.
    """
    start, end = data.get("startContent") or "", data.get("endContent")
    for name, text in (("startContent", start), ("endContent", end)):
        if not isinstance(text, str):
            raise TraceError(f"{name} must be a text")
    return start, str(end)


def read_rows(data: Any) -> tuple[list[Row], int]:
    """The transactions of a trace's JSON, checked by themselves; and the number of agents.

    Raises:
        TraceError: with the index of the transaction that is wrong.
    """
    if not isinstance(data, dict):
        raise TraceError("it must be an object")
    listed, agents = data.get("txns"), data.get("numAgents", 1)
    if not isinstance(listed, list):
        raise TraceError("txns must be a list")
    most = max(IDLE_AGENTS, len(listed))
    if type(agents) is not int or not 1 <= agents <= most:
        raise TraceError(f"numAgents must be a number from 1 to {most}")
    rows = []
    for index, row in enumerate(listed):
        try:
            rows.append(_row(index, row, agents))
        except TraceError as error:
            raise TraceError(f"txns[{index}]: {error}") from None
    return rows, agents


def _row(index: int, row: Any, agents: int) -> Row:
    if not isinstance(row, dict):
        raise TraceError("must be an object")
    agent = row.get("agent", 0)
    if type(agent) is not int or not 0 <= agent < agents:
        raise TraceError(f"agent must be a number below numAgents, {agents}")
    parents = row.get("parents")
    if parents is None:
        parents = [index - 1] if index else []
    if not isinstance(parents, list) or not all(
        type(parent) is int and 0 <= parent < index for parent in parents
    ):
        raise TraceError("parents must be a list of indexes of txns before it")
    return Row(agent, tuple(parents), _op(row.get("patches")), _time_ms(row.get("time")))


def _time_ms(value: Any) -> int | None:
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
        since = moment.replace(tzinfo=moment.tzinfo or UTC) - EPOCH
    except (TypeError, ValueError, OverflowError):
        raise TraceError(f"time must be as ISO 8601 has it, not {value!r:.60}") from None
    if since < timedelta():
        raise TraceError("time is before 1970")
    return since // timedelta(milliseconds=1)


def is_sequential(rows: Sequence[Row]) -> bool:
    """Whether each transaction was made after all before it."""
    return all(row.parents == ((index - 1,) if index else ()) for index, row in enumerate(rows))


def seen_by(rows: Sequence[Row], agents: int) -> list[tuple[int, ...]]:
    """For each transaction, how many of each agent's its author had seen; of the own, all.

    Raises:
        TraceError: an agent does not see all of their own work.
    """
    result: list[tuple[int, ...]] = []
    # After each transaction: how many of each agent's are in the document.
    after: list[tuple[int, ...]] = []
    count = [0] * agents
    nothing = (0,) * agents
    for index, row in enumerate(rows):
        seen = after[row.parents[0]] if row.parents else nothing
        for parent in row.parents[1:]:
            seen = tuple(map(max, seen, after[parent]))
        if seen[row.agent] != count[row.agent]:
            raise TraceError(f"txns[{index}]: agent {row.agent} does not see all of their own work")
        count[row.agent] += 1
        result.append(seen)
        after.append((*seen[: row.agent], count[row.agent], *seen[row.agent + 1 :]))
    return result


def _op(patches: Any) -> Any:
    """One operation for patches, each of which is made after the one before."""
    if not isinstance(patches, list):
        raise TraceError("patches must be a list")
    for patch in patches:
        if not (
            isinstance(patch, list)
            and len(patch) == 3
            and all(type(number) is int and 0 <= number < 2**31 for number in patch[:2])
            and isinstance(patch[2], str)
        ):
            raise TraceError("a patch is [position, deleted, inserted]")
    ordered = _in_order(patches)
    if ordered is not None:
        return ordered
    op: Any = []
    for position, deleted, inserted in patches:
        patch = TEXT.normalize([position, inserted, {"d": deleted}])
        op = TEXT.compose(op, patch) if op else patch
    return op


def _in_order(patches: list[Any]) -> Any:
    """The operation of patches from left to right, part by part; None = they go back and forth."""
    parts: list[Any] = []
    at = 0
    for position, deleted, inserted in patches:
        if position < at:
            return None
        parts += [position - at, inserted, {"d": deleted}]
        at = position + len(inserted)
    return TEXT.normalize(parts)
