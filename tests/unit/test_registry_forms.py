"""What is registered has a form; what is wrong is named."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from collab_wamp.errors import CollabError
from collab_wamp.registry.forms import (
    check_ttl,
    instance_from,
    instance_from_bytes,
    instance_to_bytes,
    is_host,
)
from collab_wamp.registry.interface import Instance

many = settings(max_examples=200, deadline=None)
GOOD: dict[str, Any] = {"service": "chat", "instance_id": "a", "host": "h", "port": 1}


class InstanceFormTests(TestCase):
    def refused(self, argument: str, **changed: Any) -> None:
        with self.assertRaises(CollabError, msg=repr(changed)) as caught:
            instance_from(GOOD | changed)
        self.assertEqual(caught.exception.code, "bad_request")
        self.assertEqual(caught.exception.details, {"argument": argument})
        self.assertTrue(str(caught.exception).startswith(argument))

    def test_four_arguments_are_enough(self) -> None:
        self.assertEqual(instance_from(GOOD), Instance("chat", "a", "h", 1))

    def test_names(self) -> None:
        for wrong in ("", "A", "a/b", "a:b", "a b", "é", "a\n", "x" * 65, 7, None, b"a", ["a"]):
            self.refused("service", service=wrong)
        for wrong in ("", "a/b", "a b", "a\n", "x" * 129, 7, None):
            self.refused("instance_id", instance_id=wrong)
        self.assertEqual(instance_from(GOOD | {"service": "a.b_c-9"}).service, "a.b_c-9")

    def test_host_and_port(self) -> None:
        for wrong in (
            "",
            "a b",
            "[::1]",
            "::1%eth0",
            "1:2",
            "a..b",
            "-a",
            "a/b",
            "x" * 254,
            7,
            None,
        ):
            self.refused("host", host=wrong)
        for wrong in (0, 65536, -1, 1.0, True, "80", None):
            self.refused("port", port=wrong)
        for right in ("a", "a.b-c.example.", "10.0.0.1", "::1", "2001:db8::7", "my_service"):
            self.assertTrue(is_host(right), right)

    def test_the_small_texts_and_numbers(self) -> None:
        for wrong in ("a b", "x" * 65, "\n", 7, None):
            self.refused("version", version=wrong)
            self.refused("environment", environment=wrong)
        for wrong in (-1, 2**53, 1.5, True, "1", None):
            self.refused("started_ms", started_ms=wrong)
        for wrong in ("text", {"a": 1}, ["a b"], ["x" * 65], [""], [7], ["a"] * 33, None):
            self.refused("capabilities", capabilities=wrong)
        for wrong in ("up", "", None, 1):
            self.refused("status", status=wrong)

    def test_load(self) -> None:
        for wrong in (
            None, [], {"a": "1"}, {"a": True}, {"a": float("nan")}, {"a": float("inf")},
            {"a": 2**53}, {"a b": 1}, {"": 1}, {1: 1}, {str(i): i for i in range(33)},
        ):  # fmt: skip
            self.refused("load", load=wrong)

    def test_metadata_is_small_and_flat(self) -> None:
        for wrong in (
            None, [], "x", {"a": {}}, {"a": []}, {"a": float("nan")}, {"a": 2**60}, {"a b": 1},
            {1: "x"}, {"a": "\ud800"}, {"a": "x" * 2048}, {"a": "😀" * 512}, {"a": b"x"},
        ):  # fmt: skip
            self.refused("metadata", metadata=wrong)
        just = {"a": "x" * (2048 - len('{"a":""}'))}
        self.assertEqual(instance_from(GOOD | {"metadata": just}).metadata, just)

    def test_what_is_missing_or_unknown(self) -> None:
        for name in GOOD:
            with self.assertRaises(CollabError) as caught:
                instance_from({key: value for key, value in GOOD.items() if key != name})
            self.assertEqual(caught.exception.details, {"argument": name})
        self.refused("prot", prot=1)
        for wrong in (None, [], "x", 7):
            with self.assertRaises(CollabError) as caught:
                instance_from(wrong)
            self.assertEqual(caught.exception.details, {"argument": "instance"})

    def test_ttl(self) -> None:
        for wrong in (0, 0.99, 300.01, -1, True, "10", None, float("nan"), float("inf")):
            with self.assertRaises(CollabError) as caught:
                check_ttl(wrong)
            self.assertEqual(caught.exception.details, {"argument": "ttl_s"})
        for right in (1, 300, 1.5):
            check_ttl(right)

    @many
    @given(
        st.dictionaries(
            st.text("abc.-_:9", min_size=1, max_size=8),
            st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=9),
            max_size=9,
        ),
        st.dictionaries(st.text("xyz", min_size=1), st.floats(-1e9, 1e9), max_size=5),
        st.sampled_from(["ready", "draining"]),
    )
    def test_reading_gives_back_what_was_written(
        self, metadata: Any, load: Any, status: Any
    ) -> None:
        one = Instance("chat", "a", "h", 1, load=load, metadata=metadata, status=status)
        self.assertEqual(instance_from_bytes(instance_to_bytes(one)), one)

    @many
    @given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
    def test_other_bytes_are_refused_in_words(self, text: bytes) -> None:
        with self.assertRaises(CollabError):
            instance_from_bytes(text)
