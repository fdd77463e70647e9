"""What a join answers: where the document is, who is here, and where to listen."""

from __future__ import annotations

from typing import Any

import attrs
import orjson

from . import protocol
from .document import Document, read_on
from .documents import Documents
from .ot.base import Limits as OpLimits
from .presence import Budget, as_wire, move_presence
from .store.answers import Joined
from .store.interface import Store
from .store.values import Participant, SessionKey

# So many edits ago somebody may have told where they are, for others who join to be told too.
PRESENCE_BEHIND = 1000


@attrs.frozen
class SessionLimits:
    """What a document and a waiting line may grow to.

    Attributes:
        document_length: code points.
        window: how many edits an edit's base may be behind.
        waiting: edits waiting in this process before it says `overloaded`.
    """

    op: OpLimits = attrs.field(factory=OpLimits)
    document_length: int = 1 << 20
    window: int = 2000
    waiting: int = 1000

    def as_wire(self) -> dict[str, int]:
        return {
            "op_parts": self.op.parts,
            "op_insert_bytes": self.op.insert_bytes,
            "document_length": self.document_length,
            "base_behind": self.window,
        }


async def document_of(
    store: Store, documents: Documents, key: SessionKey, joined: Joined
) -> Document:
    """The document at least as new as the join, for its content and for presence."""
    document = await documents.get(key)
    if document.epoch != joined.meta.epoch:
        document = await documents.get(key, again=True)
    behind = document.revision < joined.meta.revision
    if (behind and not await read_on(store, key, document)) or went_another_way(document, joined):
        document = await documents.get(key, again=True)
    recent = [
        presence.revision
        for presence in joined.presence.values()
        if presence.revision >= document.revision - PRESENCE_BEHIND
    ]
    if recent:
        await documents.reach(key, document, min(recent))
    return document


def went_another_way(document: Document, joined: Joined) -> bool:
    """Whether the document remembered is of a history that the store has lost since."""
    same = document.revision == joined.meta.revision
    return same and document.head not in ("", joined.meta.head)


def join_result(
    participant: Participant, joined: Joined, document: Document, limits: SessionLimits
) -> dict[str, Any]:
    """The result of `collab.session.join`, all as of the moment the participant was added.

    The document remembered may be newer; but `next_seq` tells of the moment of the join, so the
    content must be of that moment too.
    """
    meta = joined.meta
    budget = Budget()
    result: dict[str, Any] = {
        "participant_id": participant.participant_id,
        "epoch": meta.epoch,
        "type": meta.type,
        "conflicts": meta.conflicts,
        "revision": meta.revision,
        "next_seq": joined.last_seq + 1,
        "roster": [other.as_wire() for other in joined.roster],
        "presence": {
            participant_id: as_wire(moved)
            for participant_id, presence in joined.presence.items()
            if document.start <= presence.revision <= meta.revision
            for ops in [document.ops(presence.revision, meta.revision)]
            for moved in [move_presence(document.type, presence, ops, meta.revision, budget)]
            if moved is not None
        },
        "rights": participant.may,
        "topics": protocol.topics(meta.topic_key),
        "limits": limits.as_wire(),
    }
    if joined.unpack is None:
        result["edits"] = [edit.as_wire() for edit in joined.edits]
    elif document.epoch == meta.epoch and document.revision == meta.revision:
        result["content"] = document.content()
    else:
        snapshot = joined.unpack()
        buffer = document.type.buffer(document.type.create(orjson.loads(snapshot.content)))
        for edit in joined.edits:
            buffer.apply(edit.op)
        result["content"] = buffer.content()
    return result
