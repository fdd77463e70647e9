"""Asking a node over HTTP, from a process without a reactor; bodies are never held as a whole."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol
from urllib.parse import urlsplit

from . import Unable
from .reaching import TIMEOUT_S, Target, explained, no_node
from .showing import clean

PIECE_BYTES = 1 << 16
MOST_ERROR_BYTES = 1 << 16
# The node may do some work before the first byte, and between pieces.
ANSWER_S = 30.0


def origin(url: str) -> str:
    """Where the HTTP API is of the node whose WebSocket is at `url`."""
    parts = urlsplit(url)
    scheme = "https" if parts.scheme == "wss" else "http"
    return f"{scheme}://{parts.netloc}{parts.path.removesuffix('/').removesuffix('/ws')}"


class Body(Protocol):
    """What is sent: read piece by piece."""

    def read(self, size: int = -1, /) -> bytes: ...


@contextmanager
def asked(
    node: Target,
    method: str,
    path: str,
    *,
    body: Body | None = None,
    headers: Mapping[str, str] | None = None,
    answer_s: float = ANSWER_S,
) -> Iterator[http.client.HTTPResponse]:
    """Ask, and have the answer, of a status below 300.

    Args:
        path: below the node's own.
        body: is sent in chunks unless `headers` tell its length.
        answer_s: how long the node may be silent.

    Raises:
        Unable: there is no answer, or it tells of an error.
    """
    given = {"Authorization": f"Bearer {node.token}", **(headers or {})}
    chunked = body is not None and "Content-Length" not in given
    if chunked:
        given["Transfer-Encoding"] = "chunked"
    link = connected(node.url, answer_s)
    try:
        try:
            _send(link, method, base_path(node.url) + path, body, given, chunked)
            answer = link.getresponse()
            problem = _error(node, answer) if answer.status >= 300 else ""
        except (OSError, http.client.HTTPException) as error:
            raise Unable(_broken(node, error, sending=body is not None)) from None
        if problem:
            raise Unable(problem)
        yield answer
    finally:
        link.close()


def _send(
    link: http.client.HTTPConnection,
    method: str,
    path: str,
    body: Body | None,
    headers: Mapping[str, str],
    chunked: bool,
) -> None:
    try:
        link.request(method, path, body, headers, encode_chunked=chunked)
    except (BrokenPipeError, ConnectionResetError):
        if body is None:
            raise
        # The node may have said why, and not have waited for the rest.


def connected(url: str, timeout_s: float) -> http.client.HTTPConnection:
    """A connection to the host of a WebSocket's URL, made when it is used."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "wss":
        return http.client.HTTPSConnection(host, parts.port, timeout=timeout_s)
    return http.client.HTTPConnection(host, parts.port, timeout=timeout_s)


def base_path(url: str) -> str:
    return urlsplit(origin(url)).path


def pieces(node: Target, answer: http.client.HTTPResponse) -> Iterator[bytes]:
    """The body of an answer.

    Raises:
        Unable: it ends before its end.
    """
    try:
        while piece := answer.read(PIECE_BYTES):
            yield piece
        if answer.length:  # so many bytes are missing
            raise http.client.IncompleteRead(b"", answer.length)
    except (OSError, http.client.HTTPException) as error:
        raise Unable(_broken(node, error, sending=False)) from None


def state(url: str, path: str, timeout_s: float = TIMEOUT_S) -> tuple[int, Any]:
    """What the node answers to anybody: the status, and the body if that is JSON, else None.

    Raises:
        OSError, HTTPException: there is no answer.
    """
    link = connected(url, timeout_s)
    try:
        link.request("GET", base_path(url) + path)
        answer = link.getresponse()
        try:
            return answer.status, json.loads(answer.read(MOST_ERROR_BYTES))
        except ValueError:
            return answer.status, None
    finally:
        link.close()


def _error(node: Target, answer: http.client.HTTPResponse) -> str:
    try:
        error = json.loads(answer.read(MOST_ERROR_BYTES))["error"]
        return explained(node, str(error["code"]), str(error["message"]), {})
    except (ValueError, LookupError, TypeError):
        return (
            f"{origin(node.url)} answered {answer.status} {clean(answer.reason)}: is there a node?"
        )


def _broken(node: Target, error: Exception, *, sending: bool) -> str:
    if isinstance(error, ConnectionRefusedError):
        return no_node(node.url, "connection refused")
    reason = clean(str(error) or type(error).__name__)
    if isinstance(error, http.client.IncompleteRead):
        reason = "it broke off"
    if sending and not isinstance(error, TimeoutError):
        reason += "; a document has limits.handshake_s to come in"
    return f"no whole answer from {origin(node.url)} ({reason}): try again"
