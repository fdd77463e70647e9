"""Answers of quill-delta to cases of type `rich_text`.

quill-delta counts UTF-16, and we count code points: what goes to it and what comes from it is
converted here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import node_reference
from .rich_operations import Op, text_of


def ask(cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What quill-delta says to each case, in order; see `reference/rich_text.mjs` for its names.

    A case also has `after_a` and `after_b`, the documents that its operations make.
    """
    answers = node_reference.ask("rich_text.mjs", "quill-delta", [_to(case) for case in cases])
    return [_from(*pair) for pair in zip(cases, answers, strict=True)]


def in_utf16(op: Op, before: str) -> Op:
    """An operation on a text with lengths in UTF-16 instead of code points."""
    return _converted(op, before, lambda rest, count: len(rest[:count].encode("utf-16-le")) // 2)


def in_code_points(op: Op, before: str) -> Op:
    """An operation on a text with lengths in code points instead of UTF-16."""
    return _converted(
        op,
        before,
        lambda rest, count: len(rest.encode("utf-16-le")[: 2 * count].decode("utf-16-le")),
    )


def _converted(op: Op, before: str, convert: Callable[[str, int], int]) -> Op:
    result: Op = []
    at = 0
    for part in op:
        kind = next((kind for kind in ("retain", "delete") if kind in part), None)
        if kind is None:
            result.append(part)
            continue
        count = convert(before[at:], part[kind])
        result.append({**part, kind: count})
        # One of both is in code points.
        at += min(count, part[kind])
    return result


def _to(case: dict[str, Any]) -> dict[str, Any]:
    before, after = text_of(case["document"]), text_of(case["after_a"])
    return {
        **case,
        "a": in_utf16(case["a"], before),
        "b": in_utf16(case["b"], before),
        "c": in_utf16(case["c"], after),
        "messy": in_utf16(case["messy"], before),
        "position": len(before[: case["position"]].encode("utf-16-le")) // 2,
    }


def _from(case: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    before = text_of(case["document"])
    after_a, after_b = text_of(case["after_a"]), text_of(case["after_b"])
    position = len(after_a.encode("utf-16-le")[: 2 * theirs["position"]].decode("utf-16-le"))
    return {
        **theirs,
        "b_right": in_code_points(theirs["b_right"], after_a),
        "a_left": in_code_points(theirs["a_left"], after_b),
        "composed": in_code_points(theirs["composed"], before),
        "inverted": in_code_points(theirs["inverted"], after_a),
        "normalized": in_code_points(theirs["normalized"], before),
        "position": position,
        # No attributes are none, or an object with none, there.
        "attributes": [found or None for found in theirs["attributes"]],
    }
