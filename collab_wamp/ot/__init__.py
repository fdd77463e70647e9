"""Document types: pure functions on plain values, no clock, no randomness, no input or output.

`TYPES` maps a type's name to it; adding a type is adding a file and a line here.
"""

from __future__ import annotations

from .base import Concurrent, Conflict, Limits, OpError, OTType
from .json_type import JSON
from .rebasing import TooLarge, TooMuchWork, rebase, rebase_over
from .rich_text import RICH_TEXT
from .text import TEXT

TYPES: dict[str, OTType] = {kind.name: kind for kind in (TEXT, RICH_TEXT, JSON)}


def get_type(name: str) -> OTType:
    """The type of a name.

    Raises:
        KeyError: there is none.
    """
    return TYPES[name]


__all__ = [
    "TYPES", "Concurrent", "Conflict", "Limits", "OTType", "OpError", "TooLarge", "TooMuchWork",
    "get_type", "rebase", "rebase_over",
]  # fmt: skip
