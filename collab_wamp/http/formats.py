"""Contents as files: plain text, Quill Delta, JSON. Pure. Histories are read by `imports`.

Quill's Delta is described at https://quilljs.com/docs/delta, the traces in `collab_wamp/traces.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import attrs

from ..errors import CollabError
from ..ot import TYPES
from ..protocol import SESSION_ID, Arguments, bad
from .failures import timestamp
from .routes import TEXT, whole
from .schemas import DELTA_TYPES

FORMATS: Final = ("json", "text", "delta", "trace", "session")


@attrs.frozen
class Import:
    """What a new session is to begin with."""

    type: str
    content: Any


# --- out --------------------------------------------------------------------------------------


def as_text(kind: str, content: Any) -> str:
    """Plain text; what is embedded in a rich one has none.

    Raises:
        CollabError: `bad_request`, the type has none.
    """
    if kind == "rich_text":
        inserted = (op["insert"] for op in content)
        return "".join(text for text in inserted if isinstance(text, str))
    if not isinstance(content, str):
        raise bad("format", f"text is not for sessions of type {kind}; json is", "")
    return content


def as_delta(kind: str, content: Any) -> dict[str, Any]:
    """A Quill Delta that makes the document from nothing.

    Raises:
        CollabError: `bad_request`, the type has none.
    """
    if kind == "rich_text":
        return {"ops": content}
    if not isinstance(content, str):
        raise bad("format", f"delta is not for sessions of type {kind}; json is", "")
    return {"ops": [{"insert": content}] if content else []}


def patches(op: Sequence[Any]) -> list[list[Any]]:
    """An operation of type `text` as patches [position, deleted, inserted], one after the other."""
    result = []
    position = 0
    for part in op:
        if isinstance(part, int):
            position += part
        elif isinstance(part, str):
            result.append([position, 0, part])
            position += len(part)
        else:
            deleted = part["d"]
            result.append([position, deleted if isinstance(deleted, int) else len(deleted), ""])
    return result


def transaction(number: int, agent: int, op: Sequence[Any], time_ms: int) -> dict[str, Any]:
    """An edit as a row of a trace; `number` counts from 0, and each has seen all before it."""
    return {
        "time": timestamp(time_ms / 1000),
        "agent": agent,
        "parents": [number - 1] if number else [],
        "patches": patches(op),
    }


# --- in ---------------------------------------------------------------------------------------


def recognised(media_type: str, body: Any) -> Import:
    """What a request's body is, by its media type and the keys that it has.

    Raises:
        CollabError: `bad_request`.
    """
    if media_type == TEXT:
        return Import("text", body)
    if isinstance(body, dict):
        for key, read in (("content", _json), ("ops", _delta)):
            if key in body:
                return read(body)
    message = (
        "The body must be an object with `content`, `ops` (a Delta), `txns` (a trace) or `edits`."
    )
    raise CollabError("bad_request", message, argument="body")


def _json(body: dict[str, Any]) -> Import:
    arguments = Arguments((), {**body, "revision": whole(body.get("revision"))})
    # Of the session that it was exported from; they are checked, and then passed over.
    arguments.optional_pattern("session_id", SESSION_ID)
    arguments.optional_revision()
    kind = arguments.choice("type", tuple(TYPES), "text")
    content = arguments.value("content")
    arguments.finish()
    if content is None:
        raise bad("content", "must be a content", "")
    return Import(kind, content)


def _delta(body: dict[str, Any]) -> Import:
    """A Delta of plain text alone is a text, unless the type is told."""
    arguments = Arguments((), body)
    ops = arguments.value("ops")
    kind = arguments.choice("type", DELTA_TYPES, "")
    arguments.finish()
    if not isinstance(ops, list):
        raise bad("ops", "must be a list", ops)
    if any(isinstance(op, dict) and op.get("insert") == "" for op in ops):
        raise bad("ops", "must insert something, each of them", "")
    if not (kind or all(map(_is_plain, ops))):
        kind = "rich_text"
    if kind == "rich_text":
        if kind not in DELTA_TYPES:
            raise bad("ops", "must be texts alone: this version has no rich_text", "")
        return Import(kind, ops)
    for op in ops:
        if not _is_plain(op):
            raise bad("ops", 'must be {"insert": TEXT} throughout, to be a text', op)
    return Import("text", "".join(op["insert"] for op in ops))


def _is_plain(op: Any) -> bool:
    if not isinstance(op, dict) or set(op) != {"insert"}:
        return False
    return isinstance(op["insert"], str)
