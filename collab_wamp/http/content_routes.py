"""`/sessions/{session_id}/content`: documents out, and into new sessions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from .. import protocol
from ..access import allows, right_for
from ..errors import CollabError
from ..protocol import Arguments, bad
from ..tokens import Claims
from ..wamp.asking import apart
from . import schemas
from .formats import FORMATS, Import, as_delta, as_text, recognised
from .history import session, trace
from .planning import Planned
from .reading import sound
from .routes import JSON, TEXT, Answer, Incoming, Parameter, Route
from .session_routes import SESSION_ID

PATH: Final = "/sessions/{session_id}/content"
# A worker, or a store, that has ended is back by then.
TRIES: Final = 60
TRY_AGAIN_S: Final = 0.5

log = Logger()


async def export(incoming: Incoming) -> Answer:
    session_id = incoming.path["session_id"]
    revision = incoming.query.get("revision")
    wanted = incoming.query.get("format", "json")
    if wanted == "trace":
        return Answer(pieces=await trace(incoming, session_id, revision))
    if wanted == "session":
        return Answer(pieces=await session(incoming, session_id, revision))
    info = await incoming.call(protocol.INFO, {"session_id": session_id})
    found = await incoming.call(protocol.SNAPSHOT, {"session_id": session_id, "revision": revision})
    kind, content = info["type"], found["content"]
    if wanted == "text":
        return Answer(body=as_text(kind, content), media_type=TEXT)
    if wanted == "delta":
        return Answer(body=as_delta(kind, content))
    return Answer(
        body={
            "session_id": session_id,
            "type": kind,
            "revision": found["revision"],
            "content": content,
        }
    )


def may_import(claims: Claims, path: Mapping[str, str]) -> None:
    """Refuse whose token has no right to edit: nothing is granted on a session that is new."""
    session_id = Arguments((), path).session_id()
    right = right_for(claims, session_id)
    if right is None:
        raise CollabError("no_such_session", f"There is no session {session_id!r}.")
    if not allows(right, "edit"):
        raise CollabError("denied", "This needs the right to edit.", needs="edit")


def import_of(media_type: str, body: Any) -> Import:
    """What a body is as the beginning of a session, checked."""
    found = recognised(media_type, body)
    if found.type == "text" and not isinstance(found.content, str):
        raise bad("content", "must be a text", found.content)
    sound(found.content)
    return found


async def into_new(incoming: Incoming) -> Answer:
    session_id = incoming.path["session_id"]
    headers = {"Location": f"/sessions/{session_id}"}
    if isinstance(incoming.body, Planned):
        return Answer(201, await with_history(incoming, session_id, incoming.body), headers=headers)
    found: Import = incoming.body
    created = await incoming.call(
        protocol.CREATE,
        {"session_id": session_id, "type": found.type, "content": found.content},
    )
    return Answer(201, created, headers=headers)


async def with_history(incoming: Incoming, session_id: str, planned: Planned) -> dict[str, Any]:
    """Make a session and put its history into it, or leave nothing."""
    created = await incoming.call(
        protocol.CREATE,
        {
            "session_id": session_id,
            "type": planned.type,
            "content": planned.content,
            "conflicts": planned.conflicts,
        },
    )
    about = {"session_id": session_id, "epoch": created["epoch"]}
    revision = created["revision"]
    try:
        for edits in planned.batches():
            asked = {**about, "after": revision, "edits": edits}
            revision = (await incoming.call(protocol.IMPORT_EDITS, asked))["revision"]
        await incoming.call(protocol.IMPORT_DONE, about)
    except Exception:  # also that whoever asked has gone
        # Who goes meanwhile does not end this.
        await apart(Deferred.fromCoroutine(_destroyed(incoming, about)))
        raise
    return {**created, "revision": revision}


async def _destroyed(incoming: Incoming, about: dict[str, Any]) -> None:
    """Leave nothing of what was begun, even where what failed was the worker or the store."""
    for _ in range(TRIES):
        try:
            await incoming.call(protocol.IMPORT_FAILED, about)
            return
        except CollabError as error:
            if not error.entry.retryable:
                raise
        await incoming.pause(TRY_AGAIN_S)
    log.error("{session_id} is left with a part of what was imported", **about)


def _import(method: str) -> Route:
    return Route(
        method,
        PATH,
        f"{method.lower()}_content",
        "Make a new session of a content, or of a whole history, as they are exported.",
        "the right to edit",
        into_new,
        path_parameters=(SESSION_ID,),
        body={JSON: schemas.IMPORT, TEXT: schemas.CONTENT},
        large_body=True,
        histories=True,
        may_begin=may_import,
        take=import_of,
        success={201: ({JSON: schemas.ref("Created")}, "The session was made.")},
        codes=(
            "bad_session_id",
            "no_such_session",
            "session_exists",
            "document_full",
            "bad_op",
            "op_too_large",
            "conflict",
            "stale_epoch",
        ),
    )


ROUTES: Final = (
    Route(
        "GET",
        PATH,
        "get_content",
        "The document, or its whole history.",
        "the right to view",
        export,
        path_parameters=(SESSION_ID,),
        query=(
            Parameter("revision", schemas.COUNT, "Of this revision; the newest if not given."),
            Parameter(
                "format",
                {"type": "string", "enum": list(FORMATS), "default": "json"},
                "`text`: the plain text; `delta`: a Quill Delta; `trace`: all edits from the first "
                "one on, as https://github.com/josephg/editing-traces has them; `session`: the "
                "oldest content that is kept, and all edits since.",
            ),
        ),
        success={
            200: (
                {
                    JSON: {
                        "anyOf": [schemas.ref(name)
                            for name in ("Content", "Delta", "Trace", "History")
                        ]
                    },
                    TEXT: schemas.TEXT,
                },
                "The document.",
            )
        },
        codes=(
            "bad_session_id", "no_such_session", "bad_revision", "base_ahead", "base_too_old",
            "stale_epoch",
        ),
    ),
    _import("PUT"),
    _import("POST"),
)  # fmt: skip
