"""Answering a request with JSON that has to be asked for first."""

from __future__ import annotations

import json
from collections.abc import Awaitable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

log = Logger()


class JsonResource(Resource):
    """A path that answers GET. Crossbar makes one for the path, with its configuration."""

    isLeaf = True

    def __init__(self, *_args: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Twisted's

    def answer(self) -> Awaitable[tuple[int, dict[str, Any]]]:
        """The status, and what goes into the body."""
        raise NotImplementedError

    def render_GET(self, request: Any) -> int:
        gone: list[Any] = []
        request.notifyFinish().addErrback(gone.append)

        async def respond() -> None:
            status, body = await self.answer()
            if gone:
                return
            request.setResponseCode(status)
            request.setHeader(b"content-type", b"application/json")
            request.setHeader(b"cache-control", b"no-store")
            request.setHeader(b"x-content-type-options", b"nosniff")
            request.write(json.dumps(body).encode() + b"\n")
            request.finish()

        def failed(failure: Any) -> None:
            log.failure("answering {path}", path=request.path, failure=failure)
            if not gone:
                request.setResponseCode(500)
                request.finish()

        Deferred.fromCoroutine(respond()).addErrback(failed)
        return NOT_DONE_YET
