"""The registry in Consul (1.7 or later), through the HTTP API of an agent.

Each instance is a service of the agent with a TTL check. All that `Instance.as_wire` tells is in
its Meta, as JSON in pieces that fit there; `version`, `environment` and `status` stand there
plainly too. Instances that others registered in Consul's ordinary ways are read as well.

The load goes into the Meta and not into the output of the check: the agent tells the cluster of a
changed output only after minutes (its `check_update_interval`), of a changed Meta at once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import attrs
import orjson

from ..errors import CollabError
from .address import RegistryAddress
from .forms import (
    check_instance,
    check_instance_id,
    check_load,
    check_service,
    check_ttl,
    instance_from,
    is_host,
)
from .http import Answer, HttpBackend, segment
from .interface import Instance, unavailable
from .reading import Reader

# What Consul allows in a value of a service's Meta, bytes.
PIECE: Final = 512
PIECES: Final = 48
# Consul's least; it looks every 30 s.
REMOVED_AFTER: Final = "1m"


class ConsulRegistry:
    """See `interface.Registry`. Registering goes to the agent, and from it to the cluster a moment
    later: `instances` of another agent may tell of it so much later.
    """

    def __init__(self, reactor: Any, address: RegistryAddress) -> None:
        headers = {"X-Consul-Token": address.password} if address.password else {}
        self._http = HttpBackend(reactor, address.http_url, headers)
        self._reader = Reader(str(address))

    async def close(self) -> None:
        await self._http.close()

    async def register(self, instance: Instance, ttl_s: float) -> None:
        check_instance(instance)
        check_ttl(ttl_s)

        async def run() -> None:
            await self._enter(instance, ttl_s)
            # An entry that was there already keeps the state of its check, which may have expired.
            if not await self._pass(instance.service, instance.instance_id):
                raise unavailable("what was registered was removed at once")

        await self._http.within_deadline(run)

    async def heartbeat(
        self, service: str, instance_id: str, load: Mapping[str, float], ttl_s: float
    ) -> bool:
        check_service(service)
        check_instance_id(instance_id)
        check_load(load)
        check_ttl(ttl_s)

        async def run() -> bool:
            name = segment(_service_id(service, instance_id))
            answer = await self._http.ask("GET", f"/v1/agent/health/service/id/{name}")
            # 429 is Consul's way to say "warning", 503 "critical", both with the service as JSON.
            if answer.status == 404 or (answer.status in (429, 503) and _is_object(answer)):
                return False
            if answer.status != 200:
                raise answer.problem()
            entry = _field(answer.json(), "Service", dict)
            meta = _field(entry, "Meta", dict)
            instance = self._instance(service, instance_id, entry, "")
            if instance is None:
                return False
            fresh = attrs.evolve(instance, load=dict(load))
            if _meta(fresh, ttl_s) != meta:
                await self._enter(fresh, ttl_s)
            return await self._pass(service, instance_id)

        done: bool = await self._http.within_deadline(run)
        return done

    async def deregister(self, service: str, instance_id: str) -> None:
        check_service(service)
        check_instance_id(instance_id)

        async def run() -> None:
            name = segment(_service_id(service, instance_id))
            answer = await self._http.ask("PUT", f"/v1/agent/service/deregister/{name}")
            # Older versions say 500 where they do not know the service.
            if answer.status not in (200, 404) and b"nknown service" not in answer.body:
                raise answer.problem()

        await self._http.within_deadline(run)

    async def instances(self, service: str) -> tuple[Instance, ...]:
        check_service(service)

        async def run() -> list[Any]:
            return await self._list(f"/v1/health/service/{segment(service)}?passing=1")

        found: dict[str, Instance] = {}
        for row in await self._http.within_deadline(run):
            entry, node = _field(row, "Service", dict), _field(row, "Node", dict)
            service_id = _field(entry, "ID", str)
            instance_id = service_id.removeprefix(f"{service}:")
            address = _field(node, "Address", str)
            instance = self._instance(service, instance_id, entry, address)
            if instance is None:
                continue
            # One that moved to another agent may still be entered at its old one.
            known = found.get(instance_id)
            if known is None or known.started_ms <= instance.started_ms:
                found[instance_id] = instance
        return tuple(found[instance_id] for instance_id in sorted(found))

    async def services(self) -> tuple[str, ...]:
        async def run() -> list[Any]:
            return await self._list("/v1/health/state/any")

        # (node, service id) → its name, and whether all its checks pass; "" = the node itself.
        names: dict[tuple[str, str], str] = {}
        failing: set[tuple[str, str]] = set()
        for check in await self._http.within_deadline(run):
            key = (_field(check, "Node", str), _field(check, "ServiceID", str))
            names[key] = _field(check, "ServiceName", str)
            if _field(check, "Status", str) != "passing":
                failing.add(key)
        found = set()
        for (node, service_id), name in names.items():
            if service_id and (node, service_id) not in failing and (node, "") not in failing:
                try:
                    check_service(name)
                except CollabError:
                    continue  # a name that Consul allows and nobody can ask for here
                found.add(name)
        return tuple(sorted(found))

    # --- parts of the calls ---------------------------------------------------------------------

    async def _enter(self, instance: Instance, ttl_s: float) -> None:
        service_id = _service_id(instance.service, instance.instance_id)
        answer = await self._http.ask(
            "PUT",
            "/v1/agent/service/register",
            {
                "ID": service_id,
                "Name": instance.service,
                "Address": instance.host,
                "Port": instance.port,
                "Tags": list(instance.capabilities),
                "Meta": _meta(instance, ttl_s),
                "Check": {
                    "CheckID": _check_id(instance.service, instance.instance_id),
                    "Name": f"heartbeat of {service_id}",
                    "TTL": f"{round(ttl_s * 1000)}ms",
                    "Status": "passing",
                    "DeregisterCriticalServiceAfter": REMOVED_AFTER,
                },
            },
        )
        if answer.status != 200:
            raise answer.problem()

    async def _pass(self, service: str, instance_id: str) -> bool:
        """Tell that an instance lives; False where the agent does not know it."""
        name = segment(_check_id(service, instance_id))
        answer = await self._http.ask(
            "PUT", f"/v1/agent/check/update/{name}", {"Status": "passing", "Output": ""}
        )
        # Older versions say 500 where they do not know the check.
        if answer.status == 404 or b"does not have associated TTL" in answer.body:
            return False
        if answer.status != 200:
            raise answer.problem()
        return True

    async def _list(self, path: str) -> list[Any]:
        answer = await self._http.ask("GET", path)
        if answer.status != 200:
            raise answer.problem()
        rows = answer.json()
        if not isinstance(rows, list):
            raise unavailable("its answer is not understood")
        return rows

    def _instance(
        self, service: str, instance_id: str, entry: Any, node_address: str
    ) -> Instance | None:
        meta = _field(entry, "Meta", dict)
        if "collab-0" in meta:
            pieces = [meta.get(f"collab-{i}", "") for i in range(PIECES)]
            text = "".join(piece for piece in pieces if isinstance(piece, str))
            return self._reader.read(service, instance_id, text.encode("utf-8", "replace"))
        host = _field(entry, "Address", str) or node_address
        port = _field(entry, "Port", int)
        tags = entry.get("Tags") or []
        try:
            if not is_host(host):
                raise unavailable(f"{host!r} is no host")
            return instance_from(
                {
                    "service": service,
                    "instance_id": instance_id,
                    "host": host,
                    "port": port,
                    "version": meta.get("version", ""),
                    "environment": meta.get("environment", ""),
                    "capabilities": tags,
                    "metadata": meta,
                    "status": "draining" if meta.get("status") == "draining" else "ready",
                }
            )
        except CollabError as error:
            self._reader.complain(service, instance_id, str(error))
            return None


def _service_id(service: str, instance_id: str) -> str:
    return f"{service}:{instance_id}"


def _check_id(service: str, instance_id: str) -> str:
    return f"service:{_service_id(service, instance_id)}"


def _meta(instance: Instance, ttl_s: float) -> dict[str, str]:
    """A service's Meta: at most 64 pairs, values of at most 512 bytes."""
    text = json.dumps(instance.as_wire(), separators=(",", ":"), sort_keys=True)
    meta = {
        "version": instance.version,
        "environment": instance.environment,
        "status": instance.status,
        "ttl_ms": str(round(ttl_s * 1000)),
    }
    for i in range(0, len(text), PIECE):
        meta[f"collab-{i // PIECE}"] = text[i : i + PIECE]
    return meta


def _is_object(answer: Answer) -> bool:
    try:
        return isinstance(orjson.loads(answer.body), dict)
    except orjson.JSONDecodeError:
        return False


def _field(entry: Any, name: str, kind: type) -> Any:
    """A field of an answer; what is null or missing is empty."""
    if not isinstance(entry, dict):
        raise unavailable("its answer is not understood")
    value = entry.get(name)
    if value is None:
        return kind()
    if not isinstance(value, kind):
        raise unavailable("its answer is not understood")
    return value
