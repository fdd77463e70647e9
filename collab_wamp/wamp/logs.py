"""The log files of the node's processes: text or JSON lines, without tokens.

What is logged as a failure was expected by nobody: it gets an error id, and is counted.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from twisted.logger import (
    FileLogObserver,
    FilteringLogObserver,
    ILogObserver,
    Logger,
    LogLevel,
    LogLevelFilterPredicate,
    formatEvent,
    formatEventAsClassicLogText,
    globalLogBeginner,
    globalLogPublisher,
)

from .. import metrics
from ..config import Config

# What others' code says is of interest from warnings on.
CHATTER = ("autobahn", "crossbar", "opentelemetry", "requests", "twisted", "txaio", "urllib3")
IDS = ("wamp_session_id", "session_id", "tenant", "request_id", "error_id")
LONGEST_ID = 128

# A JWT, or whatever stands where a token belongs.
TOKEN = re.compile(
    r"eyJ[\w-]{4,}\.[\w-]+(?:\.[\w-]*)?|(?i:(?<=bearer )|(?<=token=)|(?<=ticket=))[^\s\"'&]+"
)


def without_tokens(text: str) -> str:
    """A text with what may be a token taken out."""
    return TOKEN.sub("[token]", text)


def begin_log(config: Config) -> None:
    """Log to standard output. For a process of our own, which has no log yet."""
    globalLogBeginner.beginLoggingTo([observer(config, sys.stdout)], redirectStandardIO=False)
    _take_from_logging()


def take_over_log(config: Config) -> None:
    """Log to `router.log`. For the router's process, whose log Crossbar has begun.

    Crossbar hands its log to the controller, which writes it as its own text.
    """
    path = Path(config.server.data_dir).absolute() / "log" / "router.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    before = [
        one
        for one in globalLogPublisher._observers
        if getattr(one, "__module__", "") == "crossbar._logging"
    ]
    globalLogPublisher.addObserver(observer(config, path.open("a", encoding="utf-8")))
    for one in before:
        globalLogPublisher.removeObserver(one)
    _take_from_logging()


def observer(config: Config, out: TextIO) -> ILogObserver:
    """Writes events to a file, as is configured."""
    predicate = LogLevelFilterPredicate(
        defaultLogLevel=LogLevel.lookupByName(config.server.log_level)
    )
    for name in CHATTER:
        predicate.setLogLevelForNamespace(name, LogLevel.warn)
    write: Any = as_text
    if config.logs.format == "json":
        write = JsonLines(config.server.instance_id, metrics.PROCESS)
    to_file: Any = FileLogObserver(out, write)
    filters: Any = (predicate,)
    filtering: Any = FilteringLogObserver(to_file, filters)
    counting: Any = Counting(filtering)
    return counting  # type: ignore[no-any-return]


class Counting:
    """Gives an id to what failed, and counts it, before it is written."""

    def __init__(self, then: Callable[[dict[str, Any]], None]) -> None:
        self._then = then

    def __call__(self, event: dict[str, Any]) -> None:
        if "log_failure" in event:
            event.setdefault("error_id", secrets.token_hex(8))
            metrics.UNCAUGHT_ERRORS.labels(metrics.PROCESS).inc()
        self._then(event)


def as_text(event: dict[str, Any]) -> str | None:
    """An event as lines for people."""
    if "log_failure" in event and "error_id" not in (event.get("log_format") or ""):
        before = event.get("log_format") or ""
        event = {**event, "log_format": f"{before} (error_id {{error_id}})"}
    text: str | None = formatEventAsClassicLogText(event)
    return None if text is None else without_tokens(text)


class JsonLines:
    """An event as one JSON object in a line.

    `time` (ISO 8601, UTC), `level`, `namespace`, `message`, `instance_id`, `process`; `traceback`
    where something failed; and those of `IDS` that the event has.
    """

    def __init__(self, instance_id: str, process: str) -> None:
        self._instance_id = instance_id
        self._process = process

    def __call__(self, event: dict[str, Any]) -> str:
        level = event.get("log_level", LogLevel.info)
        when = datetime.fromtimestamp(event["log_time"], UTC).isoformat(timespec="milliseconds")
        row = {
            "time": when.replace("+00:00", "Z"),
            "level": level.name,
            "namespace": str(event.get("log_namespace", "")),
            "message": formatEvent(event),
            "instance_id": self._instance_id,
            "process": self._process,
            **ids_of(event),
        }
        if (failure := event.get("log_failure")) is not None:
            row["error"] = f"{failure.type.__name__}: {failure.getErrorMessage()}"
            row["traceback"] = failure.getTraceback()
        return without_tokens(json.dumps(row, ensure_ascii=False)) + "\n"


def ids_of(event: dict[str, Any]) -> dict[str, Any]:
    """Which session, connection and so on an event is about."""
    key = event.get("key")
    found = {name: getattr(key, name, None) for name in ("tenant", "session_id")}
    found |= {name: event[name] for name in IDS if name in event}
    return {name: value for name, value in found.items() if _is_id(value)}


def _is_id(value: Any) -> bool:
    # Some come as clients sent them.
    if isinstance(value, str):
        return 0 < len(value) <= LONGEST_ID
    return type(value) is int


class _ToTwisted(logging.Handler):
    publish: Any = globalLogPublisher

    def emit(self, record: logging.LogRecord) -> None:
        name = "warn" if record.levelname == "WARNING" else record.levelname.lower()
        try:
            level = LogLevel.lookupByName(name)
        except ValueError:
            level = LogLevel.info
        Logger(namespace=record.name, observer=self.publish).emit(
            level, "{text}", text=record.getMessage()
        )


def _take_from_logging() -> None:
    """Libraries that use the standard library's logging are to appear in the same file."""
    logging.getLogger().addHandler(_ToTwisted(logging.WARNING))
