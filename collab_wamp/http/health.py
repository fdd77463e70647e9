"""`GET /health`: 200 or 503, with each part's state and latency, and the node's load."""

from __future__ import annotations

import time
from typing import Any

from .. import __version__
from ..wamp import connections
from ..wamp.router_guard import Guard
from ..wamp.settings import from_environment
from .answers import JsonResource

# What of a component's answer is load; the rest is for its own part.
LOAD = ("sessions", "participants")


class HealthResource(JsonResource):
    """Asks the components through the guard's session; the store is what they say of it."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._since = time.monotonic()

    async def answer(self) -> tuple[int, dict[str, Any]]:
        parts = await Guard.parts()
        healthy = all(part["ok"] for part in parts.values())
        load = {"connections": connections.total()}
        for part in parts.values():
            load |= {name: part.pop(name) for name in LOAD if name in part}
        return 200 if healthy else 503, {
            "status": "ok" if healthy else "failing",
            "instance_id": from_environment().server.instance_id,
            "version": __version__,
            "uptime_s": round(time.monotonic() - self._since, 1),
            "parts": parts,
            "load": load,
        }
