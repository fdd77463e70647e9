"""What the server does not take is kept, and can be applied again."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from collab_wamp import protocol
from collab_wamp.client import Patch
from collab_wamp.client.errors import ClientError
from collab_wamp.client.exchange import read, written
from collab_wamp.client.patches import Reason, by_text, forward
from collab_wamp.client.replica import Replica
from collab_wamp.ot.json_type import JSON
from collab_wamp.ot.text import TEXT
from tests.support.sync_client import ME, OTHER, Client, edit, joined
from tests.unit.test_client_document import DocumentCase


class RefusedTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.client = Client(silence_s=1000.0)
        self.client.connect(joined(content="one two"))

    @property
    def replica(self) -> Replica:
        assert self.client.sync.replica is not None
        return self.client.sync.replica

    @property
    def kept(self) -> list[Patch]:
        return self.replica.rescue.patches.all

    def texts(self) -> list[str]:
        return [patch.text for patch in self.kept]

    def refuse(self, op: Any, code: str = "document_full") -> Patch:
        self.client.fail(self.client.submit(op), code)
        return self.client.rejections[-1].patch

    def accept(self, op: Any) -> None:
        revision = self.replica.revision + 1
        self.client.answer(self.client.submit(op), revision=revision, durable=True)

    def test_it_is_kept_past_what_happens_since_and_applied_again(self) -> None:
        patch = self.refuse([4, "and "])
        self.assertEqual(patch.reason, Reason("document_full", "no"))
        self.assertRegex(patch.name, r"^What you wrote at \d\d:\d\d$")
        self.assertEqual(patch.created_ms, 100_000)
        self.client.edits(0, edit(OTHER, 1, ["zero "]))
        self.replica.apply_patch(patch.id)
        self.assertEqual((self.client.content, self.kept), ("zero one and two", []))
        self.client.now += 500
        self.client.fail(self.client.calls()[protocol.EDIT], "denied")
        (again,) = self.kept
        self.assertEqual(
            (again.id, again.name, again.created_ms), (patch.id, patch.name, patch.created_ms)
        )
        self.assertEqual((again.reason.code, self.client.content), ("denied", "zero one two"))

    def test_typing_on_makes_one_patch(self) -> None:
        refused = self.client.submit([3, "hel"])
        self.client.type([6, "lo"])
        self.client.fail(refused, "denied")
        self.assertEqual(self.client.content, "onelo two")
        self.client.edits(0, edit(OTHER, 1, ["- "]))
        self.client.fail(self.client.calls()[protocol.EDIT], "denied")
        (patch,) = self.kept
        self.assertEqual((patch.text, patch.op), ("hello", [5, "hello"]))

    def test_what_comes_after_an_accepted_edit_or_much_later_or_for_another_reason(self) -> None:
        self.refuse(["a"])
        self.refuse(["b"], "denied")
        self.client.now += 40
        self.refuse(["c"], "denied")
        self.client.now += 61
        self.refuse(["d"], "denied")
        self.accept(["!"])
        self.refuse(["e"], "denied")
        self.assertEqual(self.texts(), ["a", "bc", "d", "e"])

    def test_one_that_is_taken_when_applied_again_does_not_come_back(self) -> None:
        first = self.refuse(["a"])
        flight = self.client.submit([7, "x"])
        self.replica.apply_patch(first.id)
        self.client.answer(flight, revision=1, durable=True)
        self.client.answer(self.client.calls()[protocol.EDIT], revision=2, durable=True)
        second = self.refuse(["b"])
        self.assertNotEqual(second.id, first.id)

    def test_what_was_in_flight_before_it_is_another(self) -> None:
        first = self.refuse(["a"])
        flight = self.client.submit([7, "x"])
        self.replica.apply_patch(first.id)
        self.client.fail(flight, "denied")
        self.client.fail(self.client.calls()[protocol.EDIT], "denied")
        self.assertEqual([(p.id == first.id, p.text) for p in self.kept],
                         [(False, "x"), (True, "a")])  # fmt: skip

    def test_what_has_no_text_is_gone_when_others_have_done_it(self) -> None:
        self.assertRegex(self.refuse([{"d": 4}]).name, "^What you changed at ")
        self.client.edits(0, edit(OTHER, 1, [{"d": 7}]))
        self.assertEqual(self.kept, [])

    def test_a_value_whose_place_is_gone_can_only_be_copied(self) -> None:
        client = Client(type="json")
        client.connect(joined(content={"a": {}}, type="json"))
        client.fail(client.submit([{"p": ["a", "b"], "oi": "mine"}]), "denied")
        client.edits(0, edit(OTHER, 1, [{"p": ["a"], "od": {}}]))
        replica = client.sync.replica
        assert replica is not None
        (patch,) = replica.rescue.patches.all
        self.assertIsNone(patch.op)
        self.assertIn("mine", patch.text)

    def test_a_snapshot_without_a_place_for_what_is_pending(self) -> None:
        client = Client(type="json")
        client.connect(joined(content={"a": {}, "b": {}}, type="json"))
        flight = client.submit([{"p": ["a", "x"], "oi": "lost"}])
        client.type([{"p": ["b", "y"], "oi": "kept"}])
        client.fail(flight, "stale_epoch")
        client.due()
        client.now += 1
        join = client.call(protocol.JOIN)
        client.answer(join, **joined(content={"b": {}}, type="json", epoch="epoch2"))
        replica = client.sync.replica
        assert replica is not None
        self.assertEqual(replica.content, {"b": {"y": "kept"}})
        (patch,) = replica.rescue.patches.all
        self.assertIn("lost", patch.text)
        self.assertEqual((patch.op, patch.reason.code), (None, "stale_epoch"))

    def test_a_patch_set_again_stands(self) -> None:
        client = Client(type="json")
        client.connect(joined(content={"a": 1}, type="json"))
        client.fail(client.submit([{"p": ["a"], "od": 1, "oi": 2}]), "denied")
        client.edits(0, edit(OTHER, 1, [{"p": ["a"], "od": 1, "oi": 3}]))
        replica = client.sync.replica
        assert replica is not None
        (patch,) = replica.rescue.patches.all
        replica.apply_patch(patch.id)
        self.assertEqual(replica.content, {"a": 2})


class ForwardTests(SynchronousTestCase):
    def patch(self, unsure: Any = None) -> Patch:
        return Patch("patch-1", "What", [2, "xy"], 0, "xy", Reason("left", "left"), 0, unsure)

    def test_by_text(self) -> None:
        self.assertEqual(by_text("text", [5, "a", 3, "b", {"d": 1}], 3), [3, "ab"])
        self.assertEqual(by_text("text", ["a"], 0), ["a"])
        self.assertIsNone(by_text("text", [5, {"d": 1}], 3))
        bold = {"insert": "b", "attributes": {"bold": True}}
        op = [{"retain": 5}, {"insert": "a"}, {"delete": 1}, bold]
        self.assertEqual(by_text("rich_text", op, 9), [{"retain": 5}, {"insert": "a"}, bold])
        self.assertIsNone(by_text("json", [{"p": ["a"], "oi": 1}], 9))

    def test_past_edits(self) -> None:
        edits = [["other", 1, ["- "]], ["other", 2, [3, {"d": 1}]]]
        self.assertEqual(forward(TEXT, self.patch(), edits), [3, "xy"])

    def test_written_and_read(self) -> None:
        for kind, patch in ((TEXT, self.patch()),):
            text = written(kind, "notes", "epoch1", 3, [patch])
            self.assertEqual(read(kind, text).patches, [patch])
            self.assertRaises(ValueError, read, JSON, text)
        whole = json.loads(text)
        for damaged in (
            "nonsense",
            "[]",
            json.dumps(whole | {"version": 2}),
            json.dumps(whole | {"patches": [{"id": 1}]}),
            json.dumps(whole | {"patches": [whole["patches"][0] | {"op": [-1]}]}),
        ):
            self.assertRaises(ValueError, read, TEXT, damaged)


class DocumentTests(DocumentCase):
    def test_what_was_pending_at_the_end_is_kept_and_imported(self) -> None:
        document = self.open()
        told: list[list[str]] = []
        document.on_patches(lambda patches: told.append([patch.text for patch in patches]))
        self.server.silent.add(protocol.EDIT)
        document.insert(3, "d")
        document.insert(0, "z")
        document.end(ClientError("fenced", "elsewhere"))
        (patch,) = document.patches
        self.assertEqual((patch.text, patch.reason.code, told), ("zd", "fenced", [["zd"]]))
        self.assertEqual(document.content, "zabcd")
        other = self.open()
        taken = self.successResultOf(self.start(other.import_patches(document.export_patches())))
        other.apply_patch(taken[0].id)
        self.assertEqual((other.content, other.patches), ("zabcd", []))
        other.discard_patch(taken[0].id)
        self.assertRaises(KeyError, other.apply_patch, taken[0].id)

    def test_nothing_is_kept_where_nothing_was_pending(self) -> None:
        document = self.open()
        document.end(ClientError("left", "closed"))
        self.assertEqual(document.patches, [])

    def test_of_another_epoch_a_patch_is_taken_by_its_text(self) -> None:
        document = self.open()
        self.server.silent.add(protocol.EDIT)
        document.insert(3, "d")
        document.delete(0, 1)
        document.end(ClientError("fenced", "elsewhere"))
        self.server.epoch = "epoch2"
        other = self.open()
        (taken,) = self.successResultOf(self.start(other.import_patches(document.export_patches())))
        other.apply_patch(taken.id)
        self.assertEqual(other.content, "dabc")


class UnsureTests(SynchronousTestCase):
    def test_what_was_committed_unheard_is_left_out(self) -> None:
        client = Client()
        client.connect(joined(content="one"))
        client.submit([3, " two"])
        client.type([7, " three"])
        replica = client.sync.replica
        assert replica is not None
        replica.rescue.keep_pending(Reason("left", "left"), 0)
        (patch,) = replica.rescue.patches.all
        committed = [[OTHER, 1, ["- "]], [ME, 1, [5, " two"]], [OTHER, 2, ["- "]]]
        self.assertEqual(forward(TEXT, patch, committed), [11, " three"])
        not_committed = [[OTHER, 1, ["- "]]]
        self.assertEqual(forward(TEXT, patch, not_committed), [5, " two three"])
