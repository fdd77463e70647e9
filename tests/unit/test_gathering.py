"""What is gathered is written in order, once, and to everybody."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from collab_wamp.gathering import Gathering


class Receiver:
    def __init__(self, fails: bool = False) -> None:
        self.written: list[bytes] = []
        self.fails = fails

    def write_now(self, data: bytes) -> None:
        if self.fails:
            raise OSError("gone")
        self.written.append(data)

    def cut(self, kind: str) -> None:
        self.written.append(kind.encode())


class GatheringTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.gathering = Gathering()
        self.one, self.two = Receiver(), Receiver()

    def test_nothing_is_held_when_nothing_is_gathered(self) -> None:
        self.assertFalse(self.gathering.hold(self.one, b"a"))
        self.assertEqual(self.gathering.take(self.one), b"")

    def test_each_receiver_is_written_to_once_and_in_order(self) -> None:
        with self.gathering.until_done():
            for receiver, data in ((self.one, b"a"), (self.two, b"b"), (self.one, b"c")):
                self.assertTrue(self.gathering.hold(receiver, data))
            self.assertEqual(self.one.written, [])
        self.assertEqual((self.one.written, self.two.written), ([b"ac"], [b"b"]))
        self.assertFalse(self.gathering.hold(self.one, b"d"))

    def test_within_another_all_is_written_at_the_end_of_that(self) -> None:
        with self.gathering.until_done():
            with self.gathering.until_done():
                self.gathering.hold(self.one, b"a")
            self.assertEqual(self.one.written, [])
        self.assertEqual(self.one.written, [b"a"])

    def test_what_is_taken_is_not_written_again(self) -> None:
        with self.gathering.until_done():
            self.gathering.hold(self.one, b"a")
            self.assertEqual(self.gathering.take(self.one), b"a")
            self.gathering.hold(self.one, b"b")
        self.assertEqual(self.one.written, [b"b"])

    def test_what_comes_of_the_writing_overtakes_nothing(self) -> None:
        gathering, two = self.gathering, self.two

        class Answering(Receiver):
            def write_now(self, data: bytes) -> None:
                super().write_now(data)
                if not gathering.hold(two, b"late"):
                    two.write_now(b"late")

        with gathering.until_done():
            gathering.hold(Answering(), b"a")
            gathering.hold(two, b"early")
        self.assertEqual(b"".join(two.written), b"earlylate")

    def test_a_failure_loses_nobody_elses(self) -> None:
        broken = Receiver(fails=True)

        def fail() -> None:
            with self.gathering.until_done():
                for receiver in (broken, self.one):
                    self.gathering.hold(receiver, b"a")
                raise ValueError("a reply that cannot be read")

        self.assertRaises(ValueError, fail)
        self.assertEqual((self.one.written, broken.written), ([b"a"], [b"failure"]))
        self.assertIsNone(self.gathering.held)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
