"""Who wrote what: the author of each character of a text, folded from its edits.

For the types `text` and `rich_text`, whose operations go through the document from its start on.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

from .base import OpError

# Runs of one author in a chunk. An edit costs a walk over the chunks, and one over a chunk's runs;
# for some thousand runs, 50 to 200 were about equally quick.
CHUNK = 100

_KEEP, _INSERT, _DELETE = "keep", "insert", "delete"


class Authors:
    """Runs of characters of one author, in chunks.

    Args:
        length: of the initial document; nobody's characters, their author is None.

    Attributes:
        length: code points; an embed counts 1.
    """

    def __init__(self, length: int) -> None:
        self.length = length
        # Runs are [author, length]; two side by side in a chunk are never of one author.
        self._chunks: list[list[list[Any]]] = [[[None, length]] if length else []]
        self._sizes = [length]

    def apply(self, op: list[Any], author: Hashable) -> None:
        """Take an operation of type `text` or `rich_text`.

        What it inserts is the author's; formatting makes nobody an author.

        Raises:
            OpError: it reaches past the end; nothing is changed.
        """
        steps = [_step(part) for part in op]
        self._verify(steps)
        index, start, position = 0, 0, 0  # _chunks[index] begins at `start`
        for kind, count in steps:
            if kind == _KEEP:
                position += count
                continue
            while index < len(self._chunks) - 1 and start + self._sizes[index] <= position:
                start += self._sizes[index]
                index += 1
            if kind == _INSERT:
                self._insert(index, position - start, count, author)
                position += count
                continue
            while count:
                while start + self._sizes[index] <= position:
                    start += self._sizes[index]
                    index += 1
                taken = min(count, start + self._sizes[index] - position)
                self._delete(index, position - start, taken)
                count -= taken
            index, start = self._merge(index, start)

    def runs(self) -> list[tuple[Any, int]]:
        """(author, length) from the start of the document to its end; no two of one author meet."""
        result: list[tuple[Any, int]] = []
        for author, length in self._all():
            if result and result[-1][0] == author:
                length += result.pop()[1]
            result.append((author, length))
        return result

    def _all(self) -> Iterator[tuple[Any, int]]:
        return ((author, length) for chunk in self._chunks for author, length in chunk)

    def _verify(self, steps: list[tuple[str, int]]) -> None:
        reached = 0
        for index, (kind, count) in enumerate(steps):
            reached += 0 if kind == _INSERT else count
            if reached > self.length:
                raise OpError(f"it reaches {reached}, past the end at {self.length}", index)

    def _insert(self, index: int, offset: int, count: int, author: Hashable) -> None:
        chunk = self._chunks[index]
        number, within = _find(chunk, offset)
        after = chunk[number] if number < len(chunk) else None
        before = chunk[number - 1] if number and not within else None
        if before is not None and before[0] == author:
            before[1] += count
        elif after is not None and after[0] == author:
            after[1] += count
        elif after is not None and within:
            rest = after[1] - within
            chunk[number : number + 1] = [[after[0], within], [author, count], [after[0], rest]]
        else:
            chunk.insert(number, [author, count])
        self._sizes[index] += count
        self.length += count
        if len(chunk) > 2 * CHUNK:
            halves = chunk[:CHUNK], chunk[CHUNK:]
            self._chunks[index : index + 1] = halves
            self._sizes[index : index + 1] = [sum(run[1] for run in half) for half in halves]

    def _delete(self, index: int, offset: int, count: int) -> None:
        """Delete from a chunk what is all in it."""
        chunk = self._chunks[index]
        first, within = _find(chunk, offset)
        last, end = _find(chunk, offset + count)
        left = [[chunk[first][0], within]] if within else []
        right = [[chunk[last][0], chunk[last][1] - end]] if end else []
        rest = chunk[last + 1 if end else last :]
        chunk[first:] = []
        for run in (*left, *right, *rest[:1]):
            if chunk and chunk[-1][0] == run[0]:
                chunk[-1][1] += run[1]
            else:
                chunk.append(run)
        chunk += rest[1:]
        self._sizes[index] -= count
        self.length -= count

    def _merge(self, index: int, start: int) -> tuple[int, int]:
        """Join a chunk that has become small to its neighbours; its index and start then."""
        for left in (index, index - 1):
            if not 0 <= left < len(self._chunks) - 1:
                continue
            first, second = self._chunks[left], self._chunks[left + 1]
            if len(first) + len(second) < CHUNK // 2:
                if first and second and first[-1][0] == second[0][0]:
                    second[0][1] += first.pop()[1]
                if left < index:
                    start -= self._sizes[left]
                    index = left
                self._chunks[left : left + 2] = [first + second]
                self._sizes[left : left + 2] = [self._sizes[left] + self._sizes[left + 1]]
        return index, start


def _find(chunk: list[list[Any]], offset: int) -> tuple[int, int]:
    """The number of the run that an offset is in, and how far; at a border, the later one's."""
    for number, (_, length) in enumerate(chunk):
        if offset < length:
            return number, offset
        offset -= length
    return len(chunk), 0


def _step(part: Any) -> tuple[str, int]:
    """What a part does, and with how many characters."""
    if isinstance(part, int):
        return _KEEP, part
    if isinstance(part, str):
        return _INSERT, len(part)
    if "d" in part:
        return _DELETE, part["d"] if isinstance(part["d"], int) else len(part["d"])
    if "insert" in part:
        return _INSERT, len(part["insert"]) if isinstance(part["insert"], str) else 1
    if "delete" in part:
        return _DELETE, part["delete"]
    return _KEEP, part["retain"] if isinstance(part["retain"], int) else 1
