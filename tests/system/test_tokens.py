"""Tokens on live connections of two nodes: issued, refreshed, expiring, revoked."""

from __future__ import annotations

import time
from typing import Any

from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from collab_wamp.tokens import Claims, Keyring
from tests.support.node import SECRET, Node
from tests.support.pair import shared_pair
from tests.support.raw_wamp import CallError, RawClient, logged_in
from tests.support.waiting import until

NOTICE = "collab.notice"


def token(user: str = "ada", *, ttl_s: float = 900, **more: Any) -> str:
    claims = Claims(user, "acme", more.pop("rights", {"*": "manage"}), **more)
    return Keyring(secret=SECRET).issue(claims, now_s=time.time(), ttl_s=ttl_s)


class TokenTests(TestCase):
    timeout = 120

    async def setUp(self) -> None:
        self.pair = await shared_pair()
        self.clients: list[RawClient] = []

    async def tearDown(self) -> None:
        for client in self.clients:
            await client.cut()

    async def client(self, node: Node, ticket: str) -> RawClient:
        client = await logged_in(node.port, ticket)
        self.clients.append(client)
        return client

    async def boss(self) -> RawClient:
        capabilities = ("tokens", "edit", "cursor", "selection")
        return await self.client(self.pair.a, token("boss", capabilities=capabilities))

    async def refused(self, node: Node, ticket: str) -> str:
        """The code by which a login is refused."""
        client = await RawClient(node.port).connect()
        answer = await client.login(ticket)
        await client.cut()
        self.assertEqual(answer[0], 3)
        return str(answer[2]).removeprefix("collab.error.")

    async def test_what_one_node_issues_the_other_accepts(self) -> None:
        boss = await self.boss()
        issued = await boss.call(
            "collab.token.issue", user_id="ada", rights={"notes": "view"}, ttl_s=60, name="Ada"
        )
        ada = await self.client(self.pair.b, issued["token"])
        welcome = next(row for row in ada.received if row[0] == 2)[2]["authextra"]
        self.assertEqual(welcome["user_id"], "ada")
        self.assertEqual(welcome["rights"], {"notes": "view"})
        self.assertEqual(welcome["expires_at"], issued["expires_at"])
        with self.assertRaises(CallError) as caught:
            await ada.call("collab.token.issue", user_id="eve", rights={})
        self.assertEqual(caught.exception.code, "denied")

    async def test_a_revoked_token_is_cut_on_every_node_and_does_not_come_back(self) -> None:
        boss = await self.boss()
        one, other = token("eve", token_id="one"), token("eve", token_id="other")
        on_a, on_b = await self.client(self.pair.a, one), await self.client(self.pair.b, one)
        stays = await self.client(self.pair.b, other)
        await boss.call("collab.token.revoke", token_id="one")
        for client in (on_a, on_b):
            goodbye = await until(lambda c=client: c._first(6), 5, "GOODBYE")
            self.assertEqual(goodbye[2], "collab.error.token_revoked")
            await client.until_closed(5)
        self.assertEqual(await self.refused(self.pair.b, one), "token_revoked")
        await stays.call("collab.session.list")
        await boss.call("collab.token.revoke", user_id="eve")
        await stays.until_closed(5)
        self.assertEqual(await self.refused(self.pair.a, other), "token_revoked")

    async def test_a_refreshed_token_keeps_the_connection(self) -> None:
        ada = await self.client(self.pair.a, token(ttl_s=2, rights={"notes": "view"}))
        answer = await ada.call(
            "collab.token.refresh", ticket=token(ttl_s=600, rights={"other": "edit"})
        )
        self.assertGreater(answer["expires_at"], time.time() + 500)
        # The new token's rights are those that count, at once.
        await ada.call("collab.session.create", session_id="other", if_absent=True)
        with self.assertRaises(CallError) as caught:
            await ada.call("collab.session.info", session_id="notes")
        self.assertEqual(caught.exception.code, "no_such_session")
        late = await self.client(self.pair.a, token(ttl_s=3))
        await late.until_closed(10)
        until_expiry = time.time()
        self.assertGreater(answer["expires_at"], until_expiry)
        await ada.call("collab.session.list")

    async def test_only_a_good_token_of_the_same_user_refreshes(self) -> None:
        ada = await self.client(self.pair.a, token())
        boss = await self.boss()
        await boss.call("collab.token.revoke", token_id="gone")
        for ticket, code in (
            (token("bob"), "token_invalid"),
            (token() + "x", "token_invalid"),
            ("", "token_invalid"),
            (7, "token_invalid"),
            (token(token_id="gone"), "token_revoked"),
        ):
            with self.assertRaises(CallError) as caught:
                await ada.call("collab.token.refresh", ticket=ticket)
            self.assertEqual(caught.exception.code, code)
        await ada.call("collab.session.list")

    async def test_who_is_about_to_expire_is_told_and_nobody_else(self) -> None:
        ada, bob = await self.client(self.pair.a, token()), None
        await ada.subscribe(NOTICE)
        bob = await self.client(self.pair.a, token("bob", ttl_s=8))
        await bob.subscribe(NOTICE)
        notice = await until(lambda: bob.events(NOTICE), 12)
        self.assertEqual(notice[0]["kind"], "token_expiring")
        goodbye = await until(lambda: bob._first(6), 12)
        self.assertEqual(goodbye[2], "collab.error.token_expired")
        self.assertEqual(len(bob.events(NOTICE)), 1)
        self.assertEqual(ada.events(NOTICE), [])

    async def test_revocations_outlive_the_process_that_knew_them(self) -> None:
        node = Node(REDIS_URL=self.pair.store.url, INSTANCE_ID="apart", LAYOUT="apart")
        self.addCleanup(lambda: deferToThread(node.stop))
        await deferToThread(node.start)
        boss = await self.boss()
        ticket = token("mallory", token_id="stolen")
        await boss.call("collab.token.revoke", token_id="stolen")
        node.kill("relay")
        await until(lambda: "started again" in node.said())
        codes = []

        async def ask() -> None:
            codes.append(await self.refused(node, ticket))

        # Nobody is let in unchecked while the process starts.
        while "token_revoked" not in codes:
            await ask()
        self.assertLessEqual(set(codes), {"overloaded", "token_revoked"})
