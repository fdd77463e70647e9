"""Who has which right on a session: by their token, and by what is granted there."""

from __future__ import annotations

from typing import Any

from .access import ORDINARY, RIGHTS, allows, effective, right_for, without
from .caller import Caller
from .errors import CollabError
from .participants import Participants
from .protocol import Arguments
from .rates import Limiter
from .store.interface import Store
from .store.values import SessionKey
from .writer import denied, no_such_session


def withheld_from(caller: Caller) -> tuple[str, ...]:
    """Ordinary capabilities that the caller's token does not give."""
    return tuple(name for name in ORDINARY if not caller.has(name))


class Rights:
    """What is granted is kept in the store, and counts more than a token."""

    def __init__(self, store: Store, participants: Participants, limiter: Limiter) -> None:
        self._store = store
        self._participants = participants
        self._limiter = limiter

    async def require(self, caller: Caller, key: SessionKey, action: str) -> str:
        """The caller's right on the session; who has none may not know whether it exists.

        Raises:
            CollabError: `no_such_session`, `denied`.
        """
        granted = await self._store.granted(key, caller.claims.user_id)
        by_token = right_for(caller.claims, key.session_id) or ""
        right = effective(by_token, granted, withheld_from(caller))
        if not right:
            raise no_such_session(key)
        if not allows(right, action):
            raise denied(action)
        return right

    async def grant(self, caller: Caller, arguments: Arguments) -> dict[str, Any]:
        """Give a user this right, whatever their token says."""
        key, user_id, right = await self._about_a_user(caller, arguments, default="")
        return await self._keep(key, user_id, right)

    async def revoke(self, caller: Caller, arguments: Arguments) -> dict[str, Any]:
        """Take a right, and those above it, from a user, whatever their token says."""
        key, user_id, right = await self._about_a_user(caller, arguments, default=RIGHTS[0])
        granted = await self._store.granted(key, user_id)
        return await self._keep(key, user_id, without(granted, right))

    async def _about_a_user(
        self, caller: Caller, arguments: Arguments, default: str
    ) -> tuple[SessionKey, str, str]:
        key = SessionKey(caller.claims.tenant, arguments.session_id())
        user_id = arguments.text("user_id", "", 128)
        right = arguments.choice("right", RIGHTS, default)
        arguments.finish()
        for name, value in (("user_id", user_id), ("right", right)):
            if not value:
                raise CollabError("bad_request", f"{name} is missing.", argument=name)
        await self._limiter.take("calls", caller.claims.tenant, caller.claims.user_id)
        await self.require(caller, key, "manage")
        return key, user_id, right

    async def _keep(self, key: SessionKey, user_id: str, granted: str) -> dict[str, Any]:
        if not await self._store.grant(key, user_id, granted):
            raise no_such_session(key)
        self._participants.forget_user(user_id)
        return {"user_id": user_id, "granted": granted}
