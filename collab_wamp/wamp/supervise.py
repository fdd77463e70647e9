"""Keeps one of the node's components running: `python -m collab_wamp.wamp.supervise NAME`.

A guest of the Crossbar node. It starts `collab_wamp.wamp.worker NAME`, starts it again whenever it
dies, and says so on its standard output, which the node logs. It ends with the node.
"""

from __future__ import annotations

import signal
import sys
import time
from types import FrameType

from ..children import Child, die_with_parent

LOOK_S = 0.05
END_S = 3.0


def main(name: str) -> None:
    die_with_parent()
    ending = False

    def end(_number: int, _frame: FrameType | None) -> None:
        nonlocal ending
        ending = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    child = Child(f"component {name}", [sys.executable, "-m", "collab_wamp.wamp.worker", name])
    child.start()
    while not ending:
        time.sleep(LOOK_S)
        if happened := child.look():
            sys.stdout.write(happened + "\n")
            sys.stdout.flush()
    child.end(END_S)


if __name__ == "__main__":
    main(sys.argv[1])
