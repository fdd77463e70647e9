"""The registry in the project's store, Redis (≥ 6.2) or Valkey.

Keys, each with a TTL that ends with what it holds longest:
    registry                  zset: service, scored by when its last instance ends (ms, server TIME)
    registry:SERVICE          zset: instance_id, scored by when it ends
    registry:SERVICE:values   hash: instance_id → `Instance.as_wire` without the load, JSON
    registry:SERVICE:load     hash: instance_id → load, JSON
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import attrs
import orjson
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from ..store.address import Address
from ..store.clock import StoreClock
from ..store.connection import REPLY_TIMEOUT_S, Connection, ResponseError, Script
from .forms import (
    check_instance,
    check_instance_id,
    check_load,
    check_service,
    check_ttl,
    instance_to_bytes,
)
from .interface import CALL_S, Instance, unavailable
from .reading import Reader

DEADLINE_S: Final = CALL_S - 0.2
READY_S: Final = 0.8
# What was not carried out by then never is: so its caller is not told too early that it failed.
WRITE_S: Final = REPLY_TIMEOUT_S - 0.1
SCRIPTS: Final = {
    name: Script(f"registry_{name}")
    for name in ("register", "heartbeat", "deregister", "instances", "services")
}


class RedisRegistry:
    """See `interface.Registry`.

    Args:
        monotonic: seconds on a clock that nobody sets.
    """

    def __init__(self, reactor: Any, address: Address, monotonic: Callable[[], float]) -> None:
        self._reactor = reactor
        self._clock = StoreClock(monotonic)
        self._connection = Connection(reactor, address, came_up=self._clock.set_by)
        self._reader = Reader(str(address))
        self._connection.start()

    async def close(self) -> None:
        await self._connection.close()

    async def register(self, instance: Instance, ttl_s: float) -> None:
        check_instance(instance)
        check_ttl(ttl_s)
        await self._change(
            "register",
            instance.service,
            instance.instance_id,
            round(ttl_s * 1000),
            instance_to_bytes(attrs.evolve(instance, load={})),
            orjson.dumps(dict(instance.load)),
        )

    async def heartbeat(
        self, service: str, instance_id: str, load: Mapping[str, float], ttl_s: float
    ) -> bool:
        check_service(service)
        check_instance_id(instance_id)
        check_load(load)
        check_ttl(ttl_s)
        there = await self._change(
            "heartbeat", service, instance_id, round(ttl_s * 1000), orjson.dumps(dict(load))
        )
        return bool(there == 1)

    async def deregister(self, service: str, instance_id: str) -> None:
        check_service(service)
        check_instance_id(instance_id)
        await self._change("deregister", service, instance_id)

    async def instances(self, service: str) -> tuple[Instance, ...]:
        check_service(service)
        rows = _texts(await self._in_time(self._run("instances", _keys(service)[1:])))
        found = []
        for instance_id, value, load in zip(rows[::3], rows[1::3], rows[2::3], strict=False):
            instance = self._reader.read(service, instance_id.decode(), value, load)
            if instance is not None:
                found.append(instance)
        return tuple(sorted(found, key=lambda instance: instance.instance_id))

    async def services(self) -> tuple[str, ...]:
        names = _texts(await self._in_time(self._run("services", ["registry"])))
        return tuple(sorted(name.decode() for name in names))

    async def _change(self, name: str, service: str, *args: Any) -> Any:
        """A script that writes, unless it comes too late for its caller; the number it returns."""

        async def run() -> Any:
            await self._connection.until_ready(READY_S)
            deadline = f"{self._clock.now_ms() + WRITE_S * 1000:.0f}"
            reply = await self._run(name, _keys(service), deadline, service, *args)
            if reply == [b"late"]:
                # It may be its clock that was set.
                await self._clock.set_by(self._connection)
                raise unavailable("the call reached it too late")
            if not isinstance(reply, list) or len(reply) != 2 or reply[0] != b"ok":
                raise unavailable("its answer is not understood")
            return reply[1]

        return await self._in_time(run())

    async def _run(self, name: str, keys: list[str], *args: Any) -> Any:
        await self._connection.until_ready(READY_S)
        try:
            return await self._connection.script(SCRIPTS[name], keys, *args)
        except ResponseError as error:
            raise unavailable(str(error)) from None

    async def _in_time(self, work: Awaitable[Any]) -> Any:
        """The outcome of `work`, or `store_unavailable` after `DEADLINE_S`.

        It is not cancelled: the replies on a connection would be given to the wrong callers. What
        comes of it later is passed over, as the scripts' deadline does with what reaches the store
        later.
        """

        async def run() -> Any:
            return await work

        answer: Deferred[Any] = Deferred()

        def late() -> None:
            answer.errback(unavailable(f"no answer within {DEADLINE_S} s"))

        timer = self._reactor.callLater(DEADLINE_S, late)

        def done(outcome: Any) -> None:
            if timer.active():
                timer.cancel()
                if isinstance(outcome, Failure):
                    answer.errback(outcome)
                else:
                    answer.callback(outcome)

        Deferred.fromCoroutine(run()).addBoth(done)
        return await answer


def _keys(service: str) -> list[str]:
    base = f"registry:{service}"
    return ["registry", base, f"{base}:values", f"{base}:load"]


def _texts(reply: Any) -> list[bytes]:
    if not isinstance(reply, list) or not all(isinstance(text, bytes) for text in reply):
        raise unavailable("its answer is not understood")
    return reply
