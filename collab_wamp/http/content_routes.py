"""`/sessions/{session_id}/content`: documents out, and into new sessions."""

from __future__ import annotations

from typing import Final

from .. import protocol
from . import schemas
from .formats import FORMATS, as_delta, as_text, recognised
from .history import trace
from .routes import JSON, TEXT, Answer, Incoming, Parameter, Route, sound
from .session_routes import SESSION_ID

PATH: Final = "/sessions/{session_id}/content"


async def export(incoming: Incoming) -> Answer:
    session_id = incoming.path["session_id"]
    revision = incoming.query.get("revision")
    wanted = incoming.query.get("format", "json")
    if wanted == "trace":
        return Answer(pieces=await trace(incoming, session_id, revision))
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


async def into_new(incoming: Incoming) -> Answer:
    found = recognised(incoming.media_type, incoming.body)
    session_id = incoming.path["session_id"]
    created = await incoming.call(
        protocol.CREATE,
        {"session_id": session_id, "type": found.type, "content": sound(found.content)},
    )
    return Answer(201, created, headers={"Location": f"/sessions/{session_id}"})


def _import(method: str) -> Route:
    return Route(
        method,
        PATH,
        f"{method.lower()}_content",
        "Make a new session with a content, in any of the forms in which it is exported.",
        "the right to edit",
        into_new,
        path_parameters=(SESSION_ID,),
        body={JSON: schemas.IMPORT, TEXT: schemas.CONTENT},
        large_body=True,
        checks_values=True,  # of a trace with a hundred thousand rows, one text is wanted
        success={201: ({JSON: schemas.ref("Created")}, "The session was made.")},
        codes=("bad_session_id", "no_such_session", "session_exists", "document_full"),
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
                "one on, as https://github.com/josephg/editing-traces has them.",
            ),
        ),
        success={
            200: (
                {
                    JSON: {
                        "anyOf": [schemas.ref(name) for name in ("Content", "Delta", "Trace")]
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
