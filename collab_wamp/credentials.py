"""Tokens issued, revoked, and looked at when somebody connects."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import attrs

from . import access
from .caller import Caller
from .errors import CollabError
from .protocol import SESSION_ID, Arguments, bad
from .store.announcements import RevokedAnnounced
from .store.commons import Commons, Revocation
from .tokens import MAX_RIGHTS, MAX_TOKEN, Claims, Keyring

KINDS = {"token_id": "token", "user_id": "user"}


def is_revoked_by(claims: Claims, revocation: Revocation) -> bool:
    if claims.tenant != revocation.tenant:
        return False
    if revocation.kind == "token":
        return bool(claims.token_id) and claims.token_id == revocation.name
    return claims.user_id == revocation.name and claims.issued_at * 1000 <= revocation.at_ms


class Credentials:
    """What a node knows of tokens beside their signatures.

    Args:
        now_ms: the time of day, milliseconds since 1970.
        new_name: makes a random name of so many bytes.
        longest_s: the longest life of a token that is issued here.
        kept_s: how long revocations are remembered; no token may live longer.
    """

    def __init__(
        self,
        commons: Commons,
        keyring: Keyring,
        *,
        now_ms: Callable[[], int],
        new_name: Callable[[int], str],
        longest_s: int,
        kept_s: float,
    ) -> None:
        self._commons = commons
        self._keyring = keyring
        self._now_ms = now_ms
        self._new_name = new_name
        self._longest_s = longest_s
        self._kept_s = kept_s
        self._revoked: dict[tuple[str, str, str], Revocation] = {}

    # --- who connects -----------------------------------------------------------------------

    def check(self, claims: Claims) -> None:
        """Refuse a token that is good no more (`token_revoked`)."""
        for kind, name in (("token", claims.token_id), ("user", claims.user_id)):
            revocation = self._revoked.get((claims.tenant, kind, name))
            if revocation is not None and is_revoked_by(claims, revocation):
                raise CollabError("token_revoked", "The token was revoked.")

    async def load(self) -> list[Revocation]:
        """Read all revocations; to be called when announcements may have been missed."""
        found = await self._commons.revocations()
        # Added to what was announced meanwhile, not in its place.
        for revocation in found:
            self._add(revocation)
        return found

    def announced(self, revoked: RevokedAnnounced) -> Revocation:
        revocation = Revocation(revoked.tenant, revoked.kind, revoked.name, revoked.at_ms)
        self._add(revocation)
        return revocation

    def _add(self, revocation: Revocation) -> None:
        key = (revocation.tenant, revocation.kind, revocation.name)
        known = self._revoked.get(key)
        if known is None or known.at_ms < revocation.at_ms:
            self._revoked[key] = revocation

    def tidy(self) -> None:
        """Forget what no token can be met by any more."""
        oldest = self._now_ms() - self._kept_s * 1000
        self._revoked = {key: row for key, row in self._revoked.items() if row.at_ms >= oldest}

    # --- the calls --------------------------------------------------------------------------

    async def issue(self, caller: Caller, arguments: Arguments) -> dict[str, Any]:
        caller.require("tokens")
        user_id = arguments.text("user_id", "", 128)
        rights = arguments.value("rights")
        name = arguments.text("name", "", 128)
        capabilities = arguments.optional_value("capabilities")
        ttl_s = arguments.integer("ttl_s", 1, self._longest_s, self._longest_s)
        arguments.finish()
        now_s = self._now_ms() / 1000
        claims = Claims(
            user_id,
            caller.claims.tenant,
            self._rights(caller, rights),
            name,
            token_id=self._new_name(12),
            capabilities=self._capabilities(caller, capabilities),
        )
        try:
            token = self._keyring.issue(claims, now_s=now_s, ttl_s=ttl_s)
        except ValueError:
            message = "This node has no secret to issue tokens with."
            raise CollabError("denied", message, needs="auth.secret") from None
        except CollabError:
            raise bad(
                "user_id", "and name must be texts of 1 and 0 to 128 characters", ""
            ) from None
        if len(token) > MAX_TOKEN:
            # No node would accept it. Everything else in it is short.
            raise bad("rights", f"make a token of more than {MAX_TOKEN:,} bytes; name fewer", "")
        return {"token": token, "token_id": claims.token_id, "expires_at": int(now_s + ttl_s)}

    def _rights(self, caller: Caller, rights: Any) -> dict[str, str]:
        """Nobody gives what they do not have."""
        if not isinstance(rights, dict):
            raise bad(
                "rights", "must be an object: session id or * to view, edit or manage", rights
            )
        if len(rights) > MAX_RIGHTS:
            raise bad("rights", f"must be {MAX_RIGHTS:,} at most, not {len(rights):,}", "")
        for session_id, right in rights.items():
            if session_id != "*" and not SESSION_ID.fullmatch(session_id):
                raise bad("rights", f"must name session ids or *, not {session_id!r:.80}", "")
            if right not in access.RIGHTS:
                raise bad("rights", "must give view, edit or manage", right)
            own = access.right_for(caller.claims, session_id)
            if own is None or not access.allows(own, right):
                message = f"You have no right to {right} {session_id!r:.80} yourself."
                raise CollabError("denied", message, needs=right)
        if "*" in rights:
            # It would reach further on the sessions that the caller's token names.
            for session_id, own in caller.claims.rights.items():
                if session_id not in rights and not access.allows(own, rights["*"]):
                    message = f"Your right on {session_id!r} is less than * would give."
                    raise CollabError("denied", message, needs=rights["*"])
        return rights

    def _capabilities(self, caller: Caller, names: Any) -> tuple[str, ...]:
        known = access.ORDINARY + access.ADMINISTRATIVE
        if names is None:
            names = [name for name in access.ORDINARY if caller.has(name)]
        if not isinstance(names, list) or not names or any(name not in known for name in names):
            raise bad("capabilities", f"must be a list of some of {', '.join(known)}", names)
        for name in names:
            caller.require(name)
        return tuple(dict.fromkeys(names))

    async def revoke(self, caller: Caller, arguments: Arguments) -> dict[str, Any]:
        caller.require("tokens")
        given = {
            argument: name for argument in KINDS if (name := arguments.text(argument, "", 128))
        }
        arguments.finish()
        if len(given) != 1:
            raise CollabError(
                "bad_request", "Either token_id or user_id is wanted.", argument="token_id"
            )
        [(argument, name)] = given.items()
        await self._commons.revoke(
            Revocation(caller.claims.tenant, KINDS[argument], name, self._now_ms()), self._kept_s
        )
        return {}


def as_rows(revocations: Iterable[Revocation]) -> list[list[Any]]:
    """For a call between parts of a node; see `from_rows`."""
    return [list(attrs.astuple(revocation)) for revocation in revocations]


def from_rows(rows: Iterable[Iterable[Any]]) -> list[Revocation]:
    return [Revocation(*row) for row in rows]
