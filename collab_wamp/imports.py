"""A history that is to become a session's: from the bytes of a file to what is committed.

It is read and gone through whole before anything is made of it. That takes seconds of work and much
memory, by whoever sent the file, so it is done in a process of its own, with bounds on both:
`python -m collab_wamp.imports SETTINGS < FILE > PLAN`. A plan is lines of JSON: first
`{"type", "content", "conflicts", "revision"}`, then lists of edits
`[client_id, seq, op, user_id, time_ms]`. Or it is one line: `{"code", "message", "details"}` of
an error, or `{}`, where the file is a document without a history.
"""

from __future__ import annotations

import os
import resource
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

import attrs
import msgspec
import orjson

from .bulk import most_bulk, too_much_bulk
from .errors import CollabError
from .linear import client_id_of, linear
from .ot import TYPES, OpError, OTType, get_type
from .ot.base import Limits
from .protocol import (
    CLIENT_ID,
    CONFLICT_MODES,
    MAX_INTEGER,
    SESSION_ID,
    Arguments,
    bad,
    is_integer,
    is_sound,
)
from .traces import TraceError, read_rows, texts_of

SESSION_FORMAT: Final = "collab_wamp.session.1"
# What the process may use.
MEMORY_BYTES: Final = 1 << 30
CPU_S: Final = 60
NICE: Final = 5
TOO_MUCH: Final = "To go through this history takes more memory or time than one import may have."
# Of a line of edits; what is committed together.
BATCH: Final = 200
BATCH_BYTES: Final = 1 << 18
# Transformed operations have more parts than those that clients send.
LEAST_PARTS: Final = 4000
LONGEST_USER_ID: Final = 128
# The last that has a date of the form of a trace, in the year 9999.
LATEST_MS: Final = 253_402_300_799_999


@attrs.frozen
class Settings:
    """
    Attributes:
        parts: of an operation of a client.
        document_length: in the type's units.
        now_ms: for edits of which nobody knows when they were made.
    """

    parts: int
    document_length: int
    now_ms: int

    def op_limits(self) -> Limits:
        """An edit that is history may have more in it than one message."""
        return Limits(max(self.parts, LEAST_PARTS), 4 * self.document_length)


@attrs.frozen
class Plan:
    """What is to be made.

    Attributes:
        edits: `[client_id, seq, op, user_id, time_ms]`, as they are to be committed.
    """

    type: str
    content: Any
    conflicts: str
    edits: list[list[Any]]

    def lines(self) -> Iterator[bytes]:
        head = attrs.asdict(self, filter=lambda field, _: field.name != "edits")
        yield orjson.dumps({**head, "revision": len(self.edits)})
        batch: list[bytes] = []
        size = 0
        for edit in self.edits:
            data = orjson.dumps(edit)
            if batch and (len(batch) == BATCH or size + len(data) > BATCH_BYTES):
                yield b"[" + b",".join(batch) + b"]"
                batch, size = [], 0
            batch.append(data)
            size += len(data)
        if batch:
            yield b"[" + b",".join(batch) + b"]"


def has_history(body: Any) -> bool:
    """Whether a body is one of the forms that have a history."""
    if not isinstance(body, dict):
        return False
    return "edits" in body or ("txns" in body and "content" not in body and "ops" not in body)


def plan(body: dict[str, Any], settings: Settings) -> Plan:
    """
    Args:
        body: that `has_history`.

    Raises:
        CollabError: it says which edit is wrong, and what with it; `bad_request`, `bad_op`,
            `op_too_large`, `document_full`.
    """
    return _session(body, settings) if "edits" in body else _trace(body, settings)


# --- a session ------------------------------------------------------------------------------------


def _session(body: dict[str, Any], settings: Settings) -> Plan:
    arguments = Arguments((), body)
    arguments.choice("format", (SESSION_FORMAT,), "")
    if body.get("format") is None:
        raise bad("format", f"must be {SESSION_FORMAT}", "")
    # Of the session that it was exported from.
    arguments.optional_pattern("session_id", SESSION_ID)
    arguments.optional_revision()
    kind = get_type(arguments.choice("type", tuple(TYPES), "text"))
    conflicts = arguments.choice("conflicts", CONFLICT_MODES, "merge")
    content, edits = arguments.optional_value("content"), arguments.value("edits")
    arguments.finish()
    if not isinstance(edits, list):
        raise bad("edits", "must be a list", edits)
    fold = Fold(kind, content, settings)
    numbers: Counter[str] = Counter()
    result = []
    for index, row in enumerate(edits):
        client_id, op, user_id, time_ms = _edit(index, row)
        # A session counts each client's from 1 on; where it is exported from somewhere in its
        # history they begin later.
        numbers[client_id] += 1
        op = fold.add(f"edits[{index}]", op)
        result.append([client_id, numbers[client_id], op, user_id, time_ms])
    return Plan(kind.name, fold.start, conflicts, result)


def _edit(index: int, row: Any) -> tuple[str, Any, str, int]:
    def wrong(what: str) -> CollabError:
        return CollabError("bad_request", f"edits[{index}]: {what}.", argument="edits", index=index)

    if not isinstance(row, list) or len(row) != 5:
        raise wrong("must be [client_id, seq, op, user_id, time_ms]")
    client_id, seq, op, user_id, time_ms = row
    if not isinstance(client_id, str) or not CLIENT_ID.fullmatch(client_id):
        raise wrong(f"client_id must match ^{CLIENT_ID.pattern}$, not {client_id!r:.80}")
    if not is_integer(seq) or not 1 <= seq <= MAX_INTEGER:
        raise wrong(f"seq must be an integer of 1 or more, not {seq!r:.80}")
    if not is_user_id(user_id):
        raise wrong(f"user_id must be a text of 1 to {LONGEST_USER_ID} characters")
    if not is_integer(time_ms) or not 0 <= time_ms <= LATEST_MS:
        raise wrong(f"time_ms must be milliseconds since 1970, to 9999, not {time_ms!r:.80}")
    return client_id, op, user_id, time_ms


def is_user_id(value: Any) -> bool:
    if not isinstance(value, str) or not 1 <= len(value) <= LONGEST_USER_ID:
        return False
    return is_sound(value) and not value.startswith("\0")


class Fold:
    """The document, while edits come."""

    def __init__(self, kind: OTType, content: Any, settings: Settings) -> None:
        self._kind = kind
        self._limits = settings.op_limits()
        self._longest = settings.document_length
        try:
            self.start = kind.create(content)
        except OpError as error:
            raise bad("content", f"is not content of type {kind.name}: {error}", "") from None
        self._buffer = kind.buffer(self.start)
        self._measure = kind.measure(self.start)
        self._bulk = kind.bulk(self._buffer)
        self._refuse_long("content", self._measure, 0)
        self._refuse_bulky("content")

    def add(self, name: str, op: Any) -> Any:
        """The operation as it is to be committed.

        Raises:
            CollabError: `name` does not go.
        """
        kind = self._kind
        try:
            # What is deleted is not looked at, and must not reach others.
            op = kind.bare(kind.check(op, self._limits))
            op, measure = kind.fit(self._measure, op)
            self._refuse_long(name, measure, kind.size(self._measure))
            self._bulk = kind.bulk_after(self._bulk, op)
            self._buffer.apply(op)
        except OpError as error:
            code = "op_too_large" if error.too_large else "bad_op"
            raise CollabError(code, f"{name}: {error}.", part=error.part) from None
        self._measure = measure
        self._refuse_bulky(name)
        return op

    def content(self) -> Any:
        return self._buffer.content()

    def _refuse_long(self, name: str, measure: Any, before: int) -> None:
        length = self._kind.size(measure)
        if length > self._longest and length > before:
            message = f"{name}: the document would have {length} characters; its limit is"
            raise CollabError("document_full", f"{message} {self._longest}.", limit=self._longest)

    def _refuse_bulky(self, name: str) -> None:
        """What is known of it is a bound; it is counted where that is too much."""
        most = most_bulk(self._longest)
        if self._bulk is not None and self._bulk.bytes > most:
            self._bulk = self._kind.bulk(self._buffer)
            if self._bulk.bytes > most:
                error = too_much_bulk(most)
                raise CollabError(error.code, f"{name}: {error.message}", limit=most)


# --- a trace --------------------------------------------------------------------------------------


def _trace(body: dict[str, Any], settings: Settings) -> Plan:
    try:
        rows, agents = read_rows(body)
        start, end = texts_of(body)
        users = _users(body.get("userIds"), agents)
        fold = Fold(get_type("text"), start, settings)
        numbers: Counter[int] = Counter()
        edits = []
        for index, op in linear(rows):
            row = rows[index]
            numbers[row.agent] += 1
            op = fold.add(f"txns[{index}]", op)
            time_ms = settings.now_ms if row.time_ms is None else min(row.time_ms, LATEST_MS)
            edits.append(
                [client_id_of(row.agent), numbers[row.agent], op, users[row.agent], time_ms]
            )
    except TraceError as error:
        raise CollabError("bad_request", f"{error}.", argument="txns") from None
    if fold.content() != end:
        at = next((i for i, pair in enumerate(zip(fold.content(), end, strict=False))
                   if pair[0] != pair[1]), min(len(fold.content()), len(end)))  # fmt: skip
        message = f"endContent is not what the txns lead to: they differ at character {at}."
        raise CollabError("bad_request", message, argument="endContent")
    return Plan("text", fold.start, "merge", edits)


def _users(value: Any, agents: int) -> list[str]:
    """A user for each agent."""
    named = [] if value is None else value
    if not isinstance(named, list) or len(named) > agents or not all(map(is_user_id, named)):
        raise bad("userIds", "must be a list of user ids, at most one for each agent", "")
    return [*named, *(f"agent-{agent}" for agent in range(len(named), agents))]


# --- the process ----------------------------------------------------------------------------------


def main(settings: str, source: BinaryIO, target: BinaryIO) -> None:
    """Read a file, and write what is to be made of it."""
    try:
        # Where memory runs out, orjson ends the process.
        body = msgspec.json.decode(source.read())
        lines = plan(body, Settings(**orjson.loads(settings))).lines() if has_history(body) else ()
    except CollabError as error:
        told = {"code": error.code, "message": error.message, "details": error.details}
        lines = iter([orjson.dumps(told)])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        told = {"code": "bad_request", "message": f"body: not JSON: {error}.", "details": {}}
        lines = iter([orjson.dumps(told)])
    except MemoryError:
        told = {"code": "too_large", "message": TOO_MUCH, "details": {}}
        lines = iter([orjson.dumps(told)])
    for line in lines or [b"{}"]:
        target.write(line + b"\n")
    target.flush()


if __name__ == "__main__":
    os.nice(NICE)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S + 1))
    main(sys.argv[1], sys.stdin.buffer, sys.stdout.buffer)
