"""`tests/vectors/json.json`, to which every language's type `json` is held; see `vectors`."""

from __future__ import annotations

import json
import random
from typing import Any

from collab_wamp.ot.json_type import JSON

from .json_operations import random_document, random_json_edit
from .node_reference import ask

CASES = 60
LIMITS = {"parts": 3, "size": 60}
TEXT = {"p": ["t"], "t": "text-unicode"}

# What every `check` refuses.
REFUSED: list[Any] = [
    None, "abc", {"p": [], "oi": {}}, [None], [[]], [{}], [{"p": ["a"]}], [{"oi": 1}],
    [{"p": "a", "oi": 1}], [{"p": ["a"], "oi": 1, "x": 1}], [{"p": ["a"], "oi": 1, "li": 1}],
    [{"p": [0], "lm": 1, "li": 1}], [{"p": ["a"], "si": "x"}], [{"p": ["a"], "sd": "x"}],
    [{"p": ["a"], "t": "text0", "o": []}], [{"p": ["a"], "o": []}], [{"p": ["a"], "t": "x"}],
    [TEXT | {"o": [""]}], [TEXT | {"o": "x"}], [TEXT | {"o": ["\0"]}], [{"p": [], "oi": {}}],
    [{"p": [], "od": {}}], [{"p": [], "od": {}, "oi": 5}], [{"p": [], "na": 1}],
    [{"p": [True], "li": 1}], [{"p": [-1], "li": 1}], [{"p": [0.5], "li": 1}],
    [{"p": [2**31 + 1], "li": 1}], [{"p": [None], "li": 1}], [{"p": ["a"] * 65, "oi": 1}],
    [{"p": ["__proto__"], "oi": 1}], [{"p": ["a", "constructor", "prototype"], "oi": 1}],
    [{"p": ["a"], "oi": {"constructor": 1}}], [{"p": ["a"], "od": [{"prototype": 1}]}],
    [{"p": ["a\0"], "oi": 1}], [{"p": ["\ud800"], "oi": 1}], [{"p": ["a"], "oi": ["\udc00"]}],
    [{"p": ["a"], "oi": 2**53}], [{"p": ["a"], "oi": 1e21}], [{"p": ["a"], "na": True}],
    [{"p": ["a"], "na": 0.5}], [{"p": ["a"], "na": "1"}], [{"p": ["a"], "na": None}],
    [{"p": [0], "lm": -1}], [{"p": [0], "lm": "1"}], [{"p": [0], "lm": 0.5}],
]  # fmt: skip

DOCUMENT = {"a": {"t": "a😀", "n": 5, "f": 0.5, "b": True}, "l": [1, 2]}
# What is an operation, but none on this document.
MISFITS: list[Any] = [
    [{"p": ["x", "y"], "oi": 1}], [{"p": ["a", "t", "y"], "oi": 1}], [{"p": ["a", 0], "oi": 1}],
    [{"p": ["l", "0"], "li": 1}], [{"p": ["l", 3], "li": 1}], [{"p": ["l", 2], "ld": 1}],
    [{"p": ["l", 2], "ld": 1, "li": 1}], [{"p": ["l", 2], "lm": 0}], [{"p": ["l", 0], "lm": 2}],
    [{"p": ["l", 0], "oi": 1}], [{"p": ["l", 0], "od": 1}], [{"p": ["a", "n"], "li": 1}],
    [{"p": ["a", "n"], "lm": 1}], [{"p": ["a", "n"], "oi": 1}], [{"p": ["a", "z"], "od": 1}],
    [{"p": ["a", "z"], "od": 1, "oi": 1}], [{"p": ["a", "t"], "na": 1}],
    [{"p": ["a", "f"], "na": 1}], [{"p": ["a", "b"], "na": 1}], [{"p": ["a", "toString"], "na": 1}],
    [{"p": ["a", "n"], "na": 2**53 - 1}], [TEXT | {"p": ["a", "n"], "o": ["x"]}],
    [TEXT | {"p": ["a", "t"], "o": [3, "x"]}], [TEXT | {"p": ["a", "t"], "o": [{"d": 3}]}],
    [{"p": ["a"], "od": {}}, {"p": ["a", "n"], "na": 1}],
]  # fmt: skip


def json_vectors() -> dict[str, Any]:
    cases: list[dict[str, Any]] = []
    for seed in range(10 * CASES):
        chance = random.Random(seed)
        document = random_document(chance)
        a, applied = random_json_edit(chance, document)
        b, _ = random_json_edit(chance, document)
        c, _ = random_json_edit(chance, applied)
        case = {"document": document, "a": a, "b": b, "c": c}
        # JavaScript has keys that look like indexes before all others: written, they differ.
        if len(cases) < CASES and '"0"' not in json.dumps(case):
            cases.append({**case, "applied": applied, "messy": []})
    answers = ask("json.mjs", "ot-json0", cases)
    return {
        "cases": [_json_case(*pair) for pair in zip(cases, answers, strict=True)],
        "refused": REFUSED,
        "misfits": [{"document": DOCUMENT, "op": op} for op in MISFITS],
    }


def _json_case(case: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    del case["messy"], answer["normalized"]
    assert case["applied"] == answer.pop("applied")
    return {
        **case,
        **answer,
        "bare": deleting_something_else(case["a"]),
        "difference": JSON.difference(case["document"], case["applied"]),
        "text": JSON.text_of(case["a"]),
        "limits": LIMITS,
        "split": list(JSON.split(case["a"], LIMITS["parts"], LIMITS["size"])),
    }


def deleting_something_else(op: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """An operation that does the same, but does not say what it deletes."""
    return [component | {key: None for key in ("od", "ld") if key in component} for component in op]
