"""What a document type offers.

The laws, for every document `d` and operations `a`, `b` that fit it; the same laws are the tests:

- convergence (TP1): `apply(apply(d, a), transform(b, a, "right"))
  == apply(apply(d, b), transform(a, b, "left"))`;
- composition: `apply(d, compose(a, c)) == apply(apply(d, a), c)` for `c` that fits `apply(d, a)`,
  and compose is associative;
- inversion: `apply(apply(d, a), invert(a, d)) == d`.

There is one total order of edits, made by the server, so nothing is claimed about transforming
over two edits in different orders (TP2). Transforming over a list is folding over its edits one by
one; it is not the same as transforming over their composition, so history is never composed first.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, Protocol

import attrs

Side = Literal["left", "right"]
ConflictKind = Literal["replaced", "inside_deleted", "formatted", "set", "moved"]
# An edit as others are transformed over it: its client id, its operation, and what else its type
# wants to have at hand of it.
Concurrent = tuple[Any, ...]


@attrs.frozen
class Limits:
    """How large one operation may be.

    Attributes:
        parts: how many parts it may have.
        insert_bytes: how many bytes of UTF-8 it may insert, all its insertions together.
    """

    parts: int = 1000
    insert_bytes: int = 32 * 1024


class OpError(Exception):
    """An operation or content is not canonical, or does not fit the document.

    Attributes:
        part: index of the part that is wrong, or None where it is the whole.
        too_large: whether it is only its size that is wrong.
    """

    def __init__(self, reason: str, part: int | None = None, *, too_large: bool = False) -> None:
        super().__init__(reason if part is None else f"part {part}: {reason}")
        self.part = part
        self.too_large = too_large


@attrs.frozen
class Conflict:
    """Two concurrent edits touched the same thing.

    Attributes:
        kind: `replaced`: both deleted or replaced what overlaps, with different results;
            `inside_deleted`: one typed or changed inside what the other deleted; `formatted`: both
            formatted the same, differently; `set`: both set the same key or item, differently;
            `moved`: both moved an item, to two places.
        where: in the document both were made in: [start, end] of a text, a path of `json`.
    """

    kind: ConflictKind
    where: list[Any]

    def as_wire(self) -> dict[str, Any]:
        return {"kind": self.kind, "where": self.where}


class Buffer(Protocol):
    """A document that changes in place, for applying many edits."""

    @property
    def length(self) -> int: ...

    def apply(self, op: Any) -> None:
        """Apply an operation, or raise `OpError` and change nothing."""

    def content(self) -> Any: ...


class OTType(Protocol):
    """One kind of document. Documents and operations are JSON values, never changed in place.

    Attributes:
        invertible_alone: whether an operation can be inverted without the document, where it says
            what it deletes (see `make_invertible`).
        counted: whether a measure is but a number.
    """

    @property
    def name(self) -> str: ...

    @property
    def invertible_alone(self) -> bool: ...

    @property
    def counted(self) -> bool: ...

    def create(self, content: Any) -> Any:
        """The document that a session starts with; None = an empty one. Raises `OpError`."""

    def buffer(self, document: Any) -> Buffer: ...

    def check(self, op: Any, limits: Limits) -> Any:
        """The operation, if it is canonical and within limits.

        Time linear in the operation's size; the number of parts is looked at first.

        Raises:
            OpError: with the index of the part that is wrong.
        """

    def is_noop(self, op: Any) -> bool: ...

    def apply(self, document: Any, op: Any) -> Any: ...

    def transform(self, op: Any, other: Any, side: Side) -> Any:
        """`op` as it is to be applied after the concurrent `other`; `side` breaks ties."""

    def side(self, client_id: str, other_client_id: str) -> Side:
        """The side of an edit that is committed after a concurrent one by another client."""

    def concurrent(self, client_id: str, op: Any) -> Concurrent:
        """An edit, made ready for others to be transformed over it."""

    def skim(
        self, op: Any, client_id: str, rest: Iterator[tuple[int, Concurrent]]
    ) -> tuple[Any, tuple[int, Concurrent] | None]:
        """Transform an operation over edits as long as that takes next to nothing, because they
        change other places; with these it must not conflict.

        Args:
            rest: the edits, numbered; they are taken out of it.

        Returns:
            (the operation, the first edit that it was not transformed over); None after the last.
        """

    def compose(self, first: Any, second: Any) -> Any: ...

    def invert(self, op: Any, document: Any = None) -> Any:
        """The operation that takes `op` back, after `op` was applied to `document`.

        `document` may be left out where the type is `invertible_alone` and `op` says what it
        deletes.
        """

    def make_invertible(self, op: Any, document: Any) -> Any:
        """The operation with what it deletes from `document` in it; where the type is not
        `invertible_alone`, as it is."""

    def to_send(self, op: Any) -> Any:
        """The operation as a client sends it: without what would make it long, and the server
        knows."""

    def bare(self, op: Any) -> Any:
        """The operation without what is there only to invert it."""

    def lean(self, op: Any) -> Any:
        """The operation without what is large and is deleted: to keep that up to date with what
        others change inside takes long, and `fit` puts in what is really there."""

    def normalize(self, op: Any) -> Any:
        """The canonical form of an operation that is otherwise sound.

        Raises:
            OpError: it has not even the shape of an operation.
        """

    def difference(self, old: Any, new: Any) -> Any:
        """An operation that makes `new` of `old`."""

    def split(self, op: Any, parts: int, size: int) -> tuple[Any, Any]:
        """An operation in two, of which the first keeps to limits.

        Args:
            parts: number of parts.
            size: bytes of all texts in it.

        Returns:
            (first, rest) with `compose(first, rest)` doing what `op` does; an insertion may have
            come before the deletion it stood right behind.
        """

    def transform_position(self, position: int, op: Any) -> int: ...

    def work(self, op: Any, other: Any) -> int:
        """How many parts are gone through to transform an operation over another one."""

    def text_of(self, op: Any) -> str:
        """What an operation inserts, for a person to read or copy; "" where that is nothing."""

    def weight(self, op: Any) -> int:
        """About how many bytes an operation takes in memory."""

    def conflicts(self, op: Any, other: Any) -> list[Conflict]:
        """How two concurrent operations on one document touch the same thing."""

    # What is kept of each revision to tell whether an operation fits there is called its measure.

    def measure(self, document: Any) -> Any:
        """The measure of a document: for texts, its length."""

    def size(self, measure: Any) -> int:
        """A document's length, in the type's units; for texts, code points."""

    def fit(self, measure: Any, op: Any) -> tuple[Any, Any]:
        """An operation as it is to be committed, and the measure after it.

        Raises:
            OpError: it does not fit a document of this measure.
        """

    def before(self, measure: Any, *ops: Any) -> Any:
        """The measure before operations, each of which came out of `fit`, that led one after the
        other to `measure`."""

    # A type whose documents may have much that does not count as length bounds that as well.

    def bulk(self, buffer: Any) -> Any:
        """How much a document has, its `bytes`, of what does not count as its length; None where
        there is no such thing."""

    def bulk_after(self, bulk: Any, op: Any) -> Any:
        """A bound on it after an operation."""

    def grows(self, op: Any) -> bool:
        """Whether an operation may add to it."""

    def unshared(self, measure: Any) -> int:
        """About how many bytes a measure takes that the one before it does not take as well."""
