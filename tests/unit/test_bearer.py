"""Who asks over HTTP is who the one token of the one Authorization header says."""

from __future__ import annotations

from twisted.trial.unittest import TestCase
from twisted.web.http_headers import Headers

from collab_wamp.errors import CollabError
from collab_wamp.http.bearer import claims_of
from collab_wamp.tokens import Claims, Keyring

NOW_S = 1_767_225_600.0
KEYRING = Keyring(secret="a secret for tests, long enough to be one")


def token(user_id: str = "ada", ttl_s: float = 60) -> str:
    return KEYRING.issue(Claims(user_id, "acme"), now_s=NOW_S, ttl_s=ttl_s)


class BearerTests(TestCase):
    def claims(self, *authorization: str, now_s: float = NOW_S) -> Claims:
        return claims_of(Headers({"authorization": list(authorization)}), KEYRING, now_s=now_s)

    def test_a_good_token(self) -> None:
        for scheme in ("Bearer", "bearer", "BEARER"):
            self.assertEqual(self.claims(f"{scheme} {token()}").user_id, "ada")
        self.assertEqual(self.claims(f"Bearer   {token()} ").user_id, "ada")

    def test_anything_else_is_refused(self) -> None:
        for given in (
            (),
            ("",),
            ("Bearer",),
            ("Bearer ",),
            (token(),),
            (f"Basic {token()}",),
            (f"Bearer {token()}x",),
            (f"Bearer {token()} {token()}",),
            (f"Bearer{token()}",),
            ("Bearer \xff\xfe",),
            (f"Bearer {token('ada')}", f"Bearer {token('bob')}"),
        ):
            with self.assertRaises(CollabError, msg=str(given)) as caught:
                self.claims(*given)
            self.assertEqual(caught.exception.code, "token_invalid", given)

    def test_an_expired_token(self) -> None:
        with self.assertRaises(CollabError) as caught:
            self.claims(f"Bearer {token()}", now_s=NOW_S + 61)
        self.assertEqual(caught.exception.code, "token_expired")
