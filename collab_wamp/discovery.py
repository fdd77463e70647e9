"""Finding instances of this and of other services, and entering others, for those who may."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from .caller import Caller
from .errors import CollabError
from .protocol import Arguments
from .registry.forms import TTL_LEAST_S, TTL_MOST_S, instance_from
from .registry.interface import Registry
from .registry.picking import STRATEGIES, pick

MOST_TURNS = 10_000


class Discovery:
    """
    Args:
        registry: None = the node is configured to have none.
        own_service: what instances of this program are entered as; they enter themselves.
        chance: a number from 0.0 up to 1.0.
    """

    def __init__(
        self, registry: Registry | None, own_service: str, chance: Callable[[], float]
    ) -> None:
        self._registry = registry
        self._own_service = own_service
        self._chance = chance
        self._turns: Counter[str] = Counter()

    async def instances(self, caller: Caller, arguments: Arguments) -> dict[str, Any]:
        caller.require("registry", "stats", "operate")
        service = arguments.text("service", self._own_service, 64)
        arguments.finish()
        found = await self._there().instances(service)
        return {"service": service, "instances": [instance.as_wire() for instance in found]}

    async def services(self, caller: Caller, arguments: Arguments) -> dict[str, Any]:
        caller.require("registry", "stats", "operate")
        arguments.finish()
        return {"services": list(await self._there().services())}

    async def pick(self, caller: Caller, arguments: Arguments) -> dict[str, Any]:
        """One instance that is ready, or null."""
        caller.require("registry", "stats", "operate")
        service = arguments.text("service", self._own_service, 64)
        strategy = arguments.choice("strategy", STRATEGIES, "round_robin")
        key = arguments.text("key", "", 256)
        arguments.finish()
        found = await self._there().instances(service)
        if len(self._turns) >= MOST_TURNS:
            self._turns.clear()
        self._turns[service] += 1
        picked = pick(strategy, found, turn=self._turns[service], chance=self._chance(), key=key)
        return {"instance": None if picked is None else picked.as_wire()}

    async def register(self, caller: Caller, arguments: Arguments) -> dict[str, Any]:
        caller.require("registry")
        ttl_s = arguments.integer("ttl_s", TTL_LEAST_S, TTL_MOST_S, 30)
        instance = instance_from(arguments.rest())
        self._not_ours(instance.service)
        await self._there().register(instance, ttl_s)
        return {"ttl_s": ttl_s}

    async def heartbeat(self, caller: Caller, arguments: Arguments) -> dict[str, Any]:
        """`registered` is false where it has to register again."""
        caller.require("registry")
        ttl_s = arguments.integer("ttl_s", TTL_LEAST_S, TTL_MOST_S, 30)
        load = arguments.optional_value("load") or {}
        service, instance_id = self._named(arguments)
        known = await self._there().heartbeat(service, instance_id, load, ttl_s)
        return {"registered": known}

    async def deregister(self, caller: Caller, arguments: Arguments) -> dict[str, Any]:
        caller.require("registry")
        await self._there().deregister(*self._named(arguments))
        return {}

    def _named(self, arguments: Arguments) -> tuple[str, str]:
        service = arguments.text("service", "", 64)
        instance_id = arguments.text("instance_id", "", 128)
        arguments.finish()
        self._not_ours(service)
        return service, instance_id

    def _not_ours(self, service: str) -> None:
        if service == self._own_service:
            message = f"Instances of {service} enter themselves."
            raise CollabError("denied", message, needs="another service")

    def _there(self) -> Registry:
        if self._registry is None:
            raise CollabError("denied", "This node has no registry.", needs="registry.enabled")
        return self._registry
