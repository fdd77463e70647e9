"""A session's document as one process remembers it: the head, and the edits shortly before it.

The log in the store is the truth; a `Document` is a cache of its tail, which lets an edit be
transformed without asking the store, and the content be told without reading it all again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import attrs
import orjson

from .errors import CollabError
from .measures import Measures
from .ot import Concurrent, OTType, get_type
from .ot.canonical import canonical
from .store.announcements import EditsAnnounced
from .store.answers import NoSession, StaleEpoch
from .store.interface import Store
from .store.values import Edit, SessionKey, SessionMeta, Snapshot, make_snapshot

PAGE = 1000
# Of the edits remembered behind the head, bytes. Older ones are read from the store where needed.
MOST_WEIGHT = 8 << 20


def weight(kind: OTType, edits: Sequence[Edit]) -> int:
    """About how many bytes edits take in memory."""
    return sum(500 + kind.weight(edit.op) for edit in edits)


def as_concurrent(kind: OTType, edit: Edit) -> Concurrent:
    """A committed edit as others are transformed over it."""
    return kind.concurrent(edit.client_id, kind.lean(edit.op))


@attrs.define
class Ahead:
    """Edits that are about to be committed, with what a document keeps of them.

    Attributes:
        concurrent: of each.
        measures: after each, where they are but numbers; else none, since each would be a content.
        bulk: after the last.
    """

    edits: list[Edit]
    concurrent: list[Concurrent]
    measures: list[Any]
    bulk: Any


class Document:
    """One session's tail.

    Args:
        meta: the session as of `snapshot`'s reading.
        snapshot: the content that the tail starts from.
        window: how many edits are remembered behind the head (and at most twice that), as far as
            `MOST_WEIGHT` allows.

    Attributes:
        revision: the head as known here.
        head: identity of the edit at the head; "" = not known.
        snapshot_revision: of the newest snapshot that is known to be in the store.
        bulk: a bound on what does not count as length, see `OTType.bulk`.
    """

    def __init__(self, meta: SessionMeta, snapshot: Snapshot, window: int) -> None:
        self.type = get_type(meta.type)
        self.meta = meta
        self.epoch = meta.epoch
        self.revision = snapshot.revision
        self.snapshot_revision = snapshot.revision
        self.used_at = 0.0
        self.window = window
        self.head = meta.head if meta.revision == snapshot.revision else ""
        content = self.type.create(orjson.loads(snapshot.content))
        self._buffer = self.type.buffer(content)
        self._folded = snapshot.revision
        self.bulk = self.type.bulk(self._buffer)
        # _edits[i] made revision _start + 1 + i, and is _concurrent[i] for others that are
        # transformed over it; measure i is of the revision _start + i.
        self._start = snapshot.revision
        self._edits: list[Edit] = []
        self._concurrent: list[Concurrent] = []
        self._snapshot: Snapshot | None = None
        self._weight = 0
        self._measures = Measures(self.type, self.type.measure(content))

    @property
    def start(self) -> int:
        """The oldest base that an edit can be transformed from here."""
        return self._start

    @property
    def measure(self) -> Any:
        """Of the head; see `OTType.fit`."""
        return self._measures.newest

    def measure_at(self, revision: int) -> Any:
        index = revision - self._start
        return self._measures.at(index, (edit.op for edit in islice(self._edits, index, None)))

    def work_of_measure(self, revision: int) -> int:
        """How much `measure_at` takes, in parts that are transformed over another."""
        return self._measures.work(revision - self._start)

    def edits(self, after: int, last: int) -> Sequence[Edit]:
        """The edits `after + 1` … `last`."""
        return self._edits[after - self._start : last - self._start]

    def ops(self, after: int, last: int) -> Iterator[Any]:
        """Their operations."""
        return (edit.op for edit in self.edits(after, last))

    def concurrent(self, after: int) -> Sequence[Concurrent]:
        """The edits `after + 1`, … up to the head, as an edit is transformed over them."""
        return self._concurrent[after - self._start :]

    def extend(self, after: int, edits: Sequence[Edit]) -> None:
        """Take over committed edits; those that are here already are passed over.

        Raises:
            ValueError: the edits do not continue the head.
        """
        if after > self.revision:
            raise ValueError(f"edits after {after} do not continue revision {self.revision}")
        for edit in edits[self.revision - after :]:
            self._measures.add(self.type.fit(self.measure, edit.op)[1])
            self.bulk = self.type.bulk_after(self.bulk, edit.op)
            self._edits.append(edit)
            self._concurrent.append(as_concurrent(self.type, edit))
            self._weight += weight(self.type, [edit])
            self.revision += 1
            self.head = edit.identity
        if edits:
            self._stay_small()

    def advance(self, after: int, ahead: Ahead) -> None:
        """Take over edits that have been committed as they were prepared here, after `after`."""
        if after != self.revision or not ahead.measures:
            # It went on meanwhile, and has them already, or some; or there is more to find out.
            self.extend(after, ahead.edits)
            return
        for measure in ahead.measures:
            self._measures.add(measure)
        self.bulk = ahead.bulk
        self._edits += ahead.edits
        self._concurrent += ahead.concurrent
        self._weight += weight(self.type, ahead.edits)
        self.revision += len(ahead.edits)
        self.head = ahead.edits[-1].identity
        self._stay_small()

    def _stay_small(self) -> None:
        if len(self._edits) > 2 * self.window:
            self._forget(len(self._edits) - self.window)
        elif self._weight > MOST_WEIGHT:
            self._forget(len(self._edits) // 2)

    def follow(self, announced: EditsAnnounced) -> None:
        """Take over edits of others, where they are the next ones of this history."""
        if (
            announced.after == self.revision
            and announced.epoch == self.epoch
            and announced.before == self.head != ""
        ):
            self.extend(announced.after, announced.edits)

    def reach_back(self, edits: Sequence[Edit]) -> None:
        """Put the edits that ended at `start` before the others: somebody's base is among them."""
        self._measures.reach_back([edit.op for edit in edits])
        self._edits[:0] = edits
        self._concurrent[:0] = [as_concurrent(self.type, edit) for edit in edits]
        self._weight += weight(self.type, edits)
        self._start -= len(edits)

    def remember(self, count: int) -> None:
        """Forget all but so many edits; what older bases need is read from the store."""
        if len(self._edits) > count:
            self._forget(len(self._edits) - count)

    def _forget(self, count: int) -> None:
        self._fold()
        self._weight -= weight(self.type, self._edits[:count])
        del self._edits[:count]
        del self._concurrent[:count]
        self._measures.forget(count)
        self._start += count

    def _fold(self) -> None:
        """Bring the content to the head. Edits alone do not: they need the measures only."""
        for edit in self.edits(self._folded, self.revision):
            self._buffer.apply(edit.op)
            self._folded += 1

    def recount(self) -> Any:
        """`bulk`, exactly."""
        self._fold()
        self.bulk = self.type.bulk(self._buffer)
        return self.bulk

    def content(self) -> Any:
        """The content at the head, a JSON value."""
        self._fold()
        return self._buffer.content()

    def snapshot(self) -> Snapshot:
        """The content at the head, ready to be kept; made once, however often it is asked for."""
        if self._snapshot is None or self._snapshot.revision != self.revision:
            self._snapshot = make_snapshot(self.revision, canonical(self.content()))
        return self._snapshot


def verify_snapshot(key: SessionKey, snapshot: Snapshot) -> None:
    """Refuse a snapshot that is not what was saved: nothing may be built on it."""
    if make_snapshot(snapshot.revision, snapshot.content) != snapshot:
        raise CorruptSnapshot(
            f"session {key.session_id} of tenant {key.tenant}: "
            f"the snapshot at revision {snapshot.revision} does not have its SHA-256"
        )


class CorruptSnapshot(Exception):
    """The store returned other content than was saved."""


class CorruptLog(Exception):
    """The store lacks an edit that it says was committed, and is not yet to be dropped."""


async def load_document(store: Store, key: SessionKey, window: int) -> Document | None:
    """Read a session's newest snapshot and what follows it; None where there is no session.

    Raises:
        CorruptSnapshot: the content is not what was saved.
        CorruptLog: an edit is missing.
        CollabError: `store_unavailable`.
    """
    while (found := await store.snapshot(key)) is not None:
        meta, snapshot = found
        verify_snapshot(key, snapshot)
        document = Document(meta, snapshot, window)
        if await read_on(store, key, document):
            return document
    return None


async def read_back(store: Store, key: SessionKey, document: Document, base: int) -> bool:
    """Make a document start at `base` or before.

    Returns:
        False where the log does not reach so far back, or that would be too much to remember.
    """
    found: list[Edit] = []
    size = 0
    while (after := base + len(found)) < document.start:
        answer = await store.edits(key, document.epoch, after, min(PAGE, document.start - after))
        if isinstance(answer, StaleEpoch | NoSession) or not answer[0]:
            return False
        found.extend(answer[0])
        size += weight(document.type, answer[0])
        if size > MOST_WEIGHT:
            return False
    # Another call may have done the same meanwhile, or more of it.
    document.reach_back(found[: max(0, document.start - base)])
    return True


async def read_on(store: Store, key: SessionKey, document: Document) -> bool:
    """Extend a document to the head in the store; False where it cannot be continued.

    Raises:
        CorruptLog: an edit is missing.
        CollabError: `store_unavailable`.
    """
    verified = False
    while True:
        # A commit may extend the document meanwhile.
        after, head = document.revision, document.head
        known = 1 if head and not verified else 0
        answer = await store.edits(key, document.epoch, after - known, PAGE)
        if isinstance(answer, StaleEpoch | NoSession):
            return False
        edits, meta = answer
        if meta.revision < after or meta.floor_revision > after:
            return False
        if meta.snapshot_revision - document.window > after:
            return False  # from the snapshot on it is less to read, however much is kept
        if known and edits and edits[0].identity != head:
            return False  # history was lost, and went another way
        verified = True
        edits = edits[known:]
        if known and not edits and meta.revision > after:
            continue  # one edit may fill a page, and at the floor there is none to compare
        if not edits and meta.revision > after:
            missing = f"session {key.session_id} of tenant {key.tenant}: no edit {after + 1}"
            raise CorruptLog(missing)
        document.extend(after, edits)
        document.snapshot_revision = max(document.snapshot_revision, meta.snapshot_revision)
        if document.revision >= meta.revision:
            return True


def too_far_behind(document: Document, base: int) -> CollabError:
    return CollabError(
        "base_too_old",
        f"Revision {base} is too far behind {document.revision}; join again and rebase.",
        revision=document.revision,
        oldest=document.start,
    )
