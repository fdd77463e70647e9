"""What all nodes share beside the sessions: revocations, who is alive, notices, rates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import attrs

from .announcements import Announcement, NodesListener


@attrs.frozen
class Revocation:
    """Tokens that are good no more.

    Attributes:
        kind: `token` (the one of that id) or `user` (all that were issued up to `at_ms`).
        name: the token's id, or the user's.
        at_ms: when, milliseconds since 1970.
    """

    tenant: str
    kind: str
    name: str
    at_ms: int


@attrs.frozen
class Bucket:
    """A token bucket, by its name, and how much of it is asked for.

    Attributes:
        per_s: tokens that come in a second.
        burst: tokens that it holds when full.
        cost: tokens that are taken.
    """

    name: str
    per_s: float
    burst: float
    cost: float = 1.0


@attrs.frozen
class Taken:
    """What came of taking from buckets.

    Attributes:
        wait_ms: how long to wait before going on; where refused, before it is of use to try again.
        refused: the name of the bucket that had not enough; "" = taken.
    """

    wait_ms: float
    refused: str = ""


class Commons(Protocol):
    """Every method raises `CollabError("store_unavailable")` where the store does not answer."""

    async def revoke(self, revocation: Revocation, kept_s: float) -> None:
        """Keep a revocation for so long, and announce it to all nodes."""

    async def revocations(self) -> list[Revocation]:
        """All that are kept."""

    async def beat(
        self, instance_id: str, report: dict[str, Any], ttl_s: float, owner: str
    ) -> bool:
        """Say that an instance is alive, with a report (JSON) of what it does.

        False, and nothing changed, where another `owner` is alive under this name.
        """

    async def reports(self) -> dict[str, dict[str, Any]]:
        """The last report of each instance that is alive."""

    async def dead(self) -> list[str]:
        """Instances that were alive, are not, and have not been buried."""

    async def bury(self, instance_id: str) -> bool:
        """Forget an instance that is dead; False where it is not."""

    async def farewell(self, instance_id: str) -> None:
        """Forget an instance that ends in order."""

    async def take(self, buckets: Sequence[Bucket], most_wait_s: float) -> Taken:
        """Take from all buckets, or from none.

        Where they have not enough now, but will within `most_wait_s`, it is taken in advance, and
        the caller has to wait. All buckets are of one tenant.
        """

    async def left(self, buckets: Sequence[Bucket]) -> list[float]:
        """How many tokens each bucket holds."""

    async def announce(self, announcement: Announcement) -> None:
        """Tell all nodes."""

    async def listen_nodes(self, listener: NodesListener) -> None:
        """Call `listener` with everything that is announced to all nodes from now on."""
