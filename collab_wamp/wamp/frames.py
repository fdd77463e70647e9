"""WebSocket frames (RFC 6455, 5.2), as nearly all are: one to a message, and short. Pure.

Autobahn reads a frame in a dozen steps, since it may come in pieces, in any size, with extensions.
What is not of the simple form is left to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

# FIN with the opcode of a text, of binary data.
TEXT: Final = 0x81
BINARY: Final = 0x82
MASKED: Final = 0x80
# Lengths up to this one are in the second byte; this one says that two bytes follow.
TWO_BYTES: Final = 126
NO_MASK: Final = b"\0\0\0\0"


def unmask(payload: bytes, mask: bytes) -> bytes:
    """A client's payload as it was before it was masked with four bytes."""
    if mask == NO_MASK:
        return payload
    size = len(payload)
    # As one large number: that is a few operations in C, whatever the size.
    key = int.from_bytes((mask * (size // 4 + 1))[:size], "little")
    return (int.from_bytes(payload, "little") ^ key).to_bytes(size, "little")


def simple_messages(data: bytes, largest: int) -> Iterator[tuple[bytes, bool, int]]:
    """The messages at the start of `data` that are one whole frame of the simple form each.

    Args:
        data: received from a client; begins with a frame.
        largest: messages with more bytes are not simple.

    Yields:
        (payload, whether it is binary, where in `data` the next frame begins).
    """
    at, end = 0, len(data)
    while end - at >= 6:
        first, size = data[at], data[at + 1] - MASKED
        if (first != TEXT and first != BINARY) or size < 0:
            return
        start = at + 6
        if size >= TWO_BYTES:
            if size > TWO_BYTES or end - at < 8:
                return
            size = data[at + 2] << 8 | data[at + 3]
            if size < TWO_BYTES:
                return  # not written as short as can be: to be refused
            start = at + 8
        after = start + size
        if after > end or size > largest:
            return
        yield unmask(data[start:after], data[start - 4 : start]), first == BINARY, after
        at = after


def frame_of(payload: bytes, *, binary: bool) -> bytes:
    """One whole frame from a server, which masks nothing."""
    first, size = BINARY if binary else TEXT, len(payload)
    if size < TWO_BYTES:
        return bytes((first, size)) + payload
    if size < 1 << 16:
        return bytes((first, TWO_BYTES, size >> 8, size & 0xFF)) + payload
    return bytes((first, TWO_BYTES + 1)) + size.to_bytes(8, "big") + payload
