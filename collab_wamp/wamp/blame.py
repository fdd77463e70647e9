"""Where logins have failed lately, and who is therefore turned away at the door.

A login costs the router nearly two milliseconds, whether it is a good one or not, and only its end
tells. So somebody who tries tokens hundreds of times a second would keep everybody else out. Their
address is told from others': connections from there are closed before anything is read, until what
has failed is forgotten. While logins fail from very many addresses, less is borne of each.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from typing import Final

# What has failed counts half as much after this time: so many failures a second add up to 1.4 times
# as many.
HALF_S: Final = 1.0
# While so many times what is borne of one fail from all addresses together, each may have one login
# under way, and none where one has failed in the last seconds.
MANY: Final = 2.0
LAST_S: Final = 5.0
# Where so large a share of what is borne has failed, those who are about to log in are taken for
# such as will fail. (Else they may come by the thousand, as after a node was restarted.)
SUSPECT: Final = 0.1
MOST_ADDRESSES: Final = 20_000


class Blame:
    """
    Args:
        most: failures of one address; 0 = nobody is turned away.
        now_s: a monotonic clock, seconds.
    """

    def __init__(self, most: float, now_s: Callable[[], float]) -> None:
        self._most = most
        self._now_s = now_s
        # Address → what has failed from there, as of when; the latest last.
        self._failed: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._all = (0.0, 0.0)
        # Address → connections from there that are about to log in.
        self._strangers: Counter[str] = Counter()
        self._all_strangers = 0

    def __len__(self) -> int:
        return len(self._failed) + len(self._strangers)

    def came(self, address: str) -> None:
        """Somebody has connected who has yet to log in."""
        self._strangers[network(address)] += 1
        self._all_strangers += 1

    def went(self, address: str) -> None:
        """Somebody who came has logged in, or is gone."""
        name = network(address)
        self._strangers[name] -= 1
        self._all_strangers -= 1
        if self._strangers[name] <= 0:
            del self._strangers[name]

    def failed(self, address: str) -> None:
        """A login from an address was not accepted."""
        name, now_s = network(address), self._now_s()
        self._failed[name] = (_left(self._failed.get(name), now_s) + 1, now_s)
        self._failed.move_to_end(name)
        self._all = (_left(self._all, now_s) + 1, now_s)
        # Those are forgotten first that have been good for the longest time.
        while len(self._failed) > MOST_ADDRESSES:
            self._failed.popitem(last=False)

    def may_connect(self, address: str) -> bool:
        """Whether to look at a connection from an address."""
        name, now_s = network(address), self._now_s()
        if not self._most:
            return True
        known, strangers = self._failed.get(name), self._strangers.get(name, 0)
        if self._too_many(self._all, self._all_strangers, MANY * self._most):
            return not strangers and (known is None or now_s - known[1] >= LAST_S)
        return known is None or not self._too_many(known, strangers, self._most)

    def _too_many(self, failed: tuple[float, float], strangers: int, most: float) -> bool:
        left = _left(failed, self._now_s())
        return left >= SUSPECT * most and left + strangers >= most


def _left(failed: tuple[float, float] | None, now_s: float) -> float:
    """What is left of a number of failures."""
    if failed is None:
        return 0.0
    number, at_s = failed
    return float(number * 0.5 ** (max(0.0, now_s - at_s) / HALF_S))


def network(address: str) -> str:
    """Who is taken for one: an IPv4 address, or 64 bits of IPv6, which is what one customer has."""
    if ":" not in address:
        return address
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(IPv6Address(int(parsed) >> 64 << 64))


def address_of(peer: str) -> str:
    """The address in what Crossbar calls a peer, such as `tcp4:192.0.2.7:51000`."""
    return peer.partition(":")[2].rpartition(":")[0].strip("[]")
