"""WebSocket frames (RFC 6455), as far as a client needs them that costs little."""

from __future__ import annotations

import struct
from typing import NamedTuple

TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA
FINAL, MASKED = 0x80, 0x80
# A frame's header has at most so many bytes: two, eight of length, four of mask.
LONGEST_HEADER = 14
# Whoever masks with zeros sends the payload as it is.
ZERO_KEY = bytes(4)


class FrameError(Exception):
    """The other side sent what a node never sends; the message says what."""


class Frame(NamedTuple):
    """Where a frame is among bytes: its payload is `data[start:stop]`, the next is at `stop`."""

    opcode: int
    start: int
    stop: int


def frame_at(data: bytes, at: int) -> Frame | None:
    """The frame that begins at a position, its payload perhaps not all there yet (`stop` is then
    beyond the end); None = not even its header is.

    Raises:
        FrameError: it is masked, compressed, or a piece of a message.
    """
    have = len(data) - at
    if have < 2:
        return None
    first, length = data[at], data[at + 1]
    if length & MASKED:
        raise FrameError("a frame from the server is masked")
    if first & 0xF0 != FINAL:
        raise FrameError(f"a compressed frame, or a piece of a message: {first:#04x}")
    start = at + 2
    if length == 126:
        if have < 4:
            return None
        (length,) = struct.unpack_from(">H", data, at + 2)
        start = at + 4
    elif length == 127:
        if have < 10:
            return None
        (length,) = struct.unpack_from(">Q", data, at + 2)
        start = at + 10
    return Frame(first & 0x0F, start, start + length)


def masked(payload: bytes, opcode: int = TEXT) -> bytes:
    """A frame from a client to a server, under the mask of zeros."""
    length = len(payload)
    if length < 126:
        header = struct.pack(">BB", FINAL | opcode, MASKED | length)
    elif length < 1 << 16:
        header = struct.pack(">BBH", FINAL | opcode, MASKED | 126, length)
    else:
        header = struct.pack(">BBQ", FINAL | opcode, MASKED | 127, length)
    return header + ZERO_KEY + payload


class Rest:
    """The beginning of a frame, until the rest of it has come."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._have = 0
        self._needed = 0

    def add(self, data: bytes) -> bytes | None:
        """All that has come and was not used, once that is a frame at least; else None.

        Long messages come in many pieces: they are put together once, not with each piece.
        """
        if not self._pieces:
            return data
        self._pieces.append(data)
        self._have += len(data)
        if self._have < self._needed:
            return None
        whole = b"".join(self._pieces)
        self._pieces.clear()
        return whole

    def keep(self, data: bytes, at: int, frame: Frame | None) -> None:
        """Remember what is there of a frame that begins at a position."""
        self._pieces = [data[at:]]
        self._have = len(data) - at
        self._needed = self._have + 1 if frame is None else frame.stop - at
