"""A session's content at any revision that can still be told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import orjson
from twisted.internet.defer import Deferred, DeferredSemaphore

from .document import CorruptLog, Document, read_on, verify_snapshot
from .documents import Documents
from .errors import CollabError
from .ot import get_type
from .ot.canonical import canonical
from .refusals import no_such_session, stale_epoch
from .shared import Shared
from .store.answers import NoSession, StaleEpoch
from .store.interface import Store
from .store.values import Edit, SessionKey, SessionMeta, Snapshot, make_snapshot

# Edits that are read and applied before it is others' turn, and for how long at most.
PAGE = 250
TURN_S = 0.010
# To read more than this, and to write it, is the work of several turns.
LARGE_BYTES = 64 * 1024
# Of those who ask for old content at one time on this process, so many are served side by side,
# and so many may wait.
AT_ONE_TIME = 2
MOST_WAITING = 100


@attrs.frozen
class Moment:
    """A session's content at a revision.

    Attributes:
        snapshot: the same as canonical JSON text, with its hash.
        edit: that made the revision; None where it is revision 0, or not kept any more.
    """

    type: str
    epoch: str
    content: Any
    snapshot: Snapshot
    edit: Edit | None

    @property
    def revision(self) -> int:
        return self.snapshot.revision


class Past:
    """Folds edits over the newest content that is kept of before.

    Args:
        now_s: a monotonic clock, seconds.
        pause: waits so many seconds; 0 = lets others have a turn.
    """

    def __init__(
        self,
        store: Store,
        documents: Documents,
        *,
        now_s: Callable[[], float],
        pause: Callable[[float], Awaitable[None]],
    ) -> None:
        self._store = store
        self._documents = documents
        self._now_s = now_s
        self._pause = pause
        self._folding = Shared()
        self._places = DeferredSemaphore(AT_ONE_TIME)

    async def head(self, key: SessionKey) -> Document:
        """The document as the store has it now, or newer.

        Raises:
            CollabError: `no_such_session`, `store_unavailable`.
        """
        document = await self._documents.get(key)
        if not await read_on(self._store, key, document):
            document = await self._documents.get(key, again=True)
        return document

    async def at(self, key: SessionKey, revision: int | None) -> Moment:
        """The content at a revision, None = the head.

        Raises:
            CollabError: `no_such_session`; `base_ahead`; `bad_revision` with the `oldest` that can
                be told; `stale_epoch` where the session is made anew meanwhile; `overloaded`.
        """
        if revision is None:
            return await self._at_head(key, await self.head(key))
        found = await self._store.checkpoint(key, revision)
        if found is None:
            raise no_such_session(key)
        meta, start = found
        if revision > meta.revision:
            message = f"Revision {revision} is ahead of the head, {meta.revision}."
            raise CollabError("base_ahead", message, revision=meta.revision)
        if start.revision > revision:
            raise not_kept(revision, start.revision)
        verify_snapshot(key, start)
        document = self._documents.known(key)
        if document is not None and (document.epoch, document.revision) == (meta.epoch, revision):
            return await self._at_head(key, document)
        if len(self._places.waiting) >= MOST_WAITING:
            raise CollabError("overloaded", "Too many ask for old content.", retry_after_ms=500)

        def fold() -> Deferred[Moment]:
            return self._places.run(self._fold, key, meta, start, revision)

        moment: Moment = await self._folding.ask((key, meta.epoch, revision), fold)
        return moment

    async def _at_head(self, key: SessionKey, document: Document) -> Moment:
        # All of one moment: the document may grow while the store is asked.
        revision, epoch, content = document.revision, document.epoch, document.content()
        snapshot = document.snapshot()
        known = document.edits(revision - 1, revision) if revision > document.start else ()
        edit = known[0] if known else await self._edit(key, epoch, revision)
        return Moment(document.type.name, epoch, content, snapshot, edit)

    async def _fold(
        self, key: SessionKey, meta: SessionMeta, start: Snapshot, revision: int
    ) -> Moment:
        kind = get_type(meta.type)
        large = len(start.content) > LARGE_BYTES
        content = orjson.loads(start.content)
        if large:
            await self._pause(0)
        document = kind.create(content)
        if large:
            await self._pause(0)
        buffer = kind.buffer(document)
        at, edit = start.revision, None
        while at < revision:
            page = await self._page(key, meta.epoch, at, min(PAGE, revision - at))
            began_s = self._now_s()
            for edit in page:
                buffer.apply(edit.op)
                if self._now_s() - began_s > TURN_S:
                    await self._pause(0)
                    began_s = self._now_s()
            at += len(page)
            if at < revision:
                await self._pause(0)
        if edit is None:
            edit = await self._edit(key, meta.epoch, revision)
        content = buffer.content()
        if large:
            await self._pause(0)
        snapshot = make_snapshot(revision, canonical(content))
        return Moment(meta.type, meta.epoch, content, snapshot, edit)

    async def _page(self, key: SessionKey, epoch: str, after: int, limit: int) -> tuple[Edit, ...]:
        """Some edits, one at least."""
        answer = await self._store.edits(key, epoch, after, limit)
        if isinstance(answer, NoSession):
            raise no_such_session(key)
        if isinstance(answer, StaleEpoch):
            raise stale_epoch(answer.epoch)
        edits, meta = answer
        if not edits:
            if after < meta.floor_revision:
                # It has risen meanwhile.
                raise not_kept(after, meta.floor_revision)
            missing = f"session {key.session_id} of tenant {key.tenant}: no edit {after + 1}"
            raise CorruptLog(missing)
        return edits

    async def _edit(self, key: SessionKey, epoch: str, revision: int) -> Edit | None:
        """The edit that made a revision, if it is kept."""
        if not revision:
            return None
        answer = await self._store.edits(key, epoch, revision - 1, 1)
        if isinstance(answer, NoSession | StaleEpoch):
            return None
        return answer[0][0] if answer[0] else None


def not_kept(revision: int, oldest: int) -> CollabError:
    message = f"The content is kept from revision {oldest} on; {revision} is before that."
    return CollabError("bad_revision", message, oldest=oldest)
