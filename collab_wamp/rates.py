"""How often who may do what: token buckets, shared by all instances through the store.

Whoever goes beyond a rate is delayed first, and refused only where the delay would be long.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

import attrs

from .errors import CollabError
from .shared import Shared
from .store.commons import Bucket, Commons

# Tokens are fetched from the store in leases: of one, of twice as many each time the last was used
# up in half its time, of as many as were used where some were left. Those are lost to their user.
LEASE_S = 5.0
LARGEST_LEASE = 10
MOST_LEASES = 50_000
# For the asking itself, of those who ask at one time one after the other.
ASKING_S = 0.1

RATE = re.compile(r"(\d+(?:\.\d+)?)/s burst (\d+)")


@attrs.frozen
class Rate:
    """`per_s` tokens a second, up to `burst` of them; 0 and 0: without limit."""

    per_s: float = 0.0
    burst: int = 0

    def __bool__(self) -> bool:
        return self.per_s > 0


UNLIMITED = Rate()


def parse_rate(text: str) -> Rate:
    """A rate such as `20/s burst 60`, or `off`.

    Raises:
        ValueError: it is neither; the message says how it is written.
    """
    if text == "off":
        return Rate()
    match = RATE.fullmatch(text)
    rate = Rate(float(match[1]), int(match[2])) if match else Rate()
    if not rate or rate.burst < 1:
        raise ValueError("must be such as `20/s burst 60`, or `off`")
    return rate


@attrs.frozen
class Rates:
    """All rates, and how long a request may be delayed before it is refused."""

    edits_per_user: Rate = Rate()
    edits_per_session: Rate = Rate()
    edits_per_tenant: Rate = Rate()
    joins_per_user: Rate = Rate()
    joins_per_tenant: Rate = Rate()
    calls_per_user: Rate = Rate()
    connections_per_user: Rate = Rate()
    connections_per_tenant: Rate = Rate()
    http_per_user: Rate = Rate()
    http_per_tenant: Rate = Rate()
    longest_delay_s: float = 1.0


@attrs.define
class _Lease:
    tokens: int = 0
    size: int = 0
    good_until_s: float = 0.0

    def is_over(self, now_s: float) -> bool:
        """Whether it says nothing any more of how many will be used."""
        return self.good_until_s + LEASE_S < now_s

    def next_size(self, now_s: float) -> int:
        """How many tokens are likely to be used, by how many were."""
        left_s = self.good_until_s - now_s
        if self.is_over(now_s):
            return 1
        if self.tokens == 0 and left_s > LEASE_S / 2:
            return max(1, 2 * self.size)
        return max(1, self.size - self.tokens)


class Limiter:
    """Takes tokens, or waits for them, or refuses.

    Args:
        now_s: a monotonic clock, seconds.
        sleep: waits so many seconds.
    """

    def __init__(
        self,
        commons: Commons,
        rates: Rates,
        *,
        now_s: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._commons = commons
        self._rates = rates
        self._now_s = now_s
        self._sleep = sleep
        self._leases: OrderedDict[str, _Lease] = OrderedDict()
        self._asking = Shared()

    async def take(self, what: str, tenant: str, user_id: str, session_id: str = "") -> None:
        """Take one token for `edits`, `joins`, `calls`, `connections` or `http`.

        Raises:
            CollabError: `rate_limited`, with `retry_after_ms` and the name of the `limit`;
                `store_unavailable`.
        """
        name = "\n".join((what, tenant, user_id, session_id))
        lease, since_s = self._leases.get(name), self._now_s()
        if lease is not None and lease.tokens and lease.good_until_s >= since_s:
            lease.tokens -= 1
            return
        buckets = self._buckets(what, tenant, user_id, session_id)
        if not buckets:
            return
        while lease is None or not lease.tokens or lease.good_until_s < self._now_s():
            if self._now_s() - since_s > self._rates.longest_delay_s + ASKING_S:
                # Others that came before have taken what there was.
                slowest = min(bucket.per_s for bucket in buckets)
                raise limited(_limit(buckets[0].name), 1000 / slowest)
            await self._asking.ask(name, lambda: self._fetch(name, buckets))
            lease = self._leases.get(name)
        lease.tokens -= 1

    async def _fetch(self, name: str, buckets: list[Bucket]) -> None:
        """A lease of tokens from all buckets; returns when they may be used."""
        lease = self._leases.get(name) or _Lease()
        # Never so many that a bucket cannot hold them.
        most = min(LARGEST_LEASE, *(max(1, int(bucket.burst / 6)) for bucket in buckets))
        size = min(most, lease.next_size(self._now_s()))
        taken = await self._commons.take(
            [attrs.evolve(bucket, cost=float(size)) for bucket in buckets],
            self._rates.longest_delay_s,
        )
        if taken.refused:
            raise limited(_limit(taken.refused), taken.wait_ms)
        if taken.wait_ms > 0:
            await self._sleep(taken.wait_ms / 1000)
        lease.size = lease.tokens = size
        now_s = self._now_s()
        lease.good_until_s = now_s + LEASE_S
        self._leases[name] = lease
        self._leases.move_to_end(name)
        while len(self._leases) > MOST_LEASES or self._first().is_over(now_s):
            self._leases.popitem(last=False)

    def _first(self) -> _Lease:
        """The one that will be over first."""
        return next(iter(self._leases.values()))

    def _buckets(self, what: str, tenant: str, user_id: str, session_id: str) -> list[Bucket]:
        """The buckets that something is taken from, those without limit left out."""
        # On an edit's user the limit is for each session.
        user = f"{session_id}:{user_id}" if what == "edits" else user_id
        buckets = []
        for of_what, named in (("user", user), ("session", session_id), ("tenant", "")):
            limit = f"{what}_per_{of_what}"
            rate: Rate = getattr(self._rates, limit, UNLIMITED)
            if rate:
                # One hash tag: a script takes from all of them.
                key = f"{{rate:{tenant}}}:{limit}:{named}"
                buckets.append(Bucket(key, rate.per_s, rate.burst))
        return buckets

    async def left(self, tenant: str, user_id: str, session_id: str) -> dict[str, Any]:
        """What is left of each limit: `{limit: {left, burst, per_s}}`, rounded down.

        Those of a session are told where one is named.
        """
        buckets = [
            bucket
            for what in ("edits", "joins", "calls", "connections", "http")
            for bucket in self._buckets(what, tenant, user_id, session_id)
            if session_id or what != "edits"
        ]
        if not buckets:
            return {}
        left = await self._commons.left(buckets)
        return {
            _limit(bucket.name): {
                "left": max(0, int(tokens)),
                "burst": int(bucket.burst),
                "per_s": bucket.per_s,
            }
            for bucket, tokens in zip(buckets, left, strict=True)
        }


def _limit(bucket_name: str) -> str:
    """The limit that a bucket is of."""
    return bucket_name.partition("}:")[2].partition(":")[0]


def limited(limit: str, wait_ms: float) -> CollabError:
    return CollabError(
        "rate_limited",
        f"Too many at once ({limit}).",
        retry_after_ms=max(1, int(wait_ms)),
        limit=limit,
    )
