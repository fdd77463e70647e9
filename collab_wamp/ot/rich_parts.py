"""Parts of operations of type `rich_text`: their sizes, taking them in pieces, joining them.

Parts are never changed; new ones are made, which share attributes and embeds with those that they
came from.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from .reader import PartReader
from .rich_attributes import Attributes, same
from .spans import Span

Part = dict[str, Any]
Op = list[Part]


def length(part: Part) -> int:
    """Code points that a part is about; an embed counts 1."""
    if "insert" in part:
        inserted = part["insert"]
        return len(inserted) if isinstance(inserted, str) else 1
    size: int = part["retain"] if "retain" in part else part["delete"]
    return size


def total(parts: Iterable[Part]) -> int:
    return sum(map(length, parts))


def span_of(op: Op) -> Span:
    """Where a canonical operation changes the text; to format it is a change, too."""
    start: int = op[0]["retain"] if op and op[0].keys() == {"retain"} else 0
    end = change = 0
    for part in op:
        size = length(part)
        if "insert" in part:
            change += size
            continue
        end += size
        if "delete" in part:
            change -= size
    if end > start and "insert" in op[-1]:
        end += 1
    return Span(start, end, change)


def json_bytes(value: Any) -> int:
    """Bytes of a value's JSON text in UTF-8."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def extra_bytes(part: Part) -> int:
    """Bytes of what a part brings along beside text: its attributes, its embed."""
    size = json_bytes(part["attributes"]) if "attributes" in part else 0
    if isinstance(part.get("insert"), dict):
        size += json_bytes(part["insert"])
    return size


def most_names(op: Op) -> int:
    """How many attributes the part with the most of them has."""
    return max((len(part["attributes"]) for part in op if "attributes" in part), default=0)


def inserted_bytes(part: Part) -> int:
    """What a part counts against the limit on the bytes that an operation inserts."""
    text = part.get("insert")
    return extra_bytes(part) + (len(text.encode()) if isinstance(text, str) else 0)


class Reader(PartReader[Part]):
    """Takes an operation's parts in pieces. After its end it passes over everything."""

    __slots__ = ()

    @property
    def left(self) -> int:
        """How long what is left of the part is; there must be one."""
        return length(self._op[self._index]) - self._offset

    def rest(self) -> Part:
        """The rest of the part; there must be one."""
        part, offset = self._op[self._index], self._offset
        self._index += 1
        self._offset = 0
        return _cut(part, offset, length(part)) if offset else part

    def take(self, most: int) -> Part:
        """At most `most` of the part; after the end, what passes over so many."""
        part = self.part
        if part is None:
            return {"retain": most}
        if self.left <= most:
            return self.rest()
        start = self._offset
        self._offset += most
        return _cut(part, start, self._offset)

    def pieces(self, count: int) -> Iterable[Part]:
        """The next pieces, `count` long together."""
        while count:
            piece = self.take(count)
            count -= length(piece)
            yield piece


def _cut(part: Part, start: int, end: int) -> Part:
    if "delete" in part:
        return {"delete": end - start}
    piece: Part = (
        {"retain": end - start} if "retain" in part else {"insert": part["insert"][start:end]}
    )
    if "attributes" in part:
        piece["attributes"] = part["attributes"]
    return piece


def cut_out(document: Op, start: int, end: int) -> Op:
    """The runs of a document from `start` up to `end`."""
    reader = Reader(document)
    for _ in reader.pieces(start):
        pass
    return list(reader.pieces(end - start))


class Builder:
    """Puts a canonical operation together, part after part.

    Neighbours that can be one become one, and at one place insertions come before the deletion, in
    the order in which they were given: this is what `push` of quill-delta does.
    """

    __slots__ = ("_attributes", "_deleted", "_kept", "_kept_attributes", "_parts", "_texts")

    def __init__(self) -> None:
        self._parts: Op = []
        # The run of text, the deletion and what is passed over last that may still grow. Texts are
        # joined at the end of a run: adding each to those before would take quadratic time.
        self._texts: list[str] = []
        self._attributes: Attributes | None = None
        self._deleted = 0
        self._kept = 0
        self._kept_attributes: Attributes | None = None

    def push(self, part: Part) -> None:
        if "insert" in part:
            self.insert(part["insert"], part.get("attributes"))
        elif "delete" in part:
            self.delete(part["delete"])
        else:
            self.retain(part["retain"], part.get("attributes"))

    def insert(self, inserted: str | dict[str, Any], attributes: Attributes | None = None) -> None:
        if inserted == "":
            return
        self._end_kept()
        attributes = attributes or None
        if not isinstance(inserted, str):
            self._end_text()
            self._parts.append(_with({"insert": inserted}, attributes))
            return
        if self._texts and not same(self._attributes, attributes):
            self._end_text()
        self._texts.append(inserted)
        self._attributes = attributes

    def delete(self, count: int) -> None:
        if count:
            self._end_kept()
            self._deleted += count

    def retain(self, count: int, attributes: Attributes | None = None) -> None:
        if not count:
            return
        self._end_text()
        if self._deleted:
            self._parts.append({"delete": self._deleted})
            self._deleted = 0
        attributes = attributes or None
        if self._kept and not same(self._kept_attributes, attributes):
            self._end_kept()
        self._kept += count
        self._kept_attributes = attributes

    def finish(self) -> Op:
        """The operation; nothing is passed over at its end."""
        self._end_text()
        if self._deleted:
            self._parts.append({"delete": self._deleted})
            self._deleted = 0
        if self._kept_attributes:
            self._end_kept()
        return self._parts

    def _end_text(self) -> None:
        if self._texts:
            text = self._texts[0] if len(self._texts) == 1 else "".join(self._texts)
            self._parts.append(_with({"insert": text}, self._attributes))
            self._texts = []

    def _end_kept(self) -> None:
        if self._kept:
            self._parts.append(_with({"retain": self._kept}, self._kept_attributes))
            self._kept = 0
            self._kept_attributes = None


def _with(part: Part, attributes: Attributes | None) -> Part:
    if attributes:
        part["attributes"] = attributes
    return part


def joined(parts: Iterable[Part]) -> Op:
    """The canonical operation of some parts."""
    builder = Builder()
    for part in parts:
        builder.push(part)
    return builder.finish()
