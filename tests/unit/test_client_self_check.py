"""A document that is not what the server has notices, and becomes that, with what is pending."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from collab_wamp import protocol
from collab_wamp.client import Divergence
from collab_wamp.client.replica import Replica
from collab_wamp.client.requests import Compare
from collab_wamp.ot.canonical import sha256
from tests.support.sync_client import OTHER, Client, edit, joined
from tests.unit.test_client_document import DocumentCase


class CheckTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.client = Client()
        self.client.connect(joined(3, content="one two"))

    @property
    def replica(self) -> Replica:
        assert self.client.sync.replica is not None
        return self.client.sync.replica

    def check(self, revision: int, content: Any, epoch: str = "epoch1") -> None:
        row = {"epoch": epoch, "revision": revision, "sha256": sha256(content)}
        self.client.event("roster", check=row)

    def compare(self) -> int:
        """Compare what is to be compared; how many."""
        actions = [action for action in self.client.due() if isinstance(action, Compare)]
        for action in actions:
            content = action.check.content
            found = "" if content is None else sha256(content)
            self.client.sync.compared(action.check, found, self.client.now)
        return len(actions)

    def go_wrong(self, op: Any) -> None:
        """As if an operation had been applied in a wrong way."""
        self.replica._buffer.apply(op)
        self.replica._measure = self.replica.type.measure(self.replica.content)

    def heal(self, answer: dict[str, Any]) -> None:
        self.client.due()
        self.client.now += 1
        join = self.client.call(protocol.JOIN)
        self.assertNotIn("revision", join.kwargs)
        self.client.finish_join(join, answer)

    def test_the_same(self) -> None:
        self.check(3, "one two")
        self.assertEqual((self.compare(), self.client.divergences), (1, []))
        self.assertTrue(self.client.sync.joined)

    def test_without_what_is_pending_here(self) -> None:
        self.client.submit([7, " three"])
        self.client.type([{"d": 3}])
        self.check(3, "one two")
        self.assertEqual((self.compare(), self.client.divergences), (1, []))

    def test_what_comes_later_waits_for_that_very_revision(self) -> None:
        self.check(4, "one two!")
        self.assertEqual(self.compare(), 0)
        self.client.edits(3, edit(OTHER, 1, [7, "!"]), edit(OTHER, 2, [8, "!"]))
        self.assertEqual((self.compare(), self.client.divergences), (1, []))
        self.assertEqual(self.client.content, "one two!!")

    def test_an_own_edit_brings_it_there_too(self) -> None:
        sent = self.client.submit([7, "!"])
        self.check(4, "one two!")
        self.client.type(["- "])
        self.client.answer(sent, revision=4, durable=True)
        self.assertEqual((self.compare(), self.client.divergences), (1, []))

    def test_what_is_past_or_of_another_epoch_is_not_looked_at(self) -> None:
        self.check(2, "whatever")
        self.check(3, "whatever", "epoch0")
        self.assertEqual(self.compare(), 0)

    def test_one_that_differs_is_replaced_and_what_is_pending_stays(self) -> None:
        self.replica.edit([7, "!"])
        self.replica.undo()
        self.go_wrong([4, "x", {"d": 1}])
        self.assertEqual(self.client.content, "one xwo")
        refused = self.client.submit([7, " three"])
        self.client.type(["zero "])
        self.check(3, "one two")
        self.assertEqual(self.compare(), 1)
        (divergence,) = self.client.divergences
        self.assertEqual(divergence, Divergence(3, sha256("one two"), sha256("one xwo")))
        self.heal(joined(3, content="one two"))
        self.assertEqual(self.client.content, "zero one two three")
        self.assertEqual((self.client.pending, self.replica.own_edits.can_undo), (2, False))
        assert self.client.resent is not None
        self.assertEqual(self.client.resent.kwargs["op"], ["zero ", 7, " three"])
        self.assertEqual(self.client.changes[-1].origin, "reset")
        self.assertEqual(refused.kwargs["seq"], 1)
        self.assertEqual(self.replica.rescue.patches.all, [])
        self.check(3, "one two")
        self.assertEqual((self.compare(), len(self.client.divergences)), (1, 1))

    def test_one_in_which_nothing_fits_keeps_what_is_pending_as_a_patch(self) -> None:
        self.client.submit([7, " three"])
        self.go_wrong([2, {"d": 8}])
        self.check(3, "one two")
        self.compare()
        self.assertEqual(self.client.divergences[0].found, "")
        self.heal(joined(3, content="one two"))
        self.assertEqual((self.client.content, self.client.pending), ("one two", 0))
        (patch,) = self.replica.rescue.patches.all
        self.assertEqual(patch.text, " three")
        self.replica.apply_patch(patch.id)
        self.assertEqual(self.client.content, "one two three")

    def test_where_the_edit_in_flight_was_committed(self) -> None:
        self.go_wrong(["x"])
        self.client.submit([8, " three"])
        self.check(3, "one two")
        self.compare()
        self.heal(joined(4, content="one two three", next_seq=2))
        self.assertEqual((self.client.content, self.client.pending), ("one two three", 0))

    def test_it_is_told_once(self) -> None:
        self.go_wrong(["x"])
        self.check(3, "one two")
        self.check(3, "one two")
        self.compare()
        self.assertEqual(len(self.client.divergences), 1)

    def test_json(self) -> None:
        client = Client(type="json")
        client.connect(joined(3, content={"b": 1.5, "a": ["é", None]}, type="json"))
        replica = client.sync.replica
        assert replica is not None
        replica.edit([{"p": ["c"], "oi": "mine"}])
        found = {"epoch": "epoch1", "revision": 3, "sha256": sha256({"a": ["é", None], "b": 1.5})}
        client.event("roster", check=found)
        (compare,) = (action for action in client.due() if isinstance(action, Compare))
        self.assertEqual(sha256(compare.check.content), found["sha256"])


class VerifyTests(DocumentCase):
    def setUp(self) -> None:
        super().setUp()
        self.document = self.open()
        self.answers: list[dict[str, Any]] = []
        self.server.answers[protocol.HASH] = lambda asked: self.hashed(**asked)

    def hashed(self, revision: int = 0, **_who: Any) -> dict[str, Any]:
        contents = {0: "abc", 1: "xabc"}
        answer = {"epoch": "epoch1", "revision": revision, "sha256": sha256(contents[revision])}
        self.answers.append(answer)
        return answer

    def verifying(self) -> Deferred[bool]:
        return self.start(self.document.verify())

    def test_the_same(self) -> None:
        self.assertIs(self.successResultOf(self.verifying()), True)

    def test_who_is_past_the_head_asks_again(self) -> None:
        self.document.insert(0, "x")
        self.assertIs(self.successResultOf(self.verifying()), True)
        self.assertEqual([answer["revision"] for answer in self.answers], [0, 1])

    def test_who_is_behind_waits(self) -> None:
        self.server.answers[protocol.HASH] = lambda _asked: self.hashed(1)
        verifying = self.verifying()
        self.assertNoResult(verifying)
        self.server.topics["notes.epoch1.edits"](
            epoch="epoch1", after=0, edits=[["other", 1, ["x"], "bob", 0]]
        )
        self.assertIs(self.successResultOf(verifying), True)

    def test_another(self) -> None:
        told: list[Divergence] = []
        self.document.on_diverged(told.append)
        self.document._replica._buffer.apply(["y"])
        self.assertIs(self.successResultOf(self.verifying()), False)
        self.assertEqual(len(self.flushLoggedErrors()), 0)
        self.assertEqual([divergence.revision for divergence in told], [0])
        self.clock.advance(1)
        self.assertEqual((self.document.content, self.document.status.state), ("abc", "connected"))
        self.assertIs(self.successResultOf(self.verifying()), True)

    def test_one_that_is_over(self) -> None:
        self.server.answers[protocol.HASH] = lambda _asked: self.hashed(1)
        verifying = self.verifying()
        self.successResultOf(self.start(self.document.close()))
        self.assertEqual(self.failure_of(verifying), "left")


class VersionTests(DocumentCase):
    def test_what_is_asked_and_given_back(self) -> None:
        document = self.open()
        asked: list[tuple[str, dict[str, Any]]] = []

        def serve(procedure: str, answer: dict[str, Any]) -> None:
            def take(kwargs: dict[str, Any]) -> dict[str, Any]:
                asked.append((procedure, kwargs))
                return answer

            self.server.answers[procedure] = take

        version = {"version_id": "v1", "name": "first", "revision": 0}
        serve(protocol.SAVE_VERSION, version)
        serve(protocol.VERSIONS, {"versions": [version]})
        serve(protocol.RESTORE, {"revision": 7, "durable": True})
        serve(protocol.DELETE_VERSION, {})
        run = self.start
        self.assertEqual(self.successResultOf(run(document.save_version("first"))), version)
        self.assertEqual(self.successResultOf(run(document.save_version("old", 0))), version)
        self.assertEqual(self.successResultOf(run(document.versions())), [version])
        self.assertEqual(self.successResultOf(run(document.restore(version_id="v1"))), 7)
        self.assertEqual(self.successResultOf(run(document.restore(revision=0))), 7)
        self.successResultOf(run(document.delete_version("v1")))
        who = {"session_id": "notes"}
        self.assertEqual(
            asked,
            [
                (protocol.SAVE_VERSION, {**who, "name": "first"}),
                (protocol.SAVE_VERSION, {**who, "name": "old", "revision": 0}),
                (protocol.VERSIONS, who),
                (protocol.RESTORE, {**who, "version_id": "v1"}),
                (protocol.RESTORE, {**who, "revision": 0}),
                (protocol.DELETE_VERSION, {**who, "version_id": "v1"}),
            ],
        )
