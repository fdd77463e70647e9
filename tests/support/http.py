"""Requests to a node over plain HTTP: one connection each, with the standard library alone."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterable, Mapping
from typing import Any

import attrs
from twisted.internet.threads import deferToThread

from collab_wamp.tokens import Claims, Keyring

from .node import SECRET, Node


@attrs.frozen
class Reply:
    status: int
    headers: Mapping[str, str]
    data: bytes

    @property
    def text(self) -> str:
        return self.data.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.data)

    @property
    def code(self) -> str:
        """The code of an error."""
        return str(self.json["error"]["code"])


def ask(
    node: Node,
    method: str,
    path: str,
    *,
    token: str = "",
    body: Any = None,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """One request. A `body` that is an object goes as JSON, one that is iterated in chunks."""
    sent = {"Authorization": f"Bearer {token}"} if token else {}
    if isinstance(body, dict):
        body = json.dumps(body)
        sent["Content-Type"] = "application/json"
    if isinstance(body, str):
        body = body.encode()
    chunked = isinstance(body, Iterable) and not isinstance(body, bytes)
    link = http.client.HTTPConnection("127.0.0.1", node.port, timeout=20)
    try:
        link.request(method, path, body, {**sent, **(headers or {})}, encode_chunked=chunked)
        answer = link.getresponse()
        return Reply(answer.status, answer.headers, answer.read())
    finally:
        link.close()


async def asked(node: Node, method: str, path: str, **more: Any) -> Reply:
    """`ask`, beside the reactor."""
    return await deferToThread(ask, node, method, path, **more)


async def get(node: Node, path: str, **headers: str) -> Reply:
    """A GET, with headers whose names have _ for -."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    reply: Reply = await deferToThread(ask, node, "GET", path, headers=given)
    return reply


def token_with(*capabilities: str, ttl_s: float = 900) -> str:
    """A token that lets its user do these things."""
    claims = Claims("ada", "acme", {"*": "manage"}, capabilities=capabilities)
    return Keyring(secret=SECRET).issue(claims, now_s=time.time(), ttl_s=ttl_s)
