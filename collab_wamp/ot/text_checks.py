"""What parts of operations of type `text` may be, and texts that WAMP can carry."""

from __future__ import annotations

from typing import Any

from .base import OpError

MAX_NUMBER = 2**31


def check_number(number: int, index: int, what: str) -> None:
    if not 0 < number <= MAX_NUMBER:
        # A number of thousands of digits cannot even be written.
        found = str(number) if abs(number) < 2**64 else "a much larger one"
        raise OpError(f"{what} must be from 1 to {MAX_NUMBER}, not {found}", index)


def check_text(text: str, index: int, what: str) -> int:
    """The text's size in bytes of UTF-8."""
    if not text:
        raise OpError(f"{what} must not be empty", index)
    if wrong := unsound(text):
        raise OpError(f"{what} has {wrong}", index)
    return len(text.encode())


def check_deletion(part: dict[Any, Any], index: int) -> None:
    if len(part) != 1 or "d" not in part:
        keys = ", ".join(sorted(str(key)[:20] for key in part))
        raise OpError(f"a deletion has the key d only, not {keys or 'none'}", index)
    deleted = part["d"]
    if type(deleted) is int:
        check_number(deleted, index, "a deletion")
    elif isinstance(deleted, str):
        check_text(deleted, index, "a deletion")
    else:
        raise OpError(f"a deletion is a number or a text, not {type(deleted).__name__}", index)


def unsound(text: str) -> str:
    """What of a text cannot be sent to everybody, or ""."""
    # WAMP's JSON takes a text that starts with U+0000 for binary data, and by editing any
    # character can come to stand at a start.
    if "\0" in text:
        return "U+0000, which WAMP cannot carry as text"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "a lone surrogate"
    return ""
