"""Checks the tokens of connecting clients, in the router's process.

A client's `authid` is always its token's `sub`; its role is fixed; what the token says otherwise
goes to `authextra`, which the router keeps with the connection, for the components and the client.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

from .. import config as configuration
from ..errors import CollabError
from ..protocol import PROTOCOL_VERSION, REALM
from .component import application_error

ROLE = "user"
CAPABILITIES = ["edit", "cursor", "selection"]


def create(_settings: Any, _controller: Any) -> Callable[..., dict[str, Any]]:
    """Called once by the router; returns the function it asks for every ticket."""
    config = configuration.load(os.environ)
    keyring = config.keyring()
    limits = config.limits.session_limits().as_wire()

    def authenticate(_realm: str, _authid: str, details: dict[str, Any]) -> dict[str, Any]:
        now_s = time.time()
        try:
            claims = keyring.verify(details.get("ticket"), now_s=now_s)
        except CollabError as error:
            raise application_error(error) from None
        return {
            "realm": REALM,
            "authid": claims.user_id,
            "role": ROLE,
            "extra": {
                **claims.as_extra(),
                "protocol": PROTOCOL_VERSION,
                "capabilities": CAPABILITIES,
                "limits": {**limits, "message_bytes": config.limits.message_bytes},
                "server_time": int(now_s * 1000),
                "instance_id": config.server.instance_id,
            },
        }

    return authenticate
