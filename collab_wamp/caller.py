"""Who calls, and what their token lets them do beside their rights on sessions."""

from __future__ import annotations

import attrs

from .access import capabilities_of
from .errors import CollabError
from .tokens import Claims


@attrs.frozen
class Caller:
    """A connection, or a request over HTTP, and what its token says.

    Attributes:
        wamp_session_id: the connection, as the router tells it; 0 = a request over HTTP.
    """

    claims: Claims
    wamp_session_id: int

    def has(self, capability: str) -> bool:
        return capability in capabilities_of(self.claims)

    def require(self, *capabilities: str) -> None:
        """Refuse a caller whose token gives none of these capabilities (`denied`)."""
        if not any(map(self.has, capabilities)):
            names = " or ".join(capabilities)
            raise CollabError(
                "denied", f"This needs the capability {names}.", needs=capabilities[0]
            )
