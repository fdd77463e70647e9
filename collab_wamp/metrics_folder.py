"""The folder in which the processes of a node keep their metrics; see `metrics`.

For those who look after processes and measure nothing themselves: to import `metrics` is to begin
to keep values there.
"""

from __future__ import annotations

from pathlib import Path

# Names in the environment: where the folder is (prometheus_client's own), and which part of the
# node a process is.
FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
PROCESS_VARIABLE = "COLLAB_PROCESS"
ROUTER = "router"


def wipe(folder: Path) -> None:
    """Begin anew: all processes of the node do."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.glob("*.db"):
        file.unlink(missing_ok=True)


def mark_dead(process: str, folder: str) -> None:
    """A process is gone: what its gauges said holds no longer. Its counters stay."""
    # Imported when first needed: whoever watches a process is to be small.
    from prometheus_client.multiprocess import mark_process_dead  # noqa: PLC0415

    mark_process_dead(process, folder)  # type: ignore[no-untyped-call]
