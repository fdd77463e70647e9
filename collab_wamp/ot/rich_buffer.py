"""A long rich text that changes in place: an edit touches a chunk or two, not the whole."""

from __future__ import annotations

from .rich_algebra import compose, fitted
from .rich_bulk import Bulk
from .rich_parts import Op, Reader, extra_bytes, joined, length, total

# An edit costs a walk over the chunks' lengths and the making of a new chunk, which has about so
# many code points and runs at most.
CHUNK = 4096
RUNS = 64


class RichTextBuffer:
    """A document in chunks.

    Attributes:
        length: code points; an embed counts 1.
    """

    def __init__(self, document: Op) -> None:
        self._chunks = _cut(document) or [[]]
        self._lengths = [total(chunk) for chunk in self._chunks]
        # Of each chunk its bulk, where it has been asked for.
        self._bulks: list[Bulk | None] = [None] * len(self._chunks)
        self.length = sum(self._lengths)

    def apply(self, op: Op) -> None:
        """Apply an operation.

        Raises:
            OpError: it reaches past the end; nothing is changed.
        """
        after = fitted(self.length, op)
        chunks, reader = self._chunks, Reader(op)
        index = self._skip(reader)
        # From here on chunks are made anew, with a neighbour on either side, which may join them.
        start = max(0, index - 1)
        made = chunks[start:index]
        while reader.part is not None:
            here = joined(_over(reader, self._lengths[index]))
            _add(made, compose(chunks[index], here) if here else chunks[index])
            index += 1
        for chunk in chunks[index : index + 1]:
            _add(made, chunk)
        chunks[start : index + 1] = made
        self._lengths[start : index + 1] = [total(chunk) for chunk in made]
        self._bulks[start : index + 1] = [None] * len(made)
        if not chunks:
            chunks.append([])
            self._lengths.append(0)
            self._bulks.append(None)
        self.length = after

    def _skip(self, reader: Reader) -> int:
        """Pass over the chunks that stay as they are at the start; the index of the next."""
        part = reader.part
        if part is None or part.keys() != {"retain"}:
            return 0
        lengths, keep = self._lengths, part["retain"]
        index = passed = 0
        while index < len(lengths) - 1 and passed + lengths[index] <= keep:
            passed += lengths[index]
            index += 1
        if passed:
            reader.take(passed)
        return index

    def bulk(self) -> Bulk:
        """Takes time in proportion to what was changed since it was asked for."""
        counted = [
            bulk or _bulk(chunk) for bulk, chunk in zip(self._bulks, self._chunks, strict=True)
        ]
        self._bulks[:] = counted
        return Bulk(
            sum(bulk.bytes for bulk in counted),
            sum(bulk.runs for bulk in counted),
            max(bulk.widest for bulk in counted),
        )

    def content(self) -> Op:
        return joined(run for chunk in self._chunks for run in chunk)


def _bulk(chunk: Op) -> Bulk:
    sizes = [extra_bytes(run) for run in chunk]
    return Bulk(sum(sizes), len(sizes), max(sizes, default=0))


def _over(reader: Reader, size: int) -> Op:
    """What is done to so much, with what is inserted right behind it."""
    parts: Op = []
    while True:
        if reader.part is not None and "insert" in reader.part:
            parts.append(reader.rest())
        elif size:
            parts.append(reader.take(size))
            size -= length(parts[-1])
        else:
            return parts


def _add(chunks: list[Op], chunk: Op) -> None:
    """Add a chunk, joining it to the one before where both are small, and cutting a large one."""
    if chunks and total(chunks[-1]) + total(chunk) < CHUNK // 2:
        runs = len(chunks[-1]) + len(chunk)
        if runs < RUNS // 2 or not chunk or not chunks[-1]:
            chunks[-1] = joined([*chunks[-1], *chunk])
            return
    if total(chunk) > 2 * CHUNK or len(chunk) > 2 * RUNS:
        chunks += _cut(chunk)
    elif chunk:
        chunks.append(chunk)


def _cut(document: Op) -> list[Op]:
    chunks: list[Op] = []
    reader = Reader(document)
    while reader.part is not None:
        chunk: Op = []
        room = CHUNK
        while reader.part is not None and room and len(chunk) < RUNS:
            chunk.append(reader.take(room))
            room -= length(chunk[-1])
        chunks.append(chunk)
    return chunks
