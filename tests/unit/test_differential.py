"""The type `text` is equal to ot-text-unicode, byte for byte."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path
from typing import Any

from twisted.trial.unittest import TestCase

from collab_wamp.ot.text import TEXT
from tests.support import node_reference
from tests.support.operations import Op, random_edit, random_text

CASES = 10_000


def make_case(seed: int) -> dict[str, Any]:
    """Two operations on a document, one after the first, a position, and a messy operation."""
    chance = random.Random(seed)
    document = random_text(chance, 15)
    invertible = chance.random() < 0.3
    a, after = random_edit(chance, document, invertible=invertible)
    b, _ = random_edit(chance, document, invertible=invertible)
    c, _ = random_edit(chance, after, invertible=invertible)
    position = chance.randint(0, len(document))
    messy = make_messy(chance, a)
    return {"document": document, "a": a, "b": b, "c": c, "position": position, "messy": messy}


def make_messy(chance: random.Random, op: Op) -> Op:
    messy: Op = []
    for part in op:
        while chance.random() < 0.3:
            messy.append(chance.choice((0, "", {"d": 0}, {"d": ""})))
        if isinstance(part, str) and len(part) > 1:
            messy += [part[:1], part[1:]]
        elif isinstance(part, int) and part > 1:
            messy += [1, part - 1]
        elif isinstance(part, dict) and isinstance(part["d"], str) and len(part["d"]) > 1:
            messy += [{"d": part["d"][:1]}, {"d": len(part["d"]) - 1}]
        else:
            messy.append(part)
    return [*messy, 2] if chance.random() < 0.5 else messy


def answer(case: dict[str, Any]) -> dict[str, Any]:
    """What our type says to a case."""
    document, a, b, c = case["document"], case["a"], case["b"], case["c"]
    return {
        "applied": TEXT.apply(document, a),
        "b_right": TEXT.transform(b, a, "right"),
        "a_left": TEXT.transform(a, b, "left"),
        "composed": TEXT.compose(a, c),
        "inverted": TEXT.invert(a, document),
        "invertible": TEXT.make_invertible(a, document),
        "normalized": TEXT.normalize(case["messy"]),
        "position": TEXT.transform_position(case["position"], a),
    }


class DifferentialTests(TestCase):
    def test_text_is_ot_text_unicode(self) -> None:
        cases = [make_case(seed) for seed in range(CASES)]
        answers = node_reference.ask("text.mjs", "ot-text-unicode", cases)
        for seed, (case, theirs) in enumerate(zip(cases, answers, strict=True)):
            ours = answer(case)
            for what in ours:
                self.assertEqual(
                    json.dumps(ours[what]),
                    json.dumps(theirs[what]),
                    f"{what}, seed {seed}: {json.dumps(case)}",
                )

    def test_without_the_reference_it_is_said_what_to_do(self) -> None:
        self.patch(node_reference, "MODULES", Path("/nowhere"))
        with self.assertRaises(node_reference.ReferenceMissing) as caught:
            node_reference.ask("text.mjs", "ot-text-unicode", [])
        self.assertIn("make", str(caught.exception))

    def test_a_reference_that_fails_is_no_agreement(self) -> None:
        case = {**make_case(1), "a": [-1]}
        with self.assertRaises(AssertionError) as caught:
            node_reference.ask("text.mjs", "ot-text-unicode", [case])
        self.assertIn("Skip components must be >0", str(caught.exception))

    def test_node_runs(self) -> None:
        said = subprocess.run(
            [node_reference.node(), "--version"], capture_output=True, text=True, check=True
        )
        self.assertTrue(said.stdout.startswith("v"))
