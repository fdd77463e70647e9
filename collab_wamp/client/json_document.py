"""A document of type `json` whose places can be read, changed and listened to.

A path names a place, not what is there: what is at `["cards", 0]` changes when somebody inserts a
card before it. `web/src/json-document.js` is the same for browsers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import attrs
from twisted.logger import Logger

from ..ot.json_apply import SUBTYPE, Component
from ..ot.json_values import MISSING, child_of, pointer, same, value_at
from .change import Change
from .document import Document, Unlisten

Path = Sequence[str | int]


@attrs.frozen
class Author:
    """Who made an edit."""

    client_id: str
    user_id: str


@attrs.frozen
class What:
    """How a document changed.

    Attributes:
        origin: `local`: by `edit`, `undo` or `redo` here; the others as of `Change`.
        authors: of the edits in it, where origin is `remote`.
    """

    origin: Literal["local", "remote", "rejected", "reset"]
    authors: tuple[Author, ...] = ()


Listener = Callable[[Any, Any, What], object]


@attrs.frozen(eq=False)
class _Place:
    path: tuple[str | int, ...]
    listener: Listener


def observe(document: Document) -> JsonDocument:
    """Raises `ValueError` where the document is not of type `json`."""
    return JsonDocument(document)


class JsonDocument:
    """Made by `observe`. Whatever changes the document raises as `Document.edit` does.

    What is read is part of the document, and must not be changed itself.
    """

    log = Logger()

    def __init__(self, document: Document) -> None:
        if document.type != "json":
            raise ValueError(f"the document is of type {document.type}, not json")
        self._document = document
        self._known = document.content
        self._places: list[_Place] = []
        self._changes: list[tuple[Any, Any, What]] = []
        self._telling = False
        self._offs: tuple[Unlisten, ...] = (
            document.on_change(self._theirs),
            document.on_edited(self._own),
        )

    def get(self, path: Path = (), default: Any = None) -> Any:
        """What is at a path, or the default where that is nothing."""
        there = value_at(self._document.content, path)
        return default if there is MISSING else there

    def set(self, path: Path, value: Any) -> None:
        """Put a value there: a member, new or not, an item that there is, or with `[]` the whole.

        Raises:
            IndexError: there is no such item; `insert` it.
        """
        there = self.get(path, MISSING)
        removing, setting = ("ld", "li") if self._is_item(path) else ("od", "oi")
        if there is MISSING and setting == "li":
            raise IndexError(f"there is no item {pointer(path)}: insert it")
        if there is MISSING:
            self._edit(path, {setting: value})
        elif not same(there, value):
            self._edit(path, {removing: there, setting: value})

    def remove(self, path: Path) -> None:
        """Take a member or an item away; nothing happens where there is none."""
        there = self.get(path, MISSING)
        if there is not MISSING:
            self._edit(path, {"ld" if self._is_item(path) else "od": there})

    def insert(self, path: Path, value: Any) -> None:
        """Insert an item into a list, at the index that ends the path."""
        self._edit(path, {"li": value})

    def move(self, path: Path, to: int) -> None:
        """Move an item within its list, to what is its index then."""
        self._edit(path, {"lm": to})

    def add(self, path: Path, number: int) -> None:
        """Add to a whole number; additions of several people all count."""
        self._edit(path, {"na": number})

    def edit_text(self, path: Path, op: Any) -> None:
        """Edit a text together with others, where `set` would replace it.

        Args:
            op: an operation of type `text`.
        """
        self._edit(path, {"t": SUBTYPE, "o": op})

    def on(self, path: Path, listener: Listener) -> Unlisten:
        """Be told of changes of what is at a path, or inside it, whoever made them.

        The listener is called with the value, the one before, and `What`: once for each change of
        the document, in their order, and never where the value is the same as before. None stands
        for what is, or was, not there. One that raises is logged, and harms nobody else.

        Args:
            path: `[]` for the whole document.
        """
        place = _Place(tuple(path), listener)
        self._places.append(place)

        def off() -> None:
            if place in self._places:
                self._places.remove(place)

        return off

    def close(self) -> None:
        """Listen no more, and tell nobody. The document stays open."""
        for off in self._offs:
            off()
        self._offs = ()
        self._places.clear()
        self._changes.clear()

    # --- work -------------------------------------------------------------------------------

    def _is_item(self, path: Path) -> bool:
        return len(path) > 0 and isinstance(self.get(path[:-1]), list)

    def _edit(self, path: Path, what: Component) -> None:
        self._document.edit([{"p": list(path), **what}])

    def _own(self, _op: Any) -> None:
        self._changed(What("local"))

    def _theirs(self, change: Change) -> None:
        remote = change.origin == "remote"
        authors = (Author(change.client_id, change.user_id),) if remote else ()
        self._changed(What(change.origin, authors))

    def _changed(self, what: What) -> None:
        content = self._document.content
        self._changes.append((self._known, content, what))
        self._known = content
        # A listener may change the document: the others hear of this change first.
        if self._telling:
            return
        self._telling = True
        while self._changes:
            self._tell(*self._changes.pop(0))
        self._telling = False

    def _tell(self, before: Any, after: Any, what: What) -> None:
        for place in tuple(self._places):
            if place not in self._places or not _differ(before, after, place.path):
                continue
            old, new = value_at(before, place.path), value_at(after, place.path)
            try:
                place.listener(
                    None if new is MISSING else new, None if old is MISSING else old, what
                )
            except Exception:
                self.log.failure("a listener at {path} failed", path=pointer(place.path))


def _differ(before: Any, after: Any, path: Path) -> bool:
    """Whether two documents differ at a path; what they share on the way is not looked into."""
    for key in path:
        if before is after:
            return False
        before, after = child_of(before, key), child_of(after, key)
    return not same(before, after)
