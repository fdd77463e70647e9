"""Keeps workers of the node running: `python -m collab_wamp.wamp.supervise sessions|relay`.

A guest of the Crossbar node. It starts `collab_wamp.wamp.worker NAME NUMBER`, of sessions workers
as many as are configured (`server.workers`), and starts each again whenever it dies. In the log
folder of the node, `NAME.log` (`NAME-2.log`, …) takes a worker's output and `components.log` a line
for each death and start, which `collab-wamp up` repeats. It ends with the node. Its own process
is in `NAME.pid` of the node's folder: where that one has died, `collab-wamp up` restarts the node.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from ..children import Child, die_with_parent
from ..metrics_folder import FOLDER_VARIABLE, PROCESS_VARIABLE, mark_dead

EVENTS = "components.log"
PID_SUFFIX = ".pid"
WATCHERS = ("sessions", "relay")
LOOK_S = 0.2
END_S = 3.0


def main(name: str) -> None:
    die_with_parent()
    ending = False

    def end(_number: int, _frame: FrameType | None) -> None:
        nonlocal ending
        ending = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    # Not by `config` and `node`: the whole configuration would take more memory than the rest of
    # this process.
    data_dir = Path(os.environ.get("DATA_DIR", ".data"))
    pid_file = data_dir / "node" / f"{name}{PID_SUFFIX}"
    pid_file.write_text(str(os.getpid()), encoding="ascii")
    folder = data_dir / "log"
    count = int(os.environ.get("WORKERS", "1")) if name == "sessions" else 1
    titles = [name, *(f"{name}-{number}" for number in range(2, count + 1))]
    children = {
        title: worker(name, title, number, folder) for number, title in enumerate(titles, 1)
    }
    metrics_folder = os.environ.get(FOLDER_VARIABLE)
    for child in children.values():
        child.start()
    while not ending:
        time.sleep(LOOK_S)
        for title, child in children.items():
            if happened := child.look():
                if metrics_folder and not child.alive:
                    mark_dead(title, metrics_folder)
                with (folder / EVENTS).open("a") as events:
                    events.write(happened + "\n")
    for child in children.values():
        child.ask_to_end()
    for child in children.values():
        child.end(END_S)


def worker(name: str, title: str, number: int, folder: Path) -> Child:
    return Child(
        f"component {title}",
        [sys.executable, "-m", "collab_wamp.wamp.worker", name, str(number)],
        environment={**os.environ, PROCESS_VARIABLE: title},
        log=folder / f"{title}.log",
    )


if __name__ == "__main__":
    main(sys.argv[1])
