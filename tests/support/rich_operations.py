"""Operations of type `rich_text` by chance, each with the document that it is to give.

As in `operations.py`, both come from one list of pieces. The expected document is worked out on
cells, (character or embed, its attributes), and put into runs by what is here alone.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from typing import Any

from hypothesis import strategies as st

from .operations import CHARACTERS, WITH_NUL

Op = list[dict[str, Any]]
Edit = tuple[Op, Op]
Cell = tuple[Any, dict[str, Any]]
# (kind, how many cells, what to insert: a text or an embed, attributes)
Piece = tuple[str, int, Any, dict[str, Any]]

KINDS = ("keep", "keep", "format", "insert", "delete")
NAMES = ("bold", "color", "list", "é")
# Values that Python takes for equal and JSON does not, and such that are equal deeply only.
VALUES: tuple[Any, ...] = (
    True, False, 1, 1.5, "red", "", "😀", {"a": [1, None]}, {"a": [True, None]}, {"b": 1, "a": {}},
)  # fmt: skip
EMBEDS: tuple[dict[str, Any], ...] = (
    {"image": "a.png"}, {"image": "b.png"}, {"formula": "e=mc²"}, {"mention": {"id": 1}},
    {"mention": {"id": True}},
)  # fmt: skip


def written(value: Any) -> str:
    """A JSON value as the one text that stands for it."""
    return json.dumps(value, sort_keys=True)


def cells_of(document: Op) -> list[Cell]:
    cells: list[Cell] = []
    for run in document:
        inserted, attributes = run["insert"], run.get("attributes", {})
        units = inserted if isinstance(inserted, str) else [inserted]
        cells += [(unit, attributes) for unit in units]
    return cells


def runs_of(cells: Iterable[Cell]) -> Op:
    """The cells as insertions, as few as possible."""
    runs: Op = []
    for value, attributes in cells:
        last = runs[-1] if runs else {"insert": None}
        if (
            isinstance(value, str)
            and isinstance(last["insert"], str)
            and written(last.get("attributes", {})) == written(attributes)
        ):
            last["insert"] += value
        else:
            runs.append({"insert": value, **({"attributes": attributes} if attributes else {})})
    return runs


def text_of(document: Op) -> str:
    """The characters of a document, an embed as one that takes one unit of UTF-16."""
    return "".join(
        run["insert"] if isinstance(run["insert"], str) else "\ufffc" for run in document
    )


def build(document: Op, pieces: list[Piece]) -> Edit:
    """The canonical operation that does the pieces one after the other, and what it makes."""
    cells = cells_of(document)
    result: list[Cell] = []
    op: Op = []
    inserted: list[Cell] = []
    deleted = at = 0

    def settle() -> None:
        """End the place at which there are insertions and a deletion."""
        nonlocal inserted, deleted
        op.extend(runs_of(inserted))
        if deleted:
            op.append({"delete": deleted})
        inserted, deleted = [], 0

    for kind, count, content, attributes in pieces:
        if kind == "insert":
            new = (
                [(unit, attributes) for unit in content]
                if isinstance(content, str)
                else [(content, attributes)]
            )
            inserted += new
            result += new
            continue
        touched = cells[at : at + count]
        at += len(touched)
        if not touched:
            continue
        if kind == "delete":
            deleted += len(touched)
            continue
        settle()
        formats = attributes if kind == "format" else {}
        part: dict[str, Any] = {"retain": len(touched)}
        if formats:
            part["attributes"] = formats
        last = op[-1] if op else {}
        if "retain" in last and written(last.get("attributes", {})) == written(formats):
            last["retain"] += len(touched)
        else:
            op.append(part)
        for value, before in touched:
            after = {**before, **formats}
            result.append((value, {k: v for k, v in after.items() if v is not None}))
    settle()
    if op and op[-1].keys() == {"retain"}:
        op.pop()
    return op, runs_of(result + cells[at:])


# --- for Hypothesis ------------------------------------------------------------------------------

values = st.sampled_from(VALUES)
attributes = st.dictionaries(st.sampled_from(NAMES), values, max_size=2)
formats = st.dictionaries(st.sampled_from(NAMES), st.none() | values, max_size=2)


def _contents(alphabet: str, most: int) -> st.SearchStrategy[Any]:
    return st.one_of(st.text(alphabet, max_size=most), st.sampled_from(EMBEDS))


@st.composite
def documents(draw: st.DrawFn, alphabet: str = WITH_NUL, most: int = 5) -> Op:
    """Documents of some runs; an empty one is among them."""
    rows = draw(st.lists(st.tuples(_contents(alphabet, 5), attributes), max_size=most))
    return build([], [("insert", 0, content, given) for content, given in rows])[1]


@st.composite
def edits(draw: st.DrawFn, document: Op, alphabet: str = WITH_NUL, most: int = 6) -> Edit:
    """(operation, expected document) for a document."""
    pieces: list[Piece] = []
    for kind in draw(st.lists(st.sampled_from(KINDS), max_size=most)):
        given = draw(formats if kind == "format" else attributes)
        content = draw(_contents(alphabet, 4)) if kind == "insert" else ""
        pieces.append((kind, draw(st.integers(1, 5)), content, given))
    return build(document, pieces)


# --- for seeded runs -----------------------------------------------------------------------------


def random_content(chance: random.Random, longest: int, alphabet: str = WITH_NUL) -> Any:
    if chance.random() < 0.2:
        return chance.choice(EMBEDS)
    return "".join(chance.choices(alphabet, k=chance.randint(0, longest)))


def random_attributes(chance: random.Random, values: tuple[Any, ...] = VALUES) -> dict[str, Any]:
    if chance.random() < 0.5:
        return {}
    return {chance.choice(NAMES): chance.choice(values) for _ in range(chance.randint(1, 2))}


def random_document(
    chance: random.Random, most: int, *, alphabet: str = WITH_NUL, longest: int = 5
) -> Op:
    """A document of at most `most` runs."""
    pieces: list[Piece] = [
        ("insert", 0, random_content(chance, longest, alphabet), random_attributes(chance))
        for _ in range(chance.randint(0, most))
    ]
    return build([], pieces)[1]


def random_edit(
    chance: random.Random,
    document: Op,
    *,
    alphabet: str = WITH_NUL,
    pieces: int = 6,
    longest: int = 5,
) -> Edit:
    """(operation, expected document) for a document; see `operations.random_edit`."""
    chosen: list[Piece] = []
    for _ in range(chance.randint(0, pieces)):
        kind = chance.choice(KINDS)
        content = random_content(chance, longest, alphabet) if kind == "insert" else ""
        given = random_attributes(chance, (*VALUES, None, None) if kind == "format" else VALUES)
        chosen.append((kind, chance.randint(1, longest), content, given))
    return build(document, chosen)


__all__ = [
    "CHARACTERS", "EMBEDS", "KINDS", "NAMES", "VALUES", "WITH_NUL", "Cell", "Edit", "Op", "Piece",
    "attributes", "build", "cells_of", "documents", "edits", "formats", "random_attributes",
    "random_content", "random_document", "random_edit", "runs_of", "text_of", "values", "written",
]  # fmt: skip
