"""Tokens: issuing and checking JWTs. The only user of PyJWT.

A token that is not accepted is `token_invalid` with one message, whatever is wrong with it: who
tries tokens learns nothing. Keys come from the configuration alone; header fields that name keys
or where to fetch them are not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import attrs
import jwt

from .access import ADMINISTRATIVE, ORDINARY, RIGHTS
from .errors import CollabError
from .protocol import SESSION_ID, is_sound

ALGORITHMS = ("HS256", "RS256", "EdDSA")
TENANT = re.compile(r"[a-z0-9_]{1,64}")
MAX_RIGHTS = 1000
MAX_TOKEN = 16 * 1024
# The year 9999: a larger time is no time.
MAX_TIME = 253_402_300_799


@attrs.frozen
class Claims:
    """What a token says, checked.

    Attributes:
        rights: session id or `*` → `view`, `edit` or `manage`.
        issued_at, expires_at: seconds since 1970.
    """

    user_id: str
    tenant: str
    rights: dict[str, str] = attrs.field(factory=dict)
    name: str = ""
    token_id: str = ""
    capabilities: tuple[str, ...] = ()
    expires_at: float = 0.0
    issued_at: float = 0.0

    def as_extra(self) -> dict[str, Any]:
        """For the router, which keeps it with the connection; see `from_extra`."""
        return {
            "user_id": self.user_id,
            "tenant": self.tenant,
            "rights": self.rights,
            "name": self.name,
            "token_id": self.token_id,
            "capabilities": list(self.capabilities),
            "issued_at": self.issued_at,
            "expires_at": self.expires_at,
        }

    @classmethod
    def from_extra(cls, extra: Mapping[str, Any]) -> Claims:
        fields = {field.name: extra[field.name] for field in attrs.fields(cls)}
        return cls(**{**fields, "capabilities": tuple(fields["capabilities"])})


@attrs.frozen
class Keyring:
    """What tokens are checked with, and issued with.

    Attributes:
        secret: for HS256; "" = HS256 is not accepted.
        public_key: PEM, for RS256 or EdDSA; "" = none is accepted.
        public_algorithm: which of the two.
        issuer: the `iss` that is wanted; "" = not looked at.
        leeway_s: how far the issuer's clock may be ahead.
        longest_s: the longest life of a token that is accepted.
    """

    secret: str = attrs.field(default="", repr=False)
    public_key: str = ""
    public_algorithm: str = ""
    issuer: str = "collab_wamp"
    audience: str = "collab_wamp"
    leeway_s: float = 30.0
    longest_s: float = float("inf")

    def issue(self, claims: Claims, *, now_s: float, ttl_s: float) -> str:
        """A token signed with the secret, good for `ttl_s` seconds.

        Raises:
            ValueError: there is no secret, or the claims are not such as `verify` accepts.
        """
        if not self.secret:
            raise ValueError("tokens can be issued with a secret only (JWT_SECRET)")
        body: dict[str, Any] = {
            "sub": claims.user_id,
            "tenant": claims.tenant,
            "rights": claims.rights,
            # In milliseconds: what was revoked is told from what was issued a moment later.
            "iat": whole_ms(now_s),
            "exp": int(now_s + ttl_s),
            "aud": self.audience,
        }
        if self.issuer:
            body["iss"] = self.issuer
        if claims.name:
            body["name"] = claims.name
        if claims.token_id:
            body["jti"] = claims.token_id
        if claims.capabilities:
            body["capabilities"] = list(claims.capabilities)
        read_claims(body, now_s=now_s, leeway_s=0)
        return jwt.encode(body, self.secret, algorithm="HS256")

    def verify(self, token: object, *, now_s: float) -> Claims:
        """The claims of a token.

        Raises:
            CollabError: `token_invalid` or `token_expired`.
        """
        if not isinstance(token, str) or len(token) > MAX_TOKEN:
            raise invalid()
        try:
            header = jwt.get_unverified_header(token)
            algorithm = header.get("alg")
            # The key goes with the algorithm, so that a public key is never taken for a secret.
            if algorithm == "HS256" and self.secret:
                key = self.secret
            elif algorithm == self.public_algorithm and self.public_key:
                key = self.public_key
            else:
                raise invalid()
            if "crit" in header:
                raise invalid()
            body = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=self.audience,
                issuer=self.issuer or None,
                # Times are checked below, against the clock given and with strict types.
                options={
                    "require": ["exp", "iat", "sub", "aud"],
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                    "verify_sub": False,
                },
            )
        except (jwt.PyJWTError, ValueError, TypeError, KeyError, RecursionError):
            raise invalid() from None
        claims = read_claims(body, now_s=now_s, leeway_s=self.leeway_s)
        if claims.expires_at - claims.issued_at > self.longest_s:
            # Its revocation would be forgotten before it expires.
            raise invalid()
        return claims


def whole_ms(now_s: float) -> float:
    """A time, down to whole milliseconds: never one that is still to come."""
    milliseconds = int(now_s * 1000)
    # The product may have been rounded up.
    return (milliseconds - (milliseconds / 1000 > now_s)) / 1000


def read_claims(body: Mapping[str, Any], *, now_s: float, leeway_s: float) -> Claims:
    """Check the types and times of a token's claims.

    Raises:
        CollabError: `token_invalid` or `token_expired`.
    """
    rights = body.get("rights", {})
    capabilities = body.get("capabilities", [])
    sound = (
        _is_text(body.get("sub"), 1, 128)
        and is_tenant(body.get("tenant"))
        and _is_time(body.get("exp"))
        and _is_time(body.get("iat"))
        and ("nbf" not in body or _is_time(body["nbf"]))
        and _is_text(body.get("name", ""), 0, 128)
        and _is_text(body.get("jti", ""), 0, 128)
        and isinstance(rights, dict)
        and len(rights) <= MAX_RIGHTS
        and all(_is_right(name, right) for name, right in rights.items())
        and isinstance(capabilities, list)
        and len(capabilities) <= 64
        and all(_is_text(name, 1, 64) for name in capabilities)
    )
    if not sound or body["iat"] > now_s + leeway_s or body.get("nbf", 0) > now_s + leeway_s:
        raise invalid()
    # No leeway here: the router closes a connection when its token expires, so one that is let in
    # after that would only be thrown out again.
    if body["exp"] <= now_s:
        raise CollabError("token_expired", "The token has expired.")
    return Claims(
        user_id=body["sub"],
        tenant=body["tenant"],
        rights=dict(rights),
        name=body.get("name", ""),
        token_id=body.get("jti", ""),
        capabilities=tuple(capabilities),
        issued_at=float(body["iat"]),
        expires_at=float(body["exp"]),
    )


def invalid() -> CollabError:
    return CollabError("token_invalid", "The token is not accepted.")


def _is_text(value: Any, least: int, most: int) -> bool:
    return (
        isinstance(value, str)
        and least <= len(value) <= most
        and is_sound(value)
        and not value.startswith("\0")
    )


def is_tenant(value: Any) -> bool:
    """Whether it is the name of a tenant by its form."""
    return isinstance(value, str) and TENANT.fullmatch(value) is not None


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= MAX_TIME


def _is_right(name: Any, right: Any) -> bool:
    named = isinstance(name, str) and (name == "*" or SESSION_ID.fullmatch(name) is not None)
    return named and isinstance(right, str) and right in RIGHTS


def parse_rights(text: str) -> dict[str, str]:
    """Rights as on a command line: `notes=edit,*=view`.

    Raises:
        ValueError: which names what is wrong.
    """
    rights: dict[str, str] = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        name, separator, right = item.partition("=")
        if not separator or right not in RIGHTS:
            raise ValueError(f"{item!r} is not SESSION=RIGHT with one of {', '.join(RIGHTS)}")
        if not _is_right(name, right):
            raise ValueError(f"{name!r} is not a session id, nor * for all")
        rights[name] = right
    if not rights:
        raise ValueError("at least one SESSION=RIGHT is wanted")
    return rights


def parse_capabilities(text: str) -> tuple[str, ...]:
    """Capabilities as on a command line: `edit,stats`.

    Raises:
        ValueError: which names what is wrong.
    """
    names = tuple(filter(None, (part.strip() for part in text.split(","))))
    known = ORDINARY + ADMINISTRATIVE
    for name in names:
        if name not in known:
            raise ValueError(f"{name!r} is no capability; there are {', '.join(known)}")
    return names
