"""Figures of the nodes by tenant, and the removal of the participants of nodes that died."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import TestCase

from collab_wamp.caller import Caller
from collab_wamp.errors import CollabError
from collab_wamp.notices import Notices
from collab_wamp.protocol import Arguments
from collab_wamp.reports import Reports, bury_the_dead
from collab_wamp.store.announcements import NoticeAnnounced
from collab_wamp.store.memory import MemoryStore
from collab_wamp.store.memory_commons import MemoryCommons
from collab_wamp.store.values import SessionKey
from collab_wamp.tokens import Claims
from tests.support.store_contract import participant

KEY = SessionKey("acme", "notes")


def caller(*capabilities: str) -> Caller:
    return Caller(Claims("ada", "acme", capabilities=capabilities), 1)


class ReportsTests(TestCase):
    def setUp(self) -> None:
        self.now_ms = 0.0
        self.store = MemoryStore(now_ms=lambda: int(self.now_ms))
        self.commons = MemoryCommons(lambda: self.now_ms)
        self.reports = Reports(self.store, self.commons)

    async def make(self, session_id: str = "notes", tenant: str = "acme") -> None:
        await self.store.create(
            SessionKey(tenant, session_id), type="text", epoch="e", topic_key="k", owner="ada",
            conflicts="merge", created_ms=0, content=b'""',
        )  # fmt: skip

    async def test_figures_are_of_the_tenant_alone(self) -> None:
        await self.make()
        await self.make("other")
        await self.make(tenant="rival")
        row = {"connections": 3, "users": 2, "sessions": 1, "participants": 2}
        await self.commons.beat("a", {"tenants": {"acme": row, "rival": row}}, 10, "me")
        await self.commons.beat(
            "b", {"tenants": {"acme": {"connections": 1, "users": 1}}}, 10, "me"
        )
        found = await self.reports.connections(caller("stats"), Arguments((), {}))
        self.assertEqual(
            found,
            {
                "tenant": "acme",
                "connections": 4,
                "instances": {
                    "a": {"connections": 3, "users": 2},
                    "b": {"connections": 1, "users": 1},
                },
            },
        )
        found = await self.reports.sessions(caller("stats"), Arguments((), {}))
        self.assertEqual((found["sessions"], found["active"], found["participants"]), (2, 1, 2))

    async def test_who_may_see_them(self) -> None:
        async def code(*capabilities: str, **arguments: Any) -> str:
            try:
                await self.reports.sessions(caller(*capabilities), Arguments((), arguments))
            except CollabError as error:
                return error.code
            return "ok"

        self.assertEqual(await code("edit"), "denied")
        self.assertEqual(await code("stats"), "ok")
        self.assertEqual(await code("stats", tenant="rival"), "denied")
        self.assertEqual(await code("operate", tenant="rival"), "ok")
        self.assertEqual(await code("operate", tenant="../"), "bad_request")

    async def test_the_dead_leave_and_the_living_stay(self) -> None:
        await self.make()
        await self.store.join(KEY, participant("p1", "client-0001", instance_id="a"))
        await self.store.join(KEY, participant("p2", "client-0002", instance_id="b"))
        await self.commons.beat("a", {}, 10, "me")
        self.now_ms += 5_000
        await self.commons.beat("b", {}, 10, "me")
        self.assertEqual(await bury_the_dead(self.store, self.commons), [])
        self.now_ms += 6_000
        self.assertEqual(await bury_the_dead(self.store, self.commons), ["a"])
        found = await self.store.roster(KEY)
        assert found is not None
        self.assertEqual([row.participant_id for row in found[1]], ["p2"])
        self.assertEqual(await self.store.joined_on("a"), [])
        self.assertEqual(await bury_the_dead(self.store, self.commons), [])


class NoticesTests(TestCase):
    def setUp(self) -> None:
        self.heard: list[Any] = []
        self.commons = MemoryCommons(lambda: 0)
        self.notices = Notices(self.commons, lambda: 7)

    async def send(self, *capabilities: str, **arguments: Any) -> str:
        await self.commons.listen_nodes(lambda _key, what: self.heard.append(what))
        try:
            await self.notices.send(caller(*capabilities), Arguments((), arguments))
        except CollabError as error:
            return str(error.details.get("argument", error.code))
        return "ok"

    async def test_a_notice_is_for_the_callers_tenant(self) -> None:
        self.assertEqual(await self.send("notify", message={"a": [1]}, user_id="bob"), "ok")
        event = {"kind": "message", "message": {"a": [1]}, "from": "ada", "time_ms": 7}
        self.assertEqual(self.heard, [NoticeAnnounced("acme", "bob", event)])

    async def test_what_is_refused(self) -> None:
        self.assertEqual(await self.send("edit", message="x"), "denied")
        self.assertEqual(await self.send("notify"), "message")
        self.assertEqual(await self.send("notify", message="x" * 5000), "message")
        self.assertEqual(await self.send("notify", message="x", user_id=7), "user_id")
        self.assertEqual(self.heard, [])
