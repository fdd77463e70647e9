"""How an error is told over HTTP."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime
from typing import Any

from ..errors import CollabError


def error_body(error: CollabError, *, now_s: float, error_id: str = "") -> dict[str, Any]:
    """`{"error": {code, message, error_id, timestamp, …details}}`; the time is ISO 8601, UTC."""
    when = datetime.fromtimestamp(now_s, UTC).isoformat(timespec="milliseconds")
    return {
        "error": {
            **error.details,
            "code": error.code,
            "message": error.message,
            "error_id": error_id or secrets.token_hex(8),
            "timestamp": when.replace("+00:00", "Z"),
        }
    }


def refuse(request: Any, error: CollabError, *, now_s: float, error_id: str = "") -> bytes:
    """Set the status and the headers of a refused request; the body."""
    request.setResponseCode(error.entry.status)
    request.setHeader(b"content-type", b"application/json")
    request.setHeader(b"cache-control", b"no-store")
    request.setHeader(b"x-content-type-options", b"nosniff")
    if error.entry.status == 401:
        request.setHeader(b"www-authenticate", b'Bearer realm="collab"')
    if "retry_after_ms" in error.details:
        seconds = -(-int(error.details["retry_after_ms"]) // 1000)
        request.setHeader(b"retry-after", str(seconds).encode())
    return json.dumps(error_body(error, now_s=now_s, error_id=error_id)).encode() + b"\n"
