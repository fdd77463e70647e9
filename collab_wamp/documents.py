"""The documents that this process has in memory, their writers, and their snapshots."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

import attrs
from twisted.logger import Logger

from .document import Document, load_document, read_back
from .errors import CollabError
from .refusals import no_such_session
from .retention import CHECKPOINT_EVERY, Retention
from .shared import Shared
from .store.announcements import EditsAnnounced
from .store.interface import Store
from .store.values import SessionKey
from .writer import Crowd, Request, Writer

SNAPSHOT_EVERY = 500
# More of a large content, which takes longer to pack: one for so many characters.
CHARACTERS_PER_EDIT = 1000
SNAPSHOT_AFTER_S = 30.0
IDLE_S = 120.0
MOST = 5000
# Edits remembered of a session where less is going on; of others, those since `tidy` was called
# the time before last.
REMEMBERED = 64


@attrs.define(eq=False)
class Open:
    """What is remembered of one session.

    Attributes:
        unsaved_since: when the first edit came that no snapshot holds (monotonic seconds).
        heads: the head at the last two times that it was tidied up.
    """

    writer: Writer
    used_at: float
    document: Document | None = None
    saving: bool = False
    unsaved_since: float | None = None
    heads: tuple[int, int] = (0, 0)

    def tidy(self) -> None:
        """Keep in memory what edits are likely to be made at."""
        if self.document is not None:
            before, last = self.heads
            self.document.remember(max(REMEMBERED, self.document.revision - before))
            self.heads = (last, self.document.revision)


class Documents:
    """Documents by session, loaded on demand and forgotten when idle.

    Args:
        window: how many edits an edit's base may be behind.
        retention: how much history is kept.
        now_s: a monotonic clock, seconds.
        now_ms: the time of day, milliseconds since 1970.
        new_name: makes a random name, fit as a key.
        pause: waits so many seconds, a little more or less.
        background: runs something nobody waits for, and logs its failure.
        clashed: see `Writer`; of the session that is named.
    """

    log = Logger()

    def __init__(
        self,
        store: Store,
        *,
        window: int,
        retention: Retention,
        now_s: Callable[[], float],
        now_ms: Callable[[], int],
        new_name: Callable[[int], str],
        pause: Callable[[float], Awaitable[None]],
        background: Callable[[Awaitable[None]], None],
        clashed: Callable[[SessionKey, Document, Request], Awaitable[None]],
    ) -> None:
        self._store = store
        self._window = window
        self._retention = retention
        self._now_s = now_s
        self._now_ms = now_ms
        self._new_name = new_name
        self._pause = pause
        self._background = background
        self._clashed = clashed
        self._open: dict[SessionKey, Open] = {}
        self._crowd = Crowd()
        self._loading = Shared()
        self._reaching = Shared()

    def __len__(self) -> int:
        return len(self._open)

    @property
    def waiting(self) -> int:
        """How many edits wait for the commit before theirs."""
        return self._crowd.waiting

    def writer(self, key: SessionKey) -> Writer:
        return self._opened(key).writer

    def known(self, key: SessionKey) -> Document | None:
        """The session's document as remembered, if it is."""
        opened = self._open.get(key)
        return None if opened is None else opened.document

    def heard(self, key: SessionKey, announced: EditsAnnounced) -> None:
        """Edits have been announced: a document in memory follows, so that the next edit to it need
        not be told by the store what it has missed."""
        if (document := self.known(key)) is not None:
            document.follow(announced)

    async def get(self, key: SessionKey, again: bool = False) -> Document:
        """The session's document, as remembered; read from the store if need be, or `again`.

        Raises:
            CollabError: `no_such_session`, `store_unavailable`.
        """
        document = self._opened(key).document
        if document is None or again:
            document = await self._loading.ask(key, lambda: self._load(key))
        if document is None:
            raise no_such_session(key)
        return document

    async def reach(self, key: SessionKey, document: Document, base: int) -> None:
        """Make a document start at a revision, or before, where the log goes back so far and the
        store answers."""
        while document.start > base:
            try:
                # Of many who want it at one time, one reads.
                reached = await self._reaching.ask(
                    key, lambda: read_back(self._store, key, document, base)
                )
            except CollabError as error:
                self.log.warn("{key} before {start}: {error}", key=key, start=base, error=error)
                return
            if not reached:
                return

    async def _load(self, key: SessionKey) -> Document | None:
        document = await load_document(self._store, key, self._window)
        if document is None:
            self.forget(key)
        else:
            # What was opened before may have been forgotten meanwhile.
            self._opened(key).document = document
        return document

    def forget(self, key: SessionKey) -> None:
        self._open.pop(key, None)

    def _opened(self, key: SessionKey) -> Open:
        opened = self._open.get(key)
        if opened is None:
            writer = Writer(
                self._store,
                key,
                window=self._window,
                document=lambda again: self.get(key, again),
                now_ms=self._now_ms,
                now_s=self._now_s,
                pause=self._pause,
                committed=lambda document: self._committed(key, document),
                lost_history=lambda epoch: self._lost_history(key, epoch),
                clashed=partial(self._clashed, key),
                crowd=self._crowd,
            )
            opened = self._open[key] = Open(writer, self._now_s())
        opened.used_at = self._now_s()
        return opened

    async def _lost_history(self, key: SessionKey, epoch: str) -> None:
        await self._store.renew_epoch(key, epoch, self._new_name(10), self._new_name(16))

    # --- snapshots --------------------------------------------------------------------------

    def _committed(self, key: SessionKey, document: Document) -> None:
        opened = self._opened(key)
        if opened.unsaved_since is None:
            opened.unsaved_since = self._now_s()
        size = document.type.size(document.measure)
        every = SNAPSHOT_EVERY + size // CHARACTERS_PER_EDIT
        if document.revision - document.snapshot_revision >= every and not opened.saving:
            self._background(self._save(key, opened, document))

    async def save(self, key: SessionKey, document: Document, *, every: int) -> None:
        """Keep a snapshot where there are as many edits since the last one."""
        opened = self._opened(key)
        behind = document.revision - document.snapshot_revision
        if behind >= every and not opened.saving:
            await self._save(key, opened, document)

    async def _save(self, key: SessionKey, opened: Open, document: Document) -> None:
        opened.saving = True
        try:
            snapshot = document.snapshot()
            floor = self._retention.floor(key.tenant, snapshot.revision, self._window)
            await self._store.save_snapshot(key, document.epoch, snapshot, floor, CHECKPOINT_EVERY)
            document.snapshot_revision = snapshot.revision
            unsaved = document.revision > snapshot.revision
            opened.unsaved_since = self._now_s() if unsaved else None
        finally:
            opened.saving = False

    async def tidy(self) -> None:
        """Save what has waited long enough, forget what is idle. To be called every few seconds."""
        for key, opened in list(self._open.items()):
            if opened.saving or opened.writer.busy:
                continue
            opened.tidy()
            document, now = opened.document, self._now_s()
            if document is not None and opened.unsaved_since is not None:
                if now - opened.unsaved_since >= SNAPSHOT_AFTER_S:
                    # By itself: one that cannot be saved keeps no other from it.
                    self._background(self._save(key, opened, document))
            elif now - opened.used_at > IDLE_S or len(self._open) > MOST:
                self.forget(key)
