"""`GET /metrics`: the node's metrics for Prometheus, as OpenMetrics or as JSON."""

from __future__ import annotations

import json
import time
from typing import Any

from twisted.internet.threads import deferToThread

from .. import metrics
from ..caller import Caller
from ..errors import CollabError
from ..shared import Shared
from ..wamp.router_guard import Guard
from ..wamp.settings import from_environment
from .answers import ReadResource, header
from .bearer import claims_of

JSON_TYPE = "application/json"


class MetricsResource(ReadResource):
    """For tokens with the capability `stats` or `operate`, unless the metrics are open to all."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._config = from_environment()
        self._keyring = self._config.keyring()
        self._reading = Shared()

    async def reply(self, request: Any) -> tuple[int, bytes, str]:
        if not self._config.metrics.enabled:
            raise CollabError("not_found", "Metrics are not enabled.")
        if not self._config.metrics.open:
            await self._check(request)
        body, content_type = await self._read(header(request, b"accept") or "")
        return 200, body, content_type

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
