"""Keeps one of the node's components running: `python -m collab_wamp.wamp.supervise NAME`.

A guest of the Crossbar node. It starts `collab_wamp.wamp.worker NAME`, and starts it again whenever
it dies. In the log folder of the node, `NAME.log` takes the worker's output and `components.log` a
line for each death and start, which `collab-wamp up` repeats. It ends with the node.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from ..children import Child, die_with_parent

EVENTS = "components.log"
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
    folder = Path(os.environ.get("DATA_DIR", ".data")) / "log"
    child = Child(
        f"component {name}",
        [sys.executable, "-m", "collab_wamp.wamp.worker", name],
        log=folder / f"{name}.log",
    )
    child.start()
    while not ending:
        time.sleep(LOOK_S)
        if happened := child.look():
            with (folder / EVENTS).open("a") as events:
                events.write(happened + "\n")
    child.end(END_S)


if __name__ == "__main__":
    main(sys.argv[1])
