"""The gate: what a client's message may be, whatever it is made of."""

from __future__ import annotations

import json
import math
from typing import Any

import msgpack
import orjson
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from collab_wamp.wamp import gate, workers

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])).filter(lambda t: not t.startswith("\0"))
)
KEYS = st.text(st.characters(exclude_categories=["Cs"])).filter(lambda t: not t.startswith("\0"))
SOUND = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=20
)
ANYTHING = st.recursive(
    SCALARS | st.floats() | st.integers() | st.binary() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=20,
)


class ValueTests(TestCase):
    @given(SOUND)
    def test_sound_values_pass_and_every_format_carries_them_unchanged(self, value: Any) -> None:
        self.assertEqual(gate.check_value(value), "")
        self.assertEqual(gate.read_json(orjson.dumps(value)), value)
        self.assertEqual(gate.read_msgpack(msgpack.packb(value)), value)

    @given(SOUND, st.sampled_from(
        ["\0", "\0x", 2**53, -(2**53), math.inf, -math.inf, math.nan, b"", b"x",
         msgpack.ExtType(1, b""), msgpack.Timestamp(0)]
    ))  # fmt: skip
    def test_a_poison_is_found_wherever_it_is(self, sound: Any, poison: Any) -> None:
        for value in (poison, [sound, poison], {"a": sound, "b": [{"c": poison}]}):
            self.assertNotEqual(gate.check_value(value), "")

    def test_a_poison_is_found_in_a_key(self) -> None:
        self.assertNotEqual(gate.check_value([{"\0": 1}]), "")

    def test_depth_is_bounded(self) -> None:
        for levels, good in ((gate.MAX_DEPTH - 1, True), (gate.MAX_DEPTH, False), (1000, False)):
            value: Any = 0
            for _ in range(levels):
                value = [value]
            self.assertEqual(gate.check_value(value) == "", good, levels)

    def test_so_many_values_may_be_in_one(self) -> None:
        value = {"a": [1, [], {"b": None}]}
        self.assertEqual(gate.check_value(value, 8), "")
        self.assertEqual(gate.check_value(value, 7), "more than 7 values")
        self.assertEqual(gate.check_value([[]] * 200_000), "")

    @given(st.binary())
    def test_any_bytes_are_read_or_refused(self, payload: bytes) -> None:
        for read in (gate.read_json, gate.read_msgpack):
            try:
                read(payload)
            except gate.Refused as refused:
                self.assertEqual(refused.code, gate.BAD_DATA)

    @given(ANYTHING)
    def test_what_passes_can_be_written_in_every_format(self, value: Any) -> None:
        try:
            read = gate.read_msgpack(msgpack.packb(value))
        except (gate.Refused, UnicodeEncodeError, OverflowError):
            return
        if gate.check_value(read) == "":
            self.assertEqual(json.loads(orjson.dumps(read)), read)
            self.assertEqual(msgpack.unpackb(msgpack.packb(read)), read)


OPTIONS = st.dictionaries(
    st.sampled_from(
        [
            "match", "acknowledge", "eligible", "exclude", "exclude_me", "retain", "forward_for",
            "mode", "enc_algo", "receive_progress", "timeout", "invoke", "get_retained", "x",
        ]
    ),
    st.sampled_from([True, False, None, "exact", "prefix", [], [1], 5]),
)  # fmt: skip
FIELDS = st.integers(0, 100) | st.text(max_size=5) | OPTIONS | st.lists(SCALARS, max_size=2)
MESSAGES = st.builds(
    lambda kind, rest: [kind, *rest],
    st.sampled_from([1, 2, 3, 5, 6, 8, 16, 32, 34, 37, 48, 49, 50, 64, 66, 68, 70]),
    st.lists(FIELDS, max_size=6),
)


class JudgeTests(TestCase):
    @given(MESSAGES, st.booleans())
    def test_nothing_passes_but_a_few_forms(self, message: list[Any], joined: bool) -> None:
        try:
            verdict = gate.judge(message, joined=joined)
        except gate.Refused as refused:
            self.assertIn(refused.code, (gate.PROTOCOL_ERROR, gate.POLICY))
            return
        if not joined:
            self.assertIn(message[0], (gate.HELLO, gate.AUTHENTICATE, gate.ABORT))
        if not isinstance(verdict, gate.Pass):
            return
        passed = verdict.message
        self.assertEqual(passed[0], message[0])
        self.assertNotIn(passed[0], (gate.REGISTER, gate.UNREGISTER, gate.CANCEL, gate.ERROR))
        self.assertNotIn("forward_for", json.dumps(passed[2]) if len(passed) > 2 else "")
        if passed[0] in (gate.CALL, gate.SUBSCRIBE):
            self.assertEqual(passed[2], {})
        if passed[0] == gate.PUBLISH:
            self.assertIn(passed[2], ({}, {"acknowledge": True}))

    @given(st.sampled_from([gate.CALL, gate.PUBLISH]), OPTIONS, SOUND, SOUND)
    def test_the_payload_passes_unchanged(
        self, kind: int, options: Any, one: Any, two: Any
    ) -> None:
        options.pop("forward_for", None)
        message = [kind, 7, options, "a.b.c", [one], {"two": two}]
        verdict = gate.judge(message, joined=True)
        assert isinstance(verdict, gate.Pass)
        self.assertEqual(
            [verdict.message[n] for n in (1, 3, 4, 5)], [7, "a.b.c", [one], {"two": two}]
        )

    def test_hello_is_reduced_to_what_is_needed(self) -> None:
        details = {
            "roles": {"callee": {"features": {"x": 1}}},
            "authmethods": ["ticket", "tls"],
            "authid": "ada",
            "authrole": "backend",
            "authextra": {"tenant": "other"},
            "resume": True,
        }
        verdict = gate.judge([1, "collab", details], joined=False)
        assert isinstance(verdict, gate.Pass)
        self.assertEqual(
            verdict.message,
            [1, "collab", {"roles": gate.ROLES, "authmethods": ["ticket"], "authid": "ada"}],
        )

    def test_a_bad_value_in_a_call_is_answered(self) -> None:
        verdict = gate.judge([48, 9, {}, "a.b.c", [], {"op": ["\0"]}], joined=True)
        assert isinstance(verdict, gate.Answer)
        self.assertEqual(verdict.message[:5], [8, 48, 9, {}, "collab.error.bad_request"])
        self.assertEqual(verdict.message[6], {"retryable": False})

    def test_a_bad_value_anywhere_else_ends_the_connection(self) -> None:
        for message in ([16, 9, {}, "a.b.c", ["\0"]], [1, "\0", {}], [5, "\0", {}], [48, "\0", {}]):
            for joined in (True, False):
                with self.assertRaises(gate.Refused):
                    gate.judge(message, joined=joined)


class WorkerTests(TestCase):
    """Which sessions worker gets a session's calls."""

    def setUp(self) -> None:
        self.addCleanup(self.forget_all)

    def forget_all(self) -> None:
        for number in range(1, 10):
            workers.went(number)

    def chosen(self) -> dict[str, str]:
        return {
            name: workers.procedure_at("collab.session.edit", "acme", name)
            for name in map(str, range(300))
        }

    def test_one_worker_needs_no_choice(self) -> None:
        workers.came(1, 1)
        self.assertEqual(set(self.chosen().values()), {"collab.session.edit"})

    def test_only_the_sessions_of_a_worker_that_dies_move(self) -> None:
        for number in (1, 2, 3):
            workers.came(number, number)
        before = self.chosen()
        self.assertEqual(set(before.values()), {f"collab.worker.{n}.edit" for n in (1, 2, 3)})
        workers.went(2)
        after = self.chosen()
        moved = {name for name in before if before[name] != after[name]}
        self.assertEqual(moved, {n for n, at in before.items() if at == "collab.worker.2.edit"})
        workers.came(2, 7)
        self.assertEqual(self.chosen(), before)
        workers.went(7)

    def test_what_names_no_session_or_is_no_sessions_call_is_left(self) -> None:
        for number in (1, 2):
            workers.came(number, number)
        for procedure, session_id in (
            ("collab.session.list", None), ("collab.session.edit", 7),
            ("collab.token.issue", "notes"),
        ):  # fmt: skip
            self.assertEqual(workers.procedure_at(procedure, "acme", session_id), procedure)
