"""A long text that changes in place: an edit touches a chunk or two, not the whole."""

from __future__ import annotations

from typing import Any

from .base import OpError

# An edit costs a walk over the chunks' lengths and the making of a new chunk. For a text of 1 MB,
# chunks of 2,000 to 8,000 code points were about equally quick.
CHUNK = 4096


class TextBuffer:
    """A text in chunks of about `CHUNK` code points.

    Attributes:
        length: code points.
    """

    def __init__(self, text: str) -> None:
        self._chunks = _cut(text)
        self.length = len(text)

    def apply(self, op: list[Any]) -> None:
        """Apply an operation of type `text`.

        Raises:
            OpError: it reaches past the end, or deletes another text than it says; nothing is
                changed.
        """
        self._verify(op)
        chunks = self._chunks
        index, start, position = 0, 0, 0  # chunks[index] begins at `start`
        for part in op:
            if isinstance(part, int):
                position += part
                continue
            while index < len(chunks) - 1 and start + len(chunks[index]) <= position:
                start += len(chunks[index])
                index += 1
            offset = position - start
            if isinstance(part, str):
                chunk = chunks[index]
                changed = chunk[:offset] + part + chunk[offset:]
                position += len(part)
                self.length += len(part)
                if len(changed) > 2 * CHUNK:
                    chunks[index : index + 1] = _cut(changed)
                else:
                    chunks[index] = changed
                continue
            left = part["d"] if isinstance(part["d"], int) else len(part["d"])
            self.length -= left
            while left:
                chunk = chunks[index]
                end = min(len(chunk), offset + left)
                left -= end - offset
                rest = chunk[:offset] + chunk[end:]
                if rest or len(chunks) == 1:
                    chunks[index] = rest
                    if left:
                        start += len(rest)
                        index += 1
                        offset = 0
                else:
                    del chunks[index]
                    if index == len(chunks):
                        index -= 1
                        start -= len(chunks[index])
                    offset = 0
            index, start = self._merge(index, start)

    def _merge(self, index: int, start: int) -> tuple[int, int]:
        """Join a chunk that has become small to its neighbours; its index and start then."""
        chunks = self._chunks
        if index + 1 < len(chunks) and len(chunks[index]) + len(chunks[index + 1]) < CHUNK // 2:
            chunks[index : index + 2] = [chunks[index] + chunks[index + 1]]
        if index and len(chunks[index - 1]) + len(chunks[index]) < CHUNK // 2:
            index -= 1
            start -= len(chunks[index])
            chunks[index : index + 2] = [chunks[index] + chunks[index + 1]]
        return index, start

    def _verify(self, op: list[Any]) -> None:
        position = 0
        for index, part in enumerate(op):
            if isinstance(part, int):
                position += part
            elif isinstance(part, dict):
                position += part["d"] if isinstance(part["d"], int) else len(part["d"])
            if position > self.length:
                reason = f"it reaches {position}, past the end at {self.length}"
                raise OpError(reason, index)

    def text(self, start: int, end: int) -> str:
        """The text from `start` up to `end`."""
        pieces: list[str] = []
        at = 0
        for chunk in self._chunks:
            if at >= end:
                break
            if at + len(chunk) > start:
                pieces.append(chunk[max(0, start - at) : end - at])
            at += len(chunk)
        return "".join(pieces)

    def content(self) -> str:
        return "".join(self._chunks)


def _cut(text: str) -> list[str]:
    return [text[i : i + CHUNK] for i in range(0, len(text), CHUNK)] or [""]
