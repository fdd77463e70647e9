"""`/stats`: figures of the tenant, of all nodes."""

from __future__ import annotations

from typing import Final

from .. import protocol
from . import schemas
from .routes import JSON, Answer, Incoming, Parameter, Route

NEEDS: Final = "the capability stats, or operate"
TENANT: Final = Parameter("tenant", schemas.TENANT, "Another tenant; needs operate.")


async def connections(incoming: Incoming) -> Answer:
    return Answer(body=await incoming.call(protocol.STATS_CONNECTIONS, dict(incoming.query)))


async def sessions(incoming: Incoming) -> Answer:
    return Answer(body=await incoming.call(protocol.STATS_SESSIONS, dict(incoming.query)))


ROUTES: Final = (
    Route(
        "GET",
        "/stats/connections",
        "connection_figures",
        "How many connections and users there are, in all and on each node.",
        NEEDS,
        connections,
        query=(TENANT,),
        success={200: ({JSON: schemas.ref("Connections")}, "Some seconds old.")},
    ),
    Route(
        "GET",
        "/stats/sessions",
        "session_figures",
        "How many sessions there are, and how many people on them.",
        NEEDS,
        sessions,
        query=(TENANT,),
        success={200: ({JSON: schemas.ref("SessionFigures")}, "Some seconds old.")},
    ),
)
