"""The measures of a document's revisions, one after the other; see `OTType.fit`.

A measure of type `json` is the content itself. Revisions share what no edit has touched, but a
large list or text that is edited is in memory once for each. So contents are kept of the newest
revisions only, as far as they take little memory, and told from those of older ones by taking
their edits back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from .ot import OTType

# Of one document, bytes.
MOST_BYTES = 8 << 20
# To take an edit back may take time in proportion to what it is in: a text, or a list. So many
# characters are gone through as quickly as a part when transforming, at least.
LIKE_A_PART = 2000


class Measures:
    """Measures by index, from 0 on.

    Args:
        first: the measure of the oldest revision.
    """

    def __init__(self, kind: OTType, first: Any) -> None:
        self._kind = kind
        self._measures: list[Any] = [first]
        # Those before this index are None, where they are more than numbers.
        self._kept = 0
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._measures)

    @property
    def newest(self) -> Any:
        return self._measures[-1]

    def add(self, measure: Any) -> None:
        self._measures.append(measure)
        self._bytes += self._kind.unshared(measure)
        while self._bytes > MOST_BYTES and self._kept < len(self._measures) - 1:
            self._drop(self._kept)
            self._kept += 1

    def work(self, index: int) -> int:
        """How much it takes to tell a measure, in parts that are transformed over another."""
        steps = max(0, self._kept - index)
        return steps * self._kind.size(self._measures[self._kept]) // LIKE_A_PART

    def at(self, index: int, ops: Iterable[Any]) -> Any:
        """A measure.

        Args:
            ops: what led from it to the newest.
        """
        if index >= self._kept:
            return self._measures[index]
        return self._kind.before(self._measures[self._kept], *islice(ops, self._kept - index))

    def reach_back(self, ops: Sequence[Any]) -> None:
        """Put those before the first, from which `ops` led to it."""
        if not self._kind.counted:
            self._measures[:0] = [None] * len(ops)
            self._kept += len(ops)
            return
        measures = [self._measures[0]]
        for op in reversed(ops):
            measures.append(self._kind.before(measures[-1], op))
        self._measures[:0] = measures[:0:-1]

    def forget(self, count: int) -> None:
        """Leave the first ones out; never the newest."""
        for index in range(self._kept, count):
            self._drop(index)
        del self._measures[:count]
        self._kept = max(0, self._kept - count)

    def _drop(self, index: int) -> None:
        self._bytes -= self._kind.unshared(self._measures[index + 1])
        self._measures[index] = None
