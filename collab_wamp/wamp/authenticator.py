"""Who connects: the check of a client's ticket, in the router's process.

Crossbar calls `create` when the first client comes, and what that returns for each one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from autobahn.wamp.exception import ApplicationError
from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from .. import protocol
from ..access import capabilities_of
from ..config import Config
from ..errors import URI_PREFIX, CollabError
from ..tokens import Claims
from . import connections
from .blame import address_of
from .component import application_error
from .router_guard import Guard
from .settings import from_environment

# The one role that a token gives.
ROLE = "user"
# What is no matter of a moment.
WRONG = tuple(URI_PREFIX + code for code in ("token_invalid", "token_expired", "token_revoked"))

# Twisted's interfaces have no types that mypy understands.
reactor: Any = global_reactor

Authenticator = Callable[[str, str | None, dict[str, Any]], Deferred[dict[str, Any]]]


def create(_config: dict[str, Any], _controller: Any) -> Authenticator:
    """What Crossbar's `type: function` asks for."""
    config = from_environment()
    keyring = config.keyring()

    waiting = 0

    async def slow_down(failure: Failure, peer: str) -> Any:
        """Who tries tokens has to wait for each answer; who has a good one has not."""
        nonlocal waiting
        error = failure.value
        if isinstance(error, ApplicationError) and error.error in WRONG:
            connections.counts["bad_login"] += 1
            connections.blame.failed(address_of(peer))
            if waiting < config.limits.bad_logins_waiting:
                waiting += 1
                try:
                    await deferLater(reactor, config.limits.bad_login_s)
                finally:
                    waiting -= 1
        failure.raiseException()

    async def check(realm: str, details: dict[str, Any]) -> dict[str, Any]:
        """Accept a ticket; the user is who the token says, whatever HELLO claims."""
        try:
            if realm != protocol.REALM:
                raise ApplicationError("wamp.error.no_such_realm", "The realm is `collab`.")
            claims = keyring.verify(details.get("ticket"), now_s=time.time())
            await Guard.admit(claims)
            # After the waiting: from here to the welcome nobody comes between.
            limit = config.limits.connections_per_user
            if connections.of_user(claims.tenant, claims.user_id) >= limit:
                raise CollabError(
                    "too_many", f"You have {limit} connections.", limit="connections_per_user"
                )
        except CollabError as error:
            raise application_error(error) from None
        return {
            "realm": protocol.REALM,
            "role": ROLE,
            "authid": claims.user_id,
            "extra": welcome(claims, config, time.time()),
        }

    def authenticate(
        realm: str, _claimed_authid: str | None, details: dict[str, Any]
    ) -> Deferred[dict[str, Any]]:
        checking = Deferred.fromCoroutine(check(realm, details))
        peer = str(details.get("transport", {}).get("peer", ""))
        return checking.addErrback(lambda failure: Deferred.fromCoroutine(slow_down(failure, peer)))

    return authenticate


def welcome(claims: Claims, config: Config, now_s: float) -> dict[str, Any]:
    """WELCOME's `authextra`; the router keeps it, and components read the claims from it."""
    limits = config.limits
    return {
        **claims.as_extra(),
        "protocol": protocol.PROTOCOL_VERSION,
        "capabilities": list(capabilities_of(claims)),
        "limits": {
            **limits.session_limits().as_wire(),
            "message_bytes": limits.message_bytes,
            "subscriptions": limits.subscriptions,
        },
        "server_time": int(now_s * 1000),
        "instance_id": config.server.instance_id,
    }
