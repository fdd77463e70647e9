"""Tokens: what is issued is accepted, and nothing else is; who tries learns nothing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import attrs
import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from collab_wamp.errors import CollabError
from collab_wamp.tokens import Claims, Keyring, parse_rights

NOW = 1_800_000_000.0
SECRET = "0123456789abcdef0123456789abcdef"
RING = Keyring(secret=SECRET)


def body(**changes: Any) -> dict[str, Any]:
    """The claims of a good token, with some changed; a value of None takes the claim out."""
    claims = {
        "sub": "ada",
        "tenant": "acme",
        "iat": NOW,
        "exp": NOW + 60,
        "aud": "collab_wamp",
        "iss": "collab_wamp",
        "rights": {"*": "edit"},
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(claims: Any, header: dict[str, Any] | None = None, key: str = SECRET) -> str:
    """A token with any header and body, rightly signed with HMAC-SHA256."""
    head = b64(json.dumps({"alg": "HS256", "typ": "JWT", **(header or {})}).encode())
    text = f"{head}.{b64(json.dumps(claims).encode())}"
    return f"{text}.{b64(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest())}"


def pem(key: Any) -> tuple[str, str]:
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


RSA_PRIVATE, RSA_PUBLIC = pem(rsa.generate_private_key(65537, 2048))
ED_PRIVATE, ED_PUBLIC = pem(ed25519.Ed25519PrivateKey.generate())


class TokenCase(TestCase):
    def refused(self, token: object, ring: Keyring = RING, code: str = "token_invalid") -> None:
        with self.assertRaises(CollabError) as caught:
            ring.verify(token, now_s=NOW)
        self.assertEqual(caught.exception.code, code, token)
        if code == "token_invalid":
            self.assertEqual(caught.exception.message, "The token is not accepted.")
            self.assertEqual(caught.exception.details, {})


class AcceptTests(TokenCase):
    @given(
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=128).filter(
            lambda text: not text.startswith("\0")
        ),
        st.from_regex(r"[a-z0-9_]{1,64}", fullmatch=True),
        st.dictionaries(
            st.from_regex(r"[A-Za-z0-9_-]{1,64}|\*", fullmatch=True),
            st.sampled_from(["view", "edit", "manage"]),
            max_size=5,
        ),
    )
    def test_what_is_issued_is_accepted(self, user: str, tenant: str, rights: Any) -> None:
        claims = Claims(user, tenant, rights, "Ada", "id-1", ("edit",), NOW + 60, NOW)
        token = RING.issue(claims, now_s=NOW, ttl_s=60)
        self.assertEqual(RING.verify(token, now_s=NOW), claims)
        self.assertEqual(Claims.from_extra(claims.as_extra()), claims)

    def test_none_is_issued_in_the_future(self) -> None:
        # Times a thousand these are rounded up to a whole number.
        for now_s in (1795705968.4259999, 1795705968.426, NOW):
            token = RING.issue(Claims("ada", "acme"), now_s=now_s, ttl_s=60)
            issued_at = RING.verify(token, now_s=now_s).issued_at
            self.assertTrue(now_s - 0.001 <= issued_at <= now_s, now_s)

    def test_none_lives_longer_than_revocations_are_remembered(self) -> None:
        ring = attrs.evolve(RING, longest_s=60)
        ring.verify(signed(body()), now_s=NOW)
        long = RING.issue(Claims("ada", "acme"), now_s=NOW, ttl_s=61)
        RING.verify(long, now_s=NOW)
        with self.assertRaises(CollabError):
            ring.verify(long, now_s=NOW)

    def test_until_it_expires(self) -> None:
        token = signed(body())
        self.assertEqual(RING.verify(token, now_s=NOW + 59.9).expires_at, NOW + 60)
        with self.assertRaises(CollabError) as caught:
            RING.verify(token, now_s=NOW + 60)
        self.assertEqual(caught.exception.code, "token_expired")

    def test_the_issuers_clock_may_be_a_little_ahead(self) -> None:
        RING.verify(signed(body(iat=NOW + 29, nbf=NOW + 29)), now_s=NOW)
        self.refused(signed(body(iat=NOW + 31)))
        self.refused(signed(body(nbf=NOW + 31)))

    def test_public_keys(self) -> None:
        for name, private, public in (
            ("RS256", RSA_PRIVATE, RSA_PUBLIC),
            ("EdDSA", ED_PRIVATE, ED_PUBLIC),
        ):
            ring = Keyring(public_key=public, public_algorithm=name)
            token = jwt.encode(body(), private, algorithm=name)
            self.assertEqual(ring.verify(token, now_s=NOW).user_id, "ada")
            self.refused(token)
            self.refused(signed(body()), ring)
            other = (
                rsa.generate_private_key(65537, 2048)
                if name == "RS256"
                else (ed25519.Ed25519PrivateKey.generate())
            )
            self.refused(jwt.encode(body(), pem(other)[0], algorithm=name), ring)

    def test_an_audience_among_several(self) -> None:
        RING.verify(signed(body(aud=["other", "collab_wamp"])), now_s=NOW)

    def test_without_an_issuer_none_is_looked_at(self) -> None:
        ring = Keyring(secret=SECRET, issuer="")
        ring.verify(signed(body(iss=None)), now_s=NOW)
        ring.verify(signed(body(iss="whoever")), now_s=NOW)


class RefuseTests(TokenCase):
    def test_claims_of_a_wrong_kind(self) -> None:
        deep: Any = []
        for _ in range(900):
            deep = [deep]
        for changes in (
            {"exp": None}, {"exp": 1e308}, {"exp": str(NOW + 60)}, {"exp": True}, {"exp": [NOW]},
            {"exp": float("inf")}, {"exp": float("nan")}, {"exp": -1}, {"exp": 2**70},
            {"iat": None}, {"iat": "x"}, {"iat": False}, {"iat": float("nan")},
            {"nbf": NOW + 3600}, {"nbf": "x"}, {"nbf": True}, {"nbf": float("nan")},
            {"sub": None}, {"sub": 1}, {"sub": ""}, {"sub": "x" * 129}, {"sub": ["ada"]},
            {"sub": "\ud800"}, {"sub": "\0ada"},
            {"tenant": None}, {"tenant": ""}, {"tenant": "A"}, {"tenant": "a b"}, {"tenant": "a\n"},
            {"tenant": "x" * 65}, {"tenant": 7}, {"tenant": "../x"}, {"tenant": "{t:s}"},
            {"aud": None}, {"aud": "other"}, {"aud": []}, {"aud": {}}, {"aud": 1}, {"aud": [1]},
            {"iss": None}, {"iss": "other"}, {"iss": ["collab_wamp"]}, {"iss": 1},
            {"rights": "edit"}, {"rights": ["*"]}, {"rights": {"*": "own"}}, {"rights": {"*": 1}},
            {"rights": {"*": ["edit"]}}, {"rights": {"../": "edit"}}, {"rights": {"": "edit"}},
            {"rights": {f"s{n}": "view" for n in range(1001)}}, {"rights": deep},
            {"name": 1}, {"name": "x" * 129}, {"name": "\ud800"}, {"jti": 1}, {"jti": "x" * 129},
            {"capabilities": "edit"}, {"capabilities": [1]}, {"capabilities": ["x"] * 65},
        ):  # fmt: skip
            self.refused(signed(body(**changes)))

    def test_bodies_that_are_no_objects(self) -> None:
        for claims in ([], "x", 1, None, True):
            self.refused(signed(claims))

    def test_what_is_no_token(self) -> None:
        for token in (
            None,
            1,
            b"x",
            [],
            {},
            "",
            ".",
            "..",
            "...",
            "a.b.c",
            "x" * 20_000,
            "\ud800.a.b",
            "é.é.é",
            "\0",
        ):
            self.refused(token)

    def test_a_changed_token(self) -> None:
        token = signed(body())
        head, payload, signature = token.split(".")
        for changed in (
            f"{head}.{b64(json.dumps(body(sub='bob')).encode())}.{signature}",
            f"{head}.{payload}.",
            f"{head}.{payload}",
            f"{head}.{payload}.{signature[:-4]}AAAA",
            signed(body(), key="another secret of thirty-two bytes"),
            signed(body(), key=""),
        ):
            self.refused(changed)

    def test_algorithms_that_are_not_asked_for(self) -> None:
        none, other, payload = b'{"alg":"none"}', b'{"alg":"NoNe"}', json.dumps(body()).encode()
        for token in (
            f"{b64(none)}.{b64(payload)}.",
            f"{b64(other)}.{b64(payload)}.",
            signed(body(), {"alg": "none"}),
            signed(body(), {"alg": "hs256"}),
            signed(body(), {"alg": ""}),
            signed(body(), {"alg": None}),
            signed(body(), {"alg": ["HS256"]}),
            signed(body(), {"alg": {"HS256": 1}}),
            jwt.encode(body(), SECRET * 2, algorithm="HS512"),
            jwt.encode(body(), pem(ec.generate_private_key(ec.SECP256R1()))[0], algorithm="ES256"),
        ):
            self.refused(token)

    def test_a_public_key_is_no_secret(self) -> None:
        """HMAC with the text of the public key, as if it were the secret."""
        both = Keyring(secret=SECRET, public_key=RSA_PUBLIC, public_algorithm="RS256")
        alone = Keyring(public_key=RSA_PUBLIC, public_algorithm="RS256")
        for ring in (both, alone):
            for key in (RSA_PUBLIC, RSA_PUBLIC.strip(), ""):
                self.refused(signed(body(), key=key), ring)
                self.refused(signed(body(), {"alg": "RS256"}, key=key), ring)

    def test_headers_that_name_keys_are_not_followed(self) -> None:
        mine = json.loads(jwt.algorithms.HMACAlgorithm.to_jwk(b"mine"))
        for header in (
            {"crit": ["exp"]}, {"crit": []}, {"crit": "b64"},
            {"b64": False, "crit": ["b64"]},
            {"jku": "https://evil.example/keys"}, {"x5u": "https://evil.example/keys"},
            {"jwk": mine}, {"kid": "../../dev/null"}, {"kid": "' OR 1=1 --"}, {"kid": 5},
        ):  # fmt: skip
            self.refused(signed(body(), header, key="mine" * 8))
        self.refused(signed(body(), {"crit": ["exp"]}))

    @given(st.text(max_size=50) | st.binary(max_size=50).map(b64))
    def test_noise(self, noise: str) -> None:
        token = signed(body())
        head, payload, signature = token.split(".")
        for changed in (noise, f"{noise}.{payload}.{signature}", f"{head}.{noise}.{signature}"):
            self.refused(changed)

    def test_without_a_secret_nothing_is_issued(self) -> None:
        with self.assertRaises(ValueError):
            Keyring().issue(Claims("ada", "acme"), now_s=NOW, ttl_s=1)

    def test_nothing_is_issued_that_would_not_be_accepted(self) -> None:
        for claims in (Claims("", "acme"), Claims("ada", "A"), Claims("ada", "acme", {"*": "own"})):
            with self.assertRaises(CollabError):
                RING.issue(claims, now_s=NOW, ttl_s=60)

    def test_keys_are_not_shown(self) -> None:
        self.assertNotIn(SECRET, repr(RING))


class ParseRightsTests(TestCase):
    def test_as_on_a_command_line(self) -> None:
        self.assertEqual(parse_rights("notes=edit, *=view,"), {"notes": "edit", "*": "view"})

    def test_what_is_wrong_is_named(self) -> None:
        for text, said in (
            ("", "at least one"),
            ("notes", "'notes' is not SESSION=RIGHT"),
            ("notes=own", "view, edit, manage"),
            ("a b=view", "'a b' is not a session id"),
            ("=view", "'' is not a session id"),
        ):
            with self.assertRaises(ValueError) as caught:
                parse_rights(text)
            self.assertIn(said, str(caught.exception))
