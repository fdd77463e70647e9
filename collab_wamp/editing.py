"""The use case of an edit: who sends it, whether they may, and on to the session's writer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from . import protocol, tracing
from .access import allows, right_for, right_on
from .caller import Caller
from .conflicts import named
from .documents import Documents
from .errors import CollabError
from .joining import SessionLimits
from .ot import OpError
from .participants import Participants
from .protocol import Arguments
from .rates import Limiter
from .refusals import bad_op, denied, not_joined
from .rights import Rights
from .store.values import Participant, SessionKey
from .submitting import refuse_crowd
from .writer import Request, body_digest

# What is answered from the document alone; to others than its participants that tells of it.
UNASKED = ("stale_epoch", "bad_op", "base_too_old", "document_full")


@attrs.frozen
class Submitted:
    """What a client sends.

    Attributes:
        base: the revision that it was made at.
        op: as it came.
    """

    key: SessionKey
    epoch: str
    base: int
    client_id: str
    seq: int
    op: Any


class Editing:
    """
    Args:
        refuse_edits: raises where no edits are taken.
    """

    def __init__(
        self,
        documents: Documents,
        participants: Participants,
        rights: Rights,
        limiter: Limiter,
        limits: SessionLimits,
        refuse_edits: Callable[[], None],
    ) -> None:
        self._documents = documents
        self._participants = participants
        self._rights = rights
        self._limiter = limiter
        self._limits = limits
        self._refuse_edits = refuse_edits

    async def edit(self, caller: Caller, arguments: Arguments) -> dict[str, Any]:
        with tracing.call() as trace:
            submitted = Submitted(
                SessionKey(caller.claims.tenant, arguments.session_id()),
                arguments.pattern("epoch", protocol.EPOCH),
                arguments.revision(),
                arguments.pattern("client_id", protocol.CLIENT_ID),
                arguments.integer("seq", 1, protocol.MAX_INTEGER),
                arguments.value("op"),
            )
            arguments.finish()
            key = submitted.key
            trace.about(
                submitted.epoch,
                submitted.client_id,
                submitted.seq,
                tenant=key.tenant,
                session_id=key.session_id,
                base=submitted.base,
            )
            self._refuse_edits()
            participant = self._participants.remembered(key, caller.wamp_session_id)
            if participant is None or not self._may(caller, submitted, participant):
                participant = await self._look_up(caller, submitted)
            claims = caller.claims
            await self._limiter.take("edits", claims.tenant, claims.user_id, key.session_id)
            try:
                return await self._submit(caller, submitted, participant, trace)
            except CollabError as error:
                if error.code in ("not_joined", "denied"):
                    # Never once more under another join: a join settles what was sent before it.
                    self._participants.forget(participant.participant_id)
                    await self._rights.require(caller, key, "view")
                elif error.code in UNASKED:
                    await self._look_up(caller, submitted)
                raise

    def _may(self, caller: Caller, submitted: Submitted, participant: Participant) -> bool:
        # By the token as it is now: what the roster says of it may be a moment old.
        right = right_on(caller.claims, submitted.key.session_id, participant.granted)
        return allows(right, "edit") and submitted.client_id == participant.client_id

    async def _look_up(self, caller: Caller, submitted: Submitted) -> Participant:
        """Who is editing, by the store; it is refused whoever may not."""
        key = submitted.key
        participant = await self._participants.find(key, caller.wamp_session_id)
        if participant is None:
            await self._rights.require(caller, key, "view")
            raise not_joined()
        if not allows(right_on(caller.claims, key.session_id, participant.granted), "edit"):
            raise denied("edit")
        if submitted.client_id != participant.client_id:
            raise protocol.bad(
                "client_id", "must be the one given when joining", submitted.client_id
            )
        return participant

    async def _submit(
        self,
        caller: Caller,
        submitted: Submitted,
        participant: Participant,
        trace: tracing.Untraced,
    ) -> dict[str, Any]:
        key = submitted.key
        trace.mark("rights")
        document = await self._documents.get(key)
        try:
            op = document.type.check(submitted.op, self._limits.op)
        except OpError as error:
            raise bad_op(error) from None
        if document.type.is_noop(op):
            # No commit asks the roster.
            await self._look_up(caller, submitted)
            return {"revision": document.revision, "durable": True}
        refuse_crowd(self._documents, self._limits)
        request = Request(
            epoch=submitted.epoch,
            base=submitted.base,
            client_id=submitted.client_id,
            seq=submitted.seq,
            # What a client says that it deletes is not looked at, so it must not reach others.
            op=document.type.bare(op),
            user_id=caller.claims.user_id,
            digest=body_digest(submitted.epoch, submitted.base, op),
            max_length=self._limits.document_length,
            participant_id=participant.participant_id,
            join_id=participant.join_id,
            may_edit=allows(right_for(caller.claims, key.session_id) or "", "edit"),
            trace=trace,
        )
        revision, durable = await self._documents.writer(key).submit(request)
        result: dict[str, Any] = {"revision": revision, "durable": durable}
        clashes = request.clashes + request.beside
        if clashes and (conflicts := named(clashes)):
            result["conflicts"] = conflicts
        return result
