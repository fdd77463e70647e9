"""The type `rich_text` is equal to quill-delta, byte for byte but for the order of keys."""

from __future__ import annotations

import random
from typing import Any

from twisted.trial.unittest import TestCase

from collab_wamp.ot import rich_attributes
from collab_wamp.ot.rich_text import RICH_TEXT
from tests.support.rich_operations import (
    VALUES,
    Op,
    random_attributes,
    random_document,
    random_edit,
    text_of,
    written,
)
from tests.support.rich_reference import ask, in_code_points, in_utf16

CASES = 10_000


def make_case(seed: int) -> dict[str, Any]:
    """Two operations on a document, one after the first, a position, and what is to be sorted out.

    `after_a` and `after_b` are the documents that the operations make, worked out independently.
    """
    chance = random.Random(seed)
    document = random_document(chance, 5)
    a, after_a = random_edit(chance, document)
    b, after_b = random_edit(chance, document)
    c, _ = random_edit(chance, after_a)
    formats = (*VALUES, None)
    return {
        "document": document,
        "a": a,
        "b": b,
        "c": c,
        "after_a": after_a,
        "after_b": after_b,
        "position": chance.randint(0, len(text_of(document))),
        "messy": make_messy(chance, a),
        "formats": random_attributes(chance, formats),
        "others": random_attributes(chance, formats),
        "base": random_attributes(chance),
    }


def make_messy(chance: random.Random, op: Op) -> Op:
    """The same parts, some of them cut in two or with others between that do nothing."""
    messy: Op = []
    for part in op:
        # What the documents here have, but no sound operation.
        if isinstance(part.get("insert"), str):
            part = {**part, "insert": part["insert"].replace("\0", "z")}
        while chance.random() < 0.3:
            messy.append(chance.choice(({"insert": ""}, {"retain": 0}, {"delete": 0})))
        (kind, value), *rest = part.items()
        if isinstance(value, str) and len(value) > 1:
            messy += [{kind: value[:1], **dict(rest)}, {kind: value[1:], **dict(rest)}]
        elif isinstance(value, int) and value > 1:
            messy += [{kind: 1, **dict(rest)}, {kind: value - 1, **dict(rest)}]
        else:
            messy.append(part)
    return messy


def answer(case: dict[str, Any]) -> dict[str, Any]:
    """What our type says to a case."""
    document, a, b, c = case["document"], case["a"], case["b"], case["c"]
    formats, others, base = case["formats"], case["others"], case["base"]
    return {
        "applied": RICH_TEXT.apply(document, a),
        "b_right": RICH_TEXT.transform(b, a, "right"),
        "a_left": RICH_TEXT.transform(a, b, "left"),
        "composed": RICH_TEXT.compose(a, c),
        "inverted": RICH_TEXT.invert(a, document),
        "normalized": RICH_TEXT.normalize(case["messy"]),
        "position": RICH_TEXT.transform_position(case["position"], a),
        "attributes": [
            rich_attributes.compose(formats, others, keep_null=True),
            rich_attributes.compose(base, formats, keep_null=False),
            rich_attributes.transform(others, formats, other_wins=True),
            rich_attributes.transform(others, formats, other_wins=False),
            rich_attributes.invert(formats, base),
            rich_attributes.difference(base, others),
        ],
    }


class RichDifferentialTests(TestCase):
    def test_rich_text_is_quill_delta(self) -> None:
        cases = [make_case(seed) for seed in range(CASES)]
        for seed, (case, theirs) in enumerate(zip(cases, ask(cases), strict=True)):
            ours = answer(case)
            self.assertEqual(written(ours["applied"]), written(case["after_a"]), f"seed {seed}")
            for what in ours:
                self.assertEqual(
                    written(ours[what]),
                    written(theirs[what]),
                    f"{what}, seed {seed}: {written(case)}",
                )

    def test_lengths_convert_both_ways(self) -> None:
        op: Op = [{"retain": 2}, {"insert": "x"}, {"delete": 2}]
        utf16: Op = [{"retain": 3}, {"insert": "x"}, {"delete": 3}]
        self.assertEqual(in_utf16(op, "😀a😀b"), utf16)
        self.assertEqual(in_code_points(utf16, "😀a😀b"), op)
