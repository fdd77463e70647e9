"""`GET /metrics`: the node's metrics for Prometheus, as OpenMetrics or as JSON."""

from __future__ import annotations

import json
import secrets
import time
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.logger import Logger
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from .. import metrics
from ..caller import Caller
from ..errors import CollabError
from ..shared import Shared
from ..wamp.router_guard import Guard
from ..wamp.settings import from_environment
from .bearer import claims_of
from .refusals import refuse

JSON_TYPE = "application/json"

log = Logger()


class MetricsResource(Resource):
    """For tokens with the capability `stats` or `operate`, unless the metrics are open to all."""

    isLeaf = True

    def __init__(self, *_args: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Twisted's
        self._config = from_environment()
        self._keyring = self._config.keyring()
        self._reading = Shared()

    def render_GET(self, request: Any) -> Any:
        if not self._config.metrics.enabled:
            request.setResponseCode(404)
            return b"metrics are not enabled\n"
        gone: list[Any] = []
        request.notifyFinish().addErrback(gone.append)

        def end(body: bytes) -> None:
            if not gone:
                request.write(body)
                request.finish()

        def failed(failure: Any) -> None:
            if failure.check(CollabError):
                end(refuse(request, failure.value, now_s=time.time()))
                return
            error_id = secrets.token_hex(8)
            log.failure("the metrics cannot be read", failure=failure, error_id=error_id)
            error = CollabError("internal", "Something unexpected happened; the log has more.")
            end(refuse(request, error, now_s=time.time(), error_id=error_id))

        answer = Deferred.fromCoroutine(self._answer(request))
        answer.addCallback(end).addErrback(failed)
        return NOT_DONE_YET

    async def _answer(self, request: Any) -> bytes:
        if not self._config.metrics.open:
            await self._check(request)
        accept = request.getHeader(b"accept") or b""
        body, content_type = await self._read(accept.decode("latin-1"))
        request.setHeader(b"content-type", content_type.encode())
        request.setHeader(b"cache-control", b"no-store")
        request.setHeader(b"x-content-type-options", b"nosniff")
        return body

    async def _check(self, request: Any) -> None:
        claims = claims_of(request.requestHeaders, self._keyring, now_s=time.time())
        Caller(claims, 0).require("stats", "operate")
        try:
            await Guard.admit(claims, connecting=False)
        except CollabError as error:
            # While no component can say whether the token was revoked, the figures are needed most.
            if error.code == "token_revoked":
                raise

    async def _read(self, accept: str) -> tuple[bytes, str]:
        """Adding up takes some milliseconds: in a thread, once for all who ask meanwhile."""
        kinds = [part.partition(";")[0].strip() for part in accept.split(",")]

        async def read() -> tuple[bytes, str]:
            if JSON_TYPE in kinds:
                return await deferToThread(self._as_json), JSON_TYPE
            return await deferToThread(metrics.as_text, accept)

        answer: tuple[bytes, str] = await self._reading.ask(accept, read)
        return answer

    def _as_json(self) -> bytes:
        instance_id = self._config.server.instance_id
        return json.dumps({"instance_id": instance_id, "metrics": metrics.as_json()}).encode()
