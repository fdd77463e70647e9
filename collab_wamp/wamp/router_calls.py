"""What the router's process answers: about the connections that it holds."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

from autobahn.wamp.types import CallDetails, PublishOptions

from .. import protocol
from ..access import capabilities_of
from ..caller import Caller
from ..credentials import from_rows, is_revoked_by
from ..errors import URI_PREFIX, CollabError
from ..protocol import Arguments
from ..tokens import Claims, Keyring, invalid
from . import connections, workers
from .asking import ask
from .component import BACKEND, CollabComponent

ASK_S = 2.5
# So long before a token expires its connection is told, or for a tenth of its life if that is less.
WARN_S = 60.0


class RouterCalls:
    """The procedures of the router's process.

    Args:
        component: of this process.
        health: tells how the node is.
    """

    def __init__(
        self,
        component: CollabComponent,
        keyring: Keyring,
        health: Callable[[], Awaitable[dict[str, Any]]],
    ) -> None:
        self._component = component
        self._health = health
        self._keyring = keyring

    async def begin(self) -> None:
        await self._component.subscribe(
            lambda args, _kwargs: workers.went(args[0]), "wamp.session.on_leave"
        )
        for procedure, answer in (
            (protocol.TOKEN_REFRESH, self._refresh),
            (protocol.ROUTER_CLAIMS, self._claims),
            (protocol.ROUTER_CUT, self._cut),
            (protocol.ROUTER_LOAD, self._load),
            (protocol.ROUTER_WORKER, self._worker),
            (protocol.ROUTER_NOTIFY, self._notify),
            (protocol.NODE_HEALTH, self._node_health),
        ):
            await self._component.serve(procedure, answer)

    # --- for clients ------------------------------------------------------------------------

    async def _refresh(self, details: CallDetails, arguments: Arguments) -> dict[str, Any]:
        """Go on under a newer token of the same user."""
        ticket = arguments.value("ticket")
        arguments.finish()
        connection = connections.by_id(details.caller)
        if connection is None or connection.claims is None:
            raise CollabError("token_invalid", "The connection has gone.")
        claims = self._keyring.verify(ticket, now_s=time.time())
        if (claims.tenant, claims.user_id) != connection.user:
            raise invalid()
        await self.admit(claims, connecting=False)
        connection.claims = claims
        self._component.publish(protocol.NODE_REFRESHED, details.caller, claims.as_extra())
        return {
            "expires_at": claims.expires_at,
            "rights": claims.rights,
            "capabilities": list(capabilities_of(claims)),
        }

    async def _node_health(self, details: CallDetails, arguments: Arguments) -> dict[str, Any]:
        """What `GET /health` answers."""
        if details.caller_authrole == BACKEND:
            claims = Claims.from_extra(arguments.value(protocol.ON_BEHALF))
        else:
            connection = connections.by_id(details.caller)
            if connection is None or connection.claims is None:
                raise CollabError("token_invalid", "The connection has gone.")
            claims = connection.claims
        arguments.finish()
        Caller(claims, details.caller).require("stats", "operate")
        return await self._health()

    async def admit(self, claims: Claims, *, connecting: bool) -> None:
        """Ask the node whether a token may be used.

        Raises:
            CollabError: `token_revoked`, `draining`, `rate_limited`; `overloaded` where nobody
                answers yet.
        """
        arguments = {"claims": claims.as_extra(), "connecting": connecting}
        await ask(self._component, protocol.NODE_ADMIT, ASK_S, arguments)

    # --- for the node's own parts -----------------------------------------------------------

    async def _claims(self, _details: CallDetails, arguments: Arguments) -> dict[str, Any]:
        """What the token of a connection says; {} where it has gone."""
        connection = connections.by_id(arguments.integer("wamp_session_id", 0, 2**53))
        if connection is None or connection.claims is None:
            return {}
        return connection.claims.as_extra()

    async def _cut(self, _details: CallDetails, arguments: Arguments) -> dict[str, Any]:
        """Say goodbye to connections, with an error's code: to some users', or to everybody."""
        code = arguments.text("code", "", 64)
        revocations = from_rows(arguments.optional_value("revoked") or [])
        message = arguments.text("message", "", 200)
        everybody = arguments.flag("everybody")
        cut = 0
        for connection in connections.everyone():
            claims = connection.claims
            if claims is None:
                continue
            if everybody or any(is_revoked_by(claims, revoked) for revoked in revocations):
                connection.say_goodbye(URI_PREFIX + code, message)
                cut += 1
        return {"cut": cut}

    async def _notify(self, _details: CallDetails, arguments: Arguments) -> dict[str, Any]:
        """Publish a notice to the connections of a tenant, of one of its users, or to all."""
        tenant = arguments.text("tenant", "", 64)
        user_id = arguments.text("user_id", "", 128)
        notice = arguments.value("notice")
        arguments.finish()
        receivers = [
            connection.wamp_session_id
            for connection in connections.everyone()
            if connection.user is not None
            and tenant in ("", connection.user[0])
            and user_id in ("", connection.user[1])
        ]
        # An empty list of receivers means everybody to the router.
        if receivers:
            options = PublishOptions(eligible=receivers)
            self._component.publish(protocol.NOTICE, options=options, **notice)
        return {"receivers": len(receivers)}

    async def _worker(self, details: CallDetails, arguments: Arguments) -> dict[str, Any]:
        """A sessions worker is ready for calls."""
        workers.came(arguments.integer("number", 1, 64), details.caller)
        arguments.finish()
        return {}

    async def _load(self, _details: CallDetails, arguments: Arguments) -> dict[str, Any]:
        """Connections in all and of each tenant, those logged in, and their calls under way."""
        arguments.finish()
        return {
            "connections": connections.total(),
            "welcomed": len(connections.everyone()),
            "calls": sum(connection.calls for connection in connections.everyone()),
            "tenants": connections.by_tenant(),
        }

    # --- before a token expires -------------------------------------------------------------

    def warn_of_expiry(self, now_s: float) -> None:
        """Tell those whose tokens are about to expire; to be called several times a second.

        The tenth of a life, within which one is told, may be less than a second.
        """
        for connection in connections.everyone():
            claims = connection.claims
            if claims is None or connection.warned_of == claims.expires_at:
                continue
            life_s = claims.expires_at - claims.issued_at
            if claims.expires_at - now_s > min(WARN_S, life_s / 10):
                continue
            connection.warned_of = claims.expires_at
            self._component.publish(
                protocol.NOTICE,
                kind="token_expiring",
                expires_at=claims.expires_at,
                options=PublishOptions(eligible=[connection.wamp_session_id]),
            )
