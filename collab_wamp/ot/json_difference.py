"""The way from one JSON value to another, as an operation of type `json`; not the shortest one."""

from __future__ import annotations

from typing import Any

from .json_apply import SUBTYPE, Op
from .json_values import same
from .text import TEXT

# An object or a list that differs in more places than this is replaced. With so many components
# nobody's edits could be transformed over them, and to take as many items out of a list one by one
# takes time in proportion to the square of their number.
MOST = 1000


def difference(old: Any, new: Any) -> Op:
    """Members of objects are compared by key; lists are gone into between what they have in common
    at their start and at their end; texts are edited, everything else replaced, and also what
    differs in more than `MOST` places."""
    op: Op = []
    _value(op, [], old, new, ("od", "oi"))
    return op


def _value(op: Op, path: list[Any], old: Any, new: Any, replacing: tuple[str, str]) -> None:
    if same(old, new):
        return
    if isinstance(old, str) and isinstance(new, str):
        op.append({"p": path, "t": SUBTYPE, "o": TEXT.difference(old, new)})
        return
    start = len(op)
    if isinstance(old, dict) and isinstance(new, dict):
        _object(op, path, old, new)
    elif isinstance(old, list) and isinstance(new, list):
        _list(op, path, old, new)
    if not 0 < len(op) - start <= MOST:
        op[start:] = [{"p": path, replacing[0]: old, replacing[1]: new}]


def _object(op: Op, path: list[Any], old: dict[str, Any], new: dict[str, Any]) -> None:
    for key, value in old.items():
        if key in new:
            _value(op, [*path, key], value, new[key], ("od", "oi"))
        else:
            op.append({"p": [*path, key], "od": value})
    op.extend({"p": [*path, key], "oi": value} for key, value in new.items() if key not in old)


def _list(op: Op, path: list[Any], old: list[Any], new: list[Any]) -> None:
    shorter = min(len(old), len(new))
    start = 0
    while start < shorter and same(old[start], new[start]):
        start += 1
    end = 0
    while end < shorter - start and same(old[-1 - end], new[-1 - end]):
        end += 1
    for index in range(start, shorter - end):
        _value(op, [*path, index], old[index], new[index], ("ld", "li"))
    place = shorter - end
    op.extend({"p": [*path, place], "ld": value} for value in old[place : len(old) - end])
    for index in range(place, len(new) - end):
        op.append({"p": [*path, index], "li": new[index]})
