"""Child processes: started again when they die, ever later, and ended with all they began."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from twisted.trial.unittest import TestCase

from collab_wamp import children
from collab_wamp.children import Child, ended_how
from tests.support.waiting import until


class ChildTests(TestCase):
    timeout = 60

    def child(self, code: str) -> Child:
        self.log = Path(self.mktemp())
        child = Child("thing", [sys.executable, "-u", "-c", code], log=self.log)
        self.addCleanup(child.end, 5.0)
        return child

    async def said(self, text: str) -> None:
        await until(lambda: self.log.exists() and text in self.log.read_text(), what=text)

    async def test_one_that_dies_is_started_again(self) -> None:
        child = self.child("import os; print('up', os.getpid()); import time; time.sleep(60)")
        child.start()
        await self.said("up")
        first = child.pid
        assert first is not None
        self.assertEqual(child.look(), "")
        os.kill(first, signal.SIGKILL)
        self.assertEqual(await until(lambda: child.look()), "thing ended (killed by SIGKILL)")
        self.assertEqual(await until(lambda: child.look()), "thing is started again")
        self.assertTrue(child.alive)
        self.assertNotEqual(child.pid, first)

    async def test_one_that_dies_at_once_is_started_ever_later(self) -> None:
        self.patch(children, "RETRY_FIRST_S", 0.01)
        child = self.child("raise SystemExit(3)")
        child._delay = children.RETRY_FIRST_S
        child.start()
        delays = []
        for _ in range(3):
            self.assertEqual(await until(lambda: child.look()), "thing ended (exit status 3)")
            delays.append(child._delay)
            await until(lambda: child.look())
        self.assertEqual(delays, [0.02, 0.04, 0.08])

    async def test_the_end_takes_along_what_it_has_begun(self) -> None:
        code = (
            "import signal, subprocess, sys, time\n"
            "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
            "below = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
            "print('below', below.pid, flush=True)\n"
            "time.sleep(60)\n"
        )
        child = self.child(code)
        child.start()
        await self.said("\n")  # unbuffered, a line is written in pieces
        below = int(self.log.read_text().split()[1])
        child.end(0.1)  # it does not listen, and is killed
        self.assertFalse(child.alive)
        await until(lambda: not is_running(below), what="the process below has ended")

    def test_ends_in_words(self) -> None:
        self.assertEqual(ended_how(-9), "killed by SIGKILL")
        self.assertEqual(ended_how(1), "exit status 1")


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
