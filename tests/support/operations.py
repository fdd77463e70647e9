"""Operations of type `text` by chance, each with the document that it is to give.

The expected document is put together along with the operation and not by the code under test:
both come from one list of pieces, (kind, how many characters, text to insert).
"""

from __future__ import annotations

import random
from typing import Any

from hypothesis import strategies as st

# One letter that takes 1, 2, 3 and 4 bytes of UTF-8 each, what joins with its neighbour on a
# screen (a combining accent, a zero-width joiner, a variation selector), and line ends.
CHARACTERS = "ab é€😀𝒳\u0301\u200d\ufe0f\r\n\u2028"
# What WAMP cannot carry as text, but the functions beside `check` and `create` must not mind.
WITH_NUL = CHARACTERS + "\0"

Op = list[Any]
Edit = tuple[Op, str]
Piece = tuple[str, int, str]
KINDS = ("keep", "insert", "delete", "delete_text")


def build(document: str, pieces: list[Piece]) -> Edit:
    """The canonical operation that does the pieces one after the other, and what it makes."""
    runs: list[list[Any]] = []
    expected = ""
    at = 0
    for kind, count, inserted in pieces:
        if kind == "insert":
            touched = inserted
            expected += inserted
        else:
            touched = document[at : at + count]
            at += len(touched)
            if kind == "keep":
                expected += touched
        if not touched:
            continue
        if runs and runs[-1][0][:6] == kind[:6]:
            runs[-1][1] += touched
        else:
            runs.append([kind, touched])
    op: Op = []
    for kind, touched in runs:
        if kind == "keep":
            op.append(len(touched))
        elif kind == "insert":
            op.append(touched)
        else:
            op.append({"d": touched if kind == "delete_text" else len(touched)})
    if op and isinstance(op[-1], int):
        op.pop()
    return op, expected + document[at:]


# --- for Hypothesis ------------------------------------------------------------------------------


def texts(alphabet: str = WITH_NUL, max_size: int = 12) -> st.SearchStrategy[str]:
    return st.text(alphabet, max_size=max_size)


@st.composite
def edits(
    draw: st.DrawFn, document: str, alphabet: str = WITH_NUL, invertible: bool = False
) -> Edit:
    """(operation, expected document) for a document.

    Args:
        invertible: whether every deletion says what it deletes.
    """
    kinds = tuple(kind for kind in KINDS if kind != "delete" or not invertible)
    piece = st.tuples(st.sampled_from(kinds), st.integers(1, 5), st.text(alphabet, max_size=4))
    return build(document, draw(st.lists(piece, max_size=6)))


# --- for seeded runs -----------------------------------------------------------------------------


def random_text(chance: random.Random, most: int, alphabet: str = WITH_NUL) -> str:
    return "".join(chance.choices(alphabet, k=chance.randint(0, most)))


def random_edit(
    chance: random.Random,
    document: str,
    *,
    alphabet: str = WITH_NUL,
    invertible: bool = False,
    pieces: int = 6,
    longest: int = 5,
) -> Edit:
    """(operation, expected document) for a document.

    Args:
        pieces: at most so many changes, and passages kept between them.
        longest: code points of one of them.
    """
    kinds = KINDS[:2] + KINDS[3:] if invertible else KINDS
    chosen: list[Piece] = []
    for _ in range(chance.randint(0, pieces)):
        kind = chance.choice(kinds)
        text = random_text(chance, longest, alphabet) if kind == "insert" else ""
        chosen.append((kind, chance.randint(1, longest), text))
    return build(document, chosen)
