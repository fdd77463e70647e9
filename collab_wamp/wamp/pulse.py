"""What a process tells of itself twice a second: how late it is, what it uses, what waits in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from prometheus_client import ProcessCollector

from .. import metrics


class Pulse:
    """Looks at the process now and then: how late its event loop is, and what it uses.

    It also lets others see what was counted since the last time; who is killed takes that along.
    `beat` is to be called every `EVERY_S` by the event loop that is looked at.

    Args:
        now_s: a monotonic clock.
        gauges: what to set from what.
        whole: look at the process, too; where several parts live in one, one of them does.
    """

    EVERY_S = 0.5
    # Reading of the process's memory and so on goes through several files.
    SELDOM = 4

    def __init__(
        self,
        now_s: Callable[[], float],
        gauges: Iterable[tuple[Any, Callable[[], float]]] = (),
        *,
        whole: bool = True,
    ) -> None:
        self._now_s = now_s
        self._whole = whole
        self._gauges = tuple(gauges)
        self._due: float | None = None
        self._beats = 0
        self._cpu_s = 0.0
        self._itself = ProcessCollector(registry=None)
        self._lag = metrics.LOOP_LAG_SECONDS.labels(metrics.PROCESS)
        metrics.UNCAUGHT_ERRORS.labels(metrics.PROCESS)
        metrics.STORE_LINKS_LOST.labels(metrics.PROCESS)

    def beat(self) -> None:
        for gauge, value in self._gauges:
            gauge.set(value())
        if not self._whole:
            return
        now = self._now_s()
        if self._due is not None:
            self._lag.observe(max(0.0, now - self._due))
        self._due = now + self.EVERY_S
        if self._beats % self.SELDOM == 0:
            self._look()
        self._beats += 1
        metrics.flush()

    def _look(self) -> None:
        found = {family.name: family.samples[0].value for family in self._itself.collect()}
        if not found:  # no /proc
            return
        # ProcessCollector cannot tell one process from another, so its values go into ours.
        cpu_s = found["process_cpu_seconds"]
        metrics.PROCESS_CPU_SECONDS.labels(metrics.PROCESS).inc(max(0.0, cpu_s - self._cpu_s))
        self._cpu_s = cpu_s
        metrics.PROCESS_RESIDENT_BYTES.labels(metrics.PROCESS).set(
            found["process_resident_memory_bytes"]
        )
        metrics.PROCESS_START_SECONDS.labels(metrics.PROCESS).set(
            found["process_start_time_seconds"]
        )
        if "process_open_fds" in found:
            metrics.PROCESS_OPEN_FDS.labels(metrics.PROCESS).set(found["process_open_fds"])
