"""Traces: OpenTelemetry spans of the way of an edit, where they are switched on.

A trace is one edit. In the sessions worker there is a span for the call, and below it one for each
step: `rights`, `queue`, `load`, `rebase`, `commit` (the script in the store). In the relay of every
node that tells participants of it there is `publish`, from the announcement on, below the `commit`.

Nothing is passed on for that: the ids of an edit's trace and of its commit's span are made from
what names the edit everywhere, its epoch, client and number. The `commit` that appended the edit
has that id, no other, so an edit that is sent again has one trace, with as many calls as it was
sent.

While it is off, nothing of OpenTelemetry is imported, and a step costs a call that does nothing.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from threading import Thread
from typing import Any, Protocol

SPAN = "collab.session.edit"
# Edits whose announcement is remembered until they are published.
MOST_ANNOUNCED = 10_000
EXPORT_S = 5.0
EXPORT_EVERY_MS = 1000.0
END_S = 1.5

Name = tuple[str, str, int]


class TracingSettings(Protocol):
    """See `config.Tracing`."""

    @property
    def enabled(self) -> bool: ...

    @property
    def endpoint(self) -> str: ...

    @property
    def sample_ratio(self) -> float: ...


class NamesEdit(Protocol):
    @property
    def client_id(self) -> str: ...

    @property
    def seq(self) -> int: ...


class Untraced:
    """The trace of a call that is not traced."""

    def __enter__(self) -> Untraced:
        return self

    def __exit__(self, _kind: Any, _error: BaseException | None, _traceback: Any) -> None:
        pass

    def about(self, epoch: str, client_id: str, seq: int, **attributes: str | int) -> None:
        """Which edit it is."""

    def mark(self, step: str, appended: bool = False) -> None:
        """A step has ended, which began when the one before ended.

        Args:
            appended: it appended the edit to the log.
        """


class Traced(Untraced):
    """The trace of one call, kept until it is answered."""

    def __init__(self, spans: Spans) -> None:
        self._spans = spans
        self.begun_ns = time.time_ns()
        self.steps: list[tuple[str, int, bool]] = []
        self.name: Name | None = None
        self.attributes: dict[str, str | int] = {}

    def __exit__(self, _kind: Any, error: BaseException | None, _traceback: Any) -> None:
        self._spans.call(self, time.time_ns(), error)

    def about(self, epoch: str, client_id: str, seq: int, **attributes: str | int) -> None:
        self.name = (epoch, client_id, seq)
        self.attributes = attributes

    def mark(self, step: str, appended: bool = False) -> None:
        self.steps.append((step, time.time_ns(), appended))


class Request(Protocol):
    @property
    def trace(self) -> Untraced: ...


UNTRACED = Untraced()
_spans: Spans | None = None


def start(settings: TracingSettings, instance_id: str, process: str) -> None:
    """Trace what this process does from now on, where it is switched on."""
    global _spans
    if settings.enabled:
        _spans = Spans(settings, instance_id, process)


def stop() -> None:
    """Send what has not been sent; wait for that, but not for long."""
    global _spans
    spans, _spans = _spans, None
    if spans is not None:
        spans.stop()


def call() -> Untraced:
    """An edit's call has come in: a context to answer it in."""
    return UNTRACED if _spans is None else Traced(_spans)


def mark(requests: Iterable[Request], step: str, appended: bool = False) -> None:
    """A step of several edits has ended; see `Untraced.mark`."""
    if _spans is not None:
        for request in requests:
            request.trace.mark(step, appended)


def announced(epoch: str, edits: Iterable[NamesEdit]) -> None:
    """Edits have been heard of, and are to be published."""
    if _spans is not None:
        _spans.announced(epoch, edits)


def published(epoch: str, edits: Iterable[NamesEdit], receivers: int) -> None:
    """Edits have been published, to so many receivers."""
    if _spans is not None:
        _spans.published(epoch, edits, receivers)


def ids_of(name: Name) -> tuple[int, int]:
    """The ids of an edit's trace, and of the span that appended it."""
    epoch, client_id, seq = name
    digest = hashlib.sha256(f"{epoch} {client_id} {seq}".encode()).digest()
    return int.from_bytes(digest[:16], "big"), int.from_bytes(digest[16:24], "big")


class Spans:
    """Makes spans of what was noted, and sends them by OTLP over HTTP from a thread.

    Raises:
        ImportError: OpenTelemetry is not installed (`config` has looked whether it is).
    """

    def __init__(self, settings: TracingSettings, instance_id: str, process: str) -> None:
        # Only here: most nodes do without.
        from opentelemetry import trace  # noqa: PLC0415
        from opentelemetry.context import Context  # noqa: PLC0415
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
        from opentelemetry.sdk.trace.id_generator import RandomIdGenerator  # noqa: PLC0415
        from opentelemetry.sdk.trace.sampling import (  # noqa: PLC0415
            ALWAYS_ON,
            Decision,
            TraceIdRatioBased,
        )

        class Ids(RandomIdGenerator):
            """Chance, but where an id was chosen; each choice is good for one span."""

            trace_id = span_id = 0

            def generate_trace_id(self) -> int:
                chosen, self.trace_id = self.trace_id, 0
                return chosen or super().generate_trace_id()

            def generate_span_id(self) -> int:
                chosen, self.span_id = self.span_id, 0
                return chosen or super().generate_span_id()

        self._api = trace
        self._nowhere = Context()
        self._ids = Ids()
        self._announced: OrderedDict[Name, int] = OrderedDict()
        ratio = TraceIdRatioBased(settings.sample_ratio)
        sampled = Decision.RECORD_AND_SAMPLE
        self._sampled: Callable[[int], bool] = lambda trace_id: (
            ratio.should_sample(None, trace_id, "").decision is sampled
        )
        self._provider = TracerProvider(
            # What is to be sampled is decided before, by the same rule in every process.
            sampler=ALWAYS_ON,
            id_generator=self._ids,
            shutdown_on_exit=False,
            resource=Resource.create(
                {
                    "service.name": "collab_wamp",
                    "service.instance.id": instance_id,
                    "collab.process": process,
                }
            ),
        )
        exporter = OTLPSpanExporter(endpoint=settings.endpoint, timeout=EXPORT_S)
        self._provider.add_span_processor(
            BatchSpanProcessor(exporter, schedule_delay_millis=EXPORT_EVERY_MS)
        )
        self._tracer = self._provider.get_tracer("collab_wamp")

    def stop(self) -> None:
        # Where nobody takes the spans, it would go on trying for longer than this process has.
        sending = Thread(target=self._provider.shutdown, daemon=True)
        sending.start()
        sending.join(END_S)

    def call(self, traced: Traced, ended_ns: int, error: BaseException | None) -> None:
        """A call was answered."""
        trace_id, commit_id = self._ids.generate_trace_id(), 0
        if traced.name is not None:
            trace_id, commit_id = ids_of(traced.name)
        if not self._sampled(trace_id):
            return
        self._ids.trace_id = trace_id
        span = self._tracer.start_span(
            SPAN,
            context=self._nowhere,
            kind=self._api.SpanKind.SERVER,
            start_time=traced.begun_ns,
            attributes=self._attributes(traced.name) | traced.attributes,
        )
        below = self._api.set_span_in_context(span)
        begun_ns = traced.begun_ns
        for step, step_ended_ns, appended in traced.steps:
            self._ids.span_id = commit_id if appended else 0
            child = self._tracer.start_span(step, context=below, start_time=begun_ns)
            child.end(step_ended_ns)
            begun_ns = step_ended_ns
        if error is not None:
            code = getattr(error, "code", type(error).__name__)
            span.set_attribute("error.type", str(code))
            span.set_status(self._api.Status(self._api.StatusCode.ERROR, str(code)))
        span.end(ended_ns)

    def announced(self, epoch: str, edits: Iterable[NamesEdit]) -> None:
        now_ns = time.time_ns()
        for edit in edits:
            self._announced[epoch, edit.client_id, edit.seq] = now_ns
        while len(self._announced) > MOST_ANNOUNCED:
            self._announced.popitem(last=False)

    def published(self, epoch: str, edits: Iterable[NamesEdit], receivers: int) -> None:
        for edit in edits:
            name = epoch, edit.client_id, edit.seq
            begun_ns = self._announced.pop(name, None)
            trace_id, commit_id = ids_of(name)
            if begun_ns is None or not self._sampled(trace_id):
                continue
            flags = self._api.TraceFlags(self._api.TraceFlags.SAMPLED)
            commit = self._api.SpanContext(trace_id, commit_id, is_remote=True, trace_flags=flags)
            self._tracer.start_span(
                "publish",
                context=self._api.set_span_in_context(self._api.NonRecordingSpan(commit)),
                kind=self._api.SpanKind.CONSUMER,
                start_time=begun_ns,
                attributes=self._attributes(name) | {"collab.receivers": receivers},
            ).end()

    @staticmethod
    def _attributes(name: Name | None) -> dict[str, str | int]:
        if name is None:
            return {}
        epoch, client_id, seq = name
        return {"collab.epoch": epoch, "collab.client_id": client_id, "collab.seq": seq}
