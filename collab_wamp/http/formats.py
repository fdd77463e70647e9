"""Contents as files: plain text, Quill Delta, JSON, recorded editing sessions. Pure.

Quill's Delta is described at https://quilljs.com/docs/delta, the traces in `collab_wamp/traces.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import attrs
import msgspec

from ..errors import CollabError
from ..ot import TYPES
from ..protocol import SESSION_ID, Arguments, bad
from .failures import timestamp
from .routes import TEXT, whole

FORMATS: Final = ("json", "text", "delta", "trace")


@attrs.frozen
class Import:
    """What a new session is to begin with."""

    type: str
    content: Any


class _LongTrace(msgspec.Struct):
    """A recorded editing session, whose edits are passed over without being made into values."""

    txns: msgspec.Raw
    end_content: str = msgspec.field(name="endContent")
    content: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    ops: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_LONG_TRACE: Final = msgspec.json.Decoder(_LongTrace)


# --- out --------------------------------------------------------------------------------------


def as_text(kind: str, content: Any) -> str:
    """Plain text.

    Raises:
        CollabError: `bad_request`, the type has none.
    """
    if not isinstance(content, str):
        raise bad("format", f"text is not for sessions of type {kind}; json is", "")
    return content


def as_delta(kind: str, content: Any) -> dict[str, Any]:
    """A Quill Delta that makes the document from nothing.

    Raises:
        CollabError: `bad_request`, the type has none.
    """
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
        for key, read in (("content", _json), ("ops", _delta), ("txns", _trace)):
            if key in body:
                return read(body)
    message = "The body must be an object with `content`, `ops` (a Delta) or `txns` (a trace)."
    raise CollabError("bad_request", message, argument="body")


def long_trace(data: bytes) -> dict[str, Any] | None:
    """What is wanted of a trace with any number of edits, as `recognised` takes it.

    None: it is none, or has another form's key as well.
    """
    try:
        found = _LONG_TRACE.decode(data)
    except (ValueError, RecursionError):  # msgspec's are ValueErrors
        return None
    others = (found.content, found.ops)
    is_list = bytes(memoryview(found.txns)[:1]) == b"["
    if not is_list or any(other is not msgspec.UNSET for other in others):
        return None
    return {"txns": [], "endContent": found.end_content}


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
    arguments = Arguments((), body)
    ops = arguments.value("ops")
    arguments.finish()
    if not isinstance(ops, list):
        raise bad("ops", "must be a list", ops)
    texts = []
    for op in ops:
        if not isinstance(op, dict) or set(op) != {"insert"} or not _is_insertion(op["insert"]):
            raise bad("ops", 'must be {"insert": TEXT} throughout, without attributes', op)
        texts.append(op["insert"])
    return Import("text", "".join(texts))


def _is_insertion(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _trace(body: dict[str, Any]) -> Import:
    if not isinstance(body["txns"], list):
        raise bad("txns", "must be a list", body["txns"])
    if not isinstance(body.get("endContent"), str):
        raise bad("endContent", "must be a text", body.get("endContent"))
    return Import("text", body["endContent"])
