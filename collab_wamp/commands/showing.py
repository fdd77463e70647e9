"""What commands print: tables for people, one JSON document for programs."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Sequence
from typing import Any


def as_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def line(text: str) -> None:
    """A line for people, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def clean(value: Any) -> str:
    """A value for a terminal: names come from others, and must not command it."""
    text = str(value)
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def table(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Rows under their heads; a column of numbers is aligned at the right."""
    right = [all(isinstance(row[i], int | float) for row in rows) for i in range(len(heads))]
    shown = [list(heads), *([_cell(value) for value in row] for row in rows)]
    widths = [max(_width(row[i]) for row in shown) for i in range(len(heads))]
    lines = []
    for row in shown:
        cells = []
        for text, width, at_right in zip(row, widths, right, strict=True):
            space = " " * (width - _width(text))
            cells.append(space + text if at_right else text + space)
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines) + "\n"


def fields(rows: Sequence[tuple[str, Any]]) -> str:
    """Names and their values, one a line."""
    width = max(len(name) for name, _value in rows)
    return "".join(f"{name:{width}}  {_cell(value)}\n" for name, value in rows)


def duration(seconds: float) -> str:
    """`3 d 4 h`, `12 min`, `40 s`."""
    seconds = max(0, seconds)  # clocks differ
    minutes, hours, days = int(seconds // 60), int(seconds // 3600), int(seconds // 86_400)
    if days:
        return f"{days} d {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min" if minutes else f"{int(seconds)} s"


def _cell(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:,}"
    return clean("-" if value in (None, "") else value)


def _width(text: str) -> int:
    """Columns of a terminal."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(unicodedata.combining(c) > 0 for c in text)
