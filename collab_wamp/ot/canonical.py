"""The one way to write a content as bytes, so that hashes of it can be compared.

It is the JSON Canonicalization Scheme of RFC 8785.
"""

from __future__ import annotations

import hashlib
from typing import Any

import orjson
import rfc8785

# JSON's numbers are doubles; integers beyond this are not all among them.
_MOST = 2**53 - 1


def canonical(content: Any) -> bytes:
    """The canonical JSON text of a content, UTF-8.

    Raises:
        ValueError: JSON has no such value, or not exactly: NaN, an integer that is no double, a
            lone surrogate.
    """
    if _is_plain(content):
        # Some fifty times quicker, and the same where nothing is special.
        try:
            return orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
        except TypeError as error:  # a lone surrogate
            raise ValueError(str(error)) from None
    return rfc8785.dumps(_with_doubles(content))


def sha256(content: Any) -> str:
    """Hex digest of a content's canonical JSON text."""
    return hashlib.sha256(canonical(content)).hexdigest()


def _with_doubles(content: Any) -> Any:
    """The content with large integers as doubles: 1e20 is written, and read, as an integer."""
    kind = type(content)
    if kind is list:
        return [_with_doubles(value) for value in content]
    if kind is dict:
        return {key: _with_doubles(value) for key, value in content.items()}
    if kind is int and not -_MOST <= content <= _MOST:
        # What is written is what the double is told apart by, which need not be its exact value.
        if content.bit_length() < 1024 and rfc8785.dumps(float(content)) == b"%d" % content:
            return float(content)
        raise ValueError(f"an integer of {content.bit_length()} bits is no double")
    return content


def _is_plain(content: Any) -> bool:
    """Whether it has no fractions, no large integers, and ASCII keys only.

    Keys are sorted by UTF-16 units there and by code points here; fractions have a form of their
    own.
    """
    waiting = [content]
    while waiting:
        value = waiting.pop()
        kind = type(value)
        if kind is str or kind is bool or value is None:
            continue
        if kind is list:
            waiting.extend(value)
        elif kind is dict:
            if not all(type(key) is str and key.isascii() for key in value):
                return False
            waiting.extend(value.values())
        elif kind is not int or not -_MOST <= value <= _MOST:
            return False
    return True
