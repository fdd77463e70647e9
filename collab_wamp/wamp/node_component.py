"""The component of a node as a whole: tokens, revocations, who may connect."""

from __future__ import annotations

import random
import secrets
from typing import Any

from autobahn.wamp.exception import ApplicationError, TransportLost
from autobahn.wamp.types import CallDetails
from twisted.internet.task import LoopingCall

from .. import __version__, protocol
from ..caller import Caller
from ..config import Config
from ..credentials import Credentials, as_rows
from ..discovery import Discovery
from ..errors import CollabError
from ..node import drain_note, drained_note, owner_of_name
from ..notices import Notices
from ..ot import TYPES
from ..participants import random_name
from ..protocol import Arguments
from ..registry.heart import Heart
from ..registry.interface import Instance, Registry
from ..registry.opening import open_registry
from ..reports import Reports, bury_the_dead
from ..resolving import expire_held
from ..store.announcements import (
    Announcement,
    ChannelReset,
    NoticeAnnounced,
    RevokedAnnounced,
)
from ..store.commons import Revocation
from ..store.values import SessionKey
from ..tokens import Claims
from .callers import Callers
from .component import CollabComponent
from .drain import Drain
from .surroundings import ComponentSurroundings

TIDY_S = 60.0
BEAT_S = 3.0
# So long after its last beat an instance counts as alive.
ALIVE_S = 10.0


class Component(CollabComponent):
    """One for a node."""

    async def begin(self) -> None:
        config = self.config.extra["config"]
        self._store = self.config.extra["store"]
        self._instance_id = config.server.instance_id
        self._credentials = Credentials(
            self._store.commons,
            config.keyring(),
            now_ms=self.config.extra["now_ms"],
            new_name=lambda size: random_name(secrets.token_bytes(size)),
            longest_s=config.auth.issued_s,
            kept_s=config.auth.revocations_kept_s,
        )
        self._owner = owner_of_name(config)
        self._is_double = False
        # Whether this instance is in the registry: not before its name is known to be its own.
        self._entered = False
        # Whether something may have been announced that was not heard here.
        self._missed = self._catching_up = False
        self._limiter = self.limiter()
        self._load: dict[str, float] = {"connections": 0, "sessions": 0, "participants": 0}
        self._registry, self._heart = self._enter_registry(config)
        discovery = Discovery(self._registry, config.registry.service, random.random)
        reports = Reports(self._store, self._store.commons)
        notices = Notices(self._store.commons, self.config.extra["now_ms"])
        self._drain = Drain(
            self,
            asked=drain_note(config),
            done=drained_note(config),
            within_s=config.server.drain_s,
            now_ms=self.config.extra["now_ms"],
            begun=self._begin_drain,
            farewell=self._farewell,
        )
        self._started_ms = self.config.extra["now_ms"]()
        await self._follow()
        callers = Callers(self, self._limiter)
        await callers.begin()
        for procedure, answer in (
            (protocol.TOKEN_ISSUE, self._credentials.issue),
            (protocol.TOKEN_REVOKE, self._credentials.revoke),
            (protocol.STATS_CONNECTIONS, reports.connections),
            (protocol.STATS_SESSIONS, reports.sessions),
            (protocol.STATS_LIMITS, self._limits),
            (protocol.NOTICE_SEND, notices.send),
            (protocol.NODE_DRAIN, self._drain.call),
            (protocol.REGISTRY_INSTANCES, discovery.instances),
            (protocol.REGISTRY_SERVICES, discovery.services),
            (protocol.REGISTRY_PICK, discovery.pick),
            (protocol.REGISTRY_REGISTER, discovery.register),
            (protocol.REGISTRY_HEARTBEAT, discovery.heartbeat),
            (protocol.REGISTRY_DEREGISTER, discovery.deregister),
        ):
            await callers.serve(procedure, answer)
        await self.serve(protocol.NODE_ADMIT, self._admit)
        await self.serve(protocol.NODE_ADMIT_HTTP, self._admit_http)
        await self.serve(protocol.HEALTH_NODE, self._health)
        self._loops = [self._drain.start()]
        for work, seconds in (
            (self._credentials.tidy, TIDY_S),
            (lambda: self.background(self._beat()), BEAT_S),
        ):
            loop = LoopingCall(work)
            loop.clock = self.clock
            loop.start(seconds)
            self._loops.append(loop)

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
            case NoticeAnnounced(tenant, user_id, notice):
                self.background(self._notify(tenant, user_id, notice))
            case ChannelReset():
                self._missed = True
                self.background(self._catch_up())

    async def _catch_up(self) -> None:
        """Read what may have been announced unheard, for as long as that takes."""
        if self._catching_up:
            return
        self._catching_up = True
        try:
            while self._missed:
                self._missed = False
                try:
                    await self._load_revocations()
                except CollabError as error:
                    self._missed = True
                    self.log.warn("revocations not read yet: {error}", error=error)
                    await self.pause(50)
        finally:
            self._catching_up = False

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

    async def _notify(self, tenant: str, user_id: str, notice: dict[str, Any]) -> None:
        await self.call(protocol.ROUTER_NOTIFY, tenant=tenant, user_id=user_id, notice=notice)

    # --- the node among others --------------------------------------------------------------

    async def _beat(self) -> None:
        """Say that this instance is alive and what it does, and look who is not any more."""
        if self._drain.ended:
            return
        report = await self._report()
        ours = await self._store.commons.beat(self._instance_id, report, ALIVE_S, self._owner)
        if self._is_double != (not ours):
            self._is_double = not ours
            if self._is_double:
                self.log.error("{problem}", problem=self._double())
        if ours and self._heart is not None and not self._entered:
            self._entered = True
            self._heart.start()
        await bury_the_dead(self._store, self._store.commons)
        await expire_held(self._store)

    def _enter_registry(self, config: Config) -> tuple[Registry | None, Heart | None]:
        """The registry, and what keeps this instance in it, once it is started."""
        settings = config.registry
        if not settings.enabled:
            return None, None
        registry = open_registry(
            settings.url,
            reactor=self.clock,
            store_url=config.store.url,
            monotonic=self.clock.seconds,
        )
        instance = Instance(
            settings.service,
            self._instance_id,
            settings.host,
            config.server.port,
            settings.version,
            settings.environment,
            self.config.extra["now_ms"](),
            capabilities=tuple(TYPES),
        )
        heart = Heart(
            registry,
            instance,
            load=lambda: self._load,
            surroundings=ComponentSurroundings(self),
            chance=random.random,
            ttl_s=settings.ttl_s,
            heartbeat_s=settings.heartbeat_s,
        )
        return registry, heart

    def _begin_drain(self) -> None:
        """Nobody is to be sent here any more."""
        if self._heart is not None and self._entered:
            self.background(self._heart.draining())

    async def _farewell(self) -> None:
        if self._heart is not None and self._entered:
            await self._heart.stop()
        if not self._is_double:
            await self._store.commons.farewell(self._instance_id)

    def _double(self) -> str:
        return f"another node runs as instance {self._instance_id!r}: give each its INSTANCE_ID"

    async def _report(self) -> dict[str, Any]:
        tenants: dict[str, dict[str, Any]] = {}
        connections = 0
        for procedure in (protocol.ROUTER_LOAD, protocol.RELAY_LOAD):
            try:
                load = await self.call(procedure)
            except (ApplicationError, TransportLost) as error:
                # That part is being started again; the node is alive all the same.
                self.log.debug("{name}: {error}", name=procedure, error=error)
                continue
            connections += load.get("connections", 0)
            for tenant, row in load["tenants"].items():
                tenants.setdefault(tenant, {}).update(row)
        self._load = {
            "connections": connections,
            "sessions": sum(row.get("sessions", 0) for row in tenants.values()),
            "participants": sum(row.get("participants", 0) for row in tenants.values()),
        }
        return {
            "version": __version__,
            "started_ms": self._started_ms,
            "connections": connections,
            "tenants": tenants,
        }

    # --- answers ----------------------------------------------------------------------------

    async def _admit(self, _details: CallDetails, arguments: Arguments) -> dict[str, Any]:
        """Whether a token may be used, and, where `connecting`, for one more connection."""
        claims = Claims.from_extra(arguments.value("claims"))
        connecting = arguments.flag("connecting")
        arguments.finish()
        self._credentials.check(claims)
        if connecting:
            self._drain.check()
            await self._limit("connections", claims)
            # It may have been revoked while it waited for its turn.
            self._credentials.check(claims)
        else:
            await self._limit("calls", claims)
        return {}

    async def _admit_http(self, _details: CallDetails, arguments: Arguments) -> dict[str, Any]:
        """Whether a token may be used for one more request over HTTP."""
        claims = Claims.from_extra(arguments.value("claims"))
        arguments.finish()
        self._credentials.check(claims)
        await self._limit("http", claims)
        self._credentials.check(claims)
        return {}

    async def _limit(self, what: str, claims: Claims) -> None:
        try:
            await self._limiter.take(what, claims.tenant, claims.user_id)
        except CollabError as error:
            # Without the store nothing that counts can be done; to be told so is not limited.
            if error.code != "store_unavailable":
                raise

    async def _limits(self, caller: Caller, arguments: Arguments) -> dict[str, Any]:
        """What is left to a user: to the caller, or with the capability `stats` to another."""
        session_id = arguments.session_id(optional=True)
        user_id = arguments.text("user_id", caller.claims.user_id, 128)
        arguments.finish()
        if user_id != caller.claims.user_id:
            caller.require("stats", "operate")
        left = await self._limiter.left(caller.claims.tenant, user_id, session_id)
        return {"user_id": user_id, "limits": left}

    async def _health(self, _details: CallDetails, arguments: Arguments) -> dict[str, Any]:
        arguments.finish()
        if self._is_double:
            return {"ok": False, "problem": self._double()}
        registry = "off" if self._heart is None else self._heart.problem or "ok"
        return {"ok": True, "registry": registry, "draining": self._drain.deadline_s is not None}

    def onLeave(self, details: Any) -> None:
        for loop in getattr(self, "_loops", ()):
            if loop.running:
                loop.stop()
        heart, registry = getattr(self, "_heart", None), getattr(self, "_registry", None)
        if heart is not None and registry is not None:
            # Not deregistered: the node lives on, and this component comes back.
            heart.rest()
            self.background(registry.close())
        super().onLeave(details)
