"""Applying operations of type `json` to documents that stay as they are.

Only the containers along a path are copied, once per operation; all else is shared between the
document before and the one after. So each revision's content can be kept for little.
"""

from __future__ import annotations

from sys import getsizeof
from typing import Any

from .base import OpError
from .json_values import (
    MAX_NUMBER,
    MISSING,
    child_of,
    item_size,
    member_size,
    pointer,
    size_of,
)
from .text import TEXT

Component = dict[str, Any]
Op = list[Component]

SUBTYPE = "text-unicode"


def add_numbers(one: int, other: int) -> int:
    """The sum, which past 2^53 - 1 goes on at -(2^53 - 1).

    So additions come out the same in every order, and can be taken back, exactly. No sum that is
    committed goes over: `fit` refuses it. But a client can be there until it is told so.
    """
    return (one + other + MAX_NUMBER) % (2 * MAX_NUMBER + 1) - MAX_NUMBER


class Editor:
    """A document to which components are applied one after the other.

    Args:
        strict: whether sums past the greatest number are refused.

    Attributes:
        growth: by how much the document's size has changed; see `size_of`.
        unshared: bytes of containers and texts that were made for the document as it is now.
    """

    def __init__(self, document: Any, *, strict: bool = False) -> None:
        # The root is the one member of an object, so that it can be replaced like any other.
        self._holder: dict[str, Any] = {"": document}
        self._strict = strict
        # Containers made here may be changed here. They are kept, so that no id comes to be
        # another's.
        self._made: dict[int, Any] = {}
        self.growth = 0
        self.unshared = 0

    @property
    def document(self) -> Any:
        return self._holder[""]

    def apply(self, component: Component, part: int) -> Component:
        """Apply a component, the `part`-th of an operation.

        Returns:
            the component with what it really deletes.

        Raises:
            OpError: it does not fit; the editor is of no use any more.
        """
        path = component["p"]
        parent, key = self._reach(path, part)
        if "t" in component:
            return self._edit_text(component, parent, key, part)
        if "na" in component:
            return self._add(component, parent, key, part)
        if "oi" in component or "od" in component:
            return self._set_member(component, parent, key, part)
        if not isinstance(parent, list):
            raise _misfit(path, "is not in a list", part)
        if "lm" in component:
            return self._move(component, parent, key, part)
        return self._set_item(component, parent, key, part)

    def _reach(self, path: list[str | int], part: int) -> tuple[Any, Any]:
        """The container that a path's last key is of, made one's own, and that key."""
        if not path:
            return self._holder, ""
        parent: Any = self._holder
        key: str | int = ""
        for depth, next_key in enumerate(path):
            child = child_of(parent, key)
            if not isinstance(child, list | dict):
                what = "is nothing" if child is MISSING else f"is {_kind(child)}"
                raise _misfit(path, f"leads nowhere: {pointer(path[:depth])} {what}", part)
            if id(child) not in self._made:
                child = child.copy()
                self._made[id(child)] = child
                self.unshared += getsizeof(child)
                parent[key] = child
            parent, key = child, next_key
        wanted: type = int if isinstance(parent, list) else str
        if type(key) is not wanted:
            raise _misfit(
                path, f"does not end in {_kind(wanted())}, as {_kind(parent)} needs", part
            )
        return parent, key

    def _edit_text(self, component: Component, parent: Any, key: Any, part: int) -> Component:
        text = child_of(parent, key)
        if not isinstance(text, str):
            raise _misfit(component["p"], "is no text", part)
        try:
            edited = TEXT.apply(text, component["o"])
        except OpError as error:
            raise _misfit(component["p"], f"does not have that text: {error}", part) from None
        parent[key] = edited
        self.unshared += getsizeof(edited)
        self.growth += len(edited) - len(text)
        return component | {"o": TEXT.make_invertible(component["o"], text)}

    def _add(self, component: Component, parent: Any, key: Any, part: int) -> Component:
        number = child_of(parent, key)
        # A fraction would come out differently, depending on the order of additions.
        if type(number) is not int:
            reason = "is no whole number, and to others nothing is added: set it"
            raise _misfit(component["p"], reason, part)
        added = component["na"]
        if self._strict and not -MAX_NUMBER <= number + added <= MAX_NUMBER:
            raise _misfit(component["p"], "would be beyond 2^53 - 1", part)
        parent[key] = add_numbers(number, added)
        self.growth += size_of(parent[key]) - size_of(number)
        return component

    def _set_member(self, component: Component, parent: Any, key: Any, part: int) -> Component:
        path = component["p"]
        if not isinstance(parent, dict):
            raise _misfit(path, "is not in an object", part)
        there = parent.get(key, MISSING)
        if "od" in component and there is MISSING:
            raise _misfit(path, "is nothing, so there is nothing to delete (od)", part)
        if "od" not in component and there is not MISSING:
            raise _misfit(path, "is there already, and replacing it needs its od", part)
        filled = component
        if there is not MISSING:
            filled = component | {"od": there}
            self.growth -= member_size(key, there)
        if "oi" in component:
            parent[key] = component["oi"]
            self.growth += member_size(key, component["oi"])
        elif not path:
            raise _misfit(path, "can only be replaced, by od with oi", part)
        else:
            del parent[key]
        return filled

    def _set_item(self, component: Component, parent: Any, key: int, part: int) -> Component:
        length = len(parent)
        if "ld" not in component:
            if not 0 <= key <= length:
                raise _misfit(component["p"], f"is beyond the list's {length} items", part)
            parent.insert(key, component["li"])
            self.growth += item_size(component["li"])
            return component
        _check_index(component["p"], key, length, part)
        filled = component | {"ld": parent[key]}
        self.growth -= item_size(parent[key])
        if "li" in component:
            parent[key] = component["li"]
            self.growth += item_size(component["li"])
        else:
            del parent[key]
        return filled

    def _move(self, component: Component, parent: Any, key: int, part: int) -> Component:
        for index in (key, component["lm"]):
            _check_index([*component["p"][:-1], index], index, len(parent), part)
        parent.insert(component["lm"], parent.pop(key))
        return component


def apply(document: Any, op: Op) -> Any:
    """The document after an operation; raises `OpError` where that does not fit."""
    editor = Editor(document)
    for part, component in enumerate(op):
        editor.apply(component, part)
    return editor.document


def _check_index(path: list[str | int], index: int, length: int, part: int) -> None:
    if not 0 <= index < length:
        raise _misfit(path, f"is not one of the list's {length} items", part)


def _misfit(path: list[str | int], reason: str, part: int) -> OpError:
    return OpError(f"{pointer(path)} {reason}", part)


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str):
        return "a text"
    return "null" if value is None else "a number" if type(value) is not bool else "true or false"
