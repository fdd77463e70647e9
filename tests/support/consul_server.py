"""A recorded Consul agent: NOT Consul, but a small HTTP server that answers as Consul does.

There is no Consul program in the packages that the tests may install. This stands in for exactly
the part of its documented HTTP API that `collab_wamp.registry.consul` uses: registering a service
with a TTL check, updating the check, the local health of a service, deregistering, and the health
of services in the catalog. It takes nothing that Consul would refuse (names, types and sizes are
looked at strictly, and what is unknown is refused where Consul would pass it over), lets checks
expire on a clock, keeps the state of a check when its service is registered again, and answers with
the statuses of today's versions. It has one agent, and no delay between agent and catalog.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

import attrs
import orjson
from twisted.web.resource import Resource
from twisted.web.server import Site

META_KEY = re.compile(r"[a-zA-Z0-9_-]{1,128}")
DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)")
UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
NODE, ADDRESS = "node-a", "10.9.8.7"
SERVICE_FIELDS = {
    "ID": str, "Name": str, "Address": str, "Port": int, "Tags": list, "Meta": dict, "Check": dict,
}  # fmt: skip
CHECK_FIELDS = dict.fromkeys(
    ("CheckID", "Name", "TTL", "Status", "DeregisterCriticalServiceAfter"), str
)
STATUSES = ("passing", "warning", "critical")


class Refused(Exception):
    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@attrs.define
class Check:
    check_id: str
    name: str
    ttl_s: float
    status: str
    remove_after_s: float
    output: str = ""
    timer: Any = None


@attrs.define
class Entry:
    service_id: str
    name: str
    address: str
    port: int
    tags: list[str]
    meta: dict[str, str]
    check: Check | None

    def service(self) -> dict[str, Any]:
        return {
            "ID": self.service_id,
            "Service": self.name,
            "Tags": self.tags,
            "Meta": self.meta,
            "Port": self.port,
            "Address": self.address,
            "Weights": {"Passing": 1, "Warning": 1},
            "EnableTagOverride": False,
        }

    def checks(self) -> list[dict[str, Any]]:
        if self.check is None:
            return []
        return [
            {
                "Node": NODE,
                "CheckID": self.check.check_id,
                "Name": self.check.name,
                "Status": self.check.status,
                "Notes": "",
                "Output": self.check.output,
                "ServiceID": self.service_id,
                "ServiceName": self.name,
                "ServiceTags": self.tags,
            }
        ]


class ConsulServer(Resource):
    """
    Args:
        clock: an `IReactorTime`, for the TTL of checks.
        token: "" = no ACLs.

    Attributes:
        node_status: of the check that every node has, `serfHealth`.
        requests: method and path of each request.
    """

    isLeaf = True

    def __init__(self, clock: Any, token: str = "") -> None:
        super().__init__()
        self._clock = clock
        self._token = token
        self.entries: dict[str, Entry] = {}
        self.node_status = "passing"
        self.requests: list[str] = []
        self.site = Site(self)

    def close(self) -> None:
        for entry in list(self.entries.values()):
            self._remove(entry)

    def render(self, request: Any) -> bytes:
        method, path = request.method.decode(), request.path.decode()
        self.requests.append(f"{method} {path}")
        try:
            answer = self._answer(method, path, request)
        except Refused as error:
            request.setResponseCode(error.status)
            request.setHeader("Content-Type", "text/plain; charset=utf-8")
            return str(error).encode()
        if answer is None:
            return b""
        status, value = answer
        request.setResponseCode(status)
        request.setHeader("Content-Type", "application/json")
        return orjson.dumps(value)

    def _answer(self, method: str, path: str, request: Any) -> Any:
        given = request.getHeader("X-Consul-Token") or ""
        if self._token and given not in ("", self._token):
            raise Refused(403, "ACL not found")
        allowed = given == self._token
        for wanted, pattern, answer in (
            ("PUT", "/v1/agent/service/register", self._register),
            ("PUT", "/v1/agent/service/deregister/(.+)", self._deregister),
            ("PUT", "/v1/agent/check/update/(.+)", self._update),
            ("GET", "/v1/agent/health/service/id/(.+)", self._local),
            ("GET", "/v1/health/service/([^/]+)", self._health),
            ("GET", "/v1/health/state/any", self._states),
        ):
            found = re.fullmatch(pattern, path)
            if not found:
                continue
            if method != wanted:
                raise Refused(405, f"method {method} not allowed")
            if not allowed and "/v1/agent/" in path:
                raise Refused(403, "Permission denied: anonymous token lacks permission")
            if not allowed:
                return 200, []  # what may not be read is left out
            return answer(request, *(unquote(part) for part in found.groups()))
        raise Refused(404, "")

    # --- the agent ------------------------------------------------------------------------------

    def _register(self, request: Any) -> None:
        body = self._body(request, SERVICE_FIELDS)
        if not body.get("Name"):
            raise Refused(400, "Missing service name")
        meta = body.get("Meta", {})
        if len(meta) > 64:
            raise Refused(400, "Invalid Service Meta: Node metadata cannot contain more than 64")
        for key, value in meta.items():
            if not META_KEY.fullmatch(key) or key.startswith("consul-"):
                raise Refused(400, f"Invalid Service Meta: Key {key!r} contains invalid characters")
            if not isinstance(value, str) or len(value.encode()) > 512:
                raise Refused(
                    400, "Invalid Service Meta: Value is too long (limit: 512 characters)"
                )
        if not 0 <= body.get("Port", 0) <= 65535:
            raise Refused(400, "Invalid port")
        if not all(isinstance(tag, str) for tag in body.get("Tags", [])):
            raise Refused(400, "Request decode failed: tags")
        service_id = body.get("ID") or body["Name"]
        check = self._check(service_id, body["Check"]) if "Check" in body else None
        known = self.entries.get(service_id)
        if known is not None and known.check is not None:
            self._stop(known.check)
            if check is not None and known.check.check_id == check.check_id:
                check.status, check.output = known.check.status, known.check.output
        entry = Entry(
            service_id, body["Name"], body.get("Address", ""), body.get("Port", 0),
            body.get("Tags", []), meta, check,
        )  # fmt: skip
        self.entries[service_id] = entry
        if check is not None:
            self._wind(entry, check)

    def _check(self, service_id: str, given: dict[str, Any]) -> Check:
        self._typed(given, CHECK_FIELDS)
        if given.get("Status", "critical") not in STATUSES:
            raise Refused(400, "Status for checks must 'passing', 'warning', 'critical'")
        ttl_s = self._seconds(given.get("TTL", ""))
        after = given.get("DeregisterCriticalServiceAfter", "")
        if ttl_s <= 0:
            raise Refused(400, "Check is not valid: TTL must be > 0 for TTL checks")
        return Check(
            given.get("CheckID") or f"service:{service_id}",
            given.get("Name", ""),
            ttl_s,
            given.get("Status", "critical"),
            max(60.0, self._seconds(after)) if after else 0.0,
        )

    def _wind(self, entry: Entry, check: Check) -> None:
        """Let the TTL begin anew, or the time after which a critical service goes."""
        self._stop(check)
        if check.status == "critical" and check.output == "TTL expired":
            if check.remove_after_s:
                check.timer = self._clock.callLater(check.remove_after_s, self._remove, entry)
        else:
            check.timer = self._clock.callLater(check.ttl_s, self._expire, entry, check)

    def _stop(self, check: Check) -> None:
        if check.timer is not None and check.timer.active():
            check.timer.cancel()

    def _expire(self, entry: Entry, check: Check) -> None:
        check.status, check.output = "critical", "TTL expired"
        self._wind(entry, check)

    def _remove(self, entry: Entry) -> None:
        if entry.check is not None:
            self._stop(entry.check)
        self.entries.pop(entry.service_id, None)

    def _deregister(self, _request: Any, service_id: str) -> None:
        entry = self.entries.get(service_id)
        if entry is None:
            raise Refused(404, f'Unknown service ID "{service_id}".')
        self._remove(entry)

    def _update(self, request: Any, check_id: str) -> None:
        body = self._body(request, {"Status": str, "Output": str})
        if body.get("Status") not in STATUSES:
            raise Refused(400, f'Invalid check status: "{body.get("Status")}"')
        for entry in self.entries.values():
            check = entry.check
            if check is not None and check.check_id == check_id:
                check.status, check.output = body["Status"], body.get("Output", "")[:4096]
                self._wind(entry, check)
                return
        raise Refused(404, f'Unknown check ID "{check_id}". Ensure that the check ID is passed')

    def _local(self, _request: Any, service_id: str) -> Any:
        entry = self.entries.get(service_id)
        if entry is None:
            raise Refused(404, f"ServiceId {service_id} not found")
        status = entry.check.status if entry.check else "passing"
        return {"passing": 200, "warning": 429, "critical": 503}[status], {
            "AggregatedStatus": status,
            "Service": entry.service(),
            "Checks": entry.checks(),
        }

    # --- the catalog ----------------------------------------------------------------------------

    def _node_check(self) -> dict[str, Any]:
        return {
            "Node": NODE, "CheckID": "serfHealth", "Name": "Serf Health Status",
            "Status": self.node_status, "Notes": "", "Output": "", "ServiceID": "",
            "ServiceName": "", "ServiceTags": [],
        }  # fmt: skip

    def _health(self, request: Any, name: str) -> Any:
        passing = b"passing" in request.args
        rows = []
        for entry in self.entries.values():
            checks = [self._node_check(), *entry.checks()]
            if entry.name == name and not (
                passing and any(c["Status"] != "passing" for c in checks)
            ):
                node = {"ID": "", "Node": NODE, "Address": ADDRESS, "Datacenter": "dc1"}
                rows.append({"Node": node, "Service": entry.service(), "Checks": checks})
        return 200, rows

    def _states(self, _request: Any) -> Any:
        rows = [self._node_check()]
        for entry in self.entries.values():
            rows += entry.checks()
        return 200, rows

    # --- forms ----------------------------------------------------------------------------------

    def _body(self, request: Any, fields: dict[str, type]) -> dict[str, Any]:
        try:
            body = orjson.loads(request.content.read())
        except orjson.JSONDecodeError as error:
            raise Refused(400, f"Request decode failed: {error}") from None
        if not isinstance(body, dict):
            raise Refused(400, "Request decode failed: no object")
        self._typed(body, fields)
        return body

    def _typed(self, body: dict[str, Any], fields: dict[str, type]) -> None:
        for name, value in body.items():
            if name not in fields or type(value) is not fields[name]:
                raise Refused(400, f"Request decode failed: {name} = {value!r}")

    def _seconds(self, text: str) -> float:
        found = DURATION.fullmatch(text)
        if not found:
            raise Refused(400, f"Request decode failed: time: invalid duration {text!r}")
        return float(found[1]) * UNIT_S[found[2]]
