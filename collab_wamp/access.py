"""Who may do what on a session: claims × session × action → allowed."""

from __future__ import annotations

from typing import Protocol

RIGHTS = ("view", "edit", "manage")
# What a token lets its user do where it does not say: what people do in documents.
ORDINARY = ("edit", "cursor", "selection")
# What a token has to name. `tokens`: issue and revoke; `stats`: figures of the tenant; `notify`:
# notices to the tenant; `registry`: register services; `operate`: all of a node, whatever tenant.
ADMINISTRATIVE = ("tokens", "stats", "notify", "registry", "operate")


class HasRights(Protocol):
    @property
    def rights(self) -> dict[str, str]: ...

    @property
    def capabilities(self) -> tuple[str, ...]: ...


def capabilities_of(claims: HasRights) -> tuple[str, ...]:
    """What a token lets its user do: what it names, or else the ordinary."""
    return claims.capabilities or ORDINARY


def right_for(claims: HasRights, session_id: str) -> str | None:
    """The right that a token gives on a session: for its id, else for `*`; None = none at all.

    Without the capability to `edit` it is `view` at most.
    """
    right = claims.rights.get(session_id, claims.rights.get("*"))
    if right is not None and "edit" not in capabilities_of(claims):
        return RIGHTS[0]
    return right


def allows(right: str, action: str) -> bool:
    """Whether a right includes another: manage includes edit, edit includes view."""
    return RIGHTS.index(right) >= RIGHTS.index(action)
