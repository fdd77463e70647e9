"""Where a registry is, by its URL."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from collab_wamp.registry.address import parse_registry_url
from collab_wamp.registry.opening import open_registry


class RegistryUrlTests(TestCase):
    def test_each_kind(self) -> None:
        for url, shown in (
            ("redis", "redis"),
            ("redis://:s3cret@db:7/2", "redis://db:7/2"),
            ("unix:///run/r.sock", "unix:///run/r.sock?db=0"),
            ("etcd://a", "etcd at http://a:2379"),
            ("etcds://u:s3cret@a:1", "etcd at https://a:1"),
            ("etcd://[::1]:1", "etcd at http://[::1]:1"),
            ("consul://:s3cret@a", "consul at http://a:8500"),
            ("consuls://a/", "consul at https://a:8500"),
        ):
            address = parse_registry_url(url)
            self.assertEqual(str(address), shown)
            self.assertNotIn("s3cret", repr(address))

    def test_what_is_wrong_is_said_without_the_password(self) -> None:
        for url, said in (
            ("memory", "must be redis"),
            ("http://:s3cret@a", "not 'http'"),
            ("etcd://", "needs a host"),
            ("etcd://:s3cret@a", "a user and a password"),
            ("etcd://u@a", "a user and a password"),
            ("consul://u:s3cret@a", "consul://:token@host"),
            ("consul://:s3cret%0A@a", "printable"),
            ("etcd://u:s3cret@a:x", "host or port"),
            ("etcd://u:s3cret@a:70000", "host or port"),
            ("etcd://u:s3cret@a/path", "ends after host and port"),
            ("redis://", "needs a host"),
        ):
            with self.assertRaises(ValueError, msg=url) as caught:
                parse_registry_url(url)
            self.assertIn(said, str(caught.exception))
            self.assertNotIn("s3cret", str(caught.exception))

    def test_only_real_backends_are_opened(self) -> None:
        with self.assertRaises(ValueError):
            open_registry("memory", reactor=None, store_url="", monotonic=lambda: 0.0)
