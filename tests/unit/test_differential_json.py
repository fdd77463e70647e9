"""The type `json` is equal to ot-json0, byte for byte."""

from __future__ import annotations

import json
import random
from typing import Any

from twisted.trial.unittest import TestCase

from collab_wamp.ot.json_type import JSON
from tests.support import node_reference
from tests.support.json_operations import random_document, random_json_edit

CASES = 10_000


def make_case(seed: int) -> dict[str, Any]:
    """Two operations on a document, one after the first, and one to be normalized.

    Normalizing is compared but for additions of 0, empty edits of texts and moves to where an item
    is: those are dropped by us alone.
    """
    chance = random.Random(seed)
    document = random_document(chance)
    a, after = random_json_edit(chance, document)
    b, _ = random_json_edit(chance, document)
    c, _ = random_json_edit(chance, after)
    messy = [each for each in [*a, *c] if not JSON.is_noop([each])]
    return {"document": document, "a": a, "b": b, "c": c, "messy": messy}


def answer(case: dict[str, Any]) -> dict[str, Any]:
    """What our type says to a case."""
    a, b, c = case["a"], case["b"], case["c"]
    return {
        "applied": JSON.apply(case["document"], a),
        "b_right": JSON.transform(b, a, "right"),
        "a_left": JSON.transform(a, b, "left"),
        "composed": JSON.compose(a, c),
        "inverted": JSON.invert(a),
        "normalized": JSON.normalize(case["messy"]),
    }


def written(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


class DifferentialTests(TestCase):
    def test_json_is_ot_json0(self) -> None:
        cases = [make_case(seed) for seed in range(CASES)]
        answers = node_reference.ask("json.mjs", "ot-json0", cases)
        for seed, (case, theirs) in enumerate(zip(cases, answers, strict=True)):
            ours = answer(case)
            for what in ours:
                said = theirs[what]
                if what == "normalized" and any(JSON.is_noop([each]) for each in said):
                    continue
                self.assertEqual(
                    written(ours[what]),
                    written(said),
                    f"{what}, seed {seed}: {json.dumps(case)}",
                )

    def test_the_cases_have_all_that_can_be_done(self) -> None:
        kinds = {
            tuple(sorted(each.keys() - {"p"}))
            for seed in range(300)
            for each in make_case(seed)["a"]
        }
        self.assertEqual(
            kinds,
            {("oi",), ("od",), ("od", "oi"), ("li",), ("ld",), ("ld", "li"), ("lm",), ("na",),
             ("o", "t")},
        )  # fmt: skip
