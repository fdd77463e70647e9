"""How it stands with a document."""

from __future__ import annotations

from typing import Literal

import attrs

State = Literal["connecting", "connected", "saving", "saved", "offline"]


@attrs.frozen
class Status:
    """See the module.

    Attributes:
        state: `connected`: here, and nothing was changed yet; `saved`: the server has everything;
            `saving`: it does not yet; `offline`: it cannot be reached, or the session is over.
        pending: how many of the user's edits the server has not acknowledged.
        read_only: whether edits are refused here.
    """

    state: State
    pending: int
    read_only: bool
