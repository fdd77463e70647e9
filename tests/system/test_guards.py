"""Each guard of the router, attacked over raw WebSocket frames, with an innocent client beside it.

Taken out one at a time (see `wamp/gate.py` and `wamp/guarded.py`), each has a test here that fails.
"""

from __future__ import annotations

import json
import time

from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.types import CallOptions, PublishOptions
from twisted.internet.defer import Deferred, FirstError, gatherResults

from tests.support.guards import GuardCase, last, replies
from tests.support.raw_wamp import CallError
from tests.support.waiting import until


class IdentityTests(GuardCase):
    async def test_forward_for_ends_the_connection(self) -> None:
        """Whoever would speak as somebody else is thrown out, and nobody heard it."""
        canary = await self.canary()
        forged = {"forward_for": [{"session": 1, "authid": "canary", "authrole": "backend"}]}
        presence = canary.joined["topics"]["cursor"]
        for message in (
            [48, 1, forged, "collab.session.destroy", [], {"session_id": self.session_id}],
            [16, 1, forged, presence, [], {"revision": 0, "position": 0}],
            [32, 1, forged, canary.joined["topics"]["edits"]],
            [34, 1, 77, forged],
            [49, 1, forged],
            [48, 1, {"forward_for": None}, "collab.session.list"],
        ):
            client = await self.client()
            client.send(message)
            code, _ = await client.until_closed()
            self.assertEqual(code, 1008, message)
            self.assertEqual([row for row in client.received if row[0] in (8, 50)], [])
        await canary.sings()

    async def test_the_token_alone_says_who_connects(self) -> None:
        """What HELLO claims of authid, role and extra counts for nothing."""
        client = await self.connected()
        token = self.at.token("mallory", "acme", notes="view")
        welcome = await client.login(
            token,
            authid="canary",
            authrole="backend",
            authextra={"tenant": "other", "rights": {"*": "manage"}, "transport": {}},
        )
        self.assertEqual(welcome[0], 2)
        details = welcome[2]
        self.assertEqual((details["authid"], details["authrole"]), ("mallory", "user"))
        self.assertEqual(details["authextra"]["tenant"], "acme")
        self.assertEqual(details["authextra"]["rights"], {"notes": "view"})
        self.assertEqual(
            await self.code_of(client, "collab.session.info", session_id="x"), "no_such_session"
        )

    async def test_other_ways_in_are_closed(self) -> None:
        for hello in (
            [1, "collab", {"roles": {"caller": {}}}],
            [1, "collab", {"roles": {"caller": {}}, "authmethods": ["anonymous"]}],
            [1, "collab", {"roles": {"caller": {}}, "authmethods": ["cookie", "tls", "scram"]}],
            [1, "other", {"roles": {"caller": {}}, "authmethods": ["anonymous"]}],
        ):
            client = await self.connected()
            client.send(hello)
            await client.until_closed()
            self.assertEqual([row[0] for row in client.received], [3], hello)

    async def test_a_bad_ticket_is_refused_and_the_connection_ends(self) -> None:
        for ticket in ("", "x", "a.b.c", self.at.token() + "x", "x" * 60_000):
            client = await self.connected()
            answer = await client.login(ticket)
            self.assertEqual((answer[0], answer[2]), (3, "collab.error.token_invalid"), ticket[:20])
            self.assertEqual(answer[1]["message"], "The token is not accepted.")
            await client.until_closed(5)

    async def test_who_logs_in_twice_at_one_time_is_thrown_out(self) -> None:
        """Nobody is left behind of them at the router."""
        inside = await self.inside()
        before = set(await inside.call("wamp.session.list"))
        client = await self.connected()
        client.send([1, "collab", {"roles": {}, "authmethods": ["ticket"]}])
        await until(lambda: last(client, 4))
        # A bad token is answered late, so that the next one comes meanwhile.
        for token in ("no token", self.at.token("mallory", "acme")):
            client.send([5, token, {}])
        code, reason = await client.until_closed()
        self.assertEqual(code, 1008, reason)
        left = {0}
        for _again in range(200):  # each is a way to the router and back
            left = set(await inside.call("wamp.session.list")) - before
            if not left:
                break
        self.assertEqual(left, set())

    async def test_who_tries_tokens_waits_for_each_answer_and_nobody_else(self) -> None:
        canary = await self.canary()
        start = time.monotonic()
        trying = [await self.connected() for _ in range(20)]
        answers = gatherResults(
            [Deferred.fromCoroutine(client.login("no token")) for client in trying]
        )
        good = await self.connected()
        self.assertEqual((await good.login(self.at.token()))[0], 2)
        # As long as they wait, somebody else has come and gone on.
        self.assertFalse(answers.called)
        await canary.sings()
        for answer in await answers:
            self.assertEqual(answer[2], "collab.error.token_invalid")
        self.assertGreaterEqual(time.monotonic() - start, 0.5)

    async def test_another_realm_is_refused(self) -> None:
        client = await self.connected()
        client.send([1, "sys", {"roles": {"caller": {}}, "authmethods": ["ticket"]}])
        client.send([5, self.at.token(), {}])
        await client.until_closed()
        self.assertNotIn(2, [row[0] for row in client.received])

    async def test_a_user_has_so_many_connections(self) -> None:
        for _ in range(4):
            await self.client("many")
        fifth = await self.connected()
        answer = await fifth.login(self.at.token("many"))
        self.assertEqual((answer[0], answer[2]), (3, "collab.error.too_many"))
        other = await self.connected()
        self.assertEqual((await other.login(self.at.token("many", "elsewhere")))[0], 2)
        self.clients[0].send([6, {}, "wamp.close.normal"])
        await self.clients[0].until_closed()
        sixth = await self.connected()
        self.assertEqual((await sixth.login(self.at.token("many")))[0], 2)

    async def test_the_components_believe_no_forged_identity_either(self) -> None:
        """One that comes past the router's guard, here from the components' own socket."""
        canary, ada, bob = await self.canary(), await self.client("ada"), await self.client("bob")
        at = {}
        for name, client in (("ada", ada), ("bob", bob)):
            at[name] = await client.call(
                "collab.session.join", session_id=self.session_id, client_id=f"client-{name}"
            )
        inside = await self.inside()
        forged = [{"session": bob.received[1][1], "authid": "bob", "authrole": "user"}]
        with self.assertRaises(ApplicationError) as caught:
            await inside.call(
                "collab.session.destroy",
                session_id=self.session_id,
                options=CallOptions(forward_for=forged),
            )
        self.assertEqual(caught.exception.error, "collab.error.denied")
        topic, presence = at["bob"]["topics"]["cursor"], canary.joined["topics"]["presence"]
        options = PublishOptions(acknowledge=True, forward_for=forged)
        await inside.publish(topic, revision=0, position=0, options=options)
        ada.publish(topic, revision=0, position=0)
        seen = await until(lambda: canary.client.events(presence))
        self.assertEqual([list(e["presence"]) for e in seen], [[at["ada"]["participant_id"]]])
        await canary.sings()


class RequestTests(GuardCase):
    async def test_patterns_are_refused(self) -> None:
        """Subscriptions are exact, so nobody hears a session whose topics they were not told."""
        canary = await self.canary()
        client = await self.client()
        for topic, match in (
            ("collab.s.", "prefix"),
            ("collab.s", "prefix"),
            ("", "prefix"),
            ("collab.s..edits", "wildcard"),
            (canary.joined["topics"]["edits"], "prefix"),
        ):
            with self.assertRaises(CallError) as caught:
                await client.subscribe(topic, match=match)
            self.assertEqual(caught.exception.uri, "wamp.error.not_authorized")
        await client.subscribe(canary.joined["topics"]["edits"])  # a stolen name, not a participant
        await canary.sings()
        await self.failure(client, "collab.session.info", session_id="../")  # a round trip
        self.assertEqual([row for row in client.received if row[0] == 36], [])

    async def test_nothing_is_registered(self) -> None:
        client = await self.client()
        for number, options in enumerate(
            ({}, {"invoke": "roundrobin"}, {"force_reregister": True}, {"match": "prefix"}), 1
        ):
            client.send([64, number, options, "collab.session.edit"])
            answer = await until(lambda n=number: replies(client, n))
            self.assertEqual(answer[4], "wamp.error.not_authorized")
        await (await self.canary()).sings()

    async def test_what_is_not_for_clients_is_refused(self) -> None:
        client = await self.client()
        for procedure in (
            "wamp.session.list", "wamp.session.get", "wamp.session.kill", "wamp.session.count",
            "wamp.session.add_testament", "wamp.session.flush_testaments", "wamp.registration.list",
            "wamp.subscription.list", "crossbar.node.shutdown", "collab.relay.watch",
            "collab.node.health.relay", "collab.node.health.sessions",
        ):  # fmt: skip
            error = await self.failure(client, procedure)
            self.assertEqual(error.uri, "wamp.error.not_authorized", procedure)
        for topic in ("wamp.session.on_join", "wamp.session.on_leave", "collab.in.x.cursor"):
            with self.assertRaises(CallError) as caught:
                await client.subscribe(topic)
            self.assertEqual(caught.exception.uri, "wamp.error.not_authorized", topic)

    async def test_server_topics_are_not_for_clients_to_publish(self) -> None:
        canary = await self.canary()
        client = await self.client()
        topics = canary.joined["topics"]
        for topic in (topics["edits"], topics["roster"], topics["presence"], "collab.notice"):
            client.publish(topic, {"acknowledge": True}, epoch="x", after=0, edits=[["forged"]])
            answer = await until(
                lambda: client.received[-1] if client.received[-1][0] == 8 else None
            )
            self.assertEqual(answer[4], "wamp.error.not_authorized")
            client.received.pop()
            client.publish(topic, {"eligible": [1]}, epoch="x", after=0, edits=[["forged"]])
        await canary.sings()
        self.assertNotIn("forged", json.dumps(canary.client.received))

    async def test_whom_a_publish_reaches_is_not_for_clients_to_say(self) -> None:
        """Its options are without effect: the relay hears of a cursor whatever they are."""
        canary = await self.canary()
        client = await self.client()
        joined = await client.call(
            "collab.session.join", session_id=self.session_id, client_id="mallory-client"
        )
        for position, options in enumerate(
            (
                {"eligible": []}, {"eligible_authid": ["nobody"]}, {"retain": True},
                {"exclude_authrole": ["backend"]}, {"exclude_me": False}, {"disclose_me": False},
            )
        ):  # fmt: skip
            client.publish(joined["topics"]["cursor"], options, revision=0, position=None)
            client.publish(joined["topics"]["cursor"], options, revision=0, position=0)
            await until(
                lambda: any(
                    joined["participant_id"] in event["presence"]
                    for event in canary.client.events(canary.joined["topics"]["presence"])
                ),
                what=f"cursor {position} with {options}",
            )
            canary.client.received.clear()
        await canary.sings()

    async def test_subscriptions_are_limited(self) -> None:
        client = await self.client()
        for number in range(20):
            await client.subscribe(f"collab.s.{number:026}.edits")
        with self.assertRaises(CallError) as caught:
            await client.subscribe("collab.s.more.edits")
        self.assertEqual(caught.exception.code, "too_many")

    async def test_a_call_cannot_be_cancelled_half_way(self) -> None:
        """CANCEL is passed over: the call is answered with what happened."""
        canary = await self.canary()
        for mode in ("kill", "killnowait", "skip"):
            canary.seq += 1
            number = canary.client.start_call(
                "collab.session.edit",
                session_id=self.session_id,
                epoch=canary.joined["epoch"],
                revision=canary.seq - 1,
                client_id="canary-client",
                seq=canary.seq,
                op=["b"],
            )
            canary.client.send([49, number, {"mode": mode}])
            answer = await canary.client.answer(50, number)
            self.assertEqual(answer[3][0]["revision"], canary.seq)
        await canary.sings()

    async def test_malformed_messages_end_the_connection(self) -> None:
        canary = await self.canary()
        for message in (
            [], {}, 1, None, "x", [True], ["x"], [48], [48, "x", {}, "a.b.c"], [48, 1, [], "a.b.c"],
            [48, 0, {}, "a.b.c"], [48, 1, {}, 5], [48, 1, {}, "a.b.c", {}],
            [48, 1, {}, "a.b.c", [], []], [32, 1, {}, None], [16, -1, {}, "a.b.c"], [2, 1, {}],
            [4, "ticket", {}], [36, 1, 1, {}], [50, 1, {}], [68, 1, 1, {}], [70, 1, {}],
            [8, 68, 1, {}, "x"], [1, "collab", {}], [5, "x", {}], [99], [2**60], [33, 1, 1],
        ):  # fmt: skip
            client = await self.client()
            client.send(message)
            code, _ = await client.until_closed()
            self.assertIn(code, (1002, 1008), message)
        await canary.sings()

    async def test_bad_uris_are_answered(self) -> None:
        client = await self.client()
        for uri in ("", ".", "collab..x", "collab session", "COLLAB", "a" * 10_000):
            error = await self.failure(client, uri)
            self.assertTrue(error.uri.startswith("wamp.error."), error.uri)


class LoadTests(GuardCase):
    async def test_too_many_calls_at_one_time_are_to_wait(self) -> None:
        client = await self.client()
        numbers = [client.start_call("collab.session.list") for _ in range(300)]
        answers = gatherResults(
            [Deferred.fromCoroutine(client.answer(50, number)) for number in numbers],
            consumeErrors=True,
        )
        with self.assertRaises(FirstError) as caught:
            await answers
        error = caught.exception.subFailure.value
        self.assertEqual((error.code, error.kwargs["retryable"]), ("overloaded", True))
        await until(lambda: len([row for row in client.received if row[0] in (8, 50)]) == 300)
        # Errors are answers too: nothing is counted for ever.
        for _ in range(150):
            await self.failure(client, "collab.session.info", session_id="none")
            await self.failure(client, "collab.nothing.like.this")
        await client.call("collab.session.list")


class OrderTests(GuardCase):
    async def test_everybody_hears_everything_in_order_while_people_leave(self) -> None:
        """Beyond a number of receivers Crossbar would send an event in pieces, with pauses.

        The events are as the relay's when many leave at once: close upon each other, each for one
        person fewer than the one before.
        """
        canary = await self.canary()
        topic = canary.joined["topics"]["roster"]
        crowd = await gatherResults(
            [Deferred.fromCoroutine(self.client(f"p{number}")) for number in range(180)]
        )
        await gatherResults([Deferred.fromCoroutine(c.subscribe(topic)) for c in crowd])
        inside = await self.inside()
        rounds = [crowd[first:] for first in range(60)]
        for number, here in enumerate(rounds):
            receivers = [last(client, 2)[1] for client in here]
            inside.publish(topic, number=number, options=PublishOptions(eligible=receivers))
        await until(lambda: crowd[-1].events(topic))
        for client in crowd[:60]:
            client.protocol.transport.abortConnection()
        await until(lambda: all(len(c.events(topic)) == len(rounds) for c in crowd[60:]))
        for client in crowd[60:]:
            self.assertEqual([e["number"] for e in client.events(topic)], [*range(len(rounds))])
            self.assertIsNone(client.closed)
        await canary.sings()
