"""Notices: what a backend tells a tenant's users, or one of them, wherever they are connected."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from .caller import Caller
from .errors import CollabError
from .protocol import Arguments, bad
from .store.announcements import NoticeAnnounced
from .store.commons import Commons

MOST_BYTES = 4096


class Notices:
    """
    Args:
        now_ms: the time of day, milliseconds since 1970.
    """

    def __init__(self, commons: Commons, now_ms: Callable[[], int]) -> None:
        self._commons = commons
        self._now_ms = now_ms

    async def send(self, caller: Caller, arguments: Arguments) -> dict[str, Any]:
        caller.require("notify")
        user_id = arguments.text("user_id", "", 128)
        message = arguments.value("message")
        arguments.finish()
        try:
            size = len(orjson.dumps(message))
        except TypeError as error:
            raise CollabError(
                "bad_request", f"message cannot be written as JSON: {error}", argument="message"
            ) from None
        if size > MOST_BYTES:
            raise bad("message", f"must be at most {MOST_BYTES} bytes of JSON", "")
        notice = {
            "kind": "message",
            "message": message,
            "from": caller.claims.user_id,
            "time_ms": self._now_ms(),
        }
        await self._commons.announce(NoticeAnnounced(caller.claims.tenant, user_id, notice))
        return {}
