"""How a client works on one session."""

from __future__ import annotations

from typing import Any

import attrs


@attrs.frozen
class Settings:
    """See the module.

    Attributes:
        create: make the session where there is none; `content` is what it then starts with.
        undo_group_s: an edit so soon after the one before it is undone together with that one.
        timeout_s: until a call counts as lost.
        silence_s: without a word from the server before it is asked for news.
        presence_s: between two announcements of where the user is.
    """

    session_id: str
    client_id: str
    type: str = "text"
    create: bool = False
    content: Any = None
    user_info: dict[str, Any] = attrs.field(factory=dict)
    keep_undo: bool = True
    undo_group_s: float = 0.0
    timeout_s: float = 3.0
    silence_s: float = 45.0
    presence_s: float = 0.1
