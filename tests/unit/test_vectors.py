"""The vectors that Python and JavaScript are both held to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from twisted.trial.unittest import TestCase

from collab_wamp.ot import Limits, OpError, get_type
from collab_wamp.ot.json_type import JSON
from collab_wamp.ot.outbox import Outbox
from collab_wamp.ot.rich_text import RICH_TEXT
from collab_wamp.ot.text import TEXT
from collab_wamp.ot.undo import UndoStack
from tests.support.rich_operations import written
from tests.support.undo_vectors import call_undo
from tests.support.vectors import call

FOLDER = Path(__file__).parents[1] / "vectors"


def read(name: str) -> dict[str, Any]:
    vectors: dict[str, Any] = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    assert vectors["cases"]
    return vectors


class VectorTests(TestCase):
    def test_text(self) -> None:
        for case in read("text.json")["cases"]:
            document, a, b, limits = case["document"], case["a"], case["b"], case["limits"]
            for op in (a, b, case["c"]):
                self.assertEqual(TEXT.check(op, Limits()), op)
            found = {
                "applied": TEXT.apply(document, a),
                "a_left": TEXT.transform(a, b, "left"),
                "b_right": TEXT.transform(b, a, "right"),
                "composed": TEXT.compose(a, case["c"]),
                "invertible": TEXT.make_invertible(a, document),
                "inverted": TEXT.invert(a, document),
                "position_after": TEXT.transform_position(case["position"], a),
                "difference": TEXT.difference(document, case["applied"]),
                "split": list(TEXT.split(a, limits["parts"], limits["size"])),
            }
            self.assertEqual(found, {name: case[name] for name in found}, case)

    def test_what_text_refuses(self) -> None:
        for op in read("text.json")["refused"]:
            self.assertRaises(OpError, TEXT.check, op, Limits())

    def test_json(self) -> None:
        for case in read("json.json")["cases"]:
            document, a, b, limits = case["document"], case["a"], case["b"], case["limits"]
            for op in (a, b, case["c"]):
                self.assertEqual(JSON.check(op, Limits()), op)
            found = {
                "applied": JSON.apply(document, a),
                "a_left": JSON.transform(a, b, "left"),
                "b_right": JSON.transform(b, a, "right"),
                "composed": JSON.compose(a, case["c"]),
                "a": JSON.make_invertible(case["bare"], document),
                "inverted": JSON.invert(a),
                "difference": JSON.difference(document, case["applied"]),
                "text": JSON.text_of(a),
                "split": list(JSON.split(a, limits["parts"], limits["size"])),
            }
            self.assertEqual(found, {name: case[name] for name in found}, case)

    def test_what_json_refuses(self) -> None:
        vectors = read("json.json")
        for op in vectors["refused"]:
            self.assertRaises(OpError, JSON.check, op, Limits())
        for misfit in vectors["misfits"]:
            op = JSON.check(misfit["op"], Limits())
            self.assertRaises(OpError, JSON.fit, JSON.measure(misfit["document"]), op)

    def test_rich_text(self) -> None:
        for case in read("rich_text.json")["cases"]:
            document, a, b, limits = case["document"], case["a"], case["b"], case["limits"]
            for op in (a, b, case["c"]):
                self.assertEqual(RICH_TEXT.check(op, Limits()), op)
            found = {
                "applied": RICH_TEXT.apply(document, a),
                "a_left": RICH_TEXT.transform(a, b, "left"),
                "b_right": RICH_TEXT.transform(b, a, "right"),
                "composed": RICH_TEXT.compose(a, case["c"]),
                "inverted": RICH_TEXT.invert(a, document),
                "position_after": RICH_TEXT.transform_position(case["position"], a),
                "difference": RICH_TEXT.difference(case["after_b"], case["applied"]),
                "split": list(RICH_TEXT.split(a, limits["parts"], limits["size"])),
            }
            expected = {name: case[name] for name in found}
            self.assertEqual(written(found), written(expected), case)

    def test_what_rich_text_refuses(self) -> None:
        for op in read("rich_text.json")["refused"]:
            self.assertRaises(OpError, RICH_TEXT.check, op, Limits())

    def test_outbox(self) -> None:
        for case in read("outbox.json")["cases"]:
            outbox = Outbox(TEXT, case["client_id"], case["revision"], case["next_seq"])
            outbox.compares = case.get("compares", False)
            outbox.limits = tuple(case.get("limits", (0, 0)))
            for number, step in enumerate(case["steps"]):
                expected = {name: step[name] for name in step if name not in ("call", "args")}
                self.assertEqual(
                    call(outbox, step["call"], step["args"]),
                    expected,
                    f"case {case['seed']}, step {number}: {step['call']} {step['args']}",
                )

    def test_undo(self) -> None:
        for case in read("undo.json")["cases"]:
            kind, content = get_type(case["type"]), case["document"]
            stack = UndoStack(kind, lambda: content)  # noqa: B023 — used within the loop's turn
            for number, step in enumerate(case["steps"]):
                name, args = step["call"], step["args"]
                expected = {key: step[key] for key in step if key not in ("call", "args")}
                found = call_undo(stack, name, list(args))
                self.assertEqual(found, expected, f"case {case['seed']}, step {number}: {name}")
                op = found["returns"] if name in ("undo", "redo") else args[0]
                if op is not None:
                    content = kind.apply(content, op)
