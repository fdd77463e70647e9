"""What a client may send: the reading and checking of its messages, before the router sees them.

A pure function of bytes. What comes through has the few forms that this service needs: values that
every serializer can carry on, request options that Crossbar may be trusted with, and nobody else's
identity. All else is answered with an error, passed over, or ends the connection.
"""

from __future__ import annotations

import math
from typing import Any, Final

import attrs
import msgpack  # type: ignore[import-untyped]
import orjson

from ..protocol import WORKER_PREFIX

HELLO: Final = 1
ABORT: Final = 3
AUTHENTICATE: Final = 5
GOODBYE: Final = 6
ERROR: Final = 8
PUBLISH: Final = 16
PUBLISHED: Final = 17
SUBSCRIBE: Final = 32
UNSUBSCRIBE: Final = 34
EVENT: Final = 36
CALL: Final = 48
CANCEL: Final = 49
RESULT: Final = 50
REGISTER: Final = 64
UNREGISTER: Final = 66

# WebSocket close codes.
PROTOCOL_ERROR: Final = 1002
BAD_DATA: Final = 1007
POLICY: Final = 1008

MAX_DEPTH: Final = 64
MAX_INTEGER: Final = 2**53
NOT_AUTHORIZED: Final = "wamp.error.not_authorized"
BAD_REQUEST: Final = "collab.error.bad_request"
# What a client's library says that it can do does not matter here, and some of it would make
# Crossbar take other ways.
ROLES: Final[dict[str, dict[str, Any]]] = {"caller": {}, "publisher": {}, "subscriber": {}}


class Refused(Exception):
    """A message that ends its connection.

    Attributes:
        kind: for counting.
        code: the WebSocket close code.
    """

    def __init__(self, kind: str, code: int, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind
        self.code = code
        self.reason = reason


@attrs.frozen
class Pass:
    """Give this message to the router."""

    message: list[Any]


@attrs.frozen
class Answer:
    """Answer this message to the client; the router does not hear of it."""

    kind: str
    message: list[Any]


@attrs.frozen
class Ignore:
    """Pass over it."""

    kind: str


Verdict = Pass | Answer | Ignore


def read_json(payload: bytes) -> Any:
    """The value of a JSON text: strict UTF-8, no NaN, no lone surrogates, bounded depth."""
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise Refused("bad_json", BAD_DATA, f"not JSON: {error}") from None


def read_msgpack(payload: bytes) -> Any:
    """The value of a msgpack message. Extension types and bytes are found by `check_value`."""
    try:
        return msgpack.unpackb(payload, raw=False, strict_map_key=True)
    except (ValueError, msgpack.UnpackException, RecursionError) as error:
        raise Refused("bad_msgpack", BAD_DATA, f"not msgpack: {error}") from None


def check_value(value: Any, most: int | None = None) -> str:
    """What is wrong with a value as something to carry on to others; "" = nothing.

    Args:
        most: how many values may be in it, itself and keys among them; None = any number.
    """
    level = [value]
    count = 0
    for _depth in range(MAX_DEPTH):
        count += len(level)
        if most is not None and count > most:
            return f"more than {most:,} values"
        below: list[Any] = []
        for item in level:
            kind = type(item)
            if kind is str:
                # To others' libraries this is how bytes begin that are wrapped into a JSON text.
                if item.startswith("\0"):
                    return "a text begins with NUL"
            elif kind is int:
                if not -MAX_INTEGER < item < MAX_INTEGER:
                    return "an integer is beyond 2^53"
            elif kind is list:
                below.extend(item)
            elif kind is dict:
                below.extend(item)
                below.extend(item.values())
            elif kind is float:
                if not math.isfinite(item):
                    return "a number is not finite"
            elif item is not None and kind is not bool:
                return f"{kind.__name__} is not a JSON type"
        if not below:
            return ""
        level = below
    return f"nested deeper than {MAX_DEPTH}"


def judge(message: Any, *, joined: bool) -> Verdict:
    """What to do with a client's message.

    Args:
        message: as it was decoded.
        joined: whether the client was welcomed.

    Raises:
        Refused: the connection is to be closed.
    """
    if type(message) is not list or not message or type(message[0]) is not int:
        raise _malformed("a message is a list that begins with its type")
    kind = message[0]
    wrong = check_value(message)
    if wrong:
        if kind == CALL and joined and len(message) > 2 and _is_id(message[1]):
            return _error(message, BAD_REQUEST, f"The call has a bad value: {wrong}.", "bad_value")
        raise Refused("bad_value", POLICY, wrong)
    if not joined:
        if kind == HELLO:
            return Pass(_hello(message))
        if kind == AUTHENTICATE:
            return Pass(_authenticate(message))
    elif kind in _WHEN_JOINED:
        return _WHEN_JOINED[kind](message)
    if kind == ABORT:
        return Pass([ABORT, {}, "wamp.error.canceled"])
    raise Refused("bad_message", PROTOCOL_ERROR, f"no message of type {kind} is expected")


def _hello(message: list[Any]) -> list[Any]:
    if len(message) != 3 or type(message[1]) is not str or type(message[2]) is not dict:
        raise _malformed("HELLO is [1, realm, details]")
    details = message[2]
    methods = details.get("authmethods")
    if type(methods) is not list:
        methods = []
    # `authextra` and the rest are left out: nothing of it may be taken for what a token says.
    kept: dict[str, Any] = {
        "roles": ROLES,
        "authmethods": ["ticket" if "ticket" in methods else "anonymous"],
    }
    if type(details.get("authid")) is str:
        kept["authid"] = details["authid"][:128]
    return [HELLO, message[1], kept]


def _authenticate(message: list[Any]) -> list[Any]:
    if len(message) < 2 or type(message[1]) is not str:
        raise _malformed("AUTHENTICATE is [5, ticket, extra]")
    return [AUTHENTICATE, message[1], {}]


def _goodbye(message: list[Any]) -> Verdict:
    reason = message[2] if len(message) > 2 and type(message[2]) is str else ""
    return Pass([GOODBYE, {}, reason if reason.startswith("wamp.close.") else "wamp.close.normal"])


def _request(message: list[Any], least: int, most: int, name: str) -> None:
    """Check what requests have in common, and that nobody speaks for somebody else."""
    if not least <= len(message) <= most or not _is_id(message[1]):
        raise _malformed(f"{name} is malformed")
    if len(message) > 2 and type(message[2]) is dict and "forward_for" in message[2]:
        raise Refused("forward_for", POLICY, "forward_for is not for clients")


def _with_payload(message: list[Any], options: dict[str, Any], name: str) -> list[Any]:
    _request(message, 4, 6, name)
    if (
        type(message[2]) is not dict
        or type(message[3]) is not str
        or (len(message) > 4 and type(message[4]) is not list)
        or (len(message) > 5 and type(message[5]) is not dict)
    ):
        raise _malformed(f"{name} is malformed")
    return [*message[:2], options, *message[3:]]


def _call(message: list[Any]) -> Verdict:
    admitted = _with_payload(message, {}, "CALL")
    if message[3].startswith(WORKER_PREFIX):
        return _error(message, NOT_AUTHORIZED, "Call the procedures of the protocol.", "worker")
    return Pass(admitted)


def _publish(message: list[Any]) -> Verdict:
    admitted = _with_payload(message, {}, "PUBLISH")
    if message[2].get("acknowledge") is True:
        admitted[2] = {"acknowledge": True}
    return Pass(admitted)


def _subscribe(message: list[Any]) -> Verdict:
    _request(message, 4, 4, "SUBSCRIBE")
    if type(message[2]) is not dict or type(message[3]) is not str:
        raise _malformed("SUBSCRIBE is malformed")
    if message[2].get("match", "exact") != "exact":
        return _error(message, NOT_AUTHORIZED, "Subscribe to exact topics.", "pattern")
    return Pass([*message[:2], {}, message[3]])


def _unsubscribe(message: list[Any]) -> Verdict:
    if len(message) > 3 and type(message[3]) is dict and "forward_for" in message[3]:
        raise Refused("forward_for", POLICY, "forward_for is not for clients")
    if not 3 <= len(message) <= 4 or not _is_id(message[1]) or not _is_id(message[2]):
        raise _malformed("UNSUBSCRIBE is malformed")
    return Pass(message[:3])


def _cancel(message: list[Any]) -> Verdict:
    # A call that has begun is answered with what really happened: a commit cannot be called off.
    _request(message, 2, 3, "CANCEL")
    return Ignore("cancel")


def _no_procedures(message: list[Any]) -> Verdict:
    _request(message, 3, 4, "REGISTER")
    return _error(message, NOT_AUTHORIZED, "Clients register nothing.", "register")


_WHEN_JOINED: Final = {
    GOODBYE: _goodbye,
    PUBLISH: _publish,
    SUBSCRIBE: _subscribe,
    UNSUBSCRIBE: _unsubscribe,
    CALL: _call,
    CANCEL: _cancel,
    REGISTER: _no_procedures,
    UNREGISTER: _no_procedures,
}


def _error(message: list[Any], uri: str, text: str, kind: str) -> Answer:
    return Answer(kind, error_for(message, uri, text))


def error_for(message: list[Any], uri: str, text: str) -> list[Any]:
    """The ERROR that answers a request."""
    kwargs = {"retryable": False} if uri.startswith("collab.") else {}
    return [ERROR, message[0], message[1], {}, uri, [text], kwargs]


def _is_id(value: Any) -> bool:
    return type(value) is int and 0 < value <= MAX_INTEGER


def _malformed(reason: str) -> Refused:
    return Refused("malformed", PROTOCOL_ERROR, reason)
