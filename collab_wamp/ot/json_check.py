"""What an operation of type `json` must look like, before anything is done with it."""

from __future__ import annotations

from typing import Any

from .base import Limits, OpError
from .json_apply import SUBTYPE, Component, Op
from .json_values import (
    FORBIDDEN_KEYS,
    MAX_DEPTH,
    MAX_NUMBER,
    Room,
    pointer,
    sound,
    sound_key,
    sound_number,
)
from .text import TEXT

MAX_INDEX = 2**31
# What is deleted may be so many times what may be inserted. It is only looked through, and not
# believed: `fit` puts in its place what is really there.
DELETED = 16

KINDS = {
    frozenset(kind.split())
    for kind in ("oi", "od", "oi od", "li", "ld", "li ld", "lm", "na", "t o")
}
KEYS = frozenset(("p", "oi", "od", "li", "ld", "lm", "na", "t", "o"))


def check(op: Any, limits: Limits) -> Op:
    """See `OTType.check`. Texts edited inside a document count with all their parts.

    Returns:
        the operation, with numbers in their canonical form.
    """
    if not isinstance(op, list):
        raise OpError(f"an operation is a list of components, not {type(op).__name__}")
    if len(op) > limits.parts:
        raise _too_many(len(op), limits)
    inserted = Room(limits.insert_bytes, "inserted")
    others = Room(DELETED * limits.insert_bytes, "deleted, or in paths")
    parts = limits.parts - len(op)
    result = []
    for index, component in enumerate(op):
        checked = _component(component, index, inserted, others, parts)
        parts -= max(0, len(checked.get("o", ())) - 1)
        if parts < 0:
            raise _too_many(limits.parts - parts, limits)
        result.append(checked)
    return result


def shaped(op: Any) -> Op:
    """The operation, if it has the shape of one; texts in it may not be in canonical form.

    Raises:
        OpError: as `check` does.
    """
    if not isinstance(op, list):
        raise OpError(f"an operation is a list of components, not {type(op).__name__}")
    room = Room(float("inf"), "inserted")
    return [_component(each, index, room, room, None) for index, each in enumerate(op)]


def _component(
    component: Any, part: int, inserted: Room, others: Room, more: int | None
) -> Component:
    """A component in canonical form.

    Args:
        more: how many further parts a text's operation may have; None: any number, and it may be
            not in canonical form.
    """
    if not isinstance(component, dict):
        raise OpError(f"a component is an object, not {type(component).__name__}", part)
    _check_members(component, part)
    path = _path(component["p"], part, others)
    result: Component = {"p": path}
    if not path and not component.keys() >= {"oi", "od"}:
        raise OpError("the root can only be replaced, by od with oi, or changed inside", part)
    for key, value in component.items():
        if key in ("oi", "li"):
            # It is as deep in the document as its path is long.
            result[key] = sound(value, inserted, part, len(path))
        elif key in ("od", "ld"):
            result[key] = sound(value, others, part)
    if not path and not isinstance(result["oi"], dict | list):
        raise OpError("a document is an object or a list", part)
    if "lm" in component:
        result["lm"] = _index(component["lm"], part, "lm")
    if "na" in component:
        result["na"] = _addend(component["na"], part)
    if "t" in component:
        result["t"] = SUBTYPE
        result["o"] = _text_op(component, part, inserted, more)
    return result


def _check_members(component: dict[Any, Any], part: int) -> None:
    if "si" in component or "sd" in component:
        reason = f'texts are edited by {{"p": …, "t": "{SUBTYPE}", "o": […]}}, not by si and sd'
        raise OpError(reason, part)
    if unknown := component.keys() - KEYS:
        names = ", ".join(sorted(str(key)[:20] for key in unknown))
        raise OpError(f"a component has no {names}", part)
    if "p" not in component:
        raise OpError("the path p is missing", part)
    if component.keys() - {"p"} not in KINDS:
        names = ", ".join(sorted(component.keys() - {"p"}))
        raise OpError(
            f"{names} together mean nothing" if names else "it does not say what to do", part
        )
    if "t" in component and component["t"] != SUBTYPE:
        raise OpError(f"the one type of text inside is {SUBTYPE}", part)


def _path(path: Any, part: int, room: Room) -> list[str | int]:
    if not isinstance(path, list):
        raise OpError(f"a path is a list of keys and indexes, not {type(path).__name__}", part)
    if len(path) > MAX_DEPTH:
        raise OpError(f"a path is more than {MAX_DEPTH} long", part)
    room.take(len(path), part)
    for key in path:
        if isinstance(key, str):
            room.take(sound_key(key, part), part)
        else:
            _index(key, part, "an index")
    return list(path)


def _index(index: Any, part: int, what: str) -> int:
    if type(index) is not int:
        raise OpError(f"{what} is a whole number, not {type(index).__name__}", part)
    if not 0 <= index <= MAX_INDEX:
        raise OpError(f"{what} must be from 0 to {MAX_INDEX}", part)
    return int(index)


def _addend(number: Any, part: int) -> int:
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise OpError(f"na adds a number, not {type(number).__name__}", part)
    number = sound_number(number, part)
    if isinstance(number, float):
        # Sums of fractions depend on the order: clients would come to different documents.
        raise OpError("na adds whole numbers; set what is a fraction, by oi or li", part)
    return int(number)


def _text_op(component: Component, part: int, inserted: Room, more: int | None) -> Any:
    try:
        if more is None:
            return TEXT.check(TEXT.normalize(component["o"]), Limits(MAX_NUMBER, MAX_NUMBER))
        op = TEXT.check(component["o"], Limits(more + 1, int(inserted.left)))
    except OpError as error:
        raise OpError(
            f"{pointer(component['p'])}: {error}", part, too_large=error.too_large
        ) from None
    inserted.take(sum(len(piece.encode()) for piece in op if isinstance(piece, str)), part)
    return op


def _too_many(count: int, limits: Limits) -> OpError:
    return OpError(f"{count} parts; at most {limits.parts} are allowed", too_large=True)


def check_root(content: Any) -> Any:
    """A document in canonical form; None is an empty object. Raises `OpError`."""
    if content is None:
        return {}
    if not isinstance(content, dict | list):
        raise OpError(f"an object or a list is wanted, not {type(content).__name__}")
    return sound(content, Room(float("inf"), "in it"))


__all__ = ["DELETED", "FORBIDDEN_KEYS", "MAX_INDEX", "check", "check_root", "shaped"]
