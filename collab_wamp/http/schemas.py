"""The forms of requests and answers over HTTP, as JSON Schema (in OpenAPI's dialect)."""

from __future__ import annotations

from typing import Any, Final

from ..access import ADMINISTRATIVE, ORDINARY, RIGHTS
from ..errors import TABLE
from ..imports import SESSION_FORMAT
from ..ot import TYPES
from ..protocol import (
    CLIENT_ID,
    CONFLICT_MODES,
    MAX_FETCH,
    MAX_INTEGER,
    SESSION_ID,
    VERSION_ID,
)

Schema = dict[str, Any]

# What a Quill Delta can be the content of.
DELTA_TYPES: Final = tuple(name for name in ("text", "rich_text") if name in TYPES)

# WAMP's JSON cannot carry a text that begins with U+0000; documents have none anywhere.
NO_NUL: Final = "^[^\\u0000]*$"
NOT_NUL_FIRST: Final = "^([^\\u0000][\\s\\S]*)?$"


def thing(required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    """An object of an answer."""
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
    }


def argument(required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    """An object of a request: nothing else may be in it, and null is as good as nothing."""
    nullable = {name: or_null(schema) for name, schema in (optional or {}).items()}
    return {**thing(required, nullable), "additionalProperties": False}


def or_null(schema: Schema) -> Schema:
    found = {**schema, "type": [schema["type"], "null"]} if "type" in schema else schema
    return {**found, "enum": [*found["enum"], None]} if "enum" in found else found


def listed(item: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": item, **more}


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


TEXT: Final[Schema] = {"type": "string"}
OBJECT: Final[Schema] = {"type": "object"}
BOOLEAN: Final[Schema] = {"type": "boolean"}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0, "maximum": MAX_INTEGER}
SESSION_ID_TEXT: Final[Schema] = {"type": "string", "pattern": f"^{SESSION_ID.pattern}$"}
VERSION_ID_TEXT: Final[Schema] = {"type": "string", "pattern": f"^{VERSION_ID.pattern}$"}
USER_ID: Final[Schema] = {
    "type": "string", "minLength": 1, "maxLength": 128, "pattern": NOT_NUL_FIRST,
}  # fmt: skip
USER_NAME: Final[Schema] = {"type": "string", "maxLength": 128, "pattern": NOT_NUL_FIRST}
RIGHT: Final[Schema] = {"type": "string", "enum": list(RIGHTS)}
CAPABILITIES: Final[Schema] = listed(
    {"type": "string", "enum": [*ORDINARY, *ADMINISTRATIVE]}, minItems=1
)
TYPE: Final[Schema] = {"type": "string", "enum": list(TYPES)}
CONTENT: Final[Schema] = {"type": "string", "pattern": NO_NUL}
CONTENT_OF_TYPE: Final[Schema] = {"description": "As the type has it: of a `text` a text."}
TENANT: Final[Schema] = {"type": "string", "pattern": "^[a-z0-9_]{1,64}$"}

VERSION_NAME: Final[Schema] = {
    "type": "string", "minLength": 1, "maxLength": 128, "pattern": NO_NUL,
}  # fmt: skip
VERSION: Final[Schema] = thing(
    {
        "version_id": VERSION_ID_TEXT,
        "name": VERSION_NAME,
        "revision": COUNT,
        "user_id": TEXT,
        "time_ms": COUNT,
    }
)

CREATED: Final[Schema] = thing(
    {"session_id": SESSION_ID_TEXT, "epoch": TEXT, "revision": COUNT, "created": BOOLEAN}
)
EXPIRES_AT: Final[Schema] = {"type": "integer", "description": "Seconds since 1970."}

EDIT: Final[Schema] = {
    "type": "array",
    "prefixItems": [
        {"type": "string", "pattern": f"^{CLIENT_ID.pattern}$", "description": "client_id"},
        {**COUNT, "minimum": 1, "description": "seq"},
        {"description": "op"},
        {**USER_ID, "description": "user_id"},
        {**COUNT, "description": "time_ms"},
    ],
    "items": False,
    "minItems": 5,
}

# --- answers ----------------------------------------------------------------------------------
NAMED: Final[dict[str, Schema]] = {
    "Error": thing(
        {
            "error": thing(
                {
                    "code": {"type": "string", "enum": list(TABLE)},
                    "message": {"type": "string", "description": "For people."},
                    "error_id": {"type": "string", "description": "The log has it."},
                    "timestamp": {"type": "string", "format": "date-time"},
                }
            )
        }
    ),
    "Created": CREATED,
    "CreatedForUser": thing(
        {
            **CREATED["properties"],
            "token": TEXT,
            "token_id": TEXT,
            "expires_at": EXPIRES_AT,
        }
    ),
    "IssuedToken": thing({"token": TEXT, "token_id": TEXT, "expires_at": EXPIRES_AT}),
    "Sessions": thing(
        {
            "sessions": listed(SESSION_ID_TEXT),
            "cursor": {"type": ["string", "null"], "description": "For more; null = no more."},
        }
    ),
    "Session": thing(
        {
            "session_id": SESSION_ID_TEXT,
            "type": TYPE,
            "epoch": TEXT,
            "revision": COUNT,
            "snapshot_revision": COUNT,
            "floor_revision": COUNT,
            "owner": TEXT,
            "conflicts": TEXT,
            "created_ms": COUNT,
            "roster": listed(
                thing(
                    {
                        "participant_id": TEXT,
                        "user_id": TEXT,
                        "user_info": {"type": "object"},
                        "right": RIGHT,
                        "client_id": TEXT,
                    }
                )
            ),
        }
    ),
    "Content": thing(
        {"session_id": SESSION_ID_TEXT, "type": TYPE, "revision": COUNT, "content": {}}
    ),
    "Version": VERSION,
    "Versions": thing({"versions": listed(ref("Version"))}),
    "Restored": thing({"revision": COUNT, "durable": BOOLEAN}),
    "Delta": thing({"ops": listed(thing({"insert": TEXT}, {"attributes": {"type": "object"}}))}),
    "Trace": thing(
        {
            "txns": listed(
                thing(
                    {
                        "time": {"type": "string", "format": "date-time"},
                        "agent": COUNT,
                        "parents": listed(COUNT),
                        "patches": listed(
                            {
                                "type": "array",
                                "prefixItems": [COUNT, COUNT, TEXT],
                                "items": False,
                                "minItems": 3,
                            }
                        ),
                    }
                )
            ),
            "numAgents": COUNT,
            "userIds": listed(TEXT, description="Of each agent."),
            "startContent": TEXT,
            "endContent": TEXT,
        }
    ),
    "History": thing(
        {
            "format": {"const": SESSION_FORMAT},
            "session_id": SESSION_ID_TEXT,
            "type": TYPE,
            "conflicts": TEXT,
            "revision": {**COUNT, "description": "Of the content."},
            "content": {},
            "edits": listed(EDIT),
        }
    ),
    "Connections": thing(
        {
            "tenant": TENANT,
            "connections": COUNT,
            "instances": {
                "type": "object",
                "additionalProperties": thing({"connections": COUNT, "users": COUNT}),
            },
        }
    ),
    "SessionFigures": thing(
        {
            "tenant": TENANT,
            "sessions": COUNT,
            "active": COUNT,
            "participants": COUNT,
            "instances": {
                "type": "object",
                "additionalProperties": thing({"participants": COUNT}),
            },
        }
    ),
    "Ready": thing({"ready": BOOLEAN, "missing": listed(TEXT)}),
    "Health": thing(
        {
            "status": {"type": "string", "enum": ["ok", "draining", "failing"]},
            "instance_id": TEXT,
            "version": TEXT,
            "uptime_s": {"type": "number"},
            "parts": {"type": "object"},
            "load": {"type": "object"},
        }
    ),
}


# --- requests ---------------------------------------------------------------------------------
def creation_for_user(longest_s: int) -> Schema:
    """The body of `POST /sessions/create`; tokens live for so many seconds at most."""
    return argument(
        {"user": argument({"id": USER_ID}, {"name": USER_NAME})},
        {
            "session_id": SESSION_ID_TEXT,
            "type": TYPE,
            "content": CONTENT_OF_TYPE,
            "if_absent": {**BOOLEAN, "default": True},
            "capabilities": CAPABILITIES,
            "rights": {**RIGHT, "default": "edit", "description": "On this session."},
            "ttl_s": {"type": "integer", "minimum": 1, "maximum": longest_s},
        },
    )


def issuing(longest_s: int) -> Schema:
    """The body of `POST /tokens`."""
    return argument(
        {
            "user_id": USER_ID,
            "rights": {
                "type": "object",
                "propertyNames": {"pattern": "^([A-Za-z0-9_-]{1,64}|[*])$"},
                "additionalProperties": RIGHT,
                "description": "Session id, or * for all others → right.",
            },
        },
        {
            "name": USER_NAME,
            "capabilities": CAPABILITIES,
            "ttl_s": {"type": "integer", "minimum": 1, "maximum": longest_s},
        },
    )


IMPORT: Final[Schema] = {
    "oneOf": [
        {
            **argument(
                {"content": CONTENT_OF_TYPE},
                {"type": TYPE, "session_id": SESSION_ID_TEXT, "revision": COUNT},
            ),
            "title": "As exported with format=json. `session_id` and `revision` are passed over.",
        },
        {
            **argument(
                {
                    "ops": listed(
                        argument(
                            {"insert": {"anyOf": [{**CONTENT, "minLength": 1}, OBJECT]}},
                            {"attributes": OBJECT},
                        )
                    )
                },
                {"type": {"type": "string", "enum": list(DELTA_TYPES)}},
            ),
            "title": "A Quill Delta. With attributes or embeds it becomes a `rich_text`.",
        },
        {
            "title": "A recorded editing session: its `txns` become the history, if they lead from "
            "`startContent` to `endContent`.",
            "type": "object",
            "properties": {
                "txns": {"type": "array"},
                "endContent": CONTENT,
                "userIds": or_null(listed(USER_ID)),
            },
            "required": ["txns", "endContent"],
            "not": {
                "anyOf": [{"required": [name]} for name in ("content", "ops", "edits")],
            },
        },
        {
            **argument(
                {"format": {"const": SESSION_FORMAT}, "edits": listed(EDIT)},
                {
                    "content": {},
                    "type": TYPE,
                    "conflicts": {"type": "string", "enum": list(CONFLICT_MODES)},
                    "session_id": SESSION_ID_TEXT,
                    "revision": COUNT,
                },
            ),
            "title": "A whole session, as exported with format=session.",
        },
    ]
}
SAVING: Final[Schema] = argument({"name": VERSION_NAME}, {"revision": COUNT})
_NOTHING: Final[Schema] = {"type": "null"}
RESTORING: Final[Schema] = {
    "oneOf": [
        {
            **thing({"version_id": VERSION_ID_TEXT}, {"revision": _NOTHING}),
            "additionalProperties": False,
            "title": "A named version.",
        },
        {
            **thing({"revision": COUNT}, {"version_id": _NOTHING}),
            "additionalProperties": False,
            "title": "A revision that is kept.",
        },
    ]
}
PAGE_LIMIT: Final[Schema] = {"type": "integer", "minimum": 1, "maximum": MAX_FETCH}
