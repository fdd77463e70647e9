"""Keeps one instance in the registry for as long as it runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol

import attrs
from twisted.internet.defer import Deferred, DeferredLock
from twisted.logger import Logger

from ..errors import CollabError
from ..surroundings import Timer
from .interface import CALL_S, Instance, Registry

RETRY_FIRST_S: Final = 0.25


class HeartSurroundings(Protocol):
    """What a heart needs of the process it lives in; see `surroundings.Surroundings`."""

    def now_s(self) -> float: ...

    def later(self, seconds: float, call: Callable[[], None]) -> Timer: ...

    def background(self, work: Awaitable[None]) -> None: ...


class Heart:
    """Registers an instance and tells its load again and again, whatever becomes of the registry.

    Args:
        instance: this one, as it is at the start; what its `load` says does not matter.
        load: called at each beat for the numbers of the moment.
        chance: a number from 0.0 up to 1.0, as `random.random` makes it.
        ttl_s: how long others believe in the instance after a beat.
        heartbeat_s: between two beats, less than a third of `ttl_s`.

    Attributes:
        registered: whether the last beat reached the registry.
        problem: why it did not, in words; "" = it did.
    """

    log = Logger()

    def __init__(
        self,
        registry: Registry,
        instance: Instance,
        *,
        load: Callable[[], Mapping[str, float]],
        surroundings: HeartSurroundings,
        chance: Callable[[], float],
        ttl_s: float,
        heartbeat_s: float,
    ) -> None:
        self._registry = registry
        self._instance = instance
        self._load = load
        self._surroundings = surroundings
        self._chance = chance
        self._ttl_s = ttl_s
        self._heartbeat_s = heartbeat_s
        self._lock = DeferredLock()
        self._timer: Timer | None = None
        # What the registry was told last, and whether it may know of the instance at all.
        self._told: Instance | None = None
        self._tried = False
        self._stopped = False
        self._retry_s = RETRY_FIRST_S
        self._down_since_s: float | None = None
        self.registered = False
        self.problem = "not registered yet"

    def start(self) -> None:
        """Begin to beat."""
        self._surroundings.background(self._beat())

    async def draining(self) -> None:
        """Tell that nothing new is to come here. Where that fails, the next beats try again."""
        self._instance = attrs.evolve(self._instance, status="draining")
        await self._beat()

    def rest(self) -> None:
        """Beat no more, and leave the instance where it is: another heart goes on with it."""
        self._stopped = True
        self._cancel_timer()

    async def stop(self, deadline_s: float = CALL_S) -> None:
        """Beat no more, and take the instance out of the registry, if that can be done in time."""
        self._stopped = True
        self._cancel_timer()
        if not self._tried:
            return
        leaving = Deferred.fromCoroutine(self._leave())
        timer = self._surroundings.later(deadline_s, leaving.cancel)
        try:
            await leaving
        except Exception as error:
            self.log.warn(
                "{service} {instance_id} could not be taken out of the registry; it ends there "
                "after {ttl_s} s: {why}",
                service=self._instance.service,
                instance_id=self._instance.instance_id,
                ttl_s=self._ttl_s,
                why=str(error) or f"no answer within {deadline_s} s",
            )
        finally:
            if timer.active():
                timer.cancel()

    async def _leave(self) -> None:
        # A beat that is under way would enter it again.
        await self._lock.acquire()
        try:
            self.registered, self.problem = False, "taken out"
            await self._registry.deregister(self._instance.service, self._instance.instance_id)
        finally:
            self._lock.release()

    async def _beat(self) -> None:
        await self._lock.acquire()
        try:
            if self._stopped:
                return
            self._cancel_timer()
            delay_s = await self._attempt()
            if not self._stopped:
                self._timer = self._surroundings.later(delay_s, self.start)
        finally:
            self._lock.release()

    def _cancel_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    async def _attempt(self) -> float:
        """One beat; in how many seconds the next one is due."""
        self._tried = True
        try:
            await self._tell()
        except Exception as error:
            return self._failed(error)
        self.registered, self.problem, self._retry_s = True, "", RETRY_FIRST_S
        if self._down_since_s is not None:
            self.log.info(
                "the registry answers again, after {seconds:.0f} s",
                seconds=self._surroundings.now_s() - self._down_since_s,
            )
            self._down_since_s = None
        # Instances that were started together do not beat together for long.
        return self._heartbeat_s * (0.9 + 0.1 * self._chance())

    async def _tell(self) -> None:
        instance, load = self._instance, dict(self._load())
        service, instance_id = instance.service, instance.instance_id
        if self._told is instance:
            if await self._registry.heartbeat(service, instance_id, load, self._ttl_s):
                return
            self.log.warn(
                "{service} {instance_id} had expired in the registry; it is registered again",
                service=service,
                instance_id=instance_id,
            )
        await self._registry.register(attrs.evolve(instance, load=load), self._ttl_s)
        self._told = instance

    def _failed(self, error: Exception) -> float:
        self.registered, self.problem = False, str(error)
        if self._down_since_s is None:
            self._down_since_s = self._surroundings.now_s()
            if isinstance(error, CollabError):
                self.log.warn("not in the registry, trying again: {why}", why=str(error))
            else:
                # A defect, here or in what tells the load; the process is worth more.
                self.log.failure("not in the registry, trying again")
        delay_s = self._retry_s * (0.5 + 0.5 * self._chance())
        self._retry_s = min(2 * self._retry_s, self._heartbeat_s)
        return delay_s
