"""Where two concurrent operations of type `json` touch the same thing.

Transforming them always converges; but of two values for one key the later one stands, and what
was changed inside of something deleted is gone. The components are brought past each other just
as when transforming, so that each pair is looked at in one document, and takes as long.
"""

from __future__ import annotations

from typing import Any

from .base import Conflict, ConflictKind
from .json_apply import Component, Op
from .json_transform import append, reach, transform_component
from .json_values import same
from .text_conflicts import text_conflicts

# Pairs of components of two operations that are told; who has so many has seen enough. To tell a
# place takes as long as there are components before it.
MOST = 20


def json_conflicts(op: Op, other: Op) -> list[Conflict]:
    """See `OTType.conflicts`. `where` is the path in the document that both were made in; of what
    an operation itself has put there, the place where it did."""
    if _are_apart(op, other):
        return []
    found: list[Conflict] = []
    told = 0
    # Each component with the index of the one in `op` that it comes from.
    mine = [(component, index) for index, component in enumerate(op)]
    for component in other:
        theirs: Op = [component]
        passed: list[tuple[Component, int]] = []
        for each, index in mine:
            if theirs:
                kind = _conflict(each, theirs[0])
                if kind is not None:
                    conflict = Conflict(kind, _at_base(op, index))
                    if conflict not in found:
                        found.append(conflict)
                    told += 1
                    if told == MOST:
                        return found
            moved: Op = []
            beyond: Op = []
            if theirs:
                transform_component(moved, each, theirs[0], "left")
                transform_component(beyond, theirs[0], each, "right")
            else:
                append(moved, each)
            theirs = beyond
            passed += [(one, index) for one in moved]
        mine = passed
    return found


def _are_apart(op: Op, other: Op) -> bool:
    """Whether two operations have nothing to do with each other, seen at a glance: they change
    different members of the root."""
    mine = {component["p"][0] if component["p"] else 0 for component in op}
    theirs = {component["p"][0] if component["p"] else 0 for component in other}
    keys = mine | theirs
    return all(isinstance(key, str) for key in keys) and not mine & theirs


def _conflict(mine: Component, theirs: Component) -> ConflictKind | None:
    if mine["p"] == theirs["p"] and reach(mine) == reach(theirs):
        if "t" in mine and "t" in theirs:
            found = text_conflicts(mine["o"], theirs["o"])
            return found[0].kind if found else None
        if "lm" in mine and "lm" in theirs:
            return "moved" if mine["lm"] != theirs["lm"] else None
        if _sets(mine) and _sets(theirs):
            return None if _set_same(mine, theirs) else "set"
        return None
    outer, inner = (mine, theirs) if reach(mine) < reach(theirs) else (theirs, mine)
    length = len(outer["p"])
    if ("od" in outer or "ld" in outer) and inner["p"][:length] == outer["p"]:
        return "inside_deleted"
    return None


def _sets(component: Component) -> bool:
    """Whether it gives another value, or none, to something; an inserted item is nobody else's."""
    return "oi" in component or "od" in component or "ld" in component


def _set_same(mine: Component, theirs: Component) -> bool:
    for key in ("oi", "li"):
        if (key in mine) != (key in theirs) or not same(mine.get(key), theirs.get(key)):
            return False
    return True


def _at_base(op: Op, index: int) -> list[Any]:
    """A component's path before the components that come before it."""
    path = list(op[index]["p"])
    for before in reversed(op[:index]):  # so that each is met in the document that it made
        place = before["p"]
        if ("oi" in before or "li" in before) and path[: len(place)] == place:
            path = list(place)
        depth = len(place) - 1
        if depth < 0 or len(path) <= depth or path[:depth] != place[:-1]:
            continue
        at = path[depth]
        if isinstance(at, str):
            continue  # something else was put in the place of the list meanwhile
        if "lm" in before:
            path[depth] = _before_move(at, place[-1], before["lm"])
        elif "li" in before and "ld" not in before and place[-1] < at:
            path[depth] = at - 1
        elif "ld" in before and "li" not in before and place[-1] <= at:
            path[depth] = at + 1
    return path


def _before_move(at: int, start: int, to: int) -> int:
    if at == to:
        return start
    at -= at > to
    return at + (at >= start)
