"""Sending past a transport of Twisted's, which waits to be told by the kernel that it may write."""

from __future__ import annotations

import contextlib
from typing import Any


def send_now(transport: Any, data: bytes) -> bytes:
    """Send over a TCP or unix transport that encrypts nothing, where nothing waits before it.

    Returns:
        what the socket did not take, for the transport to write.
    """
    if transport.connected and not transport.dataBuffer and not transport._tempDataBuffer:
        # It may take nothing now; or be gone, which the transport will find out.
        with contextlib.suppress(OSError):
            return data[transport.socket.send(data) :]
    return data
