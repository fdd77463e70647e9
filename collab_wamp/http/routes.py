"""What a route is: how it is matched, what may come with it, and what is said of it in OpenAPI.

The same description reads a request and makes the document, so the two cannot differ.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

import attrs

from ..errors import CollabError
from ..protocol import MAX_INTEGER, bad
from ..tokens import Claims

JSON: Final = "application/json"
TEXT: Final = "text/plain"
INTEGER = re.compile(r"0|[1-9][0-9]{0,15}")
MOST_QUERY_FIELDS = 20
# Of a body, its keys among them; so many are read in some milliseconds.
MOST_VALUES: Final = 100_000


@attrs.frozen
class Parameter:
    """One of a path or a query.

    Attributes:
        schema: of `type` integer or string, with `enum`, `pattern`, `minimum` and so on.
    """

    name: str
    schema: Mapping[str, Any]
    description: str

    def read(self, text: str) -> Any:
        """The value of a text in a query.

        Raises:
            CollabError: `bad_request`.
        """
        schema = self.schema
        if schema["type"] == "integer":
            if not INTEGER.fullmatch(text):
                raise bad(self.name, "must be an integer of 0 or more", text)
            number = int(text)
            low, high = schema["minimum"], schema["maximum"]
            if not low <= number <= high:
                raise bad(self.name, f"must be from {low} to {high}", text)
            return number
        if "enum" in schema and text not in schema["enum"]:
            raise bad(self.name, f"must be one of {', '.join(schema['enum'])}", text)
        if "pattern" in schema and not re.fullmatch(schema["pattern"].strip("^$"), text):
            raise bad(self.name, f"must match {schema['pattern']}", text)
        return text


@attrs.frozen
class Answer:
    """What a route answers with.

    Attributes:
        body: a JSON value, or a text; None = no body.
        pieces: a body that is made while it is sent, in place of `body`.
    """

    status: int = 200
    body: Any = None
    media_type: str = JSON
    headers: Mapping[str, str] = attrs.field(factory=dict)
    pieces: AsyncIterator[bytes] | None = None


@attrs.frozen
class Incoming:
    """A request that has been admitted and read.

    Attributes:
        path, query: parameters by name; those of the query that were not given are not there.
        media_type: of the body; "" = there is none.
        body: a JSON value, or a text, or what the route's `take` made of it; None = none.
        call: a procedure, and its arguments, on behalf of the user.
        pause: for so many seconds.
    """

    claims: Claims
    path: Mapping[str, str]
    query: Mapping[str, Any]
    media_type: str
    body: Any
    call: Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]
    pause: Callable[[float], Awaitable[None]]

    def fields(self) -> dict[str, Any]:
        """The body as the object that is wanted.

        Raises:
            CollabError: `bad_request`, it is something else.
        """
        if not isinstance(self.body, dict):
            raise CollabError("bad_request", "The body must be a JSON object.", argument="body")
        return self.body


@attrs.frozen
class Route:
    """One method of one path.

    Attributes:
        path: with `{name}` for its parameters.
        name: the operation's id.
        needs: which right or capability, in words.
        body: media type → schema; none = the route takes no body.
        large_body: whether it may be as large as a document.
        histories: whether its JSON may be a history, and then still larger; `body` is `Planned`.
        may_begin: refuses, before the body is looked at, whom the route would refuse for what
            their token says; of the claims, and of the parameters of the path.
        take: makes of a media type and a value what the route wants of the body, checked; a large
            body's is run in a thread. Without it a whole body is checked.
        success: status → (media type → schema, description).
        codes: the errors that are its own, beside those that every route may have.
    """

    method: str
    path: str
    name: str
    summary: str
    needs: str
    answer: Callable[[Incoming], Awaitable[Answer]]
    path_parameters: tuple[Parameter, ...] = ()
    query: tuple[Parameter, ...] = ()
    body: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict)
    large_body: bool = False
    histories: bool = False
    may_begin: Callable[[Claims, Mapping[str, str]], None] | None = None
    take: Callable[[str, Any], Any] | None = None
    success: Mapping[int, tuple[Mapping[str, Any], str]] = attrs.field(factory=dict)
    codes: tuple[str, ...] = ()


def read_query(query: bytes, parameters: tuple[Parameter, ...]) -> dict[str, Any]:
    """The parameters of a query (what is behind the `?`).

    Raises:
        CollabError: `bad_request`: one is unknown, comes twice, or is not of its form.
    """
    if not query:
        return {}
    try:
        pairs = parse_qsl(
            query.decode(),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=MOST_QUERY_FIELDS,
        )
    except ValueError:
        message = "The query is not of the form name=value&…, in UTF-8."
        raise CollabError("bad_request", message, argument="query") from None
    known = {parameter.name: parameter for parameter in parameters}
    values: dict[str, Any] = {}
    for name, text in pairs:
        if name not in known:
            message = f"There is no parameter {name!r:.80}."
            raise CollabError("bad_request", message, argument=name[:80])
        if name in values:
            raise CollabError("bad_request", f"{name} comes twice.", argument=name)
        values[name] = known[name].read(text)
    return values


def whole(value: Any) -> Any:
    """A number of a body, where an integer is wanted: in JSON 3.0 is as good as 3."""
    if isinstance(value, float) and value.is_integer() and abs(value) <= MAX_INTEGER:
        return int(value)
    return value
