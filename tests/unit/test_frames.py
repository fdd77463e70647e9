"""Frames of the simple form are read as they were written, and all others are left alone."""

from __future__ import annotations

from typing import Any

from autobahn.websocket.xormasker import create_xor_masker
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from collab_wamp.wamp.frames import frame_of, simple_messages, unmask

LARGEST = 70_000
payloads = st.one_of(st.binary(max_size=300), st.sampled_from([125, 126, 65_535]).map(bytes))
masks = st.one_of(st.just(b"\0\0\0\0"), st.binary(min_size=4, max_size=4))


def from_client(payload: bytes, mask: bytes, *, first: int = 0x81) -> bytes:
    """A client's frame, put together and masked by Autobahn's own means."""
    size = len(payload)
    if size < 126:
        head = bytes((first, 0x80 | size))
    elif size < 1 << 16:
        head = bytes((first, 0x80 | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((first, 0x80 | 127)) + size.to_bytes(8, "big")
    return head + mask + create_xor_masker(mask, size).process(payload)


class FramesTests(SynchronousTestCase):
    @given(payloads, masks)
    def test_a_mask_is_taken_off(self, payload: bytes, mask: bytes) -> None:
        masked = create_xor_masker(mask, len(payload)).process(payload) if payload else b""
        self.assertEqual(unmask(masked, mask), payload)

    @given(st.lists(st.tuples(payloads, masks, st.booleans()), max_size=5), st.data())
    def test_whole_messages_are_read_up_to_where_the_data_is_cut(
        self, sent: list[tuple[bytes, bytes, bool]], data: Any
    ) -> None:
        frames = [
            from_client(payload, mask, first=0x82 if binary else 0x81)
            for payload, mask, binary in sent
        ]
        stream = b"".join(frames)
        cut = data.draw(st.integers(0, len(stream)))
        ends = [sum(map(len, frames[: n + 1])) for n in range(len(frames))]
        whole = sum(end <= cut for end in ends)
        found = list(simple_messages(stream[:cut], LARGEST))
        self.assertEqual(
            [(payload, binary) for payload, binary, _ in found],
            [(payload, binary) for payload, _, binary in sent[:whole]],
        )
        self.assertEqual([after for _, _, after in found], ends[:whole])

    def test_what_is_not_simple_is_left_to_others(self) -> None:
        simple, mask = from_client(b"[1]", b"abcd"), b"abcd"
        for what, frame in {
            "first of several": from_client(b"[1]", mask, first=0x01),
            "continued": from_client(b"[1]", mask, first=0x80),
            "compressed": from_client(b"[1]", mask, first=0xC1),
            "ping": from_client(b"", mask, first=0x89),
            "close": from_client(b"\x03\xe8", mask, first=0x88),
            "unmasked": frame_of(b"[1, 2, 3, 4, 5]", binary=False),
            "length not as short as can be": b"\x81\xfe\x00\x03abcd" + b"[1]",
            "eight bytes of length": from_client(bytes(65_536), mask),
            "too large": from_client(bytes(LARGEST + 1), mask),
        }.items():
            found = list(simple_messages(simple + frame + simple, LARGEST))
            self.assertEqual(found, [(b"[1]", False, len(simple))], what)
        self.assertEqual(list(simple_messages(from_client(b"abcd", mask), 3)), [])

    @given(st.one_of(payloads, st.just(bytes(65_536))), st.booleans())
    def test_a_servers_frame_says_what_is_in_it(self, payload: bytes, binary: bool) -> None:
        frame = frame_of(payload, binary=binary)
        self.assertEqual(frame[0], 0x82 if binary else 0x81)
        short = frame[1]
        width = {126: 2, 127: 8}.get(short, 0)
        size = int.from_bytes(frame[2 : 2 + width], "big") if width else short
        self.assertEqual((size, frame[2 + width :]), (len(payload), payload))
        least = {0: 0, 2: 126, 8: 65_536}[width]
        self.assertGreaterEqual(size, least, "not as short as can be")
