"""Transforming, composing and inverting operations of type `json`, as npm's ot-json0 1.1 does.

Every component of one operation is brought past every component of the other, both ways, so that
convergence of two components is that of operations. What a component says it deletes is brought
up to date with what others changed in it.
"""

from __future__ import annotations

from typing import Any

from .base import OpError, Side
from .json_apply import Component, Op, add_numbers, apply
from .text import TEXT

Path = list[Any]


def append(op: Op, component: Component) -> None:
    """Add a component at the end, as one with the last where both are about the same place."""
    last = op[-1] if op else None
    if last is None or last["p"] != component["p"]:
        op.append(component)
    elif "t" in component and "t" in last:
        op[-1] = last | {"o": TEXT.compose(last["o"], component["o"])}
    elif "na" in component and "na" in last:
        op[-1] = {"p": last["p"], "na": add_numbers(last["na"], component["na"])}
    elif "li" in last and "li" not in component and _is_same_scalar(component, last):
        # What was inserted is deleted again; of a replacement, the deletion stays.
        _replace_last(op, last, "li")
    elif "od" in last and "oi" not in last and "oi" in component and "od" not in component:
        op[-1] = last | {"oi": component["oi"]}
    elif "oi" in last and "od" in component:
        if "oi" in component:
            op[-1] = last | {"oi": component["oi"]}
        else:
            _replace_last(op, last, "oi")
    elif component.get("lm", -1) != component["p"][-1]:
        op.append(component)


def _replace_last(op: Op, last: Component, inserted: str) -> None:
    if "ld" in last or "od" in last:
        op[-1] = {key: value for key, value in last.items() if key != inserted}
    else:
        op.pop()


def _is_same_scalar(component: Component, last: Component) -> bool:
    """Whether a deletion deletes what was just inserted, in so far as ot-json0 sees that: it
    compares by identity, and lists and objects are copies."""
    if "ld" not in component:
        return False
    deleted, inserted = component["ld"], last["li"]
    if isinstance(deleted, list | dict):
        return False
    if isinstance(deleted, bool) or isinstance(inserted, bool):
        return deleted is inserted
    return bool(deleted == inserted)


def compose(first: Op, second: Op) -> Op:
    result = list(first)
    for component in second:
        append(result, component)
    return result


def invert(op: Op) -> Op:
    return [invert_component(component, len(op) - 1 - i) for i, component in enumerate(op[::-1])]


def invert_component(component: Component, part: int) -> Component:
    path = component["p"]
    if "lm" in component:
        return {"p": [*path[:-1], component["lm"]], "lm": path[-1]}
    if "na" in component:
        return {"p": path, "na": -component["na"]}
    if "t" in component:
        try:
            return component | {"o": TEXT.invert(component["o"])}
        except OpError as error:
            raise OpError(str(error), part) from None
    opposite = {"oi": "od", "od": "oi", "li": "ld", "ld": "li", "p": "p"}
    return {opposite[key]: value for key, value in component.items()}


# --- transforming --------------------------------------------------------------------------------


def transform(op: Op, other: Op, side: Side) -> Op:
    if not other:
        return op
    if side == "left":
        return transform_both(op, other)[0]
    return transform_both(other, op)[1]


def transform_both(left: Op, right: Op) -> tuple[Op, Op]:
    """Two concurrent operations, each as it is to be applied after the other."""
    new_right: Op = []
    for component in right:
        passing: Component | None = component
        new_left: Op = []
        for index, mine in enumerate(left):
            assert passing is not None
            passed: Op = []
            transform_component(new_left, mine, passing, "left")
            transform_component(passed, passing, mine, "right")
            if len(passed) == 1:
                passing = passed[0]
                continue
            passing = None
            rest = left[index + 1 :]
            if passed:
                rest, passed = transform_both(rest, passed)
            for each in rest:
                append(new_left, each)
            for each in passed:
                append(new_right, each)
            break
        if passing is not None:
            append(new_right, passing)
        left = new_left
    return left, new_right


def reach(component: Component) -> int:
    """How many keys deep a component works; what changes inside a value is one deeper."""
    return len(component["p"]) + ("na" in component or "t" in component)


def common_depth(one: Component, other: Component) -> int | None:
    """The depth of the key by which `one` can affect `other`; None where it cannot.

    -1 stands for the root as a whole.
    """
    mine, theirs = reach(one) - 1, reach(other) - 1
    if mine < 0:
        return -1
    if theirs < mine:
        return None
    return mine if one["p"][:mine] == other["p"][:mine] else None


def key_at(component: Component, depth: int) -> Any:
    """The key at a depth; None for the root, and for the inside of a value."""
    path = component["p"]
    return path[depth] if 0 <= depth < len(path) else None


def transform_component(result: Op, mine: Component, other: Component, side: Side) -> None:
    """Append a component as it is to be applied after `other`, if anything is left of it."""
    if "ld" in mine or "od" in mine:
        mine = _up_to_date(mine, other)
    depth = common_depth(other, mine)
    moved: Component | None = mine
    if depth is not None and "na" not in other:
        if "t" in other:
            moved = _over_text(mine, other, side)
        elif "lm" in other:
            moved = _over_move(mine, other, depth, side)
        elif "li" in other and "ld" in other:
            moved = _over_replaced_item(mine, other, depth, side)
        elif "li" in other:
            moved = _over_inserted_item(mine, other, depth, side)
        elif "ld" in other:
            moved = _over_deleted_item(mine, other, depth)
        else:
            moved = _over_member(mine, other, depth, side)
    if moved is not None:
        append(result, moved)


def _up_to_date(mine: Component, other: Component) -> Component:
    """A deletion with what it deletes after `other`, where that changed something inside."""
    length = len(mine["p"])
    if reach(other) <= length or other["p"][:length] != mine["p"]:
        return mine
    key = "ld" if "ld" in mine else "od"
    inside = other | {"p": [0, *other["p"][length:]]}
    try:
        return mine | {key: apply([mine[key]], [inside])[0]}
    except OpError:
        # It does not say what it really deletes; `fit` is going to.
        return mine


def _over_text(mine: Component, other: Component, side: Side) -> Component | None:
    if "t" not in mine:
        return mine
    op = TEXT.transform(mine["o"], other["o"], side)
    return mine | {"o": op} if op else None


def _over_member(mine: Component, other: Component, depth: int, side: Side) -> Component | None:
    """After a member of an object, or the root, was set or deleted."""
    if key_at(mine, depth) != key_at(other, depth):
        return mine
    if reach(mine) != reach(other) or "oi" not in mine:
        # It was inside, or deletes the same. (Where nothing was, nobody was inside.)
        return mine if "od" not in other else None
    if "oi" not in other:
        return {"p": mine["p"], "oi": mine["oi"]}
    # Both set it: the left one's value stands.
    return {"p": mine["p"], "od": other["oi"], "oi": mine["oi"]} if side == "left" else None


def _over_replaced_item(
    mine: Component, other: Component, depth: int, side: Side
) -> Component | None:
    if key_at(mine, depth) != key_at(other, depth):
        return mine
    if reach(mine) != reach(other):
        return None
    if "ld" not in mine:
        return mine
    return mine | {"ld": other["li"]} if "li" in mine and side == "left" else None


def _over_inserted_item(mine: Component, other: Component, depth: int, side: Side) -> Component:
    at, theirs = mine["p"][depth], other["p"][depth]
    beside = reach(mine) == reach(other)
    if beside and "li" in mine and "ld" not in mine and at == theirs:
        # Of two insertions at one place, the left one goes first.
        moved = at + (side == "right")
    else:
        moved = at + (theirs <= at)
    mine = _with_key(mine, depth, moved)
    if beside and "lm" in mine and theirs <= mine["lm"]:
        mine = mine | {"lm": mine["lm"] + 1}
    return mine


def _over_deleted_item(mine: Component, other: Component, depth: int) -> Component | None:
    at, theirs = mine["p"][depth], other["p"][depth]
    beside = reach(mine) == reach(other)
    if beside and "lm" in mine:
        if at == theirs:
            return None
        to = mine["lm"]
        if theirs < to or (theirs == to and at < to):
            mine = mine | {"lm": to - 1}
    if theirs < at:
        return _with_key(mine, depth, at - 1)
    if theirs == at:
        if not beside:
            return None
        if "ld" in mine:
            return {"p": mine["p"], "li": mine["li"]} if "li" in mine else None
    return mine


def _over_move(mine: Component, other: Component, depth: int, side: Side) -> Component | None:
    at, start, to = mine["p"][depth], other["p"][depth], other["lm"]
    beside = reach(mine) == reach(other)
    if beside and "lm" in mine:
        return _move_over_move(mine, depth, start, to, side)
    if beside and "li" in mine and "ld" not in mine:
        # An insertion is between items, and belongs to none of them.
        return _with_key(mine, depth, at - (at > start) + (at > to))
    return _with_key(mine, depth, _item_after_move(at, start, to))


def _item_after_move(at: int, start: int, to: int) -> int:
    """The index of the item at `at` after one was moved from `start` to `to`."""
    if at == start:
        return to
    return at - (at > start) + (at > to or (at == to and start > to))


def _move_over_move(
    mine: Component, depth: int, other_start: int, other_to: int, side: Side
) -> Component | None:
    start, to = mine["p"][depth], mine["lm"]
    if other_start == other_to:
        return mine
    if start == other_start:
        if side == "right":
            return None
        return _with_key(mine, depth, other_to) | {"lm": other_to if start == to else to}
    new_start, new_to = start - (start > other_start), to
    if start > other_to:
        new_start += 1
    elif start == other_to and other_start > other_to:
        new_start += 1
        new_to += start == to
    if to > other_start or (to == other_start and to > start):
        new_to -= 1
    if to > other_to:
        new_to += 1
    elif to == other_to:
        if (other_to > other_start and to > start) or (other_to < other_start and to < start):
            # Both moved something to here, from the same direction: the left one comes first.
            new_to += side == "right"
        elif to > start:
            new_to += 1
    return _with_key(mine, depth, new_start) | {"lm": new_to}


def _with_key(component: Component, depth: int, key: int) -> Component:
    path: Path = component["p"]
    if path[depth] == key:
        return component
    return component | {"p": [*path[:depth], key, *path[depth + 1 :]]}
