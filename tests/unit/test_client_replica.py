"""What a user may hand in as an edit."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from collab_wamp.client.replica import Replica
from collab_wamp.ot import OpError


class EditTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.replica = Replica(
            "text",
            "client-1",
            epoch="epoch1",
            revision=0,
            content="abcdef",
            next_seq=1,
            changed=lambda _change: None,
            placed=lambda _ids: None,
            acknowledged=lambda _seq: None,
        )

    def refused(self, op: Any) -> OpError:
        with self.assertRaises(OpError) as caught:
            self.replica.edit(op)
        self.assertEqual((self.replica.content, self.replica.pending), ("abcdef", 0))
        return caught.exception

    def test_what_is_no_list_of_parts(self) -> None:
        for op in ("abc", {"d": 1}, None, 5, ("x",), b"abc"):
            self.assertIn("a list of parts, not " + type(op).__name__, str(self.refused(op)))

    def test_what_is_no_part(self) -> None:
        for part, wrong in (
            (None, "not NoneType"),
            ([], "not list"),
            (1.5, "not float"),
            (True, "not bool"),
            (-1, "-1"),
            ({}, "not none"),
            ({"x": 1}, "not x"),
            ({"d": 1, "i": "x"}, "not d, i"),
            ({"d": None}, "not NoneType"),
            ({"d": True}, "not bool"),
            ({"d": -1}, "-1"),
            ({"d": ["x"]}, "not list"),
        ):
            error = self.refused(["x", 2, part, "y"])
            self.assertEqual(error.part, 2)
            self.assertIn(wrong, str(error))
            self.refused([{"d": 2}, part, {"d": "x"}])

    def test_what_does_not_fit(self) -> None:
        for op in ([7, "x"], [{"d": 7}], ["\ud800"], ["a\0"]):
            self.refused(op)

    def test_what_is_sound_is_brought_into_its_canonical_form(self) -> None:
        self.replica.edit([1, 1, "x", "", "y", {"d": 0}, {"d": 1}, {"d": 1}, 2])
        self.assertEqual(self.replica.content, "abxyef")
        for noop in ([], [0], [3], [""], [{"d": 0}, {"d": ""}]):
            self.replica.edit(noop)
        self.assertEqual((self.replica.content, self.replica.pending), ("abxyef", 1))

    def test_what_others_put_in_flight_counts_as_sent(self) -> None:
        """Where the server compares: it is undone, and taken back, as what was sent is."""
        replica = self.replica
        replica.agree(True, 1000, 1000)
        replica.edit(["0"])
        replica.next(1000, 1000)
        replica.answered(1, 1)
        before = replica.content
        replica.edit(["1"])
        replica.edit(["2"])
        replica.receive(1, [["other-001", 1, ["x"], "user", 0]])
        replica.edit([len(replica.content), "3"])
        self.assertEqual((replica.pending, replica.next_seq), (3, 2))
        replica.rejoining(2, 1)
        replica.receive(2, [["other-001", 2, ["y"], "user", 0]])
        replica.rejoined()
        self.assertEqual(replica.pending, 3)
        replica.reject()
        self.assertEqual((replica.content, replica.pending), (f"yx{before}3", 1))
        replica.undo()
        self.assertEqual((replica.content, replica.pending), (f"yx{before}", 0))
        replica.undo()
        self.assertEqual(replica.content, f"yx{before[1:]}")

    def test_what_goes_back_at_a_join_is_taken_back_as_one(self) -> None:
        replica = self.replica
        replica.agree(True, 1000, 1000)
        before = replica.content
        replica.edit(["1"])
        replica.next(1000, 1000)
        replica.edit(["2"])
        replica.rejoining(1, 1)
        self.assertEqual(replica.pending, 2)
        replica.receive(0, [["other-001", 1, ["x"], "user", 0]])
        replica.rejoined()
        self.assertEqual(replica.pending, 2)
        replica.reject()
        self.assertEqual((replica.content, replica.pending), (f"x{before}", 0))
        self.assertFalse(replica.own_edits.can_undo)

    def test_what_a_join_gives_back_counts_as_unsent(self) -> None:
        """Saved is said only of what the server has, also where an edit is sent in two pieces."""
        self.replica.edit(["xy"])
        self.replica.next(1000, 1000)
        self.replica.agree(False, 1000, 1)
        self.replica.rejoined()
        self.assertEqual(self.replica.outbox.buffer, [1, "y"])
        self.replica.answered(1, 1)
        self.assertEqual(self.replica.pending, 1)
        self.replica.next(1000, 1000)
        self.assertEqual(self.replica.pending, 1)
        self.replica.answered(2, 2)
        self.assertEqual(self.replica.pending, 0)
