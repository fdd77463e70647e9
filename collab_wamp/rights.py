"""Who has which right on a session: by their token, and by what is granted there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred, FirstError, gatherResults

from .access import RIGHTS, allows, right_on, without
from .caller import Caller
from .errors import CollabError
from .participants import Participants
from .protocol import Arguments
from .rates import Limiter
from .refusals import denied, no_such_session
from .store.interface import Store
from .store.values import MOST_GRANTS, SessionKey


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
        right = right_on(caller.claims, key.session_id, granted)
        if not right:
            raise no_such_session(key)
        if not allows(right, action):
            raise denied(action)
        return right

    async def visible(self, caller: Caller, session_ids: Sequence[str]) -> list[str]:
        """Those of the tenant's sessions that the caller may view."""
        tenant, user_id = caller.claims.tenant, caller.claims.user_id
        asked = [
            Deferred.fromCoroutine(self._store.granted(SessionKey(tenant, name), user_id))
            for name in session_ids
        ]
        try:
            granted = await gatherResults(asked, consumeErrors=True)
        except FirstError as error:
            error.subFailure.raiseException()
        return [
            name
            for name, stored in zip(session_ids, granted, strict=True)
            if right_on(caller.claims, name, stored)
        ]

    async def grant(self, caller: Caller, arguments: Arguments) -> dict[str, Any]:
        """Give a user this right, whatever their token says."""
        key, user_id, right = await self._about_a_user(caller, arguments, default="")
        kept = await self._keep(key, user_id, right, None)
        assert kept is not None
        return kept

    async def revoke(self, caller: Caller, arguments: Arguments) -> dict[str, Any]:
        """Take a right, and those above it, from a user, whatever their token says."""
        key, user_id, right = await self._about_a_user(caller, arguments, default=RIGHTS[0])
        while True:
            before = await self._store.granted(key, user_id)
            # Of two who take at one time, neither undoes what the other has taken.
            kept = await self._keep(key, user_id, without(before, right), before)
            if kept is not None:
                return kept

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

    async def _keep(
        self, key: SessionKey, user_id: str, granted: str, before: str | None
    ) -> dict[str, Any] | None:
        """None where something else than `before` was granted meanwhile."""
        kept = await self._store.grant(key, user_id, granted, before=before)
        if kept == "changed":
            return None
        if kept == "none":
            raise no_such_session(key)
        if kept == "full":
            message = f"At most {MOST_GRANTS:,} users are granted something on a session."
            raise CollabError("too_many", message, limit="grants_per_session")
        self._participants.forget_user(user_id)
        return {"user_id": user_id, "granted": granted}
