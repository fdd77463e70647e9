"""The values that documents of type `json` are made of: what is sound, equal, and how large.

Numbers are those that every client has: whole ones up to 2^53 - 1, which JavaScript still counts
exactly, and finite fractions. 1.0 is 1 and -0.0 is 0, so that all write the same JSON text.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from math import isfinite
from typing import Any

from .base import OpError

MISSING: Any = object()
MAX_DEPTH = 64
MAX_NUMBER = 2**53 - 1
# What JavaScript's objects have without being given it.
FORBIDDEN_KEYS = frozenset(("__proto__", "constructor", "prototype"))


class Room:
    """How many bytes of JSON text may still come.

    Args:
        what: for whoever is told that it was too much.
    """

    __slots__ = ("_limit", "_what", "left")

    def __init__(self, limit: float, what: str) -> None:
        self._limit = limit
        self._what = what
        self.left = limit

    def take(self, size: int, part: int | None) -> None:
        """Raises `OpError`, `too_large`."""
        self.left -= size
        if self.left < 0:
            reason = f"more than {self._limit} bytes are {self._what}"
            raise OpError(reason, part, too_large=True)


def sound(value: Any, room: Room, part: int | None = None, depth: int = 0) -> Any:
    """A copy of a value in its canonical form.

    Args:
        part: index of the part it is in, for errors.
        depth: of how many containers it is inside.

    Raises:
        OpError: not all of it can be in a document, or there is no room for it.
    """
    if isinstance(value, str):
        room.take(sound_text(value, part) + 2, part)
        return value
    if value is None or isinstance(value, bool):
        room.take(5, part)
        return value
    if isinstance(value, int | float):
        number = sound_number(value, part)
        room.take(len(str(number)), part)
        return number
    if not isinstance(value, list | dict):
        raise OpError(f"JSON has no {type(value).__name__}", part)
    if depth == MAX_DEPTH:
        raise OpError(f"values are more than {MAX_DEPTH} deep", part)
    room.take(2, part)
    if isinstance(value, list):
        room.take(len(value), part)
        return [sound(item, room, part, depth + 1) for item in value]
    result = {}
    for key, item in value.items():
        room.take(sound_key(key, part) + 4, part)
        result[key] = sound(item, room, part, depth + 1)
    return result


def sound_number(number: float, part: int | None) -> int | float:
    """A number in its canonical form."""
    if isinstance(number, float):
        if not isfinite(number):
            raise OpError("JSON has no NaN and no Infinity", part)
        number = int(number) if number.is_integer() else number
    if not -MAX_NUMBER <= number <= MAX_NUMBER:
        raise OpError("a number is beyond 2^53 - 1, where not all clients count exactly", part)
    return number


def sound_text(text: str, part: int | None) -> int:
    """The size of a text in bytes of UTF-8."""
    # WAMP's JSON takes a text that starts with U+0000 for binary data, and by editing any
    # character can come to stand at a start.
    if "\0" in text:
        raise OpError("a text has U+0000, which WAMP cannot carry as text", part)
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        raise OpError("a text has a lone surrogate", part) from None


def sound_key(key: Any, part: int | None) -> int:
    """The size of an object's key in bytes of UTF-8."""
    if not isinstance(key, str):
        raise OpError(f"a key is a text, not {type(key).__name__}", part)
    if key in FORBIDDEN_KEYS:
        raise OpError(f"no key may be called {key}", part)
    return sound_text(key, part)


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same JSON; what is one object in memory is not looked into."""
    if one is other:
        return True
    if isinstance(one, dict):
        return (
            isinstance(other, dict)
            and one.keys() == other.keys()
            and all(same(item, other[key]) for key, item in one.items())
        )
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and bool(one == other)


def child_of(parent: Any, key: str | int) -> Any:
    """What a value has at a key or an index, or MISSING."""
    if isinstance(parent, dict):
        return parent.get(key, MISSING) if isinstance(key, str) else MISSING
    if not isinstance(parent, list) or type(key) is not int:
        return MISSING
    return parent[key] if 0 <= key < len(parent) else MISSING


def value_at(root: Any, path: Sequence[str | int]) -> Any:
    """What is at a path, or MISSING."""
    return reduce(child_of, path, root)


def size_of(value: Any) -> int:
    """About how many characters the compact JSON text of a value has: what is escaped counts as
    it is, and each item and member one for a comma."""
    if isinstance(value, str):
        return len(value) + 2
    if isinstance(value, dict):
        return 2 + sum(member_size(key, item) for key, item in value.items())
    if isinstance(value, list):
        return 2 + sum(item_size(item) for item in value)
    if value is False:
        return 5
    return 4 if value is None or value is True else len(str(value))


def item_size(value: Any) -> int:
    """What a list's text grows by, with an item more."""
    return 1 + size_of(value)


def member_size(key: str, value: Any) -> int:
    """What an object's text grows by, with a member more."""
    return len(key) + 4 + size_of(value)


def weight_of(value: Any) -> int:
    """About how many bytes of memory a value takes."""
    if isinstance(value, str):
        return 56 + 2 * len(value)
    if isinstance(value, dict):
        return 100 + sum(weight_of(key) + 40 + weight_of(item) for key, item in value.items())
    if isinstance(value, list):
        return 60 + sum(8 + weight_of(item) for item in value)
    return 32


def pointer(path: Sequence[str | int]) -> str:
    """A path as text, for people: RFC 6901. A long one is cut."""
    text = "".join(f"/{str(key).replace('~', '~0').replace('/', '~1')}" for key in path)
    text = text if len(text) <= 80 else text[:77] + "…"
    return text or "the root"
