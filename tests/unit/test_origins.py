"""Which pages may connect: the node's own, by whatever name it is reached, and configured ones."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from collab_wamp.wamp.origins import is_welcome, matches, origin_of, same_host


class OriginTests(TestCase):
    def test_the_host_that_is_connected_to(self) -> None:
        for origin, host in (
            ("http://localhost:8080", "localhost:8080"),
            ("http://LOCALHOST:8080", "localhost:8080"),
            ("http://pad.example", "pad.example"),
            ("http://pad.example", "pad.example:80"),
            ("https://pad.example", "pad.example"),
            ("http://[::1]:8080", "[::1]:8080"),
        ):
            self.assertTrue(same_host(origin, host), (origin, host))
        for origin, host in (
            ("http://localhost:8081", "localhost:8080"),
            ("http://evil.example", "localhost:8080"),
            ("http://localhost.evil.example:8080", "localhost:8080"),
            ("http://localhost:8080@evil.example", "localhost:8080"),
            ("http://localhost:8080/", "localhost:8080"),
            ("https://pad.example", "pad.example:80"),
            ("null", "null"),
            ("null", ""),
            ("", ""),
            ("file://", ""),
            ("http://", ""),
            ("http://x:99999", "x:99999"),
        ):
            self.assertFalse(same_host(origin, host), (origin, host))

    def test_configured_ones(self) -> None:
        for pattern, origin in (
            ("https://pad.example", "https://pad.example"),
            ("https://pad.example", "https://pad.example:443"),
            ("https://*.pad.example", "https://a.b.pad.example"),
            ("https://*.pad.example:8443", "https://a.pad.example:8443"),
            ("*", "https://anywhere.example"),
        ):
            self.assertTrue(matches(pattern, origin), (pattern, origin))
        for pattern, origin in (
            ("https://pad.example", "http://pad.example"),
            ("https://pad.example", "https://pad.example:444"),
            ("https://pad.example", "https://pad.example.evil.example"),
            ("https://*.pad.example", "https://pad.example"),
            ("https://*.pad.example", "https://evilpad.example"),
            ("https://*.pad.example", "https://a.pad.example.evil.example"),
            ("nonsense", "https://pad.example"),
        ):
            self.assertFalse(matches(pattern, origin), (pattern, origin))

    def test_what_is_no_web_origin(self) -> None:
        for text in (
            "null",
            "",
            "file:///etc",
            "http:",
            "ftp://x",
            "http://x/path",
            "http://x?y",
            "http://[x",
        ):
            self.assertIsNone(origin_of(text), text)

    def test_the_own_pages_and_configured_ones_are_welcome(self) -> None:
        for origin, patterns, welcome in (
            ("http://pad.example", (), True),
            ("https://a.example", ("https://a.example",), True),
            ("https://a.example", ("https://b.example",), False),
            ("https://a.example", (), False),
            ("null", ("*",), False),
        ):
            self.assertEqual(is_welcome(origin, "pad.example", patterns), welcome, origin)
