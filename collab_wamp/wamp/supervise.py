"""Keeps workers of the node running: `python -m collab_wamp.wamp.supervise sessions|relay`.

A guest of the Crossbar node. It starts `collab_wamp.wamp.worker NAME NUMBER`, of sessions workers
as many as are configured (`server.workers`), and starts each again whenever it dies. In the log
folder of the node, `NAME.log` (`NAME-2.log`, …) takes a worker's output and `components.log` a line
for each death and start, which `collab-wamp up` repeats. It ends with the node.
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
    # The whole configuration would take more memory than the rest of this process.
    folder = Path(os.environ.get("DATA_DIR", ".data")) / "log"
    count = int(os.environ.get("WORKERS", "1")) if name == "sessions" else 1
    children = [worker(name, number, folder) for number in range(1, count + 1)]
    for child in children:
        child.start()
    while not ending:
        time.sleep(LOOK_S)
        for child in children:
            if happened := child.look():
                with (folder / EVENTS).open("a") as events:
                    events.write(happened + "\n")
    for child in children:
        child.ask_to_end()
    for child in children:
        child.end(END_S)


def worker(name: str, number: int, folder: Path) -> Child:
    title = name if number == 1 else f"{name}-{number}"
    return Child(
        f"component {title}",
        [sys.executable, "-m", "collab_wamp.wamp.worker", name, str(number)],
        log=folder / f"{title}.log",
    )


if __name__ == "__main__":
    main(sys.argv[1])
