"""All metrics of a node, in one place; docs/metrics.md says what each means and when to worry.

A node is several processes. `collab-wamp up` names a folder to them in the environment
(PROMETHEUS_MULTIPROC_DIR), and each writes its values into files there, which the router's process
adds up for `GET /metrics`. A process is known by its part (COLLAB_PROCESS: `router`, `sessions`,
`relay`), not by its number, so one that is started again goes on counting where the one before was
killed, and the files stay as few as the parts. Without that folder the values stay in memory.

Labels have few values, all of them known beforehand: never a user, a session or a tenant.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Collection, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    multiprocess,
    values,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.metrics_core import Metric

from .metrics_folder import FOLDER_VARIABLE, PROCESS_VARIABLE

# Which part of the node this process is.
PROCESS = os.environ.get(PROCESS_VARIABLE, "none")
SHARED = PROCESS_VARIABLE in os.environ and FOLDER_VARIABLE in os.environ
# The values are of one kind from the first on, so this comes before any metric is made.
values.ValueClass = (
    values.MultiProcessValue(lambda: PROCESS)  # type: ignore[no-untyped-call]
    if SHARED
    else values.MutexValue
)

FAST = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
FEW = (1, 2, 5, 10, 20, 50, 100)
OURS = CollectorRegistry()

_counter = partial(Counter, namespace="collab", registry=OURS)
_histogram = partial(Histogram, namespace="collab", registry=OURS)
# Of the processes that are alive: `metrics_folder.mark_dead` removes the others' share.
_gauge = partial(Gauge, namespace="collab", registry=OURS, multiprocess_mode="livesum")

# --- connections, in the router -----------------------------------------------------------------

CONNECTIONS = _gauge("connections", "WebSocket connections that are open.")
CONNECTIONS_OPENED = _counter("connections_opened", "WebSocket connections that were opened.")
CONNECTIONS_REFUSED = _counter(
    "connections_refused", "Messages refused and connections cut at the router, by kind.", ["kind"]
)

# --- calls and edits, in the sessions workers ---------------------------------------------------

CALLS = _counter(
    "calls", "Calls answered, by procedure and outcome (ok, or the error's code).",
    ["procedure", "outcome"],
)  # fmt: skip
CALL_SECONDS = _histogram(
    "call_seconds", "From a call's arrival to its answer.", ["procedure"], buckets=FAST
)
EDITS_COMMITTED = _counter("edits_committed", "Edits appended to a log.")
EDITS_REJECTED = _counter("edits_rejected", "Edits answered with an error, by code.", ["code"])
COMMIT_SECONDS = _histogram(
    "commit_seconds", "From handing a batch of edits to the store to its answer.", buckets=FAST
)
BATCH_EDITS = _histogram("commit_batch_edits", "Edits committed together.", buckets=FEW)
REBASE_DISTANCE = _histogram(
    "rebase_distance_edits", "Committed edits that an edit was transformed over.",
    buckets=(0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000),
)  # fmt: skip
WAITING_EDITS = _gauge("waiting_edits", "Edits that wait for the commit before theirs.")
DOCUMENTS = _gauge("documents", "Documents held in memory.")

# --- what people hear, in the relay -------------------------------------------------------------

SESSIONS_FOLLOWED = _gauge("sessions_followed", "Sessions that the node's relay follows.")
PARTICIPANTS = _gauge("participants", "Participants whose connection is on this node.")
BROADCAST_SECONDS = _histogram(
    "broadcast_seconds", "From the first announcement of waiting edits to publishing them.",
    buckets=FAST,
)  # fmt: skip
BROADCAST_WINDOW_SECONDS = _histogram(
    "broadcast_window_seconds", "The window in which a session's edits are sent together.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.04, 0.05),
)  # fmt: skip
BROADCAST_EDITS = _histogram("broadcast_edits", "Edits published together.", buckets=FEW)
DELIVERIES = _counter("deliveries", "Events times receivers, by topic.", ["topic"])
PRESENCE_RECEIVED = _counter("presence_received", "Cursor and selection events from clients.")
PRESENCE_REFUSED = _counter("presence_refused", "Cursor and selection events without effect.")
PRESENCE_SENT = _counter("presence_sent", "Changes of presence told to a session's participants.")

# --- the store ----------------------------------------------------------------------------------

STORE_SECONDS = _histogram(
    "store_seconds", "Round trips to the store that were answered, by script.", ["script"],
    buckets=FAST,
)  # fmt: skip
STORE_UP = _gauge("store_up", "1 while all links of the process to the store are up.", ["process"])
STORE_LINKS_LOST = _counter("store_links_lost", "Links to the store that broke.", ["process"])

# --- the processes ------------------------------------------------------------------------------

LOOP_LAG_SECONDS = _histogram(
    "loop_lag_seconds", "How late the event loop comes to what is due.", ["process"], buckets=FAST
)
UNCAUGHT_ERRORS = _counter(
    "uncaught_errors", "Errors that nothing expected; the log has each.", ["process"]
)
PROCESS_CPU_SECONDS = _counter("process_cpu_seconds", "User and system CPU time.", ["process"])
PROCESS_RESIDENT_BYTES = _gauge("process_resident_memory_bytes", "Resident memory.", ["process"])
PROCESS_OPEN_FDS = _gauge("process_open_fds", "Open file descriptors.", ["process"])
PROCESS_START_SECONDS = _gauge(
    "process_start_time_seconds", "When the process began, since 1970.", ["process"]
)
BUILD_INFO = _gauge("build_info", "1; what is running, in the labels.", ["version", "python"])


# --- what happens often -------------------------------------------------------------------------


class Tally:
    """A histogram's observations, kept until the next `flush`.

    The histogram itself takes some microseconds for each, of which an edit makes a dozen.
    """

    def __init__(self, histogram: Histogram) -> None:
        self._histogram = histogram
        self._bounds = tuple(histogram._upper_bounds)
        self._counts = [0] * len(self._bounds)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def flush(self) -> None:
        for number, count in enumerate(self._counts):
            if count:
                self._histogram._buckets[number].inc(count)
                self._counts[number] = 0
        if self._sum:
            self._histogram._sum.inc(self._sum)
            self._sum = 0.0


class Count:
    """What is to be added to a counter at the next `flush`."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._number = 0

    def inc(self, number: int = 1) -> None:
        self._number += number

    def flush(self) -> None:
        if self._number:
            number, self._number = self._number, 0
            self._counter.inc(number)


_kept: dict[Counter | Histogram, Tally | Count] = {}


def tally(histogram: Histogram) -> Tally:
    """The one tally of a histogram (of one with its labels)."""
    if histogram not in _kept:
        _kept[histogram] = Tally(histogram)
    found = _kept[histogram]
    assert isinstance(found, Tally)
    return found


def count(counter: Counter) -> Count:
    """The one count of a counter (of one with its labels)."""
    if counter not in _kept:
        _kept[counter] = Count(counter)
    found = _kept[counter]
    assert isinstance(found, Count)
    return found


def flush() -> None:
    """Put what was kept where others see it."""
    for kept in _kept.values():
        kept.flush()


presence_received = count(PRESENCE_RECEIVED)
presence_sent = count(PRESENCE_SENT)
deliveries = {topic: count(DELIVERIES.labels(topic)) for topic in ("edits", "roster", "presence")}
_edits_committed = count(EDITS_COMMITTED)
_batch_edits = tally(BATCH_EDITS)
_rebase_distance = tally(REBASE_DISTANCE)
_commit_seconds = tally(COMMIT_SECONDS)
_broadcast_edits = tally(BROADCAST_EDITS)
_broadcast_seconds = tally(BROADCAST_SECONDS)
_broadcast_window = tally(BROADCAST_WINDOW_SECONDS)


class Calls:
    """Counts the calls of one procedure.

    Args:
        rejects: the codes of errors to count by themselves, as those of edits are.
    """

    def __init__(self, procedure: str, *, rejects: Iterable[str] = ()) -> None:
        self._procedure = procedure
        self._ok = count(CALLS.labels(procedure, "ok"))
        self._seconds = tally(CALL_SECONDS.labels(procedure))
        self._rejects = {code: EDITS_REJECTED.labels(code) for code in rejects}

    def answered(self, seconds: float, code: str = "") -> None:
        """`code` is of `errors.TABLE`, or "" = answered as asked."""
        self._seconds.observe(seconds)
        if not code:
            self._ok.inc()
            return
        CALLS.labels(self._procedure, code).inc()
        if code in self._rejects:
            self._rejects[code].inc()


def committed(distances: Collection[int], seconds: float) -> None:
    """A batch of edits was appended, `distances` edits after their bases."""
    for distance in distances:
        _rebase_distance.observe(distance)
    _edits_committed.inc(len(distances))
    _batch_edits.observe(len(distances))
    _commit_seconds.observe(seconds)


def broadcast(edits: int, seconds: float, window: float) -> None:
    """Edits were published together, `seconds` after the first of them was announced."""
    _broadcast_edits.observe(edits)
    _broadcast_seconds.observe(seconds)
    _broadcast_window.observe(window)


# --- reading them -------------------------------------------------------------------------------


def defined() -> dict[str, MetricWrapperBase]:
    """All metrics, by the name that they have in the Prometheus text."""
    found = {}
    for metric in globals().values():
        if isinstance(metric, MetricWrapperBase):
            (family,) = metric.describe()
            name = family.name
            found[name + ("_total" if isinstance(metric, Counter) else "")] = metric
    return found


class _Folder(multiprocess.MultiProcessCollector):
    """Adds up the files; passes over those that a process has only just made, which are empty."""

    def collect(self) -> Iterable[Metric]:
        files = [file for file in Path(self._path).glob("*.db") if _has_begun(file)]
        names = [str(file) for file in files]
        merged: Iterable[Metric] = self.merge(names)  # type: ignore[no-untyped-call]
        return merged


def _has_begun(file: Path) -> bool:
    try:
        return file.stat().st_size > 0
    except FileNotFoundError:  # its process has died meanwhile
        return False


def collect() -> CollectorRegistry:
    """The values of all processes of the node (of this one alone, where there is no folder)."""
    flush()
    if not SHARED:
        return OURS
    registry = CollectorRegistry()
    _Folder(registry)  # type: ignore[no-untyped-call]
    return registry


def as_text(accept: str) -> tuple[bytes, str]:
    """The values, as Prometheus text or OpenMetrics, whichever is asked for; and the type.

    Args:
        accept: the request's Accept header.
    """
    try:
        encode, content_type = choose_encoder(accept)
    except (ValueError, TypeError):  # a version that is no version
        encode, content_type = choose_encoder("")
    return encode(collect()), content_type


def as_json() -> dict[str, Any]:
    """`{name: {type, help, values: [{name, labels, value}, …]}}`, named as in the text."""
    found = {}
    for family in sorted(collect().collect(), key=lambda family: family.name):
        name = family.name + ("_total" if family.type == "counter" else "")
        found[name] = {
            "type": family.type,
            "help": family.documentation,
            "values": [
                {"name": sample.name, "labels": sample.labels, "value": sample.value}
                for sample in family.samples
                if not sample.name.endswith("_created")
            ],
        }
    return found
