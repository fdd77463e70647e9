"""`/sessions` and `/sessions/{session_id}`: listing, information, the end."""

from __future__ import annotations

from typing import Final

from .. import protocol
from . import schemas
from .routes import JSON, Answer, Incoming, Parameter, Route

SESSION_ID: Final = Parameter("session_id", schemas.SESSION_ID_TEXT, "The session.")


async def list_sessions(incoming: Incoming) -> Answer:
    return Answer(body=await incoming.call(protocol.LIST, dict(incoming.query)))


async def info(incoming: Incoming) -> Answer:
    return Answer(body=await incoming.call(protocol.INFO, dict(incoming.path)))


async def destroy(incoming: Incoming) -> Answer:
    await incoming.call(protocol.DESTROY, dict(incoming.path))
    return Answer(204)


ROUTES: Final = (
    Route(
        "GET",
        "/sessions",
        "list_sessions",
        "The ids of the sessions that the token has a right on, in order.",
        "any right",
        list_sessions,
        query=(
            Parameter("cursor", schemas.SESSION_ID_TEXT, "As the answer before had it."),
            Parameter("limit", schemas.PAGE_LIMIT, "So many at most; 100 if not given."),
        ),
        success={200: ({JSON: schemas.ref("Sessions")}, "A page of ids.")},
    ),
    Route(
        "GET",
        "/sessions/{session_id}",
        "session_info",
        "What there is to know of a session, and who is on it.",
        "the right to view",
        info,
        path_parameters=(SESSION_ID,),
        success={200: ({JSON: schemas.ref("Session")}, "The session.")},
        codes=("bad_session_id", "no_such_session"),
    ),
    Route(
        "DELETE",
        "/sessions/{session_id}",
        "destroy_session",
        "End a session, and remove its document and history.",
        "the right to manage",
        destroy,
        path_parameters=(SESSION_ID,),
        success={204: ({}, "It is gone.")},
        codes=("bad_session_id", "no_such_session"),
    ),
)
