"""The `text` type: plain text, in the wire form of ot-text-unicode.

A document is a text. An operation is a list of parts that runs over the document from its start:

- a number n: pass over n characters;
- a text: insert it;
- `{"d": n}`: delete n characters; `{"d": "xyz"}`: delete these, which can be inverted.

Characters are Unicode code points. What comes after the last part stays. Canonical form: no part
is empty, no two parts of a kind stand side by side, and nothing is passed over at the end.

Of two insertions at one place, the one whose client id is smaller is left of the other: so what
two people type at one spot stays in one piece each. (By order of commit their letters would mix.)
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

from .base import Concurrent, Conflict, Limits, OpError, Side
from .buffer import TextBuffer
from .spans import Met, skim
from .text_checks import check_deletion, check_number, check_text, unsound
from .text_conflicts import text_conflicts
from .text_parts import (
    Op,
    Reader,
    append,
    fitting,
    length_of,
    size_of,
    span_of,
    text_bytes,
    trimmed,
)
from .text_shape import check_shape


class TextType:
    """See the module."""

    name = "text"
    invertible_alone = True
    counted = True

    def create(self, content: Any) -> str:
        if content is None:
            return ""
        if not isinstance(content, str):
            raise OpError(f"a text is wanted, not {type(content).__name__}")
        if content and (wrong := unsound(content)):
            raise OpError(f"it has {wrong}")
        return content

    def buffer(self, document: str) -> TextBuffer:
        return TextBuffer(document)

    def side(self, client_id: str, other_client_id: str) -> Side:
        return "left" if client_id < other_client_id else "right"

    def is_noop(self, op: Op) -> bool:
        return not op

    # --- checking ---------------------------------------------------------------------------

    def check(self, op: Any, limits: Limits) -> Op:
        if not isinstance(op, list):
            raise OpError(f"an operation is a list of parts, not {type(op).__name__}")
        if len(op) > limits.parts:
            raise OpError(f"{len(op)} parts; at most {limits.parts} are allowed", too_large=True)
        inserted = 0
        last: type | None = None
        for index, part in enumerate(op):
            if type(part) is int:
                check_number(part, index, "what is passed over")
            elif isinstance(part, str):
                inserted += check_text(part, index, "an insertion")
                if inserted > limits.insert_bytes:
                    raise OpError(
                        f"more than {limits.insert_bytes} bytes are inserted", index, too_large=True
                    )
            elif isinstance(part, dict):
                check_deletion(part, index)
            else:
                kind = type(part).__name__
                raise OpError(f'a part is a number, a text or {{"d": …}}, not {kind}', index)
            if type(part) is last:
                raise OpError("two parts of a kind side by side must be one", index)
            last = type(part)
        if last is int:
            raise OpError("nothing is passed over at the end", len(op) - 1)
        return op

    def lean(self, op: Op) -> Op:
        return op

    def normalize(self, op: Op) -> Op:
        check_shape(op)
        result: Op = []
        for part in op:
            if part and part != {"d": 0} and part != {"d": ""}:
                append(result, part)
        return trimmed(result)

    def to_send(self, op: Op) -> Op:
        return op

    def bare(self, op: Op) -> Op:
        return [{"d": size_of(part["d"])} if isinstance(part, dict) else part for part in op]

    # --- length -----------------------------------------------------------------------------

    def measure(self, document: str) -> int:
        return len(document)

    def size(self, measure: int) -> int:
        return measure

    def before(self, measure: int, *ops: Op) -> int:
        change = 0
        for part in chain.from_iterable(ops):
            if isinstance(part, str):
                change += len(part)
            elif isinstance(part, dict):
                change -= size_of(part["d"])
        return measure - change

    def bulk(self, buffer: Any) -> None:
        """All of a document counts as its length."""

    def bulk_after(self, bulk: None, op: Op) -> None:
        """See `bulk`."""

    def grows(self, op: Op) -> bool:
        return False

    def unshared(self, measure: int) -> int:
        return 0

    def fit(self, measure: int, op: Op) -> tuple[Op, int]:
        position = change = 0
        for index, part in enumerate(op):
            if isinstance(part, int):
                position += part
            elif isinstance(part, str):
                change += len(part)
                continue
            else:
                deleted = size_of(part["d"])
                position += deleted
                change -= deleted
            if position > measure:
                raise OpError(f"it reaches {position}, past the end at {measure}", index)
        return op, measure + change

    def weight(self, op: Op) -> int:
        return 60 * len(op) + sum(4 * len(part) for part in op if isinstance(part, str))

    def work(self, op: Op, other: Op) -> int:
        return len(op) + len(other)

    def text_of(self, op: Op) -> str:
        return "".join(part for part in op if isinstance(part, str))

    def conflicts(self, op: Op, other: Op) -> list[Conflict]:
        return text_conflicts(op, other)

    # --- applying ---------------------------------------------------------------------------

    def apply(self, document: str, op: Op) -> str:
        self.fit(len(document), op)
        pieces: list[str] = []
        position = 0
        for part in op:
            if isinstance(part, int):
                pieces.append(document[position : position + part])
                position += part
            elif isinstance(part, str):
                pieces.append(part)
            else:
                position += size_of(part["d"])
        pieces.append(document[position:])
        return "".join(pieces)

    def make_invertible(self, op: Op, document: str) -> Op:
        """The operation with the text that it deletes from `document`."""
        result: Op = []
        position = 0
        for part in op:
            if isinstance(part, dict):
                end = position + size_of(part["d"])
                result.append({"d": document[position:end]})
                position = end
            else:
                result.append(part)
                if isinstance(part, int):
                    position += part
        return result

    def invert(self, op: Op, document: str | None = None) -> Op:
        """Without `document`, every deletion must carry its text.

        Raises:
            OpError: one does not.
        """
        result: Op = []
        for index, part in enumerate(
            op if document is None else self.make_invertible(op, document)
        ):
            if isinstance(part, int):
                append(result, part)
            elif isinstance(part, str):
                append(result, {"d": part})
            elif isinstance(part["d"], str):
                append(result, part["d"])
            else:
                raise OpError("the deletion does not say what it deletes", index)
        return result

    # --- transforming -----------------------------------------------------------------------

    def transform(self, op: Op, other: Op, side: Side) -> Op:
        result: Op = []
        reader = Reader(op)
        for passed in other:
            if isinstance(passed, str):
                if side == "left" and isinstance(reader.part, str):
                    append(result, reader.rest())
                append(result, len(passed))
                continue
            deleting = isinstance(passed, dict)
            left = size_of(passed["d"]) if isinstance(passed, dict) else passed
            while left:
                part = reader.part
                if part is None:
                    # Everything after the operation's end is passed over: nothing more of `other`
                    # can matter to it.
                    return trimmed(result)
                if isinstance(part, str):
                    append(result, reader.rest())
                    continue
                piece = reader.take(left)
                left -= piece if isinstance(piece, int) else size_of(piece["d"])  # type: ignore[index]
                if not deleting:
                    append(result, piece)
        while reader.part is not None:
            append(result, reader.rest())
        return trimmed(result)

    def concurrent(self, client_id: str, op: Op) -> Concurrent:
        return span_of(op).concurrent(client_id, op)

    def skim(self, op: Op, client_id: str, rest: Iterator[Met]) -> tuple[Op, Met | None]:
        return skim(op, span_of, int, client_id, rest, self.side)

    def transform_position(self, position: int, op: Op) -> int:
        """Where a position is after `op`. What is inserted right at it goes after it."""
        at = 0
        for part in op:
            if position <= at:
                break
            if isinstance(part, int):
                at += part
            elif isinstance(part, str):
                at += len(part)
                position += len(part)
            else:
                position -= min(size_of(part["d"]), position - at)
        return position

    # --- composing --------------------------------------------------------------------------

    def compose(self, first: Op, second: Op) -> Op:
        result: Op = []
        reader = Reader(first)
        for part in second:
            if isinstance(part, str):
                append(result, part)
                continue
            offset, size = 0, size_of(part["d"]) if isinstance(part, dict) else part
            while offset < size:
                if isinstance(reader.part, dict):
                    append(result, reader.rest())
                    continue
                piece = reader.take(size - offset)
                length = piece if isinstance(piece, int) else len(piece)
                if isinstance(part, int):
                    append(result, piece)
                elif isinstance(piece, int):
                    deleted = part["d"]
                    whole = isinstance(deleted, int)
                    append(result, {"d": length if whole else deleted[offset : offset + length]})
                offset += length
        while reader.part is not None:
            append(result, reader.rest())
        return trimmed(result)

    def split(self, op: Op, parts: int, size: int) -> tuple[Op, Op]:
        room = size
        for index, part in enumerate(op):
            fits = min(fitting(part, room), length_of(part)) if index < parts else 0
            if fits == length_of(part):
                room -= text_bytes(part)
                continue
            reader = Reader(op[index:])
            first = op[:index]
            if fits:
                first.append(reader.take(fits))
            # `rest` starts where `first` stopped, counted in the document that `first` makes.
            passed = sum(length_of(piece) for piece in first if not isinstance(piece, dict))
            rest: Op = [passed] if passed else []
            while reader.part is not None:
                append(rest, reader.rest())
            return trimmed(first), rest
        return op, []

    def difference(self, old: str, new: str) -> Op:
        """Everything between what the two have in common at their start and at their end."""
        shorter = min(len(old), len(new))
        start = 0
        while start < shorter and old[start] == new[start]:
            start += 1
        end = 0
        while end < shorter - start and old[-1 - end] == new[-1 - end]:
            end += 1
        result: Op = [start] if start else []
        if inserted := new[start : len(new) - end]:
            result.append(inserted)
        if deleted := old[start : len(old) - end]:
            result.append({"d": deleted})
        return trimmed(result)


TEXT = TextType()
