"""`GET /ready`: 200 when the node can do its work, 503 otherwise, with what is missing."""

from __future__ import annotations

from typing import Any

from ..wamp.router_guard import Guard
from .answers import JsonResource


class ReadyResource(JsonResource):
    """Asks the components through the guard's session."""

    async def answer(self) -> tuple[int, dict[str, Any]]:
        parts = await Guard.parts()
        missing = [
            f"{name}: {part['problem']}" for name, part in parts.items() if not part["ok"]
        ] + [f"{name}: draining" for name, part in parts.items() if part.get("draining")]
        return 503 if missing else 200, {"ready": not missing, "missing": missing}
