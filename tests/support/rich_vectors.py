"""The vectors of type `rich_text`: its operations, answered by quill-delta, and what it refuses."""

from __future__ import annotations

import random
from typing import Any

from collab_wamp.ot.rich_text import RICH_TEXT

from .rich_operations import CHARACTERS, random_document, random_edit, text_of
from .rich_reference import ask, in_utf16

CASES = 120

# What every `check` of rich text refuses; JSON has it all.
REFUSED: list[Any] = [
    None, "abc", {"ops": []}, [None], ["a"], [1], [{}], [{"attributes": {"b": 1}}],
    [{"insert": "a", "delete": 1}], [{"insert": "a", "x": 1}],
    [{"delete": 1, "attributes": {"b": 1}}], [{"insert": ""}], [{"insert": 1}], [{"insert": None}],
    [{"insert": ["a"]}], [{"insert": {}}], [{"insert": {"a": 1, "b": 1}}], [{"insert": {"": 1}}],
    [{"insert": {"n" * 129: 1}}], [{"insert": "a\0"}], [{"insert": {"a": "\0"}}],
    [{"insert": {"a": {"b\0": 1}}}], [{"insert": {"__proto__": 1}}],
    [{"insert": {"a": [{"constructor": 1}]}}], [{"insert": "a", "attributes": {"prototype": 1}}],
    [{"retain": 0}, {"insert": "a"}], [{"retain": -1}, {"insert": "a"}],
    [{"retain": True}, {"insert": "a"}], [{"retain": 1.5}, {"insert": "a"}],
    [{"retain": {"a": 1}}, {"insert": "a"}], [{"retain": 2**31 + 1}, {"insert": "a"}],
    [{"delete": 0}], [{"delete": "a"}], [{"delete": 1}, {"delete": 1}],
    [{"insert": "a"}, {"insert": "b"}], [{"retain": 1}, {"retain": 1}, {"insert": "a"}],
    [{"insert": "a", "attributes": {"b": {"c": 1}}},
     {"insert": "a", "attributes": {"b": {"c": 1}}}],
    [{"delete": 1}, {"insert": "a"}], [{"retain": 1}], [{"insert": "a"}, {"retain": 1}],
    [{"insert": "a", "attributes": {}}], [{"insert": "a", "attributes": None}],
    [{"insert": "a", "attributes": []}], [{"insert": "a", "attributes": {"b": None}}],
    [{"retain": 1, "attributes": {"": 1}}], [{"retain": 1, "attributes": {"a": 2**53}}],
    [{"retain": 1, "attributes": {"a": [[[[[[[[[1]]]]]]]]]}}],
]  # fmt: skip


def rich_text_vectors() -> dict[str, Any]:
    """`delta` is `a` with its lengths in UTF-16."""
    cases = []
    for seed in range(CASES):
        chance = random.Random(seed)
        document = random_document(chance, 5, alphabet=CHARACTERS)
        a, after_a = random_edit(chance, document, alphabet=CHARACTERS)
        b, after_b = random_edit(chance, document, alphabet=CHARACTERS)
        c, _ = random_edit(chance, after_a, alphabet=CHARACTERS)
        position = chance.randint(0, len(text_of(document)))
        case = {"document": document, "a": a, "b": b, "c": c, "position": position}
        case |= {"after_a": after_a, "after_b": after_b, "messy": a}
        cases.append({**case, "formats": {}, "others": {}, "base": {}})
    answers = ask(cases)
    rows = [_case(*pair) for pair in zip(cases, answers, strict=True)]
    return {"cases": rows, "refused": REFUSED}


def _case(case: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    document, a = case["document"], case["a"]
    assert case["after_a"] == answer["applied"]
    limits = {"parts": 3, "size": 40}
    return {
        **{name: case[name] for name in ("document", "a", "b", "c", "position")},
        "applied": answer["applied"],
        "a_left": answer["a_left"],
        "b_right": answer["b_right"],
        "composed": answer["composed"],
        "inverted": answer["inverted"],
        "position_after": answer["position"],
        "difference": RICH_TEXT.difference(case["after_b"], case["after_a"]),
        "after_b": case["after_b"],
        "limits": limits,
        "split": list(RICH_TEXT.split(a, limits["parts"], limits["size"])),
        "delta": in_utf16(a, text_of(document)),
    }
