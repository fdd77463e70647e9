"""Use cases of the node itself: a history is put into a session that was just made for it.

Whoever reads the history (`imports`) has checked it; what is looked at here is that it goes on from
where the session is, and whose the edits may be said to be.
"""

from __future__ import annotations

from typing import Any

from . import protocol
from .caller import Caller
from .documents import SNAPSHOT_EVERY, Documents
from .errors import CollabError
from .ot import OpError
from .protocol import Arguments
from .refusals import bad_op, denied
from .store.answers import Committed
from .store.interface import Store
from .store.values import Edit, SessionKey, Submission
from .writer import body_digest

# What may say of edits that they are others'.
FOR_OTHERS = "tokens"


class Importing:
    """The calls; all are made on behalf of who imports, and by nobody else than the node.

    Until `done` the session may be seen, and edited, by those who have a right on it; then what is
    imported does not go on from where it is, and it is destroyed.
    """

    def __init__(self, store: Store, documents: Documents) -> None:
        self._store = store
        self._documents = documents

    async def edits(self, caller: Caller, arguments: Arguments) -> dict[str, Any]:
        """Commit edits `[client_id, seq, op, user_id, time_ms]` after a revision.

        They are the caller's, unless the caller has the capability `tokens`.
        """
        key, epoch = self._about(caller, arguments)
        after, rows = arguments.revision("after"), arguments.value("edits")
        arguments.finish()
        document = await self._documents.get(key)
        if (document.epoch, document.revision) != (epoch, after):
            raise disturbed()
        if not caller.has(FOR_OTHERS):
            rows = [[*row[:3], caller.claims.user_id, row[4]] for row in rows]
        edits = [Edit.from_wire(row) for row in rows]
        measure = document.measure
        for edit in edits:
            try:
                _, measure = document.type.fit(measure, edit.op)
            except OpError as error:
                raise bad_op(error) from None
        result = await self._store.commit(
            key,
            epoch,
            after,
            [
                Submission(edit, body_digest(epoch, revision, edit.op))
                for revision, edit in enumerate(edits, after)
            ],
            document.head,
        )
        if not isinstance(result, Committed):
            raise disturbed()
        document.extend(after, edits)
        # As often as where people edit, so that the content at any revision can be told.
        await self._documents.save(key, document, every=SNAPSHOT_EVERY)
        return {"revision": after + len(edits)}

    async def done(self, caller: Caller, arguments: Arguments) -> dict[str, Any]:
        """All has been committed: keep a snapshot, so that nobody has to go through it again."""
        key, epoch = self._about(caller, arguments)
        arguments.finish()
        document = await self._documents.get(key)
        if document.epoch != epoch:
            raise disturbed()
        await self._documents.save(key, document, every=1)
        return {"revision": document.revision}

    async def failed(self, caller: Caller, arguments: Arguments) -> dict[str, Any]:
        """Destroy what was begun."""
        key, epoch = self._about(caller, arguments)
        arguments.finish()
        meta = await self._store.meta(key)
        destroyed = False
        if meta is not None and meta.epoch == epoch:
            self._documents.forget(key)
            destroyed = await self._store.destroy(key)
        return {"destroyed": destroyed}

    def _about(self, caller: Caller, arguments: Arguments) -> tuple[SessionKey, str]:
        if caller.wamp_session_id:
            raise denied("import")
        key = SessionKey(caller.claims.tenant, arguments.session_id())
        return key, arguments.pattern("epoch", protocol.EPOCH)


def disturbed() -> CollabError:
    message = "Somebody else edited or destroyed the session while it was imported; it is not made."
    return CollabError("conflict", message)
