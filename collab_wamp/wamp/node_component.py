"""The component of a node as a whole: tokens, revocations, who may connect."""

from __future__ import annotations

import secrets
from typing import Any

from autobahn.wamp.types import CallDetails
from twisted.internet.task import LoopingCall

from .. import protocol
from ..credentials import Credentials, as_rows
from ..errors import CollabError
from ..participants import random_name
from ..protocol import Arguments
from ..store.announcements import Announcement, ChannelReset, RevokedAnnounced
from ..store.commons import Revocation
from ..store.values import SessionKey
from ..tokens import Claims
from .callers import Callers
from .component import CollabComponent

TIDY_S = 60.0


class Component(CollabComponent):
    """One for a node."""

    async def begin(self) -> None:
        config = self.config.extra["config"]
        self._store = self.config.extra["store"]
        self._credentials = Credentials(
            self._store.commons,
            config.keyring(),
            now_ms=self.config.extra["now_ms"],
            new_name=lambda size: random_name(secrets.token_bytes(size)),
            longest_s=config.auth.issued_s,
            kept_s=config.auth.revocations_kept_s,
        )
        await self._follow()
        callers = Callers(self)
        await callers.begin()
        for procedure, answer in (
            (protocol.TOKEN_ISSUE, self._credentials.issue),
            (protocol.TOKEN_REVOKE, self._credentials.revoke),
        ):
            await callers.serve(procedure, answer)
        await self.serve(protocol.NODE_ADMIT, self._admit)
        await self.serve(protocol.HEALTH_NODE, self._health)
        self._tidy = LoopingCall(self._credentials.tidy)
        self._tidy.clock = self.clock
        self._tidy.start(TIDY_S, now=False)

    async def _follow(self) -> None:
        """Listen to what is announced to all nodes, as soon as the store answers."""
        while True:
            try:
                await self._store.commons.listen_nodes(self._announced)
                await self._load_revocations()
                return
            except CollabError as error:
                self.log.warn("not ready yet: {error}", error=error)
                await self.pause(50)

    def _announced(self, _key: SessionKey, announcement: Announcement) -> None:
        match announcement:
            case RevokedAnnounced():
                revocation = self._credentials.announced(announcement)
                self.background(self._cut([revocation]))
            case ChannelReset():
                self.background(self._load_revocations())

    async def _load_revocations(self) -> None:
        """Also those whose announcement was missed have to go."""
        await self._cut(await self._credentials.load())

    async def _cut(self, revoked: list[Revocation]) -> None:
        if revoked:
            await self.call(
                protocol.ROUTER_CUT,
                revoked=as_rows(revoked),
                code="token_revoked",
                message="The token was revoked.",
            )

    async def _admit(self, _details: CallDetails, arguments: Arguments) -> dict[str, Any]:
        """Whether a token may be used, and, where `connecting`, for one more connection."""
        claims = Claims.from_extra(arguments.value("claims"))
        arguments.flag("connecting")
        arguments.finish()
        self._credentials.check(claims)
        return {}

    async def _health(self, _details: CallDetails, arguments: Arguments) -> dict[str, Any]:
        arguments.finish()
        return {"ok": True}

    def onLeave(self, details: Any) -> None:
        if hasattr(self, "_tidy") and self._tidy.running:
            self._tidy.stop()
        super().onLeave(details)
