"""How much of a session's history is kept: the edits, and how often the content between them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import attrs

# From one checkpoint to the next, at least. A revision's content is folded from the one below it.
CHECKPOINT_EVERY = 2000
KEPT_EDITS = 100_000


@attrs.frozen
class Retention:
    """How many edits are kept behind a session's head; 0 = all.

    Attributes:
        kept_edits: of tenants that are not named.
        tenants: those that have it otherwise.
    """

    kept_edits: int = KEPT_EDITS
    tenants: Mapping[str, int] = attrs.field(factory=lambda: MappingProxyType({}))

    def floor(self, tenant: str, head: int, window: int) -> int:
        """Up to which revision edits may go; 0 = none may.

        Args:
            window: of how many edits rebasing needs.
        """
        kept = self.tenants.get(tenant, self.kept_edits)
        return max(0, head - max(kept, window)) if kept else 0
