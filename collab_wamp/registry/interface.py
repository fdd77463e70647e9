"""What a registry does, and the instances it knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, Protocol

import attrs

from ..errors import CollabError

# Within this every method has answered or raised.
CALL_S: Final = 3.0

Status = Literal["ready", "draining"]


def unavailable(reason: str) -> CollabError:
    return CollabError(
        "store_unavailable",
        f"The registry cannot answer: {reason.rstrip('.')}.",
        retry_after_ms=500,
    )


@attrs.frozen
class Instance:
    """One running instance of a service.

    Attributes:
        service: `^[a-z0-9_.-]{1,64}$`.
        instance_id: `^[A-Za-z0-9_.:@-]{1,128}$`, unique within its service.
        host, port: where others reach it; a name or an address, IPv6 without brackets.
        version, environment: texts of up to 64 characters, "" = not told.
        started_ms: milliseconds since 1970, 0 = not told.
        capabilities: names of what it can do.
        load: numbers such as `connections` and `sessions`, as its last heartbeat told them.
        metadata: a flat object of up to 2 KiB as JSON.
        status: one that is `draining` still answers, and gets nothing new.
    """

    service: str
    instance_id: str
    host: str
    port: int
    version: str = ""
    environment: str = ""
    started_ms: int = 0
    capabilities: tuple[str, ...] = ()
    load: Mapping[str, float] = attrs.field(factory=dict)
    metadata: Mapping[str, Any] = attrs.field(factory=dict)
    status: Status = "ready"

    def as_wire(self) -> dict[str, Any]:
        """As JSON; `forms.instance_from` reads it back."""
        wire = {field.name: getattr(self, field.name) for field in attrs.fields(Instance)}
        return wire | {
            "capabilities": list(self.capabilities),
            "load": dict(self.load),
            "metadata": dict(self.metadata),
        }


class Registry(Protocol):
    """Services and their live instances; one that is not heard of for its TTL is gone.

    Every method raises `CollabError`: `store_unavailable` within `CALL_S` where the backend does
    not answer, and `bad_request`, naming the argument, where one is not of its form.
    """

    async def register(self, instance: Instance, ttl_s: float) -> None:
        """Enter an instance, or replace all that is known of it, for `ttl_s` (1 to 300 s)."""

    async def heartbeat(
        self, service: str, instance_id: str, load: Mapping[str, float], ttl_s: float
    ) -> bool:
        """Keep an instance for another `ttl_s`, and tell its load.

        Returns:
            False where it is not there (any more): it has to be registered again.
        """

    async def deregister(self, service: str, instance_id: str) -> None:
        """Take an instance out; that it is not there is no error."""

    async def instances(self, service: str) -> tuple[Instance, ...]:
        """The live instances of a service, by their id; draining ones are among them."""

    async def services(self) -> tuple[str, ...]:
        """The services that have a live instance, in the order of the alphabet."""

    async def close(self) -> None:
        """Give back connections; what was registered stays until its TTL is over."""
