"""Who may do what on a session: claims × session × action → allowed."""

from __future__ import annotations

from typing import Protocol

RIGHTS = ("view", "edit", "manage")


class HasRights(Protocol):
    @property
    def rights(self) -> dict[str, str]: ...


def right_for(claims: HasRights, session_id: str) -> str | None:
    """The right that a token gives on a session: for its id, else for `*`; None = none at all."""
    return claims.rights.get(session_id, claims.rights.get("*"))


def allows(right: str, action: str) -> bool:
    """Whether a right includes another: manage includes edit, edit includes view."""
    return RIGHTS.index(right) >= RIGHTS.index(action)
