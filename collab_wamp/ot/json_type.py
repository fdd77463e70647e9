"""The `json` type: objects, lists, texts and numbers, in the wire form of ot-json0.

A document is a JSON object or list. An operation is a list of components, each with the path `p`
of the place it changes, in the document that the components before it have made:

- `{p, oi}`, `{p, od}`, `{p, od, oi}`: give an object a member, take it away, replace it;
- `{p, li}`, `{p, ld}`, `{p, ld, li}`: the same with an item of a list; `{p, lm}` moves it to
  another index, counted without it;
- `{p, na}`: add to a whole number;
- `{p, t: "text-unicode", o}`: edit a text by an operation of type `text`.

What is deleted is part of the operation, which can so be inverted. Of two values set for one place
the one committed later stands, and what was changed in something deleted goes with it.

Laws beside those of `base`: `size(fit(measure(d), op)[1]) == size(measure(apply(d, op)))`, and an
operation that fits still fits after it was transformed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import attrs

from . import json_transform
from .base import Concurrent, Conflict, Limits, OpError, Side
from .json_apply import SUBTYPE, Component, Editor, Op, apply
from .json_check import check, check_root, shaped
from .json_conflicts import json_conflicts
from .json_difference import difference
from .json_values import size_of, weight_of
from .text import TEXT

# What a client deletes is not sent with an operation where it has more bytes of JSON text.
LONG = 1000
# What bringing one component past another takes, in parts of texts; measured.
PAIR_WORK = 4


@attrs.frozen
class JsonMeasure:
    """A document.

    Attributes:
        size: about how many characters its JSON text has.
        unshared: how many bytes of it an edit has made anew.
    """

    content: Any
    size: int
    unshared: int = 0


class JsonBuffer:
    """See `Buffer`: it only holds the document, which is itself never changed."""

    def __init__(self, document: Any) -> None:
        self._measure = JsonMeasure(document, size_of(document))

    @property
    def length(self) -> int:
        return self._measure.size

    def apply(self, op: Op) -> None:
        self._measure = _applied(self._measure, op, strict=False)[1]

    def content(self) -> Any:
        return self._measure.content


class JsonType:
    """See the module."""

    name = "json"
    invertible_alone = True
    counted = False

    def create(self, content: Any) -> Any:
        return check_root(content)

    def buffer(self, document: Any) -> JsonBuffer:
        return JsonBuffer(document)

    def side(self, client_id: str, other_client_id: str) -> Side:
        """An edit committed later is left: its value stands."""
        return "left"

    def check(self, op: Any, limits: Limits) -> Op:
        return check(op, limits)

    def is_noop(self, op: Op) -> bool:
        return all(map(_does_nothing, op))

    def normalize(self, op: Any) -> Op:
        result = shaped(op)
        while True:
            kept = [component for component in result if not _does_nothing(component)]
            merged = json_transform.compose([], kept)
            if len(merged) == len(result):
                return merged
            # What is merged, or gone, may have stood between two that are one.
            result = merged

    def to_send(self, op: Op) -> Op:
        """With null for what is long and is deleted: `fit` knows what is there."""
        return [_short(component) for component in op]

    def bare(self, op: Op) -> Op:
        return op

    def lean(self, op: Op) -> Op:
        return [_lean(component) for component in op]

    # --- measuring --------------------------------------------------------------------------

    def measure(self, document: Any) -> JsonMeasure:
        return JsonMeasure(document, size_of(document))

    def size(self, measure: JsonMeasure) -> int:
        return measure.size

    def fit(self, measure: JsonMeasure, op: Op) -> tuple[Op, JsonMeasure]:
        return _applied(measure, op, strict=True)

    def before(self, measure: JsonMeasure, *ops: Op) -> JsonMeasure:
        op = [component for each in ops for component in each]
        return _applied(measure, json_transform.invert(op), strict=False)[1]

    def bulk(self, buffer: Any) -> None:
        """All of a document counts as its length."""

    def bulk_after(self, bulk: None, op: Op) -> None:
        """See `bulk`."""

    def grows(self, op: Op) -> bool:
        return False

    def unshared(self, measure: JsonMeasure) -> int:
        return measure.unshared

    def weight(self, op: Op) -> int:
        return weight_of(op)

    # --- applying, transforming -------------------------------------------------------------

    def apply(self, document: Any, op: Op) -> Any:
        return apply(document, op)

    def make_invertible(self, op: Op, document: Any) -> Op:
        return _applied(JsonMeasure(document, 0), op, strict=False)[0]

    def invert(self, op: Op, document: Any = None) -> Op:
        return json_transform.invert(op if document is None else self.make_invertible(op, document))

    def concurrent(self, client_id: str, op: Op) -> Concurrent:
        return client_id, op

    def skim(
        self, op: Op, client_id: str, rest: Iterator[tuple[int, Concurrent]]
    ) -> tuple[Op, tuple[int, Concurrent] | None]:
        """Over none: paths would have to be compared."""
        return op, next(rest, None)

    def transform(self, op: Op, other: Op, side: Side) -> Op:
        return json_transform.transform(op, other, side)

    def compose(self, first: Op, second: Op) -> Op:
        return json_transform.compose(first, second)

    def work(self, op: Op, other: Op) -> int:
        """Each component is brought past each of the other."""
        return PAIR_WORK * len(op) * len(other) + _text_parts(op) + _text_parts(other)

    def transform_position(self, position: int, op: Op) -> int:
        """As it is: there are no positions in a document of this type."""
        return position

    def conflicts(self, op: Op, other: Op) -> list[Conflict]:
        return json_conflicts(op, other)

    def difference(self, old: Any, new: Any) -> Op:
        return difference(old, new)

    def split(self, op: Op, parts: int, size: int) -> tuple[Op, Op]:
        """Between components, and inside what one inserts: others see that come piece by piece.

        What is too large and cannot be cut comes alone. What does nothing is left out: sent alone,
        it would never be committed.
        """
        op = [component for component in op if not _does_nothing(component)]
        room = size
        for index, component in enumerate(op):
            needed = len(component.get("o", "1"))
            if needed <= parts and (written := _written(component)) <= room:
                parts -= needed
                room -= written
                continue
            first, rest = op[:index], op[index:]
            if "t" in component and parts > 0:
                begin, end = TEXT.split(component["o"], parts, room)
                if begin and end:
                    return [*first, component | {"o": begin}], [component | {"o": end}, *rest[1:]]
            if first:
                return first, rest
            pieces = _pieces(component)
            return self.split(pieces + rest[1:], parts, size) if pieces else (rest[:1], rest[1:])
        return op, []

    def text_of(self, op: Op) -> str:
        texts = []
        for component in op:
            if "o" in component:
                texts.append(TEXT.text_of(component["o"]))
            for key in ("oi", "li"):
                if key in component:
                    texts.append(_text(component[key]))
        return "\n".join(text for text in texts if text)


def _applied(measure: JsonMeasure, op: Op, *, strict: bool) -> tuple[Op, JsonMeasure]:
    """An operation with what it really deletes, and the measure after it. Raises `OpError`."""
    editor = Editor(measure.content, strict=strict)
    filled = [editor.apply(component, part) for part, component in enumerate(op)]
    return filled, JsonMeasure(editor.document, measure.size + editor.growth, editor.unshared)


def _text_parts(op: Op) -> int:
    return sum(len(component.get("o", ())) for component in op)


def _does_nothing(component: Component) -> bool:
    if "lm" in component:
        return bool(component["lm"] == component["p"][-1])
    return component.get("na") == 0 or component.get("o") == []


def _short(component: Component) -> Component:
    for key in ("od", "ld"):
        if key in component and len(_text(component[key]).encode()) > LONG:
            return component | {key: None}
    return component


def _lean(component: Component) -> Component:
    for key in ("od", "ld"):
        value = component.get(key)
        if isinstance(value, list | dict) or (isinstance(value, str) and len(value) > LONG):
            return component | {key: None}
    return component


def _pieces(component: Component) -> Op:
    """A component that inserts a value, in pieces: an empty one, and what is in it; [] where that
    is nothing."""
    key = "oi" if "oi" in component else "li"
    value, path = component.get(key), component["p"]
    if not value or not isinstance(value, str | list | dict):
        return []
    inside: Op
    if isinstance(value, str):
        inside = [{"p": path, "t": SUBTYPE, "o": [value]}]
    elif isinstance(value, list):
        inside = [{"p": [*path, index], "li": item} for index, item in enumerate(value)]
    else:
        inside = [{"p": [*path, name], "oi": item} for name, item in value.items()]
    return [component | {key: type(value)()}, *inside]


def _written(component: Component) -> int:
    """Bytes of JSON text of a component, as it is sent."""
    return len(_text(_short(component)).encode())


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


JSON = JsonType()

__all__ = ["JSON", "JsonBuffer", "JsonMeasure", "JsonType", "OpError"]
