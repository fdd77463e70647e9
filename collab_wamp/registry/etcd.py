"""The registry in etcd (3.4 or later), through its gateway from HTTP and JSON.

Each instance is one key, `collab/registry/SERVICE/INSTANCE_ID`, that holds `Instance.as_wire` as
JSON and hangs on a lease of its TTL: etcd removes it when the lease ends. Leases count in whole
seconds and have a least length, which is 2 s with etcd's default settings.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping
from typing import Any, Final

import attrs

from ..errors import CollabError
from .address import RegistryAddress
from .forms import (
    check_instance,
    check_instance_id,
    check_load,
    check_service,
    check_ttl,
    instance_from_bytes,
    instance_to_bytes,
)
from .http import HttpBackend
from .interface import Instance, unavailable
from .reading import Reader

PREFIX: Final = "collab/registry/"
TRIES: Final = 3


class EtcdRegistry:
    """See `interface.Registry`."""

    def __init__(self, reactor: Any, address: RegistryAddress) -> None:
        self._http = HttpBackend(reactor, address.http_url, {})
        self._address = address
        self._reader = Reader(str(address))
        self._token = ""
        self._least_s = 0

    async def close(self) -> None:
        await self._http.close()

    async def register(self, instance: Instance, ttl_s: float) -> None:
        check_instance(instance)
        check_ttl(ttl_s)

        async def run() -> None:
            lease = await self._grant(ttl_s)
            key = _key(instance.service, instance.instance_id)
            put = {"key": key, "value": _encoded(instance_to_bytes(instance)), "lease": lease}
            answer = await self._ask("kv/put", put | {"prev_kv": True})
            before = _field(answer, "prev_kv", dict, {})
            await self._revoke(_field(before, "lease", str, "0"))

        await self._http.within_deadline(run)

    async def heartbeat(
        self, service: str, instance_id: str, load: Mapping[str, float], ttl_s: float
    ) -> bool:
        check_service(service)
        check_instance_id(instance_id)
        check_load(load)
        check_ttl(ttl_s)

        async def run() -> bool:
            for _ in range(TRIES):
                kept = await self._kept(service, instance_id)
                if kept is None:
                    return False
                done = await self._beat(service, instance_id, kept, load, ttl_s)
                if done is not None:
                    return done
            raise unavailable("others keep changing this instance")

        done: bool = await self._http.within_deadline(run)
        return done

    async def deregister(self, service: str, instance_id: str) -> None:
        check_service(service)
        check_instance_id(instance_id)

        async def run() -> None:
            answer = await self._ask(
                "kv/deleterange", {"key": _key(service, instance_id), "prev_kv": True}
            )
            for before in _field(answer, "prev_kvs", list, []):
                await self._revoke(_field(before, "lease", str, "0"))

        await self._http.within_deadline(run)

    async def instances(self, service: str) -> tuple[Instance, ...]:
        check_service(service)

        async def run() -> list[Any]:
            return await self._range(f"{PREFIX}{service}/")

        found = []
        for kept in await self._http.within_deadline(run):
            instance_id = _decoded(kept, "key").decode("utf-8", "replace").rpartition("/")[2]
            instance = self._reader.read(service, instance_id, _decoded(kept, "value"))
            if instance is not None:
                found.append(instance)
        return tuple(sorted(found, key=lambda instance: instance.instance_id))

    async def services(self) -> tuple[str, ...]:
        async def run() -> list[Any]:
            return await self._range(PREFIX, keys_only=True)

        names = set()
        for kept in await self._http.within_deadline(run):
            service, _, instance_id = (
                _decoded(kept, "key")[len(PREFIX) :].decode("utf-8", "replace").partition("/")
            )
            try:
                check_service(service)
                check_instance_id(instance_id)
            except CollabError:
                self._reader.complain(service, instance_id, "it is no name of an instance")
            else:
                names.add(service)
        return tuple(sorted(names))

    # --- what is kept of one instance ---------------------------------------------------------

    async def _kept(self, service: str, instance_id: str) -> Any:
        answer = await self._ask("kv/range", {"key": _key(service, instance_id)})
        kept = _field(answer, "kvs", list, [])
        return kept[0] if kept else None

    async def _beat(
        self, service: str, instance_id: str, kept: Any, load: Mapping[str, float], ttl_s: float
    ) -> bool | None:
        """Prolong what is kept; None where somebody else has just changed it."""
        value = _decoded(kept, "value")
        try:
            instance = attrs.evolve(instance_from_bytes(value), load=dict(load))
        except CollabError as error:
            self._reader.complain(service, instance_id, str(error))
            return False
        lease = _field(kept, "lease", str, "0")
        if await self._keep_alive(lease) != max(math.ceil(ttl_s), self._least_s):
            # It is gone, or has another length.
            fresh = await self._grant(ttl_s)
        else:
            fresh = lease
        written = instance_to_bytes(instance)
        if written == value and fresh == lease:
            return True
        key = _key(service, instance_id)
        # Only what was read is replaced: an expired instance does not come back this way.
        answer = await self._ask(
            "kv/txn",
            {
                "compare": [
                    {
                        "key": key,
                        "target": "MOD",
                        "result": "EQUAL",
                        "mod_revision": _field(kept, "mod_revision", str, "0"),
                    }
                ],
                "success": [
                    {"request_put": {"key": key, "value": _encoded(written), "lease": fresh}}
                ],
            },
            gone="requested lease not found",
        )
        if answer is None:
            return None
        done = _field(answer, "succeeded", bool, False)
        if fresh != lease:
            await self._revoke(lease if done else fresh)
        return True if done else None

    async def _range(self, prefix: str, keys_only: bool = False) -> list[Any]:
        start = prefix.encode()
        end = start[:-1] + bytes([start[-1] + 1])
        answer = await self._ask(
            "kv/range",
            {"key": _encoded(start), "range_end": _encoded(end), "keys_only": keys_only},
        )
        rows: list[Any] = _field(answer, "kvs", list, [])
        return rows

    # --- leases ---------------------------------------------------------------------------------

    async def _grant(self, ttl_s: float) -> str:
        seconds = math.ceil(ttl_s)
        answer = await self._ask("lease/grant", {"TTL": str(seconds)})
        lease: str = _field(answer, "ID", str, "")
        granted: str = _field(answer, "TTL", str, "")
        if not lease.isdigit() or not granted.isdigit():
            raise unavailable("its answer is not understood")
        if int(granted) > seconds:
            self._least_s = int(granted)
        return lease

    async def _keep_alive(self, lease: str) -> int:
        """The seconds it has been prolonged for; 0 = it is gone."""
        if lease == "0":
            return 0
        answer = await self._ask("lease/keepalive", {"ID": lease})
        seconds = _field(_field(answer, "result", dict, {}), "TTL", str, "0")
        return int(seconds) if seconds.isdigit() else 0

    async def _revoke(self, lease: str) -> None:
        if lease != "0":
            await self._ask("lease/revoke", {"ID": lease}, gone="requested lease not found")

    # --- asking ---------------------------------------------------------------------------------

    async def _ask(self, call: str, body: dict[str, Any], gone: str = "") -> Any:
        """The answer, an object; None where etcd says that what is meant by `gone` is so."""
        answer = await self._sent(call, body)
        if answer.status in (400, 401) and b"auth token" in answer.body and self._token:
            self._token = ""
            answer = await self._sent(call, body)
        if answer.status != 200:
            if gone and gone.encode() in answer.body:
                return None
            raise answer.problem()
        return answer.json()

    async def _sent(self, call: str, body: dict[str, Any]) -> Any:
        if self._address.username and not self._token:
            login = {"name": self._address.username, "password": self._address.password}
            answer = await self._http.ask("POST", "/v3/auth/authenticate", login)
            if answer.status != 200:
                raise answer.problem()
            self._token = _field(answer.json(), "token", str, "")
        headers = {"Authorization": self._token} if self._token else None
        return await self._http.ask("POST", f"/v3/{call}", body, headers)


def _encoded(text: bytes) -> str:
    return base64.b64encode(text).decode()


def _key(service: str, instance_id: str) -> str:
    return _encoded(f"{PREFIX}{service}/{instance_id}".encode())


def _field(answer: Any, name: str, kind: type, default: Any) -> Any:
    """A field of an answer; the gateway leaves out what is zero or empty."""
    if not isinstance(answer, dict) or not isinstance(answer.get(name, default), kind):
        raise unavailable("its answer is not understood")
    return answer.get(name, default)


def _decoded(kept: Any, name: str) -> bytes:
    try:
        return base64.b64decode(_field(kept, name, str, ""), validate=True)
    except binascii.Error:
        raise unavailable("its answer is not understood") from None
