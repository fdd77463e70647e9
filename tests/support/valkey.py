"""A real Valkey server for a test."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from collab_wamp import embedded


class ValkeyServer:
    """One server in a folder of its own; `more` are further options of its command line."""

    def __init__(self, *more: str) -> None:
        self.data_dir = Path(tempfile.mkdtemp(prefix="cw-"))
        self._more = more
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return embedded.url(self.data_dir)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        log = (self.data_dir / "valkey.log").open("ab")
        command = embedded.command(self.data_dir, *self._more)
        self._process = subprocess.Popen(command, stdout=log, stderr=log)
        log.close()
        if not embedded.wait_until_it_answers(self.data_dir, 10):
            raise AssertionError((self.data_dir / "valkey.log").read_text())

    def command(self, *words: str) -> bytes:
        """Give it a command over a connection of its own; the first line of the answer."""
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(20)
            link.connect(self.url.removeprefix("unix://"))
            rows = [b"*%d" % len(words)]
            for word in words:
                rows += [b"$%d" % len(word.encode()), word.encode()]
            link.sendall(b"\r\n".join(rows) + b"\r\n")
            answer = link.recv(4096).split(b"\r\n")[0]
        if answer.startswith(b"-"):
            raise AssertionError(f"{words}: {answer!r}")
        return answer

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        assert self._process is not None
        self._process.wait()

    def signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.signal(signal.SIGCONT)
            self.kill()
        shutil.rmtree(self.data_dir)
