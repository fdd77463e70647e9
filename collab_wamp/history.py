"""The use cases of a session's history: its content at any time, and its hash."""

from __future__ import annotations

from typing import Any

from .caller import Caller
from .past import Moment, Past
from .protocol import Arguments
from .rates import Limiter
from .rights import Rights
from .store.values import SessionKey


class History:
    """See the module; as `Sessions`, every method takes the caller and the call's arguments."""

    def __init__(self, past: Past, rights: Rights, limiter: Limiter) -> None:
        self._past = past
        self._rights = rights
        self._limiter = limiter

    async def snapshot(self, caller: Caller, arguments: Arguments) -> dict[str, Any]:
        moment = await self._asked(caller, arguments)
        edit = moment.edit
        return {
            "epoch": moment.epoch,
            "revision": moment.revision,
            "content": moment.content,
            "sha256": moment.snapshot.sha256,
            "user_id": None if edit is None else edit.user_id,
            "time_ms": None if edit is None else edit.time_ms,
        }

    async def hash(self, caller: Caller, arguments: Arguments) -> dict[str, Any]:
        moment = await self._asked(caller, arguments)
        return {
            "epoch": moment.epoch,
            "revision": moment.revision,
            "sha256": moment.snapshot.sha256,
        }

    async def _asked(self, caller: Caller, arguments: Arguments) -> Moment:
        """The content at the revision that is asked for."""
        key = SessionKey(caller.claims.tenant, arguments.session_id())
        revision = arguments.optional_revision()
        arguments.finish()
        await self._limiter.take("calls", caller.claims.tenant, caller.claims.user_id)
        await self._rights.require(caller, key, "view")
        return await self._past.at(key, revision)
