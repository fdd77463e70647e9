"""What an operation of type `text` must look like before it can be brought into canonical form."""

from __future__ import annotations

from typing import Any

from .base import OpError


def check_shape(op: Any) -> None:
    """Raises `OpError` where something is no operation; it may still not be canonical, or not fit.

    Bringing into canonical form adds up parts and leaves out empty ones, so that what is wrong with
    them has to be found before.
    """
    if not isinstance(op, list):
        raise OpError(f"an operation is a list of parts, not {type(op).__name__}")
    for index, part in enumerate(op):
        if not isinstance(part, dict):
            _check(part, index, 'a part is a number, a text or {"d": …}')
        elif set(part) == {"d"}:
            _check(part["d"], index, "a deletion is a number or a text")
        else:
            keys = ", ".join(str(key)[:20] for key in part)
            raise OpError(f"a deletion has the key d only, not {keys or 'none'}", index)


def _check(value: Any, index: int, wanted: str) -> None:
    if isinstance(value, str):
        return
    if type(value) is not int:
        raise OpError(f"{wanted}, not {type(value).__name__}", index)
    if value < 0:
        raise OpError(f"{wanted}, and none is less than 0 as {value} is", index)
