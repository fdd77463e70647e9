"""The registry in this process's memory: the reference, for tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs

from .forms import check_instance, check_instance_id, check_load, check_service, check_ttl
from .interface import Instance


class MemoryRegistry:
    """See `interface.Registry`.

    Args:
        now_s: seconds on any clock.
    """

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._known: dict[tuple[str, str], tuple[float, Instance]] = {}

    def _forget(self) -> None:
        now_s = self._now_s()
        self._known = {key: known for key, known in self._known.items() if known[0] > now_s}

    async def register(self, instance: Instance, ttl_s: float) -> None:
        check_instance(instance)
        check_ttl(ttl_s)
        self._forget()
        key = (instance.service, instance.instance_id)
        self._known[key] = (self._now_s() + ttl_s, instance)

    async def heartbeat(
        self, service: str, instance_id: str, load: Mapping[str, float], ttl_s: float
    ) -> bool:
        check_service(service)
        check_instance_id(instance_id)
        check_load(load)
        check_ttl(ttl_s)
        self._forget()
        known = self._known.get((service, instance_id))
        if known is None:
            return False
        instance = attrs.evolve(known[1], load=dict(load))
        self._known[service, instance_id] = (self._now_s() + ttl_s, instance)
        return True

    async def deregister(self, service: str, instance_id: str) -> None:
        check_service(service)
        check_instance_id(instance_id)
        self._known.pop((service, instance_id), None)

    async def instances(self, service: str) -> tuple[Instance, ...]:
        check_service(service)
        self._forget()
        found = [instance for _, instance in self._known.values() if instance.service == service]
        return tuple(sorted(found, key=lambda instance: instance.instance_id))

    async def services(self) -> tuple[str, ...]:
        self._forget()
        return tuple(sorted({service for service, _ in self._known}))

    async def close(self) -> None:
        self._known.clear()
