"""Who a call comes from, for the components that answer clients."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

from autobahn.wamp.types import CallDetails

from ..caller import Caller
from ..errors import CollabError
from ..protocol import NODE_REFRESHED, ON_BEHALF, ROUTER_CLAIMS, Arguments
from ..rates import Limiter
from ..tokens import Claims
from .component import BACKEND, CollabComponent

MOST = 20_000

Answer = Callable[[Caller, Arguments], Awaitable[dict[str, Any]]]


class Callers:
    """What the tokens of the connections said that call this component.

    The node's own parts may call on behalf of a user whose token they have checked: they give its
    claims (`Claims.as_extra`) as the argument `on_behalf`, which clients cannot.

    Args:
        limiter: that each call is counted by; None = whoever answers does it.
    """

    def __init__(self, component: CollabComponent, limiter: Limiter | None = None) -> None:
        self._component = component
        self._limiter = limiter
        self._known: OrderedDict[int, Claims] = OrderedDict()

    async def serve(self, procedure: str, answer: Answer, *, shared: bool = False) -> None:
        """Register a procedure that is told who calls; see `CollabComponent.serve`."""

        async def handle(details: CallDetails, arguments: Arguments) -> dict[str, Any]:
            caller = await self._caller(details, arguments)
            if self._limiter is not None:
                await self._limiter.take("calls", caller.claims.tenant, caller.claims.user_id)
            return await answer(caller, arguments)

        await self._component.serve(procedure, handle, shared=shared)

    async def begin(self) -> None:
        """Notice it when a connection goes on under another token."""
        await self._component.subscribe(self._refreshed, NODE_REFRESHED)

    def _refreshed(self, args: list[Any], _kwargs: dict[str, Any]) -> None:
        self._known.pop(args[0], None)

    async def _caller(self, details: CallDetails, arguments: Arguments) -> Caller:
        if details.caller_authrole == BACKEND:
            return Caller(Claims.from_extra(arguments.value(ON_BEHALF)), 0)
        claims = self._known.get(details.caller)
        if claims is None:
            known = await self._component.call(ROUTER_CLAIMS, wamp_session_id=details.caller)
            if not known:
                raise CollabError("token_invalid", "The connection has gone.")
            claims = self._known[details.caller] = Claims.from_extra(known)
            while len(self._known) > MOST:
                self._known.popitem(last=False)
        return Caller(claims, details.caller)
