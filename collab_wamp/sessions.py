"""The use cases of a collaboration session: create, join, edit, fetch and so on; without WAMP.

Every method takes the caller and the call's arguments as they came, and returns the result's
dict or raises `CollabError`. Any instance of this class, in any process on any node, may take any
call: what it remembers is a cache of the store.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from . import protocol
from .access import right_for, withheld_from
from .bulk import most_bulk, too_much_bulk
from .caller import Caller
from .document import Document
from .documents import Documents
from .editing import Editing
from .errors import CollabError
from .history import History
from .holding import Holding
from .joining import SessionLimits, document_of, join_result
from .ot import TYPES, OpError, get_type
from .ot.canonical import canonical
from .participants import Participants, random_name
from .past import Past
from .protocol import Arguments
from .rates import Limiter
from .refusals import document_full, no_such_session, stale_epoch
from .resolving import Resolving, held_rows
from .retention import Retention
from .rights import Rights
from .store.answers import ClientTaken, NoSession, StaleEpoch
from .store.interface import Store
from .store.values import Participant, SessionKey
from .writer import Request


class Sessions:
    """The use cases.

    Args:
        instance_id: the node this process belongs to.
        now_s: a monotonic clock, seconds.
        now_ms: the time of day, milliseconds since 1970.
        random_bytes: so many random bytes, fit for keys.
        limiter: see `rates`.
        watch: awaited before a join with the connection's id: the node's relay then follows the
            session; returns the epoch that it follows.
        pause: waits so many seconds (a little more or less, so that rivals do not collide again).
        background: runs something nobody waits for, and logs its failure.
        retention: how much history is kept.
        held_s: how long an edit that conflicts is held, on sessions that ask.

    Attributes:
        draining: whether edits are refused, since the node is ending.
    """

    def __init__(
        self,
        store: Store,
        *,
        instance_id: str,
        limits: SessionLimits,
        now_s: Callable[[], float],
        now_ms: Callable[[], int],
        random_bytes: Callable[[int], bytes],
        limiter: Limiter,
        watch: Callable[[SessionKey, int], Awaitable[str]],
        pause: Callable[[float], Awaitable[None]],
        background: Callable[[Awaitable[None]], None],
        retention: Retention,
        held_s: float = 600.0,
    ) -> None:
        self._store = store
        self._instance_id = instance_id
        self._limits = limits
        self._now_s = now_s
        self._now_ms = now_ms
        self._random_bytes = random_bytes
        self._limiter = limiter
        self.draining = False
        self._watch = watch
        self.documents = Documents(
            store,
            window=limits.window,
            retention=retention,
            now_s=now_s,
            now_ms=now_ms,
            new_name=self._new_name,
            pause=pause,
            background=background,
            clashed=self._clashed,
        )
        self._participants = Participants(store, instance_id, now_s)
        self.rights = Rights(store, self._participants, limiter)
        self.editing = Editing(
            self.documents, self._participants, self.rights, limiter, limits, self._refuse_edits
        )
        past = Past(store, self.documents, now_s=now_s, pause=pause)
        self._holding = Holding(store, past, held_s, self._new_name)
        self.history = History(
            store,
            past,
            self.documents,
            self.rights,
            limiter,
            limits,
            now_ms=now_ms,
            new_name=self._new_name,
            refuse_edits=self._refuse_edits,
        )
        self.resolving = Resolving(
            store,
            self.documents,
            self.rights,
            limiter,
            limits,
            refuse_edits=self._refuse_edits,
            pause=pause,
        )

    async def _clashed(self, key: SessionKey, document: Document, request: Request) -> None:
        await self._holding.answer(key, document, request)

    def _new_name(self, size: int) -> str:
        return random_name(self._random_bytes(size))

    # --- the calls --------------------------------------------------------------------------

    async def create(self, caller: Caller, arguments: Arguments) -> dict[str, Any]:
        session_id = arguments.session_id(optional=True)
        kind = arguments.choice("type", tuple(TYPES), "text")
        conflicts = arguments.choice("conflicts", protocol.CONFLICT_MODES, "merge")
        if_absent = arguments.flag("if_absent")
        content = arguments.optional_value("content")
        arguments.finish()
        await self._limit("calls", caller)
        if not session_id:
            session_id = self._new_name(12)
        key = SessionKey(caller.claims.tenant, session_id)
        await self.rights.require(caller, key, "edit")
        meta, created = await self._store.create(
            key,
            type=kind,
            epoch=self._new_name(10),
            topic_key=self._new_name(16),
            owner=caller.claims.user_id,
            conflicts=conflicts,
            created_ms=self._now_ms(),
            content=self._initial(kind, content),
        )
        if not created and not if_absent:
            raise CollabError("session_exists", f"Session {session_id!r} exists.", epoch=meta.epoch)
        return {
            "session_id": session_id,
            "epoch": meta.epoch,
            "revision": meta.revision,
            "created": created,
        }

    def _initial(self, type_name: str, content: Any) -> bytes:
        kind = get_type(type_name)
        try:
            document = kind.create(content)
        except OpError as error:
            raise protocol.bad(
                "content", f"is not content of type {type_name}: {error}", ""
            ) from None
        length = kind.size(kind.measure(document))
        if length > self._limits.document_length:
            raise document_full(length, self._limits.document_length)
        bulk = kind.bulk(kind.buffer(document))
        most = most_bulk(self._limits.document_length)
        if bulk is not None and bulk.bytes > most:
            raise too_much_bulk(most)
        return canonical(document)

    async def join(self, caller: Caller, arguments: Arguments) -> dict[str, Any]:
        session_id = arguments.session_id()
        client_id = arguments.pattern("client_id", protocol.CLIENT_ID)
        user_info = arguments.user_info()
        epoch = arguments.optional_pattern("epoch", protocol.EPOCH)
        after = arguments.optional_revision()
        last = arguments.last_edit()
        arguments.finish()
        key = SessionKey(caller.claims.tenant, session_id)
        await self.rights.require(caller, key, "view")
        await self._limit("joins", caller)
        followed = await self._watch(key, caller.wamp_session_id)
        participant_id = self._participants.id_of(key, caller.wamp_session_id)
        # Also where the answer gets lost, edits must not go on under the join before.
        self._participants.forget(participant_id)
        participant = Participant(
            participant_id=participant_id,
            user_id=caller.claims.user_id,
            client_id=client_id,
            instance_id=self._instance_id,
            wamp_session_id=caller.wamp_session_id,
            right=right_for(caller.claims, session_id) or "",
            user_info=user_info,
            joined_ms=self._now_ms(),
            join_id=self._new_name(8),
            withheld=withheld_from(caller.claims),
        )
        joined = await self._store.join(key, participant, epoch=epoch, after=after, last=last)
        if isinstance(joined, NoSession):
            raise no_such_session(key)
        if isinstance(joined, ClientTaken):
            raise CollabError(
                "bad_request",
                "client_id: it is another user's on this session; choose one at random.",
                argument="client_id",
            )
        if joined.meta.epoch != followed:
            # Destroyed and created, or renewed, in between: the relay follows what is no more.
            await self._watch(key, caller.wamp_session_id)
        participant = next(
            other for other in joined.roster if other.participant_id == participant_id
        )
        self._participants.remember(participant)
        for other in joined.fenced:
            self._participants.forget(other.participant_id)
        document = await document_of(self._store, self.documents, key, joined)
        result = join_result(participant, joined, document, self._limits)
        if joined.meta.conflicts == "ask":
            # Read after the join: by joins before it nothing is held from then on.
            result["held"] = await held_rows(self._store, key, participant.user_id)
        return result

    async def leave(self, caller: Caller, arguments: Arguments) -> dict[str, Any]:
        key = self._key(caller, arguments)
        arguments.finish()
        participant_id = self._participants.id_of(key, caller.wamp_session_id)
        self._participants.forget(participant_id)
        await self._store.leave(key, participant_id, "left")
        return {}

    async def edit(self, caller: Caller, arguments: Arguments) -> dict[str, Any]:
        return await self.editing.edit(caller, arguments)

    async def fetch(self, caller: Caller, arguments: Arguments) -> dict[str, Any]:
        key = self._key(caller, arguments)
        epoch = arguments.pattern("epoch", protocol.EPOCH)
        after = arguments.revision("after")
        limit = arguments.integer("limit", 1, protocol.MAX_FETCH, protocol.MAX_FETCH)
        arguments.finish()
        await self._limit("calls", caller)
        await self.rights.require(caller, key, "view")
        answer = await self._store.edits(key, epoch, after, limit)
        if isinstance(answer, NoSession):
            raise no_such_session(key)
        if isinstance(answer, StaleEpoch):
            raise stale_epoch(answer.epoch)
        edits, meta = answer
        if after > meta.revision:
            raise CollabError(
                "base_ahead",
                f"Revision {after} is ahead of {meta.revision}.",
                revision=meta.revision,
            )
        if after < meta.floor_revision:
            raise CollabError(
                "base_too_old",
                f"Edits up to {meta.floor_revision} are no longer kept; join again.",
                revision=meta.revision,
                oldest=meta.floor_revision,
            )
        return {
            "edits": [edit.as_wire() for edit in edits],
            "revision": meta.revision,
            "more": after + len(edits) < meta.revision,
            "joined": await self._participants.find(key, caller.wamp_session_id) is not None,
        }

    async def info(self, caller: Caller, arguments: Arguments) -> dict[str, Any]:
        key = self._key(caller, arguments)
        arguments.finish()
        await self._limit("calls", caller)
        right = await self.rights.require(caller, key, "view")
        found = await self._store.roster(key)
        if found is None:
            raise no_such_session(key)
        meta, roster, _presence = found
        return {
            "session_id": key.session_id,
            "type": meta.type,
            "epoch": meta.epoch,
            "revision": meta.revision,
            "snapshot_revision": meta.snapshot_revision,
            "floor_revision": meta.floor_revision,
            "owner": meta.owner,
            "conflicts": meta.conflicts,
            "created_ms": meta.created_ms,
            "roster": [participant.as_wire() for participant in roster],
            "rights": right,
            # Who else has rights is for those who may change that.
            **({"granted": await self._store.grants(key)} if right == "manage" else {}),
        }

    async def list_sessions(self, caller: Caller, arguments: Arguments) -> dict[str, Any]:
        cursor = arguments.text("cursor", "", 64)
        limit = arguments.integer("limit", 1, 1000, 100)
        arguments.finish()
        await self._limit("calls", caller)
        tenant, rights = caller.claims.tenant, caller.claims.rights
        if "*" in rights:
            ids, more = await self._store.list_sessions(tenant, cursor, limit)
        else:
            # Nothing is told of the others, not even by a cursor.
            named = sorted(name for name in rights if name > cursor)
            ids = await self._store.existing(tenant, named[:limit])
            more = named[limit - 1] if len(named) > limit else ""
        return {"sessions": await self.rights.visible(caller, ids), "cursor": more or None}

    async def destroy(self, caller: Caller, arguments: Arguments) -> dict[str, Any]:
        key = self._key(caller, arguments)
        arguments.finish()
        await self._limit("calls", caller)
        await self.rights.require(caller, key, "manage")
        self.documents.forget(key)
        if not await self._store.destroy(key):
            raise no_such_session(key)
        return {}

    def refreshed(self, wamp_session_id: int) -> None:
        """A connection goes on under another token."""
        self._participants.forget_connection(wamp_session_id)

    async def health(self) -> dict[str, Any]:
        """Whether this process can do its work; `CollabError` where the store does not answer."""
        return {"ok": True, "store": await self._store.ping(), "documents": len(self.documents)}

    def _refuse_edits(self) -> None:
        """Raise `draining` where the node is ending."""
        if self.draining:
            raise CollabError("draining", "This instance is ending; connect to another.")

    async def _limit(self, what: str, caller: Caller, session_id: str = "") -> None:
        claims = caller.claims
        await self._limiter.take(what, claims.tenant, claims.user_id, session_id)

    # --- who may ----------------------------------------------------------------------------

    def _key(self, caller: Caller, arguments: Arguments) -> SessionKey:
        return SessionKey(caller.claims.tenant, arguments.session_id())
