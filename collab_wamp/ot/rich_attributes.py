"""Attributes of the type `rich_text`, with the rules of quill-delta's `AttributeMap`.

None stands for no attributes at all. In what formats a text that is there, the value None takes an
attribute away; what is inserted has no such value. Values are compared as JSON: deeply, in whatever
order keys are, and true is not 1. Nothing is changed in place.
"""

from __future__ import annotations

from typing import Any

Attributes = dict[str, Any]


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal."""
    if one is other:
        return True
    if isinstance(one, dict):
        return (
            isinstance(other, dict)
            and len(one) == len(other)
            and all(key in other and same(value, other[key]) for key, value in one.items())
        )
    if isinstance(one, list):
        return (
            isinstance(other, list)
            and len(one) == len(other)
            and all(same(*pair) for pair in zip(one, other, strict=True))
        )
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def compose(
    first: Attributes | None, second: Attributes | None, *, keep_null: bool
) -> Attributes | None:
    """The attributes of what had `first` and was then formatted with `second`.

    Args:
        keep_null: whether removals stay in the result, as where formats follow formats; not where
            the format of an inserted text is changed.
    """
    if not second:
        return first or None
    result = {name: value for name, value in second.items() if keep_null or value is not None}
    for name, value in (first or {}).items():
        if name not in second:
            result[name] = value
    return result or None


def transform(
    attributes: Attributes | None, other: Attributes | None, *, other_wins: bool
) -> Attributes | None:
    """What is left of `attributes` once the concurrent `other` was applied."""
    if not attributes:
        return None
    if not other or not other_wins:
        return attributes
    return {name: value for name, value in attributes.items() if name not in other} or None


def invert(attributes: Attributes, base: Attributes | None) -> Attributes | None:
    """What takes `attributes` back where `base` was before.

    Lists and objects are restored also where they were the same, as quill-delta does.
    """
    base = base or {}
    result = {
        name: value
        for name, value in base.items()
        if name in attributes
        and (isinstance(value, (dict, list)) or not same(value, attributes[name]))
    }
    for name in attributes:
        if name not in base:
            result[name] = None
    return result or None


def difference(old: Attributes | None, new: Attributes | None) -> Attributes | None:
    """What makes `new` of `old`."""
    old, new = old or {}, new or {}
    if same(old, new):
        return None
    result: Attributes = {}
    for name in (*old, *(name for name in new if name not in old)):
        if name not in old or name not in new or not same(old[name], new[name]):
            result[name] = new.get(name)
    return result
