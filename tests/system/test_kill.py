"""`kill -9` of each part of a node while several people edit: nothing lost, nothing twice."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from collab_wamp.client import Document, connect
from collab_wamp.client.player import Play
from collab_wamp.traces import load
from tests.support.own_node import OwnNodeCase
from tests.support.waiting import until

TRACE = Path(__file__).parents[1] / "data" / "traces" / "clownschool.json.gz"


class KillTests(OwnNodeCase):
    """Each part is in a process of its own, and is killed twice."""

    environment: ClassVar[dict[str, str]] = {"LAYOUT": "apart"}
    victims: ClassVar[tuple[str, ...]] = ("sessions", "relay", "router", "store") * 2

    async def document(self, user: str) -> Document:
        client = await connect(reactor, self.node.url, self.node.token(user))
        self.clients.append(client)
        return await client.open("notes", create=True, undo=False)

    async def test_every_part_is_killed_while_three_people_edit(self) -> None:
        trace = load(TRACE)
        people = [await self.document(f"person-{number}") for number in range(3)]
        onlookers = [await self.document(f"onlooker-{number}") for number in range(2)]
        acknowledged: set[tuple[str, int]] = set()
        copies = 0
        for person in people:

            def count(seq: int, person: Document = person) -> None:
                self.assertNotIn((person.client_id, seq), acknowledged)
                acknowledged.add((person.client_id, seq))

            def sent(seq: int) -> None:
                nonlocal copies
                copies += 1

            person.on_acknowledged(count)
            person.on_sent(sent)

        steps = 0

        def stepped() -> None:
            nonlocal steps
            steps += 1

        async def kill(victim: str, share: int) -> None:
            what = f"{share} steps, before {victim} is killed"
            await until(lambda: steps >= share or playing.called, 120, what)
            if playing.called:
                await playing  # it must not have ended yet: say why it has
            # It may have been killed a moment ago.
            await until(lambda: len(self.node.pids(victim)) == 1, 30, f"{victim} is there")
            before = len(acknowledged)
            self.node.kill(victim)
            await until(lambda: len(acknowledged) > before + 20, 60, f"on after {victim} died")

        play = Play(reactor, trace, people, onlookers=onlookers, stepped=stepped)
        playing = Deferred.fromCoroutine(play.run())
        for number, victim in enumerate(self.victims, 1):
            await kill(victim, number * len(trace) // (len(self.victims) + 1))
        await playing
        self.assertEqual(steps, len(trace))

        # What was acknowledged is there once, and nothing else is.
        head = await self.clients[0].call("collab.session.snapshot", session_id="notes")
        self.assertEqual(head["revision"], len(acknowledged))
        self.assertEqual(head["content"], trace.end)
        self.assertGreater(copies, len(acknowledged), "no edit had to be sent twice")
        for document in people + onlookers:
            await until(lambda document=document: document.revision == head["revision"])
            self.assertEqual(document.content, trace.end)
            self.assertIsNone(document.error)
        self.assertEqual({len(document.roster) for document in people + onlookers}, {5})


class TogetherKillTests(KillTests):
    """All parts but the store live in the router's process, and die with it."""

    environment: ClassVar[dict[str, str]] = {"LAYOUT": "together"}
    victims: ClassVar[tuple[str, ...]] = ("router", "store", "router")
