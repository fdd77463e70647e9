"""Answering a request: what each answer has, errors, and JSON that has to be asked for first."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Awaitable, Mapping
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from ..errors import CollabError
from .failures import failure, no_such_route, wrong_method
from .headers import API, request_id

# The methods of what is only read.
READING: Final = "GET, HEAD, OPTIONS"

log = Logger()


def header(request: Any, name: bytes) -> str | None:
    """A header of a request, whatever bytes it may have."""
    value: bytes | None = request.getHeader(name)
    return None if value is None else value.decode("latin-1")


def set_headers(request: Any, headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        request.setHeader(name, value)


def begin(request: Any, headers: Mapping[str, str]) -> None:
    """Give an answer the headers that all have, and the request its `request_id`."""
    request.request_id = request_id(header(request, b"x-request-id"), lambda: secrets.token_hex(8))
    set_headers(request, headers)
    request.setHeader("X-Request-ID", request.request_id)


def wrong_host(request: Any) -> CollabError | None:
    """What is wrong with how often a request names its host: once, before HTTP/1.1 perhaps not."""
    count = len(request.requestHeaders.getRawHeaders(b"host") or [])
    if count == 1 or (count == 0 and request.clientproto == b"HTTP/1.0"):
        return None
    return CollabError("bad_request", f"One Host header is wanted, not {count}.", argument="host")


def sized(request: Any, data: bytes) -> bytes:
    """A body, whose length the answer tells."""
    request.setHeader("Content-Length", str(len(data)))
    return data


def options(request: Any, allowed: str, headers: Mapping[str, str] | None = None) -> int:
    """Answer OPTIONS: the methods that there are, and nothing else."""
    request.setResponseCode(204)
    set_headers(request, {"Allow": allowed, **(headers or {})})
    request.write(b"")
    request.finish()
    return NOT_DONE_YET


def tell(request: Any, error: CollabError | None, raised: Failure | None = None) -> bytes:
    """Make the answer one of an error, and log it; returns its body.

    Args:
        error: None = something unexpected was `raised`.
    """
    told = failure(
        error or CollabError("internal", "Something unexpected happened."),
        new_id=secrets.token_hex(8),
        now_s=time.time(),
    )
    line = "{method} {uri}: {status} {message}, error_id {error_id}, request_id {request_id}"
    words = {
        "method": request.method.decode("latin-1"),
        "uri": request.uri.decode("latin-1"),
        "status": told.status,
        "message": error.message if error else "",
        "error_id": told.error_id,
        "request_id": request.request_id,
    }
    if error is None:
        log.failure(line, raised, **words)
    elif told.status >= 500:
        log.error(line, **words)
    else:
        log.debug(line, **words)
    request.setResponseCode(told.status)
    set_headers(request, told.headers)
    request.setHeader("Content-Type", "application/json")
    return sized(request, json.dumps(told.body).encode() + b"\n")


class ReadResource(Resource):
    """A path that answers GET. Crossbar makes one for the path, with its configuration."""

    isLeaf = True

    def __init__(self, *_args: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Twisted's

    def reply(self, request: Any) -> Awaitable[tuple[int, bytes, str]]:
        """The status, the body, and its media type; `CollabError` is told as it should be."""
        raise NotImplementedError

    def render(self, request: Any) -> Any:
        begin(request, API)
        if wrong := wrong_host(request):
            return tell(request, wrong)
        if request.postpath:
            return tell(request, no_such_route(request.path.decode("latin-1")))
        if request.method == b"OPTIONS":
            return options(request, READING)
        if request.method not in (b"GET", b"HEAD"):
            return tell(request, wrong_method(request.method.decode("latin-1"), READING))
        gone: list[Any] = []
        request.notifyFinish().addErrback(gone.append)

        def end(body: bytes) -> None:
            if not gone:
                request.write(body)
                request.finish()

        async def respond() -> None:
            status, body, media_type = await self.reply(request)
            if not gone:
                request.setResponseCode(status)
                request.setHeader("Content-Type", media_type)
                end(sized(request, body))

        def failed(raised: Failure) -> None:
            error = raised.value
            end(tell(request, error if isinstance(error, CollabError) else None, raised))

        Deferred.fromCoroutine(respond()).addErrback(failed)
        return NOT_DONE_YET


class JsonResource(ReadResource):
    """One whose answer is JSON."""

    def answer(self) -> Awaitable[tuple[int, dict[str, Any]]]:
        """The status, and what goes into the body."""
        raise NotImplementedError

    async def reply(self, request: Any) -> tuple[int, bytes, str]:
        status, body = await self.answer()
        return status, json.dumps(body).encode() + b"\n", "application/json"
