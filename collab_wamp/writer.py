"""Commits the edits of one session: transform to the head, append, and tell each its revision.

While one commit is under way, further edits of the session wait and go as the next one together:
one round trip for many edits, and no added delay when it is quiet.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import orjson
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from . import metrics, tracing
from .bulk import most_bulk, too_much_bulk
from .conflicts import Clash, clashes_of
from .document import Ahead, Document, as_concurrent, read_back, read_on, too_far_behind
from .errors import CollabError
from .ot import Concurrent, Conflict, OpError, OTType, TooLarge, TooMuchWork, rebase_over
from .refusals import (
    bad_op,
    base_ahead,
    denied,
    document_full,
    no_such_session,
    not_joined,
    stale_epoch,
)
from .store.answers import Behind, Committed, Moved, NoSession, Seen
from .store.interface import Store
from .store.values import Edit, SessionKey, Submission

BATCH = 100
TRIES = 8
# An edit far behind is transformed over many others; going through more parts than this would hold
# up everybody else on the instance for more than some tens of milliseconds.
REBASE_WORK = 50_000
# Transformed, an operation may have more parts than it had; what others get has no more than this.
MOST_PARTS = 4000
# About how many bytes of memory it may take, where it has more parts than it had.
MOST_WEIGHT = 4 << 20
# Ahead of any head: a commit that expects it writes nothing, and says whether the edit is known.
PROBE = 2**53
Found = list[tuple[int, list[Conflict]]]


@attrs.define(eq=False)
class Request:
    """An edit on its way in.

    Attributes:
        base: the revision it was made at.
        at: the revision that `op` has been transformed to.
        op: the operation, transformed over the committed edits up to `at`.
        digest: of the body as sent.
        participant_id, join_id, may_edit: who asks, see `Submission`.
        made: the operation at `base`.
        fits, after: see `OTType.fit`, at `base`, where measures are but numbers.
        compared: whether to look for conflicts.
        clashes: those with committed edits up to `at`.
        beside: those with edits that are being committed together with it.
    """

    epoch: str
    base: int
    client_id: str
    seq: int
    op: Any
    user_id: str
    digest: bytes
    max_length: int
    participant_id: str
    join_id: str
    may_edit: bool = True
    done: Deferred[tuple[int, bool]] = attrs.field(factory=Deferred)
    at: int = -1
    made: Any = None
    fits: Any = None
    after: Any = None
    compared: bool = True
    clashes: list[Clash] = attrs.field(factory=list)
    beside: list[Clash] = attrs.field(factory=list)
    trace: tracing.Untraced = tracing.UNTRACED


def body_digest(epoch: str, revision: int, op: Any) -> bytes:
    """16 bytes that tell one body of an edit from another."""
    return hashlib.sha256(orjson.dumps([epoch, revision, op])).digest()[:16]


@attrs.define
class Crowd:
    """How many edits wait for the commit before theirs, of all sessions."""

    waiting: int = 0


class Writer:
    """Commits for one session.

    Args:
        window: how many edits an edit's base may be behind.
        document: fetches the session's document, from memory or from the store; called with True
            it must read it anew.
        now_ms: the time of day, for the log.
        now_s: a monotonic clock, seconds.
        pause: waits so many seconds.
        committed: is told of the document after each commit.
        lost_history: is told that the store's head went backwards under an epoch.
        clashed: answers an edit that conflicts with committed ones, where they are not merged.
        crowd: that its waiting edits are counted in.
    """

    log = Logger()

    def __init__(
        self,
        store: Store,
        key: SessionKey,
        *,
        window: int,
        document: Callable[[bool], Awaitable[Document]],
        now_ms: Callable[[], int],
        now_s: Callable[[], float],
        pause: Callable[[float], Awaitable[None]],
        committed: Callable[[Document], None],
        lost_history: Callable[[str], Awaitable[None]],
        clashed: Callable[[Document, Request], Awaitable[None]],
        crowd: Crowd,
    ) -> None:
        self._store = store
        self._key = key
        self._window = window
        self._document = document
        self._now_ms = now_ms
        self._now_s = now_s
        self._pause = pause
        self._committed = committed
        self._lost_history = lost_history
        self._clashed = clashed
        self._crowd = crowd
        self._waiting: list[Request] = []
        # Whether the last batch took so much work that it is others' turn.
        self._tired = False
        self.busy = False

    def submit(self, request: Request) -> Deferred[tuple[int, bool]]:
        """Take an edit; fires with (its revision, whether it is durable)."""
        self._waiting.append(request)
        self._crowd.waiting += 1
        if not self.busy:
            self.busy = True
            Deferred.fromCoroutine(self._run()).addErrback(self._crashed)
        return request.done

    def _crashed(self, failure: Any) -> None:
        self.log.failure("writer of session {key} stopped", failure=failure, key=self._key)

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch = self._next_batch()
                try:
                    await self._commit(batch)
                except Exception as error:
                    # Also a defect must be told to those who wait; it is logged where the call
                    # is answered.
                    for request in batch:
                        fail(request, error)
                if self._tired:
                    self._tired = False
                    await self._pause(0)
        finally:
            self.busy = False

    def _next_batch(self) -> list[Request]:
        """The first of each client: a client's second edit must see what becomes of its first."""
        batch: dict[str, Request] = {}
        later: list[Request] = []
        for request in self._waiting:
            if len(batch) < BATCH and request.client_id not in batch:
                batch[request.client_id] = request
            else:
                later.append(request)
        self._waiting = later
        self._crowd.waiting -= len(batch)
        return list(batch.values())

    async def _commit(self, batch: list[Request]) -> None:
        reload = False
        tracing.mark(batch, "queue")
        for attempt in range(TRIES):
            if attempt > 1:
                await self._pause(attempt)
            batch = [request for request in batch if not request.done.called]
            document = await self._current(batch, reload)
            reload = False
            batch = await self._known(document, batch)
            tracing.mark(batch, "load")
            batch, submissions, ahead = self._prepare(document, batch)
            tracing.mark(batch, "rebase")
            if not batch:
                return
            head = document.revision
            begun_s = self._now_s()
            result = await self._store.commit(
                self._key, document.epoch, head, submissions, document.head
            )
            tracing.mark(batch, "commit", isinstance(result, Committed))
            if isinstance(result, Committed):
                document.advance(head, ahead)
                self._committed(document)
                distances = [head - request.base for request in batch]
                metrics.committed(distances, self._now_s() - begun_s)
                for revision, request in enumerate(batch, result.first):
                    request.done.callback((revision, result.durable))
                return
            if isinstance(result, Moved):
                document.extend(head, result.edits)
                reload = document.revision < result.revision and not await read_on(
                    self._store, self._key, document
                )
            elif isinstance(result, Seen):
                durable = await self._store.settle()
                for request, state in zip(batch, result.states, strict=True):
                    answer_seen(request, state, durable)
            elif isinstance(result, NoSession):
                raise no_such_session(self._key)
            else:
                if isinstance(result, Behind):
                    await self._lost_history(document.epoch)
                reload = True
        raise CollabError(
            "overloaded",
            f"Too many others edit this; not committed in {TRIES} tries.",
            retry_after_ms=200,
        )

    async def _current(self, batch: list[Request], reload: bool) -> Document:
        """The document; as it is now, where somebody knows of more than is remembered here."""
        document = await self._document(reload)
        if any(request.epoch != document.epoch for request in batch):
            # Either the client's epoch is old, or what is remembered here.
            meta = await self._store.meta(self._key)
            reload = meta is None or meta.epoch != document.epoch
        elif any(request.base > document.revision for request in batch):
            reload = not await read_on(self._store, self._key, document)
        else:
            return document
        return await self._document(True) if reload else document

    async def _known(self, document: Document, batch: list[Request]) -> list[Request]:
        """Answer what cannot be transformed any more, but may have been committed long ago."""
        for request in batch:
            if request.epoch != document.epoch:
                fail(request, stale_epoch(document.epoch))
                continue
            if request.at >= document.start or await self._reach(document, request.base):
                continue
            edit = Edit(request.client_id, request.seq, request.op, request.user_id, 0)
            probe = [submission_of(request, edit)]
            result = await self._store.commit(self._key, document.epoch, PROBE, probe)
            if isinstance(result, Seen):
                answer_seen(request, result.states[0], await self._store.settle())
            elif request.base > document.revision:
                fail(request, base_ahead(request.base, document.revision))
            else:
                fail(request, too_far_behind(document, request.base))
        return [request for request in batch if not request.done.called]

    async def _reach(self, document: Document, base: int) -> bool:
        """Whether the document remembers the base, after reading what it lacks."""
        if document.revision - self._window <= base < document.start:
            await read_back(self._store, self._key, document, base)
        return document.start <= base <= document.revision

    def _prepare(
        self, document: Document, batch: list[Request]
    ) -> tuple[list[Request], list[Submission], Ahead]:
        """Transform each to the head and over those before it in the batch.

        Returns:
            those that can be committed now, and what to commit; others have failed, or wait for
            the next batch.
        """
        taken: list[Request] = []
        submissions: list[Submission] = []
        edits: list[Edit] = []
        placed: list[Concurrent] = []
        measures: list[Any] = []
        later: list[Request] = []
        kind, measure, work = document.type, document.measure, REBASE_WORK
        bulk, exact = document.bulk, False
        for number, request in enumerate(batch):
            if number and work < 0:
                self._put_back(batch[number:])
                break
            try:
                work -= to_head(document, request)
                if request.clashes and asks(document, request):
                    # That may take longer than the others should wait.
                    Deferred.fromCoroutine(self._answer_clash(document, request))
                    continue
                found: Found = []
                op, spent = rebase_over(
                    kind,
                    request.op,
                    request.client_id,
                    placed,
                    work=work if placed else REBASE_WORK,
                    weight=MOST_WEIGHT,
                    found=found if request.compared else None,
                )
                work -= spent
                request.beside = clashes_of(found, document.revision, edits) if found else []
                if request.beside and asks(document, request):
                    # Whether those are committed is known when its turn comes again.
                    later.append(request)
                    continue
                if placed or op is not request.fits or request.base != document.revision:
                    op, after = fitted(kind, measure, op)
                else:
                    after = request.after
            except TooLarge:
                # It may be answered when those are committed.
                later.append(request)
                continue
            except TooMuchWork:
                # Of the batch, not of this edit: there are some before it.
                self._put_back(batch[number:])
                break
            except CollabError as error:
                fail(request, error)
                # That may have been found out only after all the work.
                work -= REBASE_WORK if error.code == "base_too_old" else 0
                continue
            size = kind.size(after)
            if size > request.max_length and size > kind.size(measure):
                fail(request, document_full(size, request.max_length))
                continue
            if kind.grows(op):
                most = most_bulk(request.max_length)
                if not exact and kind.bulk_after(bulk, op).bytes > most:
                    bulk, exact = document.recount(), True
                    for edit in edits:
                        bulk = kind.bulk_after(bulk, edit.op)
                if kind.bulk_after(bulk, op).bytes > most:
                    fail(request, too_much_bulk(most))
                    continue
            bulk = kind.bulk_after(bulk, op)
            measure = after
            taken.append(request)
            edit = Edit(request.client_id, request.seq, op, request.user_id, self._now_ms())
            edits.append(edit)
            placed.append(as_concurrent(kind, edit))
            if kind.counted:
                measures.append(after)
            submissions.append(submission_of(request, edit))
        self._wait_on(later)
        return taken, submissions, Ahead(edits, placed, measures, bulk)

    async def _answer_clash(self, document: Document, request: Request) -> None:
        try:
            await self._clashed(document, request)
        except Exception as error:
            # As for a batch: it must be told, and is logged where the call is answered.
            fail(request, error)

    def _put_back(self, rest: list[Request]) -> None:
        """Leave requests to the next batch: this one has been work enough."""
        self._wait_on(rest)
        self._tired = True

    def _wait_on(self, requests: list[Request]) -> None:
        self._waiting[:0] = requests
        self._crowd.waiting += len(requests)


def asks(document: Document, request: Request) -> bool:
    """Whether an edit that conflicts with others is not to be merged with them."""
    return request.compared and document.meta.conflicts != "merge"


def submission_of(request: Request, edit: Edit) -> Submission:
    return Submission(
        edit, request.digest, request.participant_id, request.join_id, request.may_edit
    )


def to_head(document: Document, request: Request) -> int:
    """Transform a request over the committed edits it has not seen.

    Returns:
        how many parts were gone through.

    Raises:
        CollabError: `bad_op` where it does not fit the document at its base, `base_too_old`
            where that would be too much work.
    """
    kind: OTType = document.type
    start = request.base if request.at < 0 else request.at
    if not document.start <= start <= document.revision:
        # It was there a moment ago, and has been forgotten for others' sake.
        raise too_far_behind(document, request.base)
    work = 0
    if request.at < 0:
        work = document.work_of_measure(request.base)
        if work > REBASE_WORK:
            raise too_far_behind(document, request.base)
        measure = document.measure_at(request.base)
        fits, after = fitted(kind, measure, request.op)
        request.op = kind.lean(fits)
        if kind.counted:
            request.fits, request.after = fits, after
        request.made, request.at = request.op, request.base
    if request.at == document.revision:
        return work
    found: Found = []
    try:
        request.op, spent = rebase_over(
            kind,
            request.op,
            request.client_id,
            document.concurrent(request.at),
            work=REBASE_WORK,
            parts=max(MOST_PARTS, len(request.op)),
            weight=MOST_WEIGHT,
            found=found if request.compared else None,
        )
    except TooMuchWork:
        raise too_far_behind(document, request.base) from None
    if found:
        edits = document.edits(request.at, document.revision)
        request.clashes += clashes_of(found, request.at, edits)
    request.at = document.revision
    return work + spent


def fitted(kind: OTType, measure: Any, op: Any) -> tuple[Any, Any]:
    """See `OTType.fit`; what does not fit is a `CollabError`: `bad_op`."""
    try:
        return kind.fit(measure, op)
    except OpError as error:
        raise bad_op(error) from None


def fail(request: Request, error: Exception) -> None:
    if not request.done.called:
        request.done.errback(error)


def answer_seen(request: Request, state: tuple[str, int], durable: bool) -> None:
    kind, number = state
    if kind == "done":
        # Compared with what came after it, and with itself.
        request.clashes, request.beside = [], []
        request.done.callback((number, durable))
    elif kind == "reused":
        message = f"seq {request.seq} was used for another edit; the next is {number + 1}."
        fail(request, CollabError("seq_reused", message, next_seq=number + 1))
    elif kind == "gap":
        message = f"seq {request.seq} leaves out {number}, the next one expected."
        fail(request, CollabError("seq_gap", message, next_seq=number))
    elif kind == "gone":
        fail(request, not_joined())
    elif kind == "denied":
        fail(request, denied("edit"))
