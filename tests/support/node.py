"""A real node, started once for a run of the suite: router, components, store; on a free port."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from twisted.internet.threads import deferToThread

from collab_wamp.config import load
from collab_wamp.layout import AUTO, Layout, choose, usable_cores
from collab_wamp.tokens import Claims, Keyring

SECRET = "a secret for tests, long enough to be one"
START_S = 60.0


class Node:
    """One `collab-wamp up` in a folder of its own.

    Args:
        environment: settings beside the defaults.
    """

    def __init__(self, **environment: str) -> None:
        self.data_dir = Path(tempfile.mkdtemp(prefix="cw-"))
        self.port = free_port()
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("COLLAB_")},
            "PORT": str(self.port),
            "DATA_DIR": str(self.data_dir),
            "JWT_SECRET": SECRET,
            # Those who test them have them.
            "RATE_LIMITS": "0",
            "DRAIN_S": "0.5",
            **environment,
        }
        self.command = [sys.executable, "-m", "collab_wamp.cli", "up"]
        self.cwd: Path | None = None
        self.process: subprocess.Popen[bytes] | None = None
        self.output = self.data_dir / "up.txt"

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, or start it again, and wait until it is ready."""
        before = len(self.said()) if self.output.exists() else 0
        self.launch()
        self.wait_until_said("ready:", before)

    def launch(self) -> None:
        """Start it, and wait for nothing."""
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                self.command,
                env=self.environment,
                cwd=self.cwd,
                stdout=output,
                stderr=output,
            )
        atexit.register(self.stop)

    def said(self) -> str:
        return self.output.read_text()

    def wait_until_said(self, text: str, after: int = 0) -> None:
        """Block until the node has printed a text (behind the first `after` characters)."""
        assert self.process is not None
        end = time.monotonic() + START_S
        while text not in self.said()[after:]:
            if self.process.poll() is not None or time.monotonic() > end:
                log = self.data_dir / "log" / "node.log"
                tail = log.read_text()[-4000:] if log.exists() else ""
                raise AssertionError(f"the node did not say {text!r}: {self.said()}\n{tail}")
            time.sleep(0.05)  # in a process without a reactor there is nothing to wait on

    def token(
        self,
        user: str = "ada",
        tenant: str = "acme",
        ttl_s: float = 900,
        capabilities: tuple[str, ...] = (),
        **rights: str,
    ) -> str:
        claims = Claims(user, tenant, rights or {"*": "manage"}, capabilities=capabilities)
        return Keyring(secret=SECRET).issue(claims, now_s=time.time(), ttl_s=ttl_s)

    def pids(self, what: str) -> list[int]:
        """The processes of this node: `sessions`, `watcher sessions`, `router`, `store`, …"""
        patterns = {
            "sessions": "wamp.worker sessions",
            "relay": "wamp.worker relay",
            "router": "crossbar-worker",
            "node": "crossbar-controller",
            "store": "valkey-server",
            "watcher sessions": "wamp.supervise sessions",
            "watcher relay": "wamp.supervise relay",
        }
        return [pid for pid, command in self._processes() if patterns[what] in command]

    def all_pids(self) -> list[int]:
        """All processes of this node, its supervisor among them."""
        return [pid for pid, _command in self._processes()]

    def component_pids(self) -> list[int]:
        """The processes that its components may live in, wherever the layout has them."""
        return [pid for what in ("router", "sessions", "relay") for pid in self.pids(what)]

    @property
    def layout(self) -> Layout:
        """How its parts are spread over processes."""
        return load(self.environment).layout

    def log_of(self, part: str) -> Path:
        """Where a component (`sessions`, `relay`, `node`) logs."""
        return self.data_dir / "log" / f"{self.process_of(part)}.log"

    def process_of(self, part: str) -> str:
        """What a component's process is called, in logs, metrics and traces."""
        if part in self.layout.inside:
            return "router"
        return "relay" if part == "node" else part

    def _processes(self) -> list[tuple[int, str]]:
        """(pid, command line) of this node's processes."""
        assert self.process is not None
        found = processes()
        parents = {pid: parent for pid, parent, _command in found}

        def is_ours(pid: int) -> bool:
            while pid in parents:
                if pid == self.process.pid:  # type: ignore[union-attr]  # see above
                    return True
                pid = parents[pid]
            return False

        return [(pid, command) for pid, _parent, command in found if is_ours(pid)]

    def kill(self, what: str) -> None:
        """`kill -9` one of its processes."""
        pids = self.pids(what)
        assert len(pids) == 1, (what, pids)
        os.kill(pids[0], signal.SIGKILL)

    def kill_all(self) -> None:
        """`kill -9` everything of it at once, as a machine dies."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP)  # so that it starts nothing meanwhile
        for pid in self.all_pids():
            os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def end(self) -> int:
        """End it in order, to be started again; the exit status."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(60)

    def stop(self) -> int:
        """End it in order; the exit status."""
        assert self.process is not None
        atexit.unregister(self.stop)
        if self.process.poll() is None:
            self.process.terminate()
        status = self.process.wait(30)
        shutil.rmtree(self.data_dir, ignore_errors=True)
        return status


def processes() -> list[tuple[int, int, str]]:
    """(pid, parent, command line) of all processes."""
    listed = subprocess.run(
        ["ps", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    ).stdout
    rows = (line.split(None, 2) for line in listed.splitlines())
    return [(int(row[0]), int(row[1]), row[2]) for row in rows if len(row) == 3]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


_shared: dict[str, Node] = {}


async def shared_node(layout: str = AUTO) -> Node:
    """The node that the suite's tests share; who kills or configures one starts their own.

    Args:
        layout: one of `LAYOUTS`, for what is to be seen in each; there is one node for each.
    """
    name = choose(layout, 0, usable_cores()).name
    if name not in _shared:
        _shared[name] = Node(LAYOUT=name)
        await deferToThread(_shared[name].start)
    return _shared[name]
