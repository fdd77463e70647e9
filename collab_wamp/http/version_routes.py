"""`/sessions/{session_id}/versions` and `…/restore`: named versions, and going back."""

from __future__ import annotations

from typing import Final

from .. import protocol
from ..protocol import Arguments
from . import schemas
from .routes import JSON, Answer, Incoming, Parameter, Route, whole
from .session_routes import SESSION_ID

PATH: Final = "/sessions/{session_id}/versions"
VERSION_ID: Final = Parameter("version_id", schemas.VERSION_ID_TEXT, "The version.")
OF_A_REVISION: Final = ("bad_revision", "base_ahead", "stale_epoch")


async def list_versions(incoming: Incoming) -> Answer:
    return Answer(body=await incoming.call(protocol.VERSIONS, dict(incoming.path)))


async def save(incoming: Incoming) -> Answer:
    arguments = Arguments((), incoming.fields())
    asked = {
        "name": arguments.value("name"),
        "revision": whole(arguments.optional_value("revision")),
    }
    arguments.finish()
    return Answer(201, await incoming.call(protocol.SAVE_VERSION, {**incoming.path, **asked}))


async def delete(incoming: Incoming) -> Answer:
    await incoming.call(protocol.DELETE_VERSION, dict(incoming.path))
    return Answer(204)


async def restore(incoming: Incoming) -> Answer:
    arguments = Arguments((), incoming.fields())
    asked = {
        "version_id": arguments.optional_value("version_id"),
        "revision": whole(arguments.optional_value("revision")),
    }
    arguments.finish()
    return Answer(body=await incoming.call(protocol.RESTORE, {**incoming.path, **asked}))


ROUTES: Final = (
    Route(
        "GET",
        PATH,
        "list_versions",
        "The named versions of a session, the newest first.",
        "the right to view",
        list_versions,
        path_parameters=(SESSION_ID,),
        success={200: ({JSON: schemas.ref("Versions")}, "The versions.")},
        codes=("bad_session_id", "no_such_session"),
    ),
    Route(
        "POST",
        PATH,
        "save_version",
        "Give the document, as it is or as it was at a revision, a name, and keep it.",
        "the right to edit",
        save,
        path_parameters=(SESSION_ID,),
        body={JSON: schemas.SAVING},
        success={201: ({JSON: schemas.ref("Version")}, "The version.")},
        codes=("bad_session_id", "no_such_session", "too_many", *OF_A_REVISION),
    ),
    Route(
        "DELETE",
        PATH + "/{version_id}",
        "delete_version",
        "Delete a named version.",
        "the right to edit, and to manage where it is somebody else's",
        delete,
        path_parameters=(SESSION_ID, VERSION_ID),
        success={204: ({}, "It is gone.")},
        codes=("bad_session_id", "no_such_session", "no_such_version"),
    ),
    Route(
        "POST",
        "/sessions/{session_id}/restore",
        "restore",
        "Make the document what it was, by an edit that everybody on it sees.",
        "the right to edit",
        restore,
        path_parameters=(SESSION_ID,),
        body={JSON: schemas.RESTORING},
        success={
            200: ({JSON: schemas.ref("Restored")}, "The edit; or the head, where nothing differs.")
        },
        codes=(
            "bad_session_id", "no_such_session", "no_such_version", "document_full",
            "base_too_old", *OF_A_REVISION,
        ),
    ),
)  # fmt: skip
