"""Who asks over HTTP: the token of the Authorization header."""

from __future__ import annotations

from twisted.web.http_headers import Headers

from ..errors import CollabError
from ..tokens import Claims, Keyring


def claims_of(headers: Headers, keyring: Keyring, *, now_s: float) -> Claims:
    """What the token of a request says: `Authorization: Bearer TOKEN`, once, and nowhere else.

    Args:
        headers: the request's.
        now_s: the time of day, since 1970.

    Raises:
        CollabError: `token_invalid`, also where there is none, or `token_expired`.
    """
    given = headers.getRawHeaders(b"authorization") or []
    if len(given) != 1:
        raise CollabError("token_invalid", "One header `Authorization: Bearer TOKEN` is wanted.")
    scheme, _, token = given[0].partition(b" ")
    if scheme.lower() != b"bearer":
        raise CollabError("token_invalid", "The header must be `Authorization: Bearer TOKEN`.")
    # What is not ASCII is no token either.
    return keyring.verify(token.strip().decode("latin-1"), now_s=now_s)
