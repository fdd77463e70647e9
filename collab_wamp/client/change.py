"""What a document tells of itself."""

from __future__ import annotations

from typing import Any, Literal

import attrs

Origin = Literal["remote", "rejected", "reset"]


@attrs.frozen
class Change:
    """Something that happened to the document, other than by the user.

    Attributes:
        op: applied to the document here, just now.
        origin: `remote`: somebody's edit; `rejected`: an own edit was taken back, because the
            server refused it; `reset`: the way to a snapshot.
        revision: the one that the server's document has reached.
        client_id, seq, user_id: of the edit, where origin is `remote`.
    """

    op: Any
    origin: Origin
    revision: int
    client_id: str = ""
    seq: int = 0
    user_id: str = ""
