"""Answers an edit that conflicts with committed ones: refused, or held until its author decides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from .conflicts import asked, instead_of, named, refused, theirs
from .document import Document
from .errors import CollabError
from .ot.base import Buffer
from .past import Past
from .refusals import no_such_session, not_joined, stale_epoch
from .store.answers import NoSession, Seen, StaleEpoch
from .store.held import Held
from .store.interface import Store
from .store.values import Edit, SessionKey, Submission
from .writer import (
    MOST_PARTS,
    PROBE,
    REBASE_WORK,
    Request,
    answer_seen,
    fail,
    fitted,
    submission_of,
)

# Of one user on one session, those that have expired and are not dropped among them.
MOST_HELD = 20


@attrs.frozen
class Holding:
    """
    Args:
        held_s: how long an edit is held.
        new_name: makes a random name of so many bytes, fit as a client id.
    """

    _store: Store
    _past: Past
    _held_s: float
    _new_name: Callable[[int], str]

    async def answer(self, key: SessionKey, document: Document, request: Request) -> None:
        """Answer an edit that has been transformed to `request.at`, and conflicts.

        That it does follows from the edit and the log alone. So where it is not committed now, no
        copy of it will ever be: `conflict` settles what became of all of them.

        Raises:
            CollabError: `no_such_session`, `overloaded`, `store_unavailable`.
        """
        edit = Edit(request.client_id, request.seq, request.op, request.user_id, 0)
        submission = submission_of(request, edit)
        result = await self._store.commit(key, document.epoch, PROBE, [submission])
        if isinstance(result, Seen):
            # A copy of an edit that was committed before the others; or it may not be at all.
            durable = await self._store.settle()
            if not request.done.called:
                answer_seen(request, result.states[0], durable)
        elif isinstance(result, NoSession):
            raise no_such_session(key)
        elif isinstance(result, StaleEpoch):
            raise stale_epoch(result.epoch)
        elif document.meta.conflicts == "ask":
            fail(request, await self._hold(key, document, request, submission))
        else:
            fail(request, refused(request.clashes))

    async def _hold(
        self, key: SessionKey, document: Document, request: Request, submission: Submission
    ) -> CollabError:
        held = Held(
            conflict_id=self._new_name(15),
            user_id=request.user_id,
            client_id=request.client_id,
            seq=request.seq,
            digest=request.digest.hex(),
            epoch=document.epoch,
            revision=request.at,
            merged=_filled(document, request),
            instead=await self._instead(key, document, request),
            theirs=theirs(request.clashes),
            conflicts=named(request.clashes),
        )
        lives_ms = int(self._held_s * 1000)
        result = await self._store.hold(key, held, submission, lives_ms=lives_ms, most=MOST_HELD)
        if isinstance(result, Held):
            return asked(result)
        if isinstance(result, StaleEpoch):
            return stale_epoch(result.epoch)
        if isinstance(result, NoSession):
            return no_such_session(key)
        if result == "gone":
            return not_joined()
        return refused(request.clashes, limit="held_per_user")

    async def _instead(self, key: SessionKey, document: Document, request: Request) -> Any:
        """See `instead_of`. Now: what others deleted may not be kept when it is decided."""
        last, base = request.at, request.base
        if base < document.start:
            return None  # forgotten meanwhile, for others' sake
        edits = document.edits(base, last)
        buffer = await self._buffer_at(key, document, base)
        return instead_of(
            document.type,
            request.made,
            request.client_id,
            edits,
            buffer,
            work=REBASE_WORK,
            parts=MOST_PARTS,
        )

    async def _buffer_at(self, key: SessionKey, document: Document, revision: int) -> Buffer | None:
        """The content at a revision; None where it is not kept."""
        try:
            moment = await self._past.at(key, revision)
        except CollabError as error:
            if error.code != "bad_revision":
                raise
            return None
        same = moment.epoch == document.epoch
        return document.type.buffer(moment.content) if same else None


def _filled(document: Document, request: Request) -> Any:
    """The edit as it would be merged, with what it deletes, as far as that is known."""
    if request.at < document.start or document.work_of_measure(request.at) > REBASE_WORK:
        return request.op
    return fitted(document.type, document.measure_at(request.at), request.op)[0]
