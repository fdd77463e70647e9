"""`GET /ready`: 200 when the node can do its work, 503 otherwise, with what is missing."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from ..wamp.router_guard import Guard

log = Logger()


class ReadyResource(Resource):
    """Crossbar makes one for the path; it asks the components through the guard's session."""

    isLeaf = True

    def __init__(self, *_args: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Twisted's

    def render_GET(self, request: Any) -> int:
        gone: list[Any] = []
        request.notifyFinish().addErrback(gone.append)

        async def answer() -> None:
            missing = await Guard.missing()
            if gone:
                return
            request.setResponseCode(503 if missing else 200)
            request.setHeader(b"content-type", b"application/json")
            request.setHeader(b"cache-control", b"no-store")
            body = {"ready": not missing, "missing": missing}
            request.write(json.dumps(body).encode() + b"\n")
            request.finish()

        Deferred.fromCoroutine(answer()).addErrback(
            lambda failure: log.failure("answering /ready", failure=failure)
        )
        return NOT_DONE_YET
