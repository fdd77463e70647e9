"""The component that tells a node's connections what happens in their sessions."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from autobahn.wamp.types import (
    CallDetails,
    EventDetails,
    SubscribeOptions,
)
from twisted.internet.task import LoopingCall

from .. import metrics, protocol
from ..errors import CollabError
from ..protocol import Arguments
from ..relay import Relay
from ..store.values import SessionKey
from ..tokens import Claims
from . import shortcuts
from .component import CollabComponent
from .surroundings import ComponentSurroundings

TIDY_S = 10.0


class Component(CollabComponent):
    """The node's one relay."""

    async def begin(self) -> None:
        config = self.config.extra["config"]
        self._relay = Relay(
            self.config.extra["store"],
            config.server.instance_id,
            ComponentSurroundings(self),
            config.limits.sessions_per_connection,
            shortcuts.tell_edits,
        )
        await self.subscribe(self._on_wamp_leave, "wamp.session.on_leave")
        await self.subscribe(
            self._on_presence,
            protocol.INCOMING_PREFIX,
            options=SubscribeOptions(match="prefix", details_arg="details"),
        )
        if self.inside:
            shortcuts.hear_presence = self._relay.presence
        await self.subscribe(self._on_refreshed, protocol.NODE_REFRESHED)
        await self._reconcile()
        await self.serve(protocol.RELAY_WATCH, self._watch)
        await self.serve(protocol.HEALTH_RELAY, self._health)
        await self.serve(protocol.RELAY_LOAD, self._load)
        self.measure(
            (metrics.SESSIONS_FOLLOWED, self._relay.followed),
            (metrics.PARTICIPANTS, self._relay.participants),
        )
        self._tidy = LoopingCall(lambda: self.background(self._tidy_up()))
        self._tidy.clock = self.clock
        self._tidy.start(TIDY_S, now=False)

    async def _reconcile(self) -> None:
        """Take up where the last relay of this node ended, as soon as the store answers."""
        while True:
            try:
                await self._relay.reconcile(self._live)
                await self._learn_tokens()
                return
            except CollabError as error:
                self.log.warn("not ready yet: {error}", error=error)
                await self.pause(50)

    async def _learn_tokens(self) -> None:
        """What the connections' tokens say by now: some may have got another one meanwhile."""
        for wamp_session_id in self._relay.connections():
            claims = await self.call(protocol.ROUTER_CLAIMS, wamp_session_id=wamp_session_id)
            if claims:
                self._relay.refreshed(wamp_session_id, Claims.from_extra(claims))

    async def _live(self) -> Collection[int]:
        return set(await self.call("wamp.session.list"))

    async def _tidy_up(self) -> None:
        await self._relay.tidy(self._live)

    def _on_wamp_leave(self, args: list[Any], _kwargs: dict[str, Any]) -> None:
        self._relay.connection_lost(args[0])

    def _on_refreshed(self, args: list[Any], _kwargs: dict[str, Any]) -> None:
        self._relay.refreshed(args[0], Claims.from_extra(args[1]))

    def _on_presence(self, _args: list[Any], kwargs: dict[str, Any], details: EventDetails) -> None:
        self._relay.presence(details.topic, details.publisher, kwargs)

    async def _watch(self, _details: CallDetails, arguments: Arguments) -> dict[str, Any]:
        key = SessionKey(arguments.text("tenant", "", 64), arguments.session_id())
        wamp_session_id = arguments.integer("wamp_session_id", 0, 2**53)
        arguments.finish()
        return {"epoch": await self._relay.watch(key, wamp_session_id)}

    async def _load(self, _details: CallDetails, arguments: Arguments) -> dict[str, Any]:
        arguments.finish()
        return {
            "participants": self._relay.participants(),
            "tenants": self._relay.by_tenant(),
        }

    async def _health(self, _details: CallDetails, arguments: Arguments) -> dict[str, Any]:
        arguments.finish()
        return await self._relay.health()

    def onLeave(self, details: Any) -> None:
        if hasattr(self, "_tidy") and self._tidy.running:
            self._tidy.stop()
        if self.inside:
            shortcuts.hear_presence = None
        if hasattr(self, "_relay"):
            self.background(self._relay.stop())
        super().onLeave(details)
