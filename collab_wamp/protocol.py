"""Names and forms of the wire contract: procedures, topics, and the parsing of arguments.

`PROTOCOL.md` is the same for people. Parsing refuses with `CollabError` what is not of the form,
and names the argument; nothing else in the package looks into a client's arguments untyped.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import orjson

from .errors import CollabError

REALM: Final = "collab"
PROTOCOL_VERSION: Final = 1

# --- procedures for clients -----------------------------------------------------------------
CREATE: Final = "collab.session.create"
JOIN: Final = "collab.session.join"
LEAVE: Final = "collab.session.leave"
EDIT: Final = "collab.session.edit"
FETCH: Final = "collab.session.fetch"
SNAPSHOT: Final = "collab.session.snapshot"
HASH: Final = "collab.session.hash"
SAVE_VERSION: Final = "collab.session.save_version"
VERSIONS: Final = "collab.session.versions"
DELETE_VERSION: Final = "collab.session.delete_version"
RESTORE: Final = "collab.session.restore"
INFO: Final = "collab.session.info"
LIST: Final = "collab.session.list"
DESTROY: Final = "collab.session.destroy"
GRANT: Final = "collab.session.grant"
REVOKE: Final = "collab.session.revoke"
RESOLVE: Final = "collab.session.resolve"

TOKEN_ISSUE: Final = "collab.token.issue"
TOKEN_REFRESH: Final = "collab.token.refresh"
TOKEN_REVOKE: Final = "collab.token.revoke"
STATS_CONNECTIONS: Final = "collab.stats.connections"
STATS_SESSIONS: Final = "collab.stats.sessions"
STATS_LIMITS: Final = "collab.stats.limits"
NOTICE_SEND: Final = "collab.notice.send"
REGISTRY_INSTANCES: Final = "collab.registry.instances"
REGISTRY_SERVICES: Final = "collab.registry.services"
REGISTRY_PICK: Final = "collab.registry.pick"
REGISTRY_REGISTER: Final = "collab.registry.register"
REGISTRY_HEARTBEAT: Final = "collab.registry.heartbeat"
REGISTRY_DEREGISTER: Final = "collab.registry.deregister"
NODE_HEALTH: Final = "collab.node.health"
NODE_DRAIN: Final = "collab.node.drain"

# --- procedures between the node's own parts (no client may call them) ----------------------
# On behalf of a user, at the session's worker: a history is put into a session just made.
IMPORT_EDITS: Final = "collab.session.import.edits"
IMPORT_DONE: Final = "collab.session.import.done"
IMPORT_FAILED: Final = "collab.session.import.failed"
RELAY_WATCH: Final = "collab.relay.watch"
HEALTH_SESSIONS: Final = "collab.node.health.sessions."
HEALTH_RELAY: Final = "collab.node.health.relay"
HEALTH_NODE: Final = "collab.node.health.node"
NODE_ADMIT: Final = "collab.node.admit"
NODE_ADMIT_HTTP: Final = "collab.node.admit_http"
RELAY_LOAD: Final = "collab.relay.load"
ROUTER_NOTIFY: Final = "collab.router.notify"
ROUTER_CLAIMS: Final = "collab.router.claims"
ROUTER_CUT: Final = "collab.router.cut"
ROUTER_WORKER: Final = "collab.router.worker"
ROUTER_LOAD: Final = "collab.router.load"

SESSION_PREFIX: Final = "collab.session."
# Of the same procedures at one sessions worker of a node; the router knows which to call.
WORKER_PREFIX: Final = "collab.worker."
# The argument of a call on behalf of a user: the claims of their token.
ON_BEHALF: Final = "on_behalf"

# --- topics ---------------------------------------------------------------------------------
INCOMING_PREFIX: Final = "collab.in."
NOTICE: Final = "collab.notice"
# Within a node: a connection goes on under another token (its id, the claims).
NODE_REFRESHED: Final = "collab.node.refreshed"
# Within a node: no edits are taken any more.
NODE_DRAINING: Final = "collab.node.draining"


def topics(topic_key: str) -> dict[str, str]:
    """The topics of the session whose KEY is `topic_key`, as `join` tells them to clients."""
    return {
        "edits": f"collab.s.{topic_key}.edits",
        "roster": f"collab.s.{topic_key}.roster",
        "presence": f"collab.s.{topic_key}.presence",
        "cursor": f"{INCOMING_PREFIX}{topic_key}.cursor",
        "selection": f"{INCOMING_PREFIX}{topic_key}.selection",
    }


# --- forms ----------------------------------------------------------------------------------
SESSION_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
VERSION_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
EPOCH = re.compile(r"[A-Za-z0-9_-]{1,64}")
CONFLICT_MODES: Final = ("merge", "reject", "ask")
CONFLICT_CHOICES: Final = ("mine", "theirs", "both", "op")
MAX_INTEGER: Final = 2**53 - 1
MAX_POSITION: Final = 2**31
MAX_RANGES: Final = 100
MAX_FETCH: Final = 1000
MAX_USER_INFO_BYTES: Final = 2048


class Arguments:
    """A call's keyword arguments, taken out one by one.

    Args:
        args: positional arguments, of which there must be none.
        kwargs: keyword arguments as they came.
    """

    def __init__(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        if args:
            raise CollabError(
                "bad_request",
                f"Arguments are given by keyword; {len(args)} came by position.",
                argument="0",
            )
        self._rest = dict(kwargs)

    def finish(self) -> None:
        """Refuse what has not been taken: a misspelt argument must not pass in silence."""
        for name in self._rest:
            raise CollabError(
                "bad_request", f"There is no argument {name!r:.80}.", argument=str(name)[:80]
            )

    def rest(self) -> dict[str, Any]:
        """All that has not been taken; its form is for somebody else to check."""
        rest, self._rest = self._rest, {}
        return rest

    def session_id(self, *, optional: bool = False) -> str:
        value = self._rest.pop("session_id", None)
        if value is None and optional:
            return ""
        if not isinstance(value, str) or not SESSION_ID.fullmatch(value):
            raise CollabError(
                "bad_session_id",
                f"session_id must match ^[A-Za-z0-9_-]{{1,64}}$, not {value!r:.80}.",
            )
        return value

    def pattern(self, name: str, pattern: re.Pattern[str]) -> str:
        value = self._rest.pop(name, None)
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise bad(name, f"must match ^{pattern.pattern}$", value)
        return value

    def optional_pattern(self, name: str, pattern: re.Pattern[str]) -> str | None:
        if self._rest.get(name) is None:
            self._rest.pop(name, None)
            return None
        return self.pattern(name, pattern)

    def choice(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        value = self._rest.pop(name, None)
        if value is None:
            return default
        if value not in allowed or not isinstance(value, str):
            raise bad(name, f"must be one of {', '.join(allowed)}", value)
        return value

    def flag(self, name: str) -> bool:
        value = self._rest.pop(name, None)
        if value is None:
            return False
        if not isinstance(value, bool):
            raise bad(name, "must be true or false", value)
        return value

    def revision(self, name: str = "revision") -> int:
        value = self._rest.pop(name, None)
        if not is_integer(value) or not 0 <= value <= MAX_INTEGER:
            raise CollabError(
                "bad_revision",
                f"{name} must be an integer of 0 or more, not {value!r:.80}.",
                argument=name,
            )
        return int(value)

    def optional_revision(self, name: str = "revision") -> int | None:
        if self._rest.get(name) is None:
            self._rest.pop(name, None)
            return None
        return self.revision(name)

    def last_edit(self) -> tuple[str, int] | None:
        """Client id and number of an edit: `[client_id, seq]`, or nothing."""
        value = self._rest.pop("last", None)
        if value is None:
            return None
        if not (
            isinstance(value, list)
            and len(value) == 2
            and isinstance(value[0], str)
            and CLIENT_ID.fullmatch(value[0])
            and is_integer(value[1])
            and 1 <= value[1] <= MAX_INTEGER
        ):
            raise bad("last", "must be [client_id, seq] of an edit", value)
        return value[0], value[1]

    def integer(self, name: str, low: int, high: int, default: int | None = None) -> int:
        value = self._rest.pop(name, None)
        if value is None and default is not None:
            return default
        if not is_integer(value) or not low <= value <= high:
            raise bad(name, f"must be an integer from {low} to {high}", value)
        return int(value)

    def value(self, name: str) -> Any:
        """Any value that is there; its form is for somebody else to check."""
        if name not in self._rest:
            raise CollabError("bad_request", f"{name} is missing.", argument=name)
        return self._rest.pop(name)

    def optional_value(self, name: str) -> Any:
        return self._rest.pop(name, None)

    def text(self, name: str, default: str, longest: int) -> str:
        value = self._rest.pop(name, None)
        if value is None:
            return default
        if not isinstance(value, str) or len(value) > longest or not is_sound(value):
            raise bad(name, f"must be a text of at most {longest} characters", value)
        return value

    def user_info(self) -> dict[str, Any]:
        """What a participant says of itself for others: a flat, small JSON object."""
        value = self._rest.pop("user_info", None)
        if value is None:
            return {}
        if not isinstance(value, dict) or not all(
            isinstance(name, str) and isinstance(item, str | int | float | bool | None)
            for name, item in value.items()
        ):
            raise bad("user_info", "must be an object of texts, numbers, booleans and nulls", value)
        if any(isinstance(item, str) and "\0" in item for item in value.values()):
            raise bad("user_info", "must not contain U+0000", "")
        try:
            size = len(orjson.dumps(value))
        except TypeError as error:  # lone surrogates, integers beyond 64 bits
            raise bad("user_info", f"cannot be written as JSON ({error})", "") from None
        if size > MAX_USER_INFO_BYTES:
            raise bad("user_info", f"must be at most {MAX_USER_INFO_BYTES} bytes of JSON", "")
        return value


def bad(name: str, rule: str, value: Any) -> CollabError:
    shown = f", not {value!r:.80}" if value not in (None, "") else ""
    return CollabError("bad_request", f"{name} {rule}{shown}.", argument=name)


def is_integer(value: Any) -> bool:
    """Integers only: JSON's true is not 1, and 3.0 is not 3."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_sound(text: str) -> bool:
    """Whether a text can be written as UTF-8: no lone surrogate in it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


# --- presence -------------------------------------------------------------------------------


def parse_cursor(kwargs: Mapping[str, Any]) -> tuple[int, int | None]:
    """A cursor event's (revision, position); position None = gone."""
    arguments = Arguments((), kwargs)
    revision = arguments.revision()
    position = arguments.optional_value("position")
    arguments.finish()
    if position is not None and not _is_position(position):
        raise bad("position", f"must be an integer from 0 to {MAX_POSITION}", position)
    return revision, position


def parse_selection(kwargs: Mapping[str, Any]) -> tuple[int, list[list[int]] | None]:
    """A selection event's (revision, ranges); ranges None = gone."""
    arguments = Arguments((), kwargs)
    revision = arguments.revision()
    ranges = arguments.optional_value("ranges")
    arguments.finish()
    if ranges is None:
        return revision, None
    if (
        not isinstance(ranges, list)
        or len(ranges) > MAX_RANGES
        or not all(
            isinstance(row, list) and len(row) == 2 and all(map(_is_position, row))
            for row in ranges
        )
    ):
        raise bad(
            "ranges", f"must be at most {MAX_RANGES} pairs [anchor, head] of positions", ranges
        )
    return revision, ranges


def _is_position(value: Any) -> bool:
    return is_integer(value) and 0 <= value <= MAX_POSITION
