"""What people do to a document of each type in a simulated world, and what must be left of it.

Everything that they write is written once in a world, so that it can be told what became of it.
"""

from __future__ import annotations

import copy
import random
from typing import Any

from collab_wamp.ot import OTType, get_type

from .operations import Piece, build
from .rich_operations import Piece as RichPiece
from .rich_operations import build as build_rich

# An operation, and the document that it makes, put together without the code under test.
Edit = tuple[Any, Any]


def letters() -> Any:
    """Letters, each another one; one in two takes two units of UTF-16."""
    return (chr((0x20000 if number % 2 else 0x4E00) + number) for number in range(1, 20_000))


class TextWriter:
    """Writes on documents of type `text`.

    Attributes:
        initial: what the document starts with.
        written, deleted: the marks (of a text, its characters) that ever were there, and that
            somebody deleted.
    """

    type: OTType = get_type("text")
    initial: Any = "[]"

    def __init__(self) -> None:
        self._letters = letters()
        self.written: set[Any] = self.marks(self.initial)
        self.deleted: set[Any] = set()

    def edit(self, chance: random.Random, document: Any) -> Edit:
        """Something that somebody does to a document by chance."""
        op, expected = self.by_chance(chance, document)
        self.deleted |= self.marks(document) - self.marks(expected)
        self.written |= self.marks(expected)
        return op, expected

    def by_chance(self, chance: random.Random, document: Any) -> Edit:
        return build(document, self._pieces(chance, len(document)))

    def _pieces(self, chance: random.Random, length: int) -> list[Piece]:
        pieces: list[Piece] = []
        for _ in range(chance.choice((1, 1, 2, 3))):
            pieces.append(("keep", chance.randint(0, length), ""))
            if chance.random() < 0.7:
                pieces.append(("insert", 0, self._text(chance)))
            else:
                pieces.append(("delete", chance.randint(1, 3), ""))
        return pieces

    def _text(self, chance: random.Random) -> str:
        return "".join(next(self._letters) for _ in range(chance.randint(1, 3)))

    def insertion(self, position: int, letter: str) -> Any:
        """The operation that inserts a letter."""
        return [position, letter]

    def text(self, document: Any) -> str:
        """All the text of a document, in order."""
        return str(document)

    def marks(self, document: Any) -> set[Any]:
        return set(self.text(document))

    def verify(self, document: Any, *, complete: bool, from_snapshots: bool) -> None:
        """What was written and not deleted is there, and nothing is twice.

        Args:
            complete: whether everybody could have all committed that they wrote.
            from_snapshots: whether somebody had to go on from a snapshot. They may have lost
                deletions, not insertions: see `Outbox.reset`, which knows of a difference, not of
                edits.
        """
        found = self.marks(document)
        self.verify_each_once(document)
        assert found <= self.written
        if complete:
            missing = self.written - self.deleted - found
            assert not missing, f"{missing} got lost"
        if complete and not from_snapshots:
            back = found & self.deleted
            assert not back, f"{back} came back"

    def verify_each_once(self, document: Any) -> None:
        text = self.text(document)
        assert len(set(text)) == len(text), f"something is twice: {text!r}"


class RichTextWriter(TextWriter):
    """Writes on documents of type `rich_text`, and formats what is there."""

    type = get_type("rich_text")
    initial: Any = [{"insert": "[]"}]  # noqa: RUF012  # nobody changes it

    def by_chance(self, chance: random.Random, document: Any) -> Edit:
        pieces: list[RichPiece] = []
        for kind, count, text in self._pieces(chance, len(self.text(document))):
            format = chance.choice(({}, {}, {"bold": True}, {"color": "red"}, {"color": "blue"}))
            if kind == "keep" and chance.random() < 0.5:
                unset = chance.choice(({}, {"bold": None}, {"color": None}))
                pieces.append(("format", chance.randint(1, 4), "", {**format, **unset}))
            if kind == "insert":
                pieces.append(("insert", 0, text, format))
            else:
                pieces.append((kind, count, "", {}))
        return build_rich(document, pieces)

    def insertion(self, position: int, letter: str) -> Any:
        return [{"retain": position}, {"insert": letter}]

    def text(self, document: Any) -> str:
        return "".join(run["insert"] for run in document)


class JsonWriter(TextWriter):
    """Writes on documents of type `json`: a list of things, a few values by name, a number, a text.

    A thing is a number that is nowhere else. Of two values set under one name, one goes; so the
    marks are things and letters alone.
    """

    type = get_type("json")
    initial: Any = {  # noqa: RUF012  # nobody changes it
        "things": [],
        "named": {},
        "count": 0,
        "text": "[]",
    }

    def __init__(self) -> None:
        super().__init__()
        self._things = iter(range(1, 20_000))
        self.counted = 0

    def by_chance(self, chance: random.Random, document: Any) -> Edit:
        expected = copy.deepcopy(document)
        op: list[Any] = []
        for _ in range(chance.choice((1, 1, 2, 3))):
            op += getattr(self, chance.choice(self.DEEDS))(chance, expected)
        return op, expected

    DEEDS = ("_insert", "_insert", "_insert", "_remove", "_move", "_set", "_set", "_unset",
             "_change", "_add", "_write", "_write")  # fmt: skip

    def _insert(self, chance: random.Random, document: Any) -> list[Any]:
        things = document["things"]
        at, thing = chance.randint(0, len(things)), next(self._things)
        # It may be taken away in the same breath; sent in pieces, it is there for a moment.
        self.written.add(thing)
        things.insert(at, thing)
        return [{"p": ["things", at], "li": thing}]

    def _remove(self, chance: random.Random, document: Any) -> list[Any]:
        things = document["things"]
        if not things:
            return []
        at = chance.randrange(len(things))
        self.deleted.add(things[at])
        self.written.add(things[at])
        return [{"p": ["things", at], "ld": things.pop(at)}]

    def _move(self, chance: random.Random, document: Any) -> list[Any]:
        things = document["things"]
        if len(things) < 2:
            return []
        before, after = chance.sample(range(len(things)), 2)
        things.insert(after, things.pop(before))
        return [{"p": ["things", before], "lm": after}]

    def _set(self, chance: random.Random, document: Any) -> list[Any]:
        named, name = document["named"], chance.choice("abc")
        value = {"value": next(self._things)}
        was = {"od": named[name]} if name in named else {}
        named[name] = dict(value)
        return [{"p": ["named", name], "oi": value, **was}]

    def _unset(self, chance: random.Random, document: Any) -> list[Any]:
        named, name = document["named"], chance.choice("abc")
        return [{"p": ["named", name], "od": named.pop(name)}] if name in named else []

    def _change(self, chance: random.Random, document: Any) -> list[Any]:
        named, name = document["named"], chance.choice("abc")
        if not named.get(name):  # or it is still coming, in pieces
            return []
        # Sent in pieces, an object is there for a moment without what is in it.
        was = {"od": named[name]["value"]} if "value" in named[name] else {}
        named[name] = {"value": next(self._things)}
        return [{"p": ["named", name, "value"], "oi": named[name]["value"], **was}]

    def _add(self, chance: random.Random, document: Any) -> list[Any]:
        number = chance.choice((-3, 1, 2))
        document["count"] += number
        self.counted += number
        return [{"p": ["count"], "na": number}]

    def _write(self, chance: random.Random, document: Any) -> list[Any]:
        before = document["text"]
        op, document["text"] = build(before, self._pieces(chance, len(before)))
        self.deleted |= set(before) - set(document["text"])
        self.written |= set(document["text"])
        return [{"p": ["text"], "t": "text-unicode", "o": op}] if op else []

    def text(self, document: Any) -> str:
        return str(document["text"])

    def marks(self, document: Any) -> set[Any]:
        return {*document["text"], *document["things"]}

    def verify(self, document: Any, *, complete: bool, from_snapshots: bool) -> None:
        super().verify(document, complete=complete, from_snapshots=from_snapshots)
        if complete and not from_snapshots:
            assert document["count"] == self.counted, f"{document['count']} != {self.counted}"

    def verify_each_once(self, document: Any) -> None:
        super().verify_each_once(document)
        things = document["things"]
        assert len(set(things)) == len(things), f"something is twice: {things}"


WRITERS: dict[str, type[TextWriter]] = {
    "text": TextWriter,
    "rich_text": RichTextWriter,
    "json": JsonWriter,
}
