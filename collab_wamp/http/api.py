"""The HTTP API: routes, and what every request goes through on its way to one and back.

`.crossbar/config.yaml` mounts `ApiResource` under the first part of each path. A request is
authenticated, admitted, read, answered by its route on behalf of the user, and sent; whatever goes
wrong on the way is answered in one form (`failures`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from typing import Any, Final

import orjson
from klein import Klein
from twisted.internet import reactor
from twisted.internet.defer import CancelledError
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http_headers import Headers
from twisted.web.resource import Resource
from werkzeug.exceptions import HTTPException

from .. import __version__
from ..config import Config
from ..errors import CollabError
from ..imports import Settings
from ..node import origins
from ..tokens import Claims, Keyring
from ..wamp.bodies import BoundedRequest
from ..wamp.router_guard import Guard
from ..wamp.settings import from_environment
from .admission import admit
from .all_routes import routes
from .answers import begin, header, options, set_headers, sized, tell, wrong_host
from .bearer import claims_of
from .failures import no_such_route, too_large, wrong_method
from .headers import API, cross_origin, preflight
from .openapi import document
from .planning import Planner
from .reading import Reader
from .routes import JSON, TEXT, Answer, Incoming, Route, read_query
from .streaming import Outlet, ReaderGone

PIECE_BYTES: Final = 64 * 1024
# What a large body may have beside its document.
ROOM_BYTES: Final = 64 * 1024

log = Logger()


class Api:
    """The API of a node.

    Args:
        now_s: the time of day, seconds since 1970.
        clock: the reactor.
    """

    def __init__(
        self, config: Config, keyring: Keyring, *, now_s: Callable[[], float], clock: Any
    ) -> None:
        self._keyring = keyring
        self._now_s = now_s
        self._clock = clock
        self._origins = origins(config)
        self._patience_s = config.limits.send_buffer_slow_s
        self._small_body = config.limits.message_bytes
        # A character may take six bytes of JSON.
        self._large_body = 6 * config.limits.document_length + ROOM_BYTES
        self._document = document(routes(config), __version__)
        self._history = max(config.limits.import_bytes, self._large_body)
        self._reader = Reader()
        limits = config.limits
        self._planner = Planner(
            clock,
            lambda: Settings(limits.op_parts, limits.document_length, int(now_s() * 1000)),
        )
        self._app = Klein()
        self._app.url_map.merge_slashes = False
        self._app.handle_errors(Exception)(self._failed)  # type: ignore[arg-type]  # any request
        self._app.route("/openapi.json", methods=["GET"], endpoint="openapi")(self._openapi)
        for route in routes(config):
            path = route.path.replace("{token_id}", "<path:token_id>")
            path = path.replace("{", "<").replace("}", ">")
            self._app.route(path, methods=[route.method], endpoint=route.name)(self._serve(route))
        self._klein = self._app.resource()

    def allowance(self, path: bytes, headers: Headers) -> int:
        """How many bytes a body may have: documents come from those only who have a token."""
        if not path.startswith(b"/sessions/"):
            return self._small_body
        try:
            claims_of(headers, self._keyring, now_s=self._now_s())
        except CollabError:
            return self._small_body
        return self._history if path.endswith(b"/content") else self._large_body

    # --- every request ----------------------------------------------------------------------

    def render(self, request: Any) -> Any:
        """Answer a request to any path of the API."""
        request.origin_headers = cross_origin(
            header(request, b"origin"), header(request, b"host") or "", self._origins
        )
        begin(request, {**API, **request.origin_headers})
        # Klein goes by the path below where it is mounted.
        request.postpath, request.prepath = [*request.prepath, *request.postpath], []
        try:
            allowed = self._allowed(request)
            if request.method == b"OPTIONS":
                return options(
                    request, ", ".join(allowed), preflight(request.origin_headers, allowed)
                )
            if request.method.decode("latin-1") not in allowed:
                raise wrong_method(request.method.decode("latin-1"), ", ".join(allowed))
            return self._klein.render(request)
        except Exception:
            return self._failed(request, Failure())  # type: ignore[no-untyped-call]

    def _allowed(self, request: Any) -> list[str]:
        """The methods of a path, in order.

        Raises:
            CollabError: `not_found`, there is no such path; `bad_request`, it cannot be read.
        """
        if wrong := wrong_host(request):
            raise wrong
        try:
            path = b"/".join(request.postpath).decode()
            request.getRequestHostname().decode()  # Klein would answer in its own words
        except UnicodeDecodeError:
            message = "The path or the Host header is not UTF-8."
            raise CollabError("bad_request", message, argument="path") from None
        # Klein would take a slash that is in a name for one between two. Ids of tokens have them.
        in_names = any(b"/" in name for name in request.postpath)
        if in_names and request.postpath[0] != b"tokens":
            raise no_such_route(f"/{path}")
        found = set(self._app.url_map.bind("node").allowed_methods(f"/{path}"))
        if not found:
            raise no_such_route(f"/{path}")
        return sorted({*found, "OPTIONS"})

    def _serve(self, route: Route) -> Callable[..., Any]:
        """What Klein calls for a route."""

        async def serve(request: Any, **path: str) -> None:
            claims = await self._admitted(request)
            query = read_query(request.uri.partition(b"?")[2], route.query)
            if route.may_begin is not None:
                route.may_begin(claims, path)
            media_type, body = await self._body(request, route)

            async def call(procedure: str, arguments: dict[str, Any]) -> dict[str, Any]:
                return await Guard.call_for(claims, procedure, arguments)

            async def pause(seconds: float) -> None:
                await deferLater(self._clock, seconds)

            incoming = Incoming(claims, path, query, media_type, body, call, pause)
            await self._send(request, await route.answer(incoming))

        return serve

    async def _body(self, request: Any, route: Route) -> tuple[str, Any]:
        """The media type of a request's body, and what the route wants of it."""
        given = header(request, b"content-type")
        if route.histories:
            if request.body_too_large:
                raise too_large(self._history)
            planned = await self._planner.plan(given or "", request.content)
            if planned is not None:
                return JSON, planned
        most = self._large_body if route.large_body else self._small_body
        data = request.content.read(most + 1)
        if request.body_too_large or len(data) > most:
            raise too_large(most)
        return await self._reader.read(given, data, route)

    async def _admitted(self, request: Any) -> Claims:
        """Who asks, if they may."""
        claims = claims_of(request.requestHeaders, self._keyring, now_s=self._now_s())
        await admit(claims)
        return claims

    # --- answers ----------------------------------------------------------------------------

    async def _send(self, request: Any, answer: Answer) -> None:
        request.setResponseCode(answer.status)
        set_headers(request, answer.headers)
        if answer.body is None and answer.pieces is None:
            return
        charset = "; charset=utf-8" if answer.media_type == TEXT else ""
        request.setHeader("Content-Type", answer.media_type + charset)
        if answer.pieces is None:
            is_text = answer.media_type == TEXT
            data = answer.body.encode() if is_text else orjson.dumps(answer.body) + b"\n"
            sized(request, data)
            if len(data) <= PIECE_BYTES:
                request.write(data)
                return
        if request.method == b"HEAD":
            request.write(b"")
            return
        outlet = Outlet(request, self._clock, self._patience_s)
        try:
            if answer.pieces is not None:
                async for piece in answer.pieces:
                    await outlet.write(piece)
            else:
                for start in range(0, len(data), PIECE_BYTES):
                    await outlet.write(data[start : start + PIECE_BYTES])
        except Exception as error:
            # The status has been sent; that the body is cut off is all that can be told.
            if not isinstance(error, ReaderGone | CancelledError):
                log.failure(
                    "{uri} broke off, request_id {id}", uri=request.uri, id=request.request_id
                )
            request.transport.abortConnection()
        finally:
            outlet.close()

    def _openapi(self, request: Any) -> bytes:
        request.setHeader("Content-Type", JSON)
        return sized(request, orjson.dumps(self._document) + b"\n")

    def _failed(self, request: Any, reason: Failure) -> bytes:
        """The answer for whatever was raised."""
        return tell(request, as_error(reason.value, request), reason)


def as_error(raised: object, request: Any) -> CollabError | None:
    """What was raised as an error of ours; None = it was not expected."""
    if isinstance(raised, CollabError):
        return raised
    if isinstance(raised, HTTPException):  # Klein's and Werkzeug's
        if raised.code == 400:
            return CollabError("bad_request", "The Host header is malformed.", argument="host")
        return no_such_route(request.path.decode("latin-1"))
    return None


@cache
def api() -> Api:
    """The one of this process."""
    config = from_environment()
    made = Api(config, config.keyring(), now_s=time.time, clock=reactor)
    BoundedRequest.allowance = made.allowance
    return made


class ApiResource(Resource):
    """A path of the API. Crossbar makes one for each, with its configuration."""

    isLeaf = True

    def __init__(self, _extra: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Twisted's
        self._api = api()

    def render(self, request: Any) -> Any:
        return self._api.render(request)
