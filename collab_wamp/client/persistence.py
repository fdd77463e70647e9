"""Asking for something that is done once, however often it is asked for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Literal

from .errors import ClientError

Choice = Literal["mine", "theirs", "both", "op"]
PAUSE_S = 0.5


async def persistently(
    ask: Callable[[], Awaitable[Any]], sleep: Callable[[float], Awaitable[None]]
) -> Any:
    """Ask, and again where the answer was lost, or is that it may be tried again.

    Raises:
        ClientError: an answer that will not become another one; whatever else `ask` raises.
    """
    while True:
        try:
            return await ask()
        except ClientError as error:
            if error.reaction not in ("again", "reconnect", "token") or error.code == "internal":
                raise
            pause_s = error.retry_after_s
        await sleep(PAUSE_S if pause_s is None else pause_s)
