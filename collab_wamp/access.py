"""Who may do what on a session: claims × session × action → allowed."""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol

RIGHTS = ("view", "edit", "manage")
AT_MOST = "at_most:"
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


def withheld_from(claims: HasRights) -> tuple[str, ...]:
    """Ordinary capabilities that a token does not give."""
    return _others(capabilities_of(claims))


@lru_cache(100)
def _others(capabilities: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in ORDINARY if name not in capabilities)


def right_on(claims: HasRights, session_id: str, granted: str) -> str:
    """The right on a session by a token and by what is granted there, see `effective`."""
    return effective(right_for(claims, session_id) or "", granted, withheld_from(claims))


def effective(right: str, granted: str, withheld: tuple[str, ...] = ()) -> str:
    """The right that somebody has on a session; "" = none.

    Args:
        right: that their token gives; "" = none.
        granted: what is stored of them on the session: "" = nothing, the token counts; `none`; a
            right, which then counts alone; or `at_most:RIGHT`, where the token counts up to that.
        withheld: ordinary capabilities that their token does not give.
    """
    if granted == "none":
        right = ""
    elif granted.startswith(AT_MOST):
        right = min(right, granted.removeprefix(AT_MOST), key=_rank)
    elif granted:
        right = granted
    return RIGHTS[0] if right and "edit" in withheld else right


def without(granted: str, right: str) -> str:
    """What is stored of somebody when a right, and those above it, are taken from them."""
    if right == RIGHTS[0] or granted == "none":
        return "none"
    most = RIGHTS[RIGHTS.index(right) - 1]
    if granted in RIGHTS:
        return min(granted, most, key=_rank)
    return AT_MOST + min(granted.removeprefix(AT_MOST) or most, most, key=_rank)


def _rank(right: str) -> int:
    return RIGHTS.index(right) if right else -1


def allows(right: str, action: str) -> bool:
    """Whether a right ("" = none) includes another: manage includes edit, edit includes view."""
    return _rank(right) >= _rank(action)
