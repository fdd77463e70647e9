"""Who is turned away at the door, since logins from there fail."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from collab_wamp.wamp.blame import MOST_ADDRESSES, Blame, address_of, network

MOST = 100


class BlameTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.now_s = 1000.0
        self.blame = Blame(MOST, lambda: self.now_s)

    def fail(self, address: str, count: int) -> None:  # type: ignore[override]
        for _ in range(count):
            self.blame.failed(address)

    def test_an_address_is_turned_away_until_it_is_forgotten_and_others_are_not(self) -> None:
        self.fail("192.0.2.1", MOST - 1)
        self.assertTrue(self.blame.may_connect("192.0.2.1"))
        self.fail("192.0.2.1", 1)
        self.assertFalse(self.blame.may_connect("192.0.2.1"))
        self.assertTrue(self.blame.may_connect("192.0.2.2"))
        self.now_s += 0.1
        self.assertTrue(self.blame.may_connect("192.0.2.1"))
        self.fail("192.0.2.1", MOST // 2)
        self.assertFalse(self.blame.may_connect("192.0.2.1"))
        self.now_s += 1
        self.assertTrue(self.blame.may_connect("192.0.2.1"))

    def test_a_thousand_may_come_at_once_unless_some_have_failed(self) -> None:
        for _ in range(1000):
            self.blame.came("192.0.2.1")
        self.assertTrue(self.blame.may_connect("192.0.2.1"))
        self.fail("192.0.2.1", MOST // 10 - 1)
        self.assertTrue(self.blame.may_connect("192.0.2.1"))
        self.fail("192.0.2.1", 1)
        self.assertFalse(self.blame.may_connect("192.0.2.1"))
        for _ in range(1000):
            self.blame.went("192.0.2.1")
        self.assertTrue(self.blame.may_connect("192.0.2.1"))
        self.now_s += 60

    def test_from_many_addresses_each_has_one_login_at_a_time(self) -> None:
        for number in range(2 * MOST):
            self.fail(f"198.51.100.{number}", 1)
        self.assertFalse(self.blame.may_connect("198.51.100.7"))
        self.assertTrue(self.blame.may_connect("192.0.2.1"))
        self.blame.came("192.0.2.1")
        self.assertFalse(self.blame.may_connect("192.0.2.1"))
        self.blame.went("192.0.2.1")
        self.assertTrue(self.blame.may_connect("192.0.2.1"))
        self.now_s += 5
        self.assertTrue(self.blame.may_connect("198.51.100.7"))

    def test_what_is_remembered_is_bounded(self) -> None:
        for number in range(MOST_ADDRESSES + 500):
            self.fail(f"2001:db8:{number:x}::1", 1)
        self.assertEqual(len(self.blame), MOST_ADDRESSES)
        self.blame.came("192.0.2.1")
        self.blame.went("192.0.2.1")
        self.assertEqual(len(self.blame), MOST_ADDRESSES)

    def test_nobody_is_turned_away_where_all_come_from_a_balancer(self) -> None:
        blame = Blame(0, lambda: self.now_s)
        for _ in range(10_000):
            blame.failed("192.0.2.1")
        self.assertTrue(blame.may_connect("192.0.2.1"))

    def test_who_is_taken_for_one(self) -> None:
        for address, name in (
            ("192.0.2.1", "192.0.2.1"), ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"), ("fe80::1%eth0", "fe80::"), ("", ""),
            ("no:address", "no:address"),
        ):  # fmt: skip
            self.assertEqual(network(address), name)
        for peer, address in (
            ("tcp4:192.0.2.7:51000", "192.0.2.7"), ("tcp6:[2001:db8::7]:51000", "2001:db8::7"),
            ("tcp6:2001:db8::7:51000", "2001:db8::7"), ("", ""), ("unix", ""),
        ):  # fmt: skip
            self.assertEqual(address_of(peer), address)
