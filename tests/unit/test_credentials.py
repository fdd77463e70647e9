"""Tokens that are issued give no more than their issuer has; revoked ones are good no more."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import TestCase

from collab_wamp.caller import Caller
from collab_wamp.credentials import Credentials, is_revoked_by
from collab_wamp.errors import CollabError
from collab_wamp.protocol import Arguments
from collab_wamp.store.announcements import RevokedAnnounced
from collab_wamp.store.commons import Revocation
from collab_wamp.store.memory_commons import MemoryCommons
from collab_wamp.tokens import Claims, Keyring

SECRET = "a secret for tests, long enough to be one"
START_MS = 1_800_000_000_700
ALL = ("tokens", "edit", "cursor", "selection")


def issuer(rights: dict[str, str] | None = None, capabilities: tuple[str, ...] = ALL) -> Caller:
    return Caller(Claims("boss", "acme", rights or {"*": "manage"}, capabilities=capabilities), 1)


class CredentialsTests(TestCase):
    def setUp(self) -> None:
        self.now_ms = START_MS
        self.keyring = Keyring(secret=SECRET)
        self.commons = MemoryCommons(lambda: self.now_ms)
        self.credentials = self.make(self.keyring)

    def make(self, keyring: Keyring) -> Credentials:
        names = iter(f"name{number}" for number in range(1000))
        return Credentials(
            self.commons,
            keyring,
            now_ms=lambda: self.now_ms,
            new_name=lambda _size: next(names),
            longest_s=900,
            kept_s=3600,
        )

    async def issue(self, caller: Caller, **arguments: Any) -> dict[str, Any]:
        arguments = {"user_id": "ada", "rights": {"notes": "edit"}, **arguments}
        return await self.credentials.issue(caller, Arguments((), arguments))

    async def refused(self, caller: Caller, **arguments: Any) -> tuple[str, Any]:
        with self.assertRaises(CollabError) as caught:
            await self.issue(caller, **arguments)
        details = caught.exception.details
        return caught.exception.code, details.get("argument", details.get("needs"))

    async def test_what_is_issued_is_accepted(self) -> None:
        issued = await self.issue(issuer(), name="Ada", ttl_s=60)
        claims = self.keyring.verify(issued["token"], now_s=self.now_ms / 1000)
        self.assertEqual((claims.user_id, claims.tenant, claims.name), ("ada", "acme", "Ada"))
        self.assertEqual(claims.rights, {"notes": "edit"})
        self.assertEqual(claims.capabilities, ("edit", "cursor", "selection"))
        self.assertEqual(claims.token_id, issued["token_id"])
        self.assertEqual(int(claims.expires_at), issued["expires_at"])
        self.assertEqual(issued["expires_at"], START_MS // 1000 + 60)

    async def test_nobody_gives_what_they_do_not_have(self) -> None:
        self.assertEqual(await self.refused(issuer({"*": "view"})), ("denied", "edit"))
        self.assertEqual(await self.refused(issuer({"x": "manage"})), ("denied", "edit"))
        self.assertEqual(
            await self.refused(issuer({"notes": "view", "*": "edit"}), rights={"*": "edit"}),
            ("denied", "edit"),
            "* would reach what the issuer may only view",
        )
        await self.issue(issuer({"notes": "view", "*": "edit"}), rights={"*": "view"})
        self.assertEqual(await self.refused(issuer(capabilities=("edit",))), ("denied", "tokens"))
        self.assertEqual(
            await self.refused(issuer(), capabilities=["operate"]), ("denied", "operate")
        )
        without_edit = issuer(capabilities=("tokens", "cursor"))
        self.assertEqual(await self.refused(without_edit), ("denied", "edit"))

    async def test_bad_arguments_are_named(self) -> None:
        for argument, value in (
            ("user_id", ""), ("rights", None), ("rights", ["notes"]), ("rights", {"notes": "own"}),
            ("capabilities", "edit"), ("capabilities", []), ("capabilities", ["fly"]),
            ("ttl_s", 901), ("ttl_s", 0), ("name", "x" * 129),
        ):  # fmt: skip
            self.assertEqual(
                await self.refused(issuer(), **{argument: value}), ("bad_request", argument)
            )

    async def test_rights_that_no_token_can_carry_are_named(self) -> None:
        """A name that no session has, too many of them, and a token longer than is accepted."""
        for rights in (
            {"not a name": "view"}, {"": "view"}, {"a" * 65: "view"},
            {f"s{number}": "view" for number in range(1001)},
            {f"{number:064}": "manage" for number in range(1000)},
        ):  # fmt: skip
            refused = await self.refused(issuer(), rights=rights)
            self.assertEqual(refused, ("bad_request", "rights"), str(rights)[:80])
        issued = await self.issue(issuer(), rights={f"{number}": "edit" for number in range(500)})
        claims = self.keyring.verify(issued["token"], now_s=self.now_ms / 1000)
        self.assertEqual(len(claims.rights), 500)

    async def test_without_a_secret_nothing_is_issued(self) -> None:
        self.credentials = self.make(Keyring(public_key="…", public_algorithm="EdDSA"))
        self.assertEqual((await self.refused(issuer()))[0], "denied")

    async def test_a_revoked_token_is_refused_on_every_node(self) -> None:
        issued = await self.issue(issuer())
        claims = self.keyring.verify(issued["token"], now_s=self.now_ms / 1000)
        self.credentials.check(claims)
        await self.credentials.revoke(issuer(), Arguments((), {"token_id": issued["token_id"]}))
        other = self.make(self.keyring)
        await other.load()
        with self.assertRaises(CollabError) as caught:
            other.check(claims)
        self.assertEqual(caught.exception.code, "token_revoked")
        # Another token of the same user is as good as before, and so is another tenant's.
        again = await self.issue(issuer())
        other.check(self.keyring.verify(again["token"], now_s=self.now_ms / 1000))
        other.check(Claims("ada", "other", token_id=issued["token_id"]))

    async def test_a_user_is_revoked_up_to_now(self) -> None:
        before = self.keyring.verify((await self.issue(issuer()))["token"], now_s=START_MS / 1000)
        self.now_ms += 1
        await self.credentials.revoke(issuer(), Arguments((), {"user_id": "ada"}))
        await self.credentials.load()
        self.now_ms += 1
        after = self.keyring.verify((await self.issue(issuer()))["token"], now_s=START_MS / 1000)
        with self.assertRaises(CollabError):
            self.credentials.check(before)
        self.credentials.check(after)

    async def test_who_may_revoke_and_what(self) -> None:
        for caller, arguments, code in (
            (issuer(capabilities=("edit",)), {"token_id": "x"}, "denied"),
            (issuer(), {}, "bad_request"),
            (issuer(), {"token_id": "x", "user_id": "y"}, "bad_request"),
            (issuer(), {"token_id": 7}, "bad_request"),
        ):
            with self.assertRaises(CollabError) as caught:
                await self.credentials.revoke(caller, Arguments((), arguments))
            self.assertEqual(caught.exception.code, code)
        self.assertEqual(await self.commons.revocations(), [])

    def test_what_is_announced_is_known_until_no_token_can_live(self) -> None:
        claims = Claims("ada", "acme", token_id="t1")
        self.credentials.announced(RevokedAnnounced("acme", "token", "t1", self.now_ms))
        with self.assertRaises(CollabError):
            self.credentials.check(claims)
        self.credentials.tidy()
        with self.assertRaises(CollabError):
            self.credentials.check(claims)
        self.now_ms += 3_600_001
        self.credentials.tidy()
        self.credentials.check(claims)

    def test_a_token_without_an_id_is_revoked_by_its_user_alone(self) -> None:
        claims = Claims("ada", "acme", issued_at=5)
        self.assertFalse(is_revoked_by(claims, Revocation("acme", "token", "", 9000)))
        self.assertTrue(is_revoked_by(claims, Revocation("acme", "user", "ada", 5000)))
        self.assertFalse(is_revoked_by(claims, Revocation("acme", "user", "ada", 4999)))
        self.assertFalse(is_revoked_by(claims, Revocation("acme", "user", "bob", 9000)))
