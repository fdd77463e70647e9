"""The OpenAPI 3.1 document, made from the routes. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from ..errors import TABLE
from . import schemas
from .routes import JSON, Parameter, Route

DESCRIPTION: Final = """\
The part of collab_wamp that is plain HTTP: sessions, their contents, tokens and figures. People
edit together over WAMP, at `/ws`; see PROTOCOL.md.
"""
# What any route may answer that wants a token.
EVERYWHERE: Final = (
    "bad_request", "token_invalid", "token_expired", "token_revoked", "denied", "rate_limited",
    "too_many", "internal", "store_unavailable", "overloaded", "draining",
)  # fmt: skip
WITH_BODY: Final = ("too_large", "unsupported_media_type")
REQUEST_ID: Final[dict[str, Any]] = {
    "description": "The request's own id, if it came with one, or a new one.",
    "schema": schemas.TEXT,
    "required": True,
}


def document(routes: Iterable[Route], version: str) -> dict[str, Any]:
    """The document, as JSON values.

    Args:
        version: of collab_wamp.
    """
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "collab_wamp",
            "version": version,
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": {**paths, **OPEN},
        "components": {
            "schemas": schemas.NAMED,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
            },
        },
        "security": [{"token": []}],
    }


def operation(route: Route) -> dict[str, Any]:
    """What is said of one route."""
    responses = {
        str(status): _response(description, media)
        for status, (media, description) in route.success.items()
    }
    codes = (*EVERYWHERE, *(WITH_BODY if route.body else ()), *route.codes)
    by_status: dict[int, list[str]] = {}
    for code in TABLE:
        if code in codes:
            by_status.setdefault(TABLE[code].status, []).append(code)
    for status, named in sorted(by_status.items()):
        listed = ", ".join(f"`{code}`" for code in named)
        responses[str(status)] = _response(listed, {JSON: schemas.ref("Error")})
    described: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "description": f"Needs {route.needs}.",
        "responses": responses,
    }
    parameters = [
        *(_parameter(parameter, "path") for parameter in route.path_parameters),
        *(_parameter(parameter, "query") for parameter in route.query),
    ]
    if parameters:
        described["parameters"] = parameters
    if route.body:
        described["requestBody"] = {
            "required": True,
            "content": {media: {"schema": schema} for media, schema in route.body.items()},
        }
    return described


def _parameter(parameter: Parameter, where: str) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": where,
        "required": where == "path",
        "description": parameter.description,
        "schema": dict(parameter.schema),
    }


def _response(description: str, media: Any) -> dict[str, Any]:
    response: dict[str, Any] = {
        "description": description,
        "headers": {"X-Request-ID": REQUEST_ID},
    }
    if media:
        response["content"] = {name: {"schema": schema} for name, schema in media.items()}
    return response


def _open(name: str, summary: str, statuses: dict[int, tuple[str, Any]]) -> dict[str, Any]:
    """A path that answers GET without a token."""
    return {
        "get": {
            "operationId": name,
            "summary": summary,
            "security": [],
            "responses": {
                str(status): _response(description, {JSON: schema})
                for status, (description, schema) in statuses.items()
            },
        }
    }


OPEN: Final[dict[str, Any]] = {
    "/health": _open(
        "health",
        "How each part of the node is, and what load it has.",
        {
            200: ("All is well.", schemas.ref("Health")),
            503: ("Something ails it.", schemas.ref("Health")),
        },
    ),
    "/ready": _open(
        "ready",
        "Whether the node can do its work.",
        {
            200: ("It can.", schemas.ref("Ready")),
            503: ("It cannot; `missing` says why.", schemas.ref("Ready")),
        },
    ),
    "/openapi.json": _open(
        "openapi", "This document.", {200: ("The document.", {"type": "object"})}
    ),
}
