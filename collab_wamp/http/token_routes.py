"""Tokens: for a user of a session, with any rights, and taken back."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Final

from .. import protocol
from ..access import RIGHTS
from ..caller import Caller
from ..participants import random_name
from ..protocol import Arguments
from ..tokens import Claims
from . import schemas
from .routes import JSON, Answer, Incoming, Parameter, Route, whole

NEEDS: Final = "the capability tokens"


def may_issue(claims: Claims, _path: Mapping[str, str]) -> None:
    """Refuse who may not issue tokens, as the procedures do."""
    Caller(claims, 0).require("tokens")


async def create_for_user(incoming: Incoming) -> Answer:
    """Make the session if it is not there, and a token for one user of it."""
    arguments = Arguments((), incoming.fields())
    user = Arguments((), _as_object(arguments.value("user")))
    session_id = arguments.session_id(optional=True) or random_name(secrets.token_bytes(12))
    asked = {"session_id": session_id, "if_absent": True}
    for name in ("type", "content"):
        asked[name] = arguments.optional_value(name)
    if (if_absent := arguments.optional_value("if_absent")) is not None:
        asked["if_absent"] = if_absent
    issuing = {
        "user_id": user.value("id"),
        "name": user.optional_value("name"),
        "rights": {session_id: arguments.choice("rights", RIGHTS, "edit")},
        "capabilities": arguments.optional_value("capabilities"),
        "ttl_s": whole(arguments.optional_value("ttl_s")),
    }
    user.finish()
    arguments.finish()
    # In this order: where one of them is refused, nothing is left of the other.
    issued = await incoming.call(protocol.TOKEN_ISSUE, issuing)
    created = await incoming.call(protocol.CREATE, asked)
    return Answer(201, {**created, **issued}, headers={"Location": f"/sessions/{session_id}"})


def _as_object(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise protocol.bad("user", 'must be an object: {"id", "name"}', value)
    return value


async def issue(incoming: Incoming) -> Answer:
    arguments = Arguments((), incoming.fields())
    asked = {name: arguments.value(name) for name in ("user_id", "rights")}
    for name in ("name", "capabilities"):
        asked[name] = arguments.optional_value(name)
    asked["ttl_s"] = whole(arguments.optional_value("ttl_s"))
    arguments.finish()
    return Answer(201, await incoming.call(protocol.TOKEN_ISSUE, asked))


async def revoke(incoming: Incoming) -> Answer:
    await incoming.call(protocol.TOKEN_REVOKE, dict(incoming.path))
    return Answer(204)


def routes(longest_s: int) -> tuple[Route, ...]:
    """The routes, where tokens live for so many seconds at most."""
    return (
        Route(
            "POST",
            "/sessions/create",
            "create_session_for_user",
            "Make a session, if it is not there yet, and a token for one user of it.",
            f"{NEEDS}, and the rights that the user is to get, on the session",
            create_for_user,
            body={JSON: schemas.creation_for_user(longest_s)},
            large_body=True,
            may_begin=may_issue,
            success={201: ({JSON: schemas.ref("CreatedForUser")}, "The session and the token.")},
            codes=("bad_session_id", "no_such_session", "session_exists", "document_full"),
        ),
        Route(
            "POST",
            "/tokens",
            "issue_token",
            "Issue a token for a user of the caller's tenant.",
            f"{NEEDS}; nobody gives what they do not have",
            issue,
            body={JSON: schemas.issuing(longest_s)},
            success={201: ({JSON: schemas.ref("IssuedToken")}, "The token.")},
        ),
        Route(
            "DELETE",
            "/tokens/{token_id}",
            "revoke_token",
            "Revoke a token by its `jti`; its connections are closed on every node.",
            NEEDS,
            revoke,
            path_parameters=(
                Parameter("token_id", schemas.USER_ID, "The token's `jti`, its `token_id`."),
            ),
            success={204: ({}, "It is revoked, also where there was none.")},
        ),
    )
