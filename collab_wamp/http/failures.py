"""What goes wrong, as an answer over HTTP. Pure.

`{"error": {"code", "message", "error_id", "timestamp"}}`, with the status of the table of errors.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import attrs

from ..errors import CollabError
from .headers import retry_after


@attrs.frozen
class Failure:
    """An answer that tells of an error.

    Attributes:
        error_id: is in the log as well, where the status is 500 or more.
    """

    status: int
    error_id: str
    body: dict[str, Any]
    headers: dict[str, str]


def failure(error: CollabError, *, new_id: str, now_s: float) -> Failure:
    """The answer for an error.

    Args:
        new_id: the id of this error, where whoever raised it has not logged it under another.
        now_s: the time of day, seconds since 1970.
    """
    error_id = str(error.details.get("error_id", new_id))
    status = error.entry.status
    body = {
        "code": error.code,
        # What went wrong inside is for the log.
        "message": error.message if status < 500 else error.entry.meaning,
        "error_id": error_id,
        "timestamp": timestamp(now_s),
    }
    headers = {}
    if "retry_after_ms" in error.details:
        headers["Retry-After"] = retry_after(error.details["retry_after_ms"])
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="collab", error="invalid_token"'
    if "allow" in error.details:
        headers["Allow"] = error.details["allow"]
    return Failure(status, error_id, {"error": body}, headers)


def timestamp(now_s: float) -> str:
    """A time of day as ISO 8601 has it, in milliseconds of UTC."""
    moment = datetime.fromtimestamp(now_s, UTC).isoformat(timespec="milliseconds")
    return moment.replace("+00:00", "Z")


def no_such_route(path: str) -> CollabError:
    return CollabError("not_found", f"There is nothing at {path!r:.120}.")


def wrong_method(method: str, allowed: str) -> CollabError:
    return CollabError(
        "method_not_allowed", f"{method!r:.20} is not for this; {allowed} are.", allow=allowed
    )


def wrong_media_type(given: str, wanted: str) -> CollabError:
    said = f"not {given!r:.60}" if given else "and must be told"
    return CollabError("unsupported_media_type", f"The body is wanted as {wanted}, {said}.")


def too_large(most: int) -> CollabError:
    return CollabError("too_large", f"The body has more than {most:,} bytes.", limit=most)
