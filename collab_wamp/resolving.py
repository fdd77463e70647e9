"""What becomes of held edits: their authors decide, or they expire."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from . import protocol
from .access import allows, effective
from .caller import Caller
from .document import Document
from .documents import Documents
from .errors import CollabError
from .joining import SessionLimits
from .ot import OpError, TooMuchWork, rebase
from .protocol import Arguments
from .rates import Limiter
from .refusals import bad_op, denied
from .rights import Rights
from .store.answers import NoSession, StaleEpoch
from .store.held import RESOLUTION, Held, Resolved
from .store.interface import Store
from .store.values import SessionKey
from .submitting import submit_for
from .writer import MOST_PARTS, MOST_WEIGHT, REBASE_WORK

SWEEP = 100
TRIES = 3
# Edits that an operation is transformed over before it is others' turn.
PAGE = 250


class Resolving:
    """The use case `collab.session.resolve`.

    Args:
        refuse_edits: raises where edits are not taken, since the node is ending.
        pause: waits so many seconds; 0 = lets others have a turn.
    """

    def __init__(
        self,
        store: Store,
        documents: Documents,
        rights: Rights,
        limiter: Limiter,
        limits: SessionLimits,
        refuse_edits: Callable[[], None],
        pause: Callable[[float], Awaitable[None]],
    ) -> None:
        self._store = store
        self._documents = documents
        self._rights = rights
        self._limiter = limiter
        self._limits = limits
        self._refuse_edits = refuse_edits
        self._pause = pause

    async def resolve(self, caller: Caller, arguments: Arguments) -> dict[str, Any]:
        """Commit for a held edit what its author chose, or drop it; once, however often asked."""
        key = SessionKey(caller.claims.tenant, arguments.session_id())
        conflict_id = arguments.pattern("conflict_id", protocol.CLIENT_ID)
        choice = arguments.choice("choice", protocol.CONFLICT_CHOICES, "")
        op, base = arguments.optional_value("op"), arguments.optional_revision()
        arguments.finish()
        if not choice:
            raise CollabError("bad_request", "choice is missing.", argument="choice")
        if (choice == "op") != (op is not None):
            raise protocol.bad("op", "is given with the choice `op`, and only there", "")
        if choice != "op" and base is not None:
            raise protocol.bad("revision", "is given with the choice `op` only", base)
        self._refuse_edits()
        user_id = caller.claims.user_id
        await self._limiter.take("edits", key.tenant, user_id, key.session_id)
        right = await self._rights.require(caller, key, "edit")
        found = await self._store.held(key, conflict_id)
        if found is None or (found.user_id != user_id and right != "manage"):
            raise no_such_conflict()
        if isinstance(found, Resolved):
            await self._store.settle()
            return {"revision": found.revision}
        if choice == "theirs":
            return await self._drop(key, found)
        if found.state == "expired":
            message = "It was not decided in time; it can be dropped, by the choice `theirs`."
            raise CollabError("no_such_conflict", message, state="expired")

        async def check_rights() -> None:
            """A right may have been taken meanwhile, and nobody looks at it after this."""
            right = await self._rights.require(caller, key, "edit")
            if found.user_id != user_id:
                if right != "manage":
                    raise no_such_conflict()
                await self._check_author(key, found)

        return await self._commit(key, found, choice, op, base, check_rights)

    async def _check_author(self, key: SessionKey, held: Held) -> None:
        """The author has edited by their token; what is granted to them by now counts more."""
        granted = await self._store.granted(key, held.user_id)
        if not allows(effective("edit", granted), "edit"):
            raise denied("edit")

    async def _drop(self, key: SessionKey, held: Held) -> dict[str, Any]:
        resolved = await self._store.unhold(key, held.conflict_id)
        if resolved is None:
            raise no_such_conflict()
        await self._store.settle()
        return {"revision": resolved.revision}

    async def _commit(
        self,
        key: SessionKey,
        held: Held,
        choice: str,
        op: Any,
        base: int | None,
        check_rights: Callable[[], Awaitable[None]],
    ) -> dict[str, Any]:
        document = await self._documents.get(key)
        kind = document.type
        if choice == "op":
            try:
                op = kind.bare(kind.check(op, self._limits.op))
            except OpError as error:
                raise bad_op(error) from None
        else:
            op = held.instead if choice == "mine" else held.merged
        if op is None:
            raise CollabError(
                "base_too_old",
                "What the others did cannot be taken back any more: choose `both`, `theirs`, `op`.",
                revision=document.revision,
            )
        at = held.revision if base is None else base
        tries = 0
        while True:
            tries += 1
            if choice != "op":
                op, at = await self._within_reach(key, held, document, op, at)
            if kind.is_noop(op):
                return await self._drop(key, held)
            await check_rights()
            try:
                revision = await self._submit(key, held, op, at)
            except CollabError as error:
                # So much was committed since it was brought there.
                if error.code != "base_too_old" or choice == "op" or tries == TRIES:
                    raise
            else:
                await self._store.unhold(key, held.conflict_id)
                return {"revision": revision}

    async def _submit(self, key: SessionKey, held: Held, op: Any, base: int) -> int:
        """Commit for a held edit; the revision."""
        revision, _durable = await submit_for(
            self._documents,
            self._limits,
            key,
            held.user_id,
            epoch=held.epoch,
            base=base,
            client_id=held.conflict_id,
            op=op,
            digest=RESOLUTION,
        )
        return revision

    async def _within_reach(
        self, key: SessionKey, held: Held, document: Document, op: Any, base: int
    ) -> tuple[Any, int]:
        """An operation of a held edit, and its base, not as far behind as nobody's may be.

        It was held for longer than others take; the history may reach back further than that.
        """
        meta = await self._store.meta(key)
        while meta is not None and base < meta.revision - self._limits.window // 2:
            answer = await self._store.edits(key, held.epoch, base, PAGE)
            if isinstance(answer, NoSession | StaleEpoch) or not answer[0]:
                break
            edits, meta = answer
            lean = document.type.lean
            concurrent = [(edit.client_id, lean(edit.op)) for edit in edits]
            try:
                op = rebase(
                    document.type,
                    lean(op),
                    held.conflict_id,
                    concurrent,
                    work=REBASE_WORK,
                    parts=MOST_PARTS,
                    weight=MOST_WEIGHT,
                )
            except TooMuchWork:
                break
            base += len(concurrent)
            await self._pause(0)
        return op, base


async def held_rows(store: Store, key: SessionKey, user_id: str) -> list[dict[str, Any]]:
    """A user's held and expired edits, as `join` tells them."""
    return [held.as_wire() for held in await store.held_of(key, user_id)]


async def expire_held(store: Store) -> None:
    """Mark and tell what has expired, and forget what was kept long enough.

    Several nodes may do it at a time: each step is harmless when it is done again.
    """
    for key, conflict_id in await store.due(SWEEP):
        await store.expire(key, conflict_id)


def no_such_conflict() -> CollabError:
    return CollabError("no_such_conflict", "There is no such conflict, or it is another user's.")
