"""Runs a node: the embedded store, if it is to be used, and Crossbar, both watched.

Plain process, no reactor. Says on standard output what a person should know; everything else goes
to the logs in the data folder.
"""

from __future__ import annotations

import fcntl
import http.client
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FrameType
from typing import Any

import attrs

from . import embedded, node
from .children import Child
from .config import Config, ConfigError
from .metrics_folder import FOLDER_VARIABLE, PROCESS_VARIABLE, ROUTER, wipe
from .wamp.supervise import EVENTS, PID_SUFFIX

LOOK_S = 0.2
WATCHERS_LOOK_S = 1.0
STORE_START_S = 60.0
NODE_START_S = 60.0
END_S = 6.0
# What the node needs after its connections have gone.
DRAIN_MORE_S = 7.0
LOG_MOST_BYTES = 10 << 20


class Supervisor:
    """One node.

    Args:
        environment: for the child processes, beside the configuration.
        say: takes a line for people.
    """

    def __init__(
        self, config: Config, environment: dict[str, str], say: Callable[[str], None]
    ) -> None:
        self._data_dir = config.data_dir.absolute()
        self._embedded = config.store.url == "embedded"
        if self._embedded:
            try:
                url = embedded.url(self._data_dir)
            except ValueError as error:
                raise ConfigError(f"server.data_dir: {error}") from None
            config = attrs.evolve(config, store=attrs.evolve(config.store, url=url))
        # What the machine decides is decided once, for all processes.
        self._layout = config.layout
        server = attrs.evolve(
            config.server,
            data_dir=str(self._data_dir),
            layout=self._layout.name,
            workers=self._layout.workers,
        )
        self.config = attrs.evolve(config, server=server)
        self._say = say
        self._environment = {**environment, **self.config.as_environment()}
        self._environment.pop("COLLAB_CONFIG", None)
        self._environment[PROCESS_VARIABLE] = ROUTER
        self._environment.pop(FOLDER_VARIABLE, None)
        if self.config.metrics.enabled:
            self._environment[FOLDER_VARIABLE] = str(self._metrics_folder)
        self._children: list[Child] = []
        self._look_at_watchers_at = 0.0
        self._signals = 0

    def run(self, ready: Callable[[], None]) -> int:
        """Until told to end by SIGINT or SIGTERM.

        Args:
            ready: called when the node is ready for the first time.

        Returns:
            exit status: 0 after an orderly end.

        Raises:
            ConfigError: it cannot be started like this; the message says why.
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)
        self._data_dir.mkdir(parents=True, exist_ok=True)
        (self._data_dir / "log").mkdir(exist_ok=True)
        with self._locked():
            self._check_port()
            try:
                return self._run(ready)
            finally:
                for child in reversed(self._children):
                    child.end(END_S)

    def _run(self, ready: Callable[[], None]) -> int:
        if self._embedded:
            self._start_store()
        self._start_node()
        deadline = time.monotonic() + NODE_START_S
        was_ready = False
        drained = node.drained_note(self.config)
        events = (self._data_dir / "log" / EVENTS).open("a+")
        while not self._signals:
            time.sleep(LOOK_S)
            self._look(self._children, events)
            if self._watcher_ended():
                # Crossbar starts no guest again, and without one the node is never ready.
                self._node.end(END_S)
            if not was_ready and self._is_ready():
                was_ready = True
                ready()
            if drained.exists():
                self._say("drained")
                return 0
            if not was_ready and time.monotonic() > deadline:
                logs = self._data_dir / "log"
                self._say(f"the node is not ready after {NODE_START_S:.0f} s; see {logs}")
                return 1
        if was_ready:
            self._drain(drained, events)
        self._say("ending")
        return 0

    def _look(self, children: list[Child], events: Iterable[str]) -> None:
        """Start again what has died, and say so."""
        for child in children:
            if happened := child.look():
                self._say(happened)
        # A file at its end has more when its components' supervisors have written more.
        for line in events:
            self._say(line.strip())

    def _watcher_ended(self) -> bool:
        """Whether one of the guests that watch the components has died; looks now and then."""
        if not self._node.alive or time.monotonic() < self._look_at_watchers_at:
            return False
        self._look_at_watchers_at = time.monotonic() + WATCHERS_LOOK_S
        for name in self._layout.guests:
            file = node.node_dir(self.config) / f"{name}{PID_SUFFIX}"
            # There is none yet, or nothing in it, while the node starts.
            pid = file.read_text(encoding="ascii") if file.exists() else ""
            if pid and not is_alive(int(pid)):
                self._say(f"watcher {name} ended")
                return True
        return False

    def _drain(self, drained: Path, events: Iterable[str]) -> None:
        """Let the node's connections go elsewhere, and what is under way be answered."""
        within_s = self.config.server.drain_s
        try:
            node.ask_to_drain(node.drain_note(self.config), time.time() + within_s)
        except OSError as error:
            self._say(f"the node cannot be asked to drain: {error}")
            return
        self._say(f"draining, within {within_s:.0f} s; once more ends it at once")
        end = time.monotonic() + within_s + DRAIN_MORE_S
        others = [child for child in self._children if child is not self._node]
        # Where a part of the node has gone for good, it cannot say that it is done.
        while not drained.exists() and time.monotonic() < end:
            time.sleep(LOOK_S)
            # Without its store the node could not end in order.
            self._look(others, events)
            if not self._node.alive or self._watcher_ended():
                return

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._signals += 1
        if self._signals > 1:
            for child in self._children:
                child.end(0)
            os._exit(1)

    def _locked(self) -> Any:
        """Hold the data folder for this process alone."""
        file = (self._data_dir / "lock").open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise ConfigError(
                f"{self._data_dir} is in use by another node; give this one its own (--data)"
            ) from None
        return file

    def _check_port(self) -> None:
        host, port = self.config.server.host, self.config.server.port
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                raise ConfigError(
                    f"cannot listen on {host or '*'}:{port}: {error.strerror}; "
                    "give another port (--port, or PORT in the environment)"
                ) from None

    def _start_store(self) -> None:
        # One that an earlier supervisor left behind would write the same files.
        if embedded.answers(self._data_dir):
            raise ConfigError(f"a store is still running in {self._data_dir}; end it first")
        store = Child("store", embedded.command(self._data_dir), log=self._log("store.log"))
        self._children.append(store)
        store.start()
        if not embedded.wait_until_it_answers(self._data_dir, STORE_START_S):
            raise ConfigError(
                f"the embedded store does not start; see {self._data_dir / 'log' / 'store.log'}"
            )

    def _start_node(self) -> None:
        folder = node.node_dir(self.config)
        command = [
            str(Path(sys.executable).with_name("crossbar")),
            "start",
            *("--cbdir", str(folder)),
            *("--loglevel", "warn", "--color", "false"),
        ]
        crossbar = Child(
            "node",
            command,
            environment=self._environment,
            log=self._log("node.log"),
            prepare=self._prepare_node,
        )
        self._node = crossbar
        self._children.append(crossbar)
        crossbar.start()

    @property
    def _metrics_folder(self) -> Path:
        return self._data_dir / "metrics"

    def _prepare_node(self) -> None:
        node.write(self.config)
        wipe(self._metrics_folder)
        self._log("router.log")  # moved aside where it has grown

    def _log(self, name: str) -> Path:
        path = self._data_dir / "log" / name
        if path.exists() and path.stat().st_size > LOG_MOST_BYTES:
            path.replace(path.with_suffix(".log.1"))
        return path

    def _is_ready(self) -> bool:
        host = self.config.server.host
        asked = "127.0.0.1" if host in ("", "0.0.0.0") else host
        link = http.client.HTTPConnection(asked, self.config.server.port, timeout=3)
        try:
            link.request("GET", "/ready")
            return link.getresponse().status == 200
        except OSError:
            return False
        finally:
            link.close()


def is_alive(pid: int) -> bool:
    """Whether there is such a process of ours."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, PermissionError):
        # All of a node's processes are one user's: the number is another's by now.
        return False
    return True
