"""The one table of what can go wrong, and the exception that carries an entry of it.

The WAMP error URI, the HTTP status and the documentation are all made from `TABLE`; an error
crosses the wire only as an entry of it.
"""

from __future__ import annotations

from typing import Any

import attrs

URI_PREFIX = "collab.error."


@attrs.frozen
class ErrorCode:
    """One registered error.

    Attributes:
        code: the last part of the WAMP error URI, and the code in HTTP answers.
        status: the HTTP status.
        retryable: whether sending the same request again can succeed without changing it.
        meaning: one sentence for the documentation.
    """

    code: str
    status: int
    retryable: bool
    meaning: str


TABLE: dict[str, ErrorCode] = {
    entry.code: entry
    for entry in (
        ErrorCode("bad_request", 400, False, "An argument is missing, unknown or of a wrong form; `argument` names it."),
        ErrorCode("bad_session_id", 400, False, "The session id does not match `^[A-Za-z0-9_-]{1,64}$`."),
        ErrorCode("no_such_session", 404, False, "There is no such session, or the caller may not know of it."),
        ErrorCode("no_such_version", 404, False, "The session has no such version."),
        ErrorCode("session_exists", 409, False, "A session of this id exists; `if_absent` makes that a success."),
        ErrorCode("not_joined", 409, False, "This connection is not a participant of the session: join first."),
        ErrorCode("denied", 403, False, "The caller's right does not allow this; `needs` names the right."),
        ErrorCode("bad_revision", 400, False, "The revision is not an integer of 0 or more."),
        ErrorCode("base_ahead", 409, False, "The base revision is ahead of the session's `revision`."),
        ErrorCode("base_too_old", 409, False, "The base revision is too far behind; join again and rebase."),
        ErrorCode("stale_epoch", 409, False, "The session was made anew since; join again, `epoch` is the current one."),
        ErrorCode("bad_op", 400, False, "The operation is not canonical or does not fit; `part` is the index of the part."),
        ErrorCode("op_too_large", 413, False, "The operation has too many parts or inserts too much."),
        ErrorCode("document_full", 413, False, "The edit would make the document longer than its limit."),
        ErrorCode("seq_reused", 409, False, "This (client_id, seq) was committed with another body, or long ago."),
        ErrorCode("seq_gap", 409, False, "A seq was left out; `next_seq` is the one expected."),
        ErrorCode("conflict", 409, False, "The edit conflicts with concurrent ones, which `conflicts` names; nothing was changed."),
        ErrorCode("no_such_conflict", 404, False, "No such edit is held, or it is another user's, or not held any more."),
        ErrorCode("rate_limited", 429, True, "Too many requests; wait `retry_after_ms`."),
        ErrorCode("too_many", 429, False, "A limit on a number of things was reached; `limit` names it."),
        ErrorCode("token_invalid", 401, False, "The token is not accepted."),
        ErrorCode("token_expired", 401, False, "The token has expired; get a new one."),
        ErrorCode("token_revoked", 401, False, "The token was revoked; get a new one."),
        ErrorCode("store_unavailable", 503, True, "The store does not answer; nothing was acknowledged."),
        ErrorCode("overloaded", 503, True, "The server has too much to do; wait `retry_after_ms`."),
        ErrorCode("draining", 503, True, "This instance is ending; connect elsewhere."),
        ErrorCode("not_found", 404, False, "Over HTTP: there is nothing at this path."),
        ErrorCode("method_not_allowed", 405, False, "Over HTTP: the path has other methods; `Allow` names them."),
        ErrorCode("unsupported_media_type", 415, False, "Over HTTP: the body is wanted in another form."),
        ErrorCode("too_large", 413, False, "Over HTTP: the request's body has too many bytes."),
        ErrorCode("internal", 500, False, "Unexpected; the log has the `error_id`."),
    )
}  # fmt: skip


class CollabError(Exception):
    """An error for the caller.

    Args:
        code: a key of `TABLE`.
        message: a sentence for people that names what is wrong.
        details: further keyword arguments for the wire, JSON values.
    """

    def __init__(self, code: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.entry = TABLE[code]
        self.message = message
        self.details = details

    @property
    def code(self) -> str:
        return self.entry.code

    @property
    def uri(self) -> str:
        return URI_PREFIX + self.entry.code

    @property
    def kwargs(self) -> dict[str, Any]:
        """The keyword arguments of the WAMP error: `retryable` and the details."""
        return {"retryable": self.entry.retryable, **self.details}

    def __repr__(self) -> str:
        return f"CollabError({self.code!r}, {self.message!r})"
