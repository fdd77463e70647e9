"""The `rich_text` type: formatted text with embeds, in the wire form of Quill's Delta.

A document is a list of insertions, the runs. An operation is a list of parts that runs over the
document from its start:

- `{"retain": n}`: pass over n characters; with `"attributes": {…}`, format them;
- `{"insert": "abc"}`, `{"insert": {"image": "…"}}`, perhaps with `"attributes": {…}`: insert it;
- `{"delete": n}`: delete n characters.

Characters are Unicode code points (quill-delta counts UTF-16), and an embed counts 1. What comes
after the last part stays. In `retain` the value null takes an attribute away. Canonical form: no
part is empty, no two side by side could be one, insertions come before the deletion at their place,
nothing is passed over at the end, and insertions have no attribute that is null.

What results is what quill-delta 5 results in. Of two insertions at one place, and of two formats of
one attribute, the one whose client id is smaller is left of the other, and stands.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from . import rich_algebra, rich_bulk, rich_checks, rich_difference
from .base import Concurrent, Conflict, Limits, OpError, Side
from .rich_buffer import RichTextBuffer
from .rich_bulk import Bulk
from .rich_conflicts import rich_conflicts
from .rich_parts import Op, extra_bytes, most_names, span_of, total
from .spans import Met, skim

# So many attributes are looked at as quickly as a part, at least.
NAMES_LIKE_A_PART = 8


def passing(units: int) -> dict[str, int]:
    """What passes over so many units."""
    return {"retain": units}


class RichTextType:
    """See the module."""

    name = "rich_text"
    invertible_alone = False
    counted = True

    def create(self, content: Any) -> Op:
        """Content need not be in compact form, and may be an object with `ops`, as of Quill."""
        if content is None:
            return [{"insert": "\n"}]
        if isinstance(content, dict) and content.keys() == {"ops"}:
            content = content["ops"]
        if not isinstance(content, list):
            raise OpError(f"a list of insertions is wanted, not {type(content).__name__}")
        for index, run in enumerate(content):
            rich_checks.check_part(run, index)
            if "insert" not in run:
                raise OpError("a document has nothing but insertions", index)
        return rich_algebra.normalize(content)

    def buffer(self, document: Op) -> RichTextBuffer:
        return RichTextBuffer(document)

    def side(self, client_id: str, other_client_id: str) -> Side:
        return "left" if client_id < other_client_id else "right"

    def is_noop(self, op: Op) -> bool:
        return not op

    def check(self, op: Any, limits: Limits) -> Op:
        return rich_checks.check(op, limits)

    def lean(self, op: Op) -> Op:
        return op

    def normalize(self, op: Op) -> Op:
        rich_checks.check_shape(op)
        return rich_algebra.normalize(op)

    def to_send(self, op: Op) -> Op:
        return op

    def bare(self, op: Op) -> Op:
        return op

    # --- length -----------------------------------------------------------------------------

    def measure(self, document: Op) -> int:
        return total(document)

    def size(self, measure: int) -> int:
        return measure

    def fit(self, measure: int, op: Op) -> tuple[Op, int]:
        return op, rich_algebra.fitted(measure, op)

    def before(self, measure: int, *ops: Op) -> int:
        return measure - sum(map(rich_algebra.growth, ops))

    def bulk(self, buffer: RichTextBuffer) -> Bulk:
        return buffer.bulk()

    def bulk_after(self, bulk: Bulk, op: Op) -> Bulk:
        return rich_bulk.bulk_after(bulk, op)

    def grows(self, op: Op) -> bool:
        return rich_bulk.grows(op)

    def unshared(self, measure: int) -> int:
        return 0

    def weight(self, op: Op) -> int:
        return sum(
            240 + 4 * len(part["insert"]) if isinstance(part.get("insert"), str) else 240
            for part in op
        ) + sum(4 * extra_bytes(part) for part in op)

    def text_of(self, op: Op) -> str:
        return "".join(part["insert"] for part in op if isinstance(part.get("insert"), str))

    # --- applying, transforming -------------------------------------------------------------

    def apply(self, document: Op, op: Op) -> Op:
        rich_algebra.fitted(total(document), op)
        return rich_algebra.compose(document, op)

    def make_invertible(self, op: Op, document: Op) -> Op:
        """The operation itself: to invert it takes the document in any case."""
        return op

    def invert(self, op: Op, document: Op | None = None) -> Op:
        """Raises `OpError` without a document, and where `op` does not fit it."""
        if document is None:
            raise OpError("it takes the document to invert it")
        rich_algebra.fitted(total(document), op)
        return rich_algebra.invert(op, document)

    def transform(self, op: Op, other: Op, side: Side) -> Op:
        return rich_algebra.transform(op, other, side)

    def concurrent(self, client_id: str, op: Op) -> Concurrent:
        return span_of(op).concurrent(client_id, op)

    def skim(self, op: Op, client_id: str, rest: Iterator[Met]) -> tuple[Op, Met | None]:
        return skim(op, span_of, passing, client_id, rest, self.side)

    def work(self, op: Op, other: Op) -> int:
        """A part with many attributes may meet each part of the other."""
        names = most_names(op) * len(other) + most_names(other) * len(op)
        return len(op) + len(other) + names // NAMES_LIKE_A_PART

    def transform_position(self, position: int, op: Op) -> int:
        return rich_algebra.transform_position(position, op)

    def compose(self, first: Op, second: Op) -> Op:
        return rich_algebra.compose(first, second)

    def split(self, op: Op, parts: int, size: int) -> tuple[Op, Op]:
        return rich_difference.split(op, parts, size)

    def difference(self, old: Op, new: Op) -> Op:
        return rich_difference.difference(old, new)

    def conflicts(self, op: Op, other: Op) -> list[Conflict]:
        return rich_conflicts(op, other)


RICH_TEXT = RichTextType()
