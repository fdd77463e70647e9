"""What can go wrong for a client, and what it does about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from ..errors import TABLE, URI_PREFIX

# Errors of the router, under codes of their own.
_ROUTER_CODES = {
    "wamp.error.canceled": "canceled",
    "wamp.error.no_such_procedure": "unavailable",
    "wamp.error.no_available_callee": "unavailable",
    "wamp.error.not_authorized": "denied",
    "wamp.error.authorization_failed": "unavailable",
}

Reaction = Literal["again", "reconnect", "join", "snapshot", "token", "end", "refuse"]

_REACTIONS: dict[str, Reaction] = {
    "timeout": "reconnect",
    "disconnected": "reconnect",
    "draining": "reconnect",
    "canceled": "again",
    "unavailable": "again",
    "internal": "again",
    "router_error": "again",
    "not_joined": "join",
    "stale_epoch": "snapshot",
    "base_too_old": "join",
    "base_ahead": "snapshot",
    "seq_gap": "snapshot",
    "seq_reused": "snapshot",
    "diverged": "snapshot",
    "token_invalid": "token",
    "token_expired": "token",
    "token_revoked": "token",
    "no_such_session": "end",
    "bad_session_id": "end",
    "wrong_type": "end",
    "fenced": "end",
    "left": "end",
}


class ClientError(Exception):
    """An error of the server, the router or the connection.

    Attributes:
        code: the server's codes are those of `collab_wamp.errors.TABLE`; those of the router are
            `canceled`, `unavailable` and `router_error`; of the connection `timeout` and
            `disconnected`; about a document here `left` (it was closed), `fenced` (another
            connection goes on with its client id), `diverged` (it was not what the server has) and
            `wrong_type`.
        message: for people.
        details: the server's further keyword arguments.
    """

    def __init__(self, code: str, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.details = dict(details or {})

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed a moment later."""
        return self.details.get("retryable") is True

    @property
    def retry_after_s(self) -> float | None:
        """How long to wait before that; None where the server did not say."""
        milliseconds = self.details.get("retry_after_ms")
        return milliseconds / 1000 if isinstance(milliseconds, int | float) else None

    @property
    def reaction(self) -> Reaction:
        """What to do about it.

        - `again`: the same request a moment later; its outcome is unknown, or nothing happened
        - `reconnect`: the connection is no good
        - `join`: this connection is not a participant any more
        - `snapshot`: what is known here does not continue to where the server is
        - `token`: this token will not do
        - `end`: the document is over for this client
        - `refuse`: the request is wrong and stays wrong
        """
        return _REACTIONS.get(self.code, "again" if self.retryable else "refuse")


def from_wamp(
    uri: str, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
) -> ClientError:
    """The `ClientError` for a WAMP ERROR, ABORT or GOODBYE."""
    code = uri.removeprefix(URI_PREFIX) if uri.startswith(URI_PREFIX) else _ROUTER_CODES.get(uri)
    message = args[0] if args and isinstance(args[0], str) else uri
    details = dict(kwargs or {})
    if code in TABLE:
        details.setdefault("retryable", TABLE[code].retryable)
    return ClientError(code or "router_error", message, {**details, "uri": uri})
