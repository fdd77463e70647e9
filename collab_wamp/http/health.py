"""`GET /health`: 200 or 503, with each part's state and latency, and the node's load."""

from __future__ import annotations

from typing import Any

from ..wamp.router_guard import Guard
from .answers import JsonResource


class HealthResource(JsonResource):
    """Asks the components through the guard's session; the store is what they say of it."""

    async def answer(self) -> tuple[int, dict[str, Any]]:
        health = await Guard.health()
        return 503 if health["status"] == "failing" else 200, health
