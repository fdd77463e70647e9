"""Why a call on a session is refused: the errors that several use cases have in common."""

from __future__ import annotations

from .errors import CollabError
from .ot import OpError
from .store.values import SessionKey


def bad_op(error: OpError) -> CollabError:
    code = "op_too_large" if error.too_large else "bad_op"
    return CollabError(code, str(error), part=error.part)


def stale_epoch(epoch: str) -> CollabError:
    return CollabError("stale_epoch", "The session was made anew; join again.", epoch=epoch)


def no_such_session(key: SessionKey) -> CollabError:
    return CollabError("no_such_session", f"There is no session {key.session_id!r}.")


def not_joined() -> CollabError:
    return CollabError("not_joined", "This connection has not joined the session.")


def denied(needs: str) -> CollabError:
    return CollabError("denied", f"This needs the right to {needs}.", needs=needs)


def base_ahead(base: int, head: int) -> CollabError:
    return CollabError(
        "base_ahead", f"Revision {base} is ahead of the head, {head}.", revision=head
    )


def document_full(length: int, limit: int) -> CollabError:
    message = f"The document would have {length} characters; its limit is {limit}."
    return CollabError("document_full", message, limit=limit)
