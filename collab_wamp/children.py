"""Child processes that are started again when they die, and that die with their parent.

Plain processes, no reactor: what watches must be simpler than what is watched.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
RETRY_FIRST_S = 0.1
RETRY_MOST_S = 5.0
# Who has lived so long is not in a loop of dying.
SOUND_S = 10.0


def die_with_parent(number: signal.Signals = signal.SIGTERM) -> None:
    """Ask Linux to signal this process when its parent ends; elsewhere this does nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, number)


class Child:
    """One child process, and when to start it again.

    Args:
        name: for messages.
        command: its command line.
        log: file that takes its output; None = it goes to ours.
        prepare: called before each start.
    """

    def __init__(
        self,
        name: str,
        command: list[str],
        *,
        environment: Mapping[str, str] | None = None,
        log: Path | None = None,
        prepare: Callable[[], object] | None = None,
    ) -> None:
        self.name = name
        self._command = command
        self._environment = None if environment is None else dict(environment)
        self._log = log
        self._prepare = prepare
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._delay = RETRY_FIRST_S
        self._start_at: float | None = None

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        if self._prepare is not None:
            self._prepare()
        output: Any = None if self._log is None else self._log.open("ab")
        # A group of its own: Ctrl-C in a terminal is for us, and we pass on what is to be done.
        self._process = subprocess.Popen(
            self._command,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=die_with_parent,  # there are no threads here
        )
        if output is not None:
            output.close()
        self._started_at = time.monotonic()
        self._start_at = None

    def look(self) -> str:
        """Start the child again if it is time to; what happened, in words, or ""."""
        if self._start_at is not None:
            if time.monotonic() < self._start_at:
                return ""
            self.start()
            return f"{self.name} is started again"
        if self._process is None or self._process.poll() is None:
            return ""
        lived = time.monotonic() - self._started_at
        self._delay = RETRY_FIRST_S if lived > SOUND_S else min(2 * self._delay, RETRY_MOST_S)
        self._start_at = time.monotonic() + self._delay
        return f"{self.name} ended ({ended_how(self._process.returncode)})"

    def ask_to_end(self) -> None:
        """Of several, so that they end at one time; `end` is still to be called."""
        self._start_at = None
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def end(self, timeout_s: float) -> None:
        """End the child and all that it has started: asked first, then killed."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout_s)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def ended_how(returncode: int) -> str:
    if returncode < 0:
        return f"killed by {signal.Signals(-returncode).name}"
    return f"exit status {returncode}"
