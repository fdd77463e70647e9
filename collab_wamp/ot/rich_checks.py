"""What operations and contents of type `rich_text` may be.

Everything takes time in proportion to the size of what is checked, and depth is bounded, so that
what was checked may be gone through recursively.
"""

from __future__ import annotations

import math
from typing import Any, Final

from .base import Limits, OpError
from .rich_attributes import same
from .rich_parts import Op, Part, inserted_bytes
from .text_checks import unsound

MAX_NUMBER: Final = 2**31
# Beyond, JavaScript would take two different integers for one.
MAX_INTEGER: Final = 2**53 - 1
MAX_DEPTH: Final = 8
MAX_NAME: Final = 128
# What would reach into an object's own workings in JavaScript.
FORBIDDEN: Final = frozenset({"__proto__", "constructor", "prototype"})

KINDS: Final = ("insert", "retain", "delete")


def check_shape(op: Any) -> None:
    """Raises `OpError` where something is no operation; it may still not be canonical."""
    if not isinstance(op, list):
        raise OpError(f"an operation is a list of parts, not {type(op).__name__}")
    for index, part in enumerate(op):
        check_part(part, index)


def check(op: Any, limits: Limits) -> Op:
    """See `OTType.check`."""
    if not isinstance(op, list):
        raise OpError(f"an operation is a list of parts, not {type(op).__name__}")
    if len(op) > limits.parts:
        raise OpError(f"{len(op)} parts; at most {limits.parts} are allowed", too_large=True)
    inserted = 0
    last: Part = {}
    for index, part in enumerate(op):
        check_part(part, index)
        _check_canonical(part, last, index)
        inserted += inserted_bytes(part)
        if inserted > limits.insert_bytes:
            raise OpError(
                f"more than {limits.insert_bytes} bytes are inserted", index, too_large=True
            )
        last = part
    if "retain" in last and "attributes" not in last:
        raise OpError("nothing is passed over at the end", len(op) - 1)
    return op


def _check_canonical(part: Part, last: Part, index: int) -> None:
    attributes = part.get("attributes")
    if attributes is not None and not attributes:
        raise OpError("attributes must not be empty", index)
    if "insert" in part:
        if part["insert"] == "":
            raise OpError("an insertion must not be empty", index)
        if attributes and None in attributes.values():
            raise OpError("an insertion has no attribute that is null", index)
        if "delete" in last:
            raise OpError("an insertion comes before the deletion at its place", index)
    elif not part.get("retain") and not part.get("delete"):
        raise OpError("a number must be 1 or more", index)
    for kind in KINDS:
        if kind not in part or kind not in last:
            continue
        texts = kind != "insert" or (isinstance(part[kind], str) and isinstance(last[kind], str))
        if texts and same(attributes, last.get("attributes")):
            raise OpError("two parts of a kind side by side must be one", index)


def check_part(part: Any, index: int) -> None:
    """Refuse what is no part, though perhaps not a canonical one.

    Raises:
        OpError: with the index.
    """
    if not isinstance(part, dict):
        raise OpError(
            f"a part is an object with insert, retain or delete, not {type(part).__name__}", index
        )
    kinds = [kind for kind in KINDS if kind in part]
    allowed = {*kinds} if "delete" in part else {*kinds, "attributes"}
    if len(kinds) != 1 or not part.keys() <= allowed:
        keys = ", ".join(sorted(str(key)[:20] for key in part))
        raise OpError(
            f"a part has one of insert, retain and delete, and with the first two perhaps "
            f"attributes, not {keys or 'nothing'}",
            index,
        )
    kind = kinds[0]
    if kind == "insert":
        _check_inserted(part["insert"], index)
    else:
        number = part[kind]
        if type(number) is not int or not 0 <= number <= MAX_NUMBER:
            shown = number if isinstance(number, (int, float)) else type(number).__name__
            raise OpError(f"{kind} is an integer from 1 to {MAX_NUMBER}, not {shown}", index)
    if "attributes" in part:
        _check_attributes(part["attributes"], index)


def _check_inserted(inserted: Any, index: int) -> None:
    if isinstance(inserted, str):
        _check_text(inserted, "an insertion", index)
        return
    if not isinstance(inserted, dict):
        raise OpError(f"an insertion is a text or an embed, not {type(inserted).__name__}", index)
    if len(inserted) != 1:
        raise OpError(f"an embed is an object with one key, not {len(inserted)}", index)
    for name in inserted:
        _check_name(name, "an embed", index)
    _check_value(inserted, "an embed", index, 1)


def _check_attributes(attributes: Any, index: int) -> None:
    if not isinstance(attributes, dict):
        raise OpError(f"attributes are an object, not {type(attributes).__name__}", index)
    for name, value in attributes.items():
        _check_name(name, "an attribute", index)
        _check_value(value, "an attribute", index, 1)


def _check_name(name: Any, what: str, index: int) -> None:
    _check_key(name, what, index)
    if not 0 < len(name) <= MAX_NAME:
        raise OpError(f"{what} has a name of 1 to {MAX_NAME} characters", index)


def _check_key(key: Any, what: str, index: int) -> None:
    if not isinstance(key, str):
        raise OpError(f"{what} has a key that is no text", index)
    _check_text(key, what, index)
    if key in FORBIDDEN:
        raise OpError(f"{what} must not have the key {key}", index)


def _check_value(value: Any, what: str, index: int, depth: int) -> None:
    if value is None or isinstance(value, bool):
        return
    if isinstance(value, str):
        _check_text(value, what, index)
    elif isinstance(value, float) and not math.isfinite(value):
        raise OpError(f"{what} has a number that is not finite", index)
    elif isinstance(value, int | float):
        # 1e18 as well: JSON text does not tell it from an integer, once it is written out.
        if abs(value) > MAX_INTEGER:
            raise OpError(f"{what} has a number beyond {MAX_INTEGER}", index)
    elif isinstance(value, (list, dict)):
        if depth > MAX_DEPTH:
            raise OpError(f"{what} is nested deeper than {MAX_DEPTH}", index)
        if isinstance(value, dict):
            for key in value:
                _check_key(key, what, index)
        for inner in value.values() if isinstance(value, dict) else value:
            _check_value(inner, what, index, depth + 1)
    else:
        raise OpError(f"{what} has {type(value).__name__}, which JSON does not have", index)


def _check_text(text: str, what: str, index: int) -> None:
    if text and (wrong := unsound(text)):
        raise OpError(f"{what} has {wrong}", index)
