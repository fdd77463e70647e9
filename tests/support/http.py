"""Asking a node over HTTP."""

from __future__ import annotations

import http.client
import time

import attrs
from twisted.internet.threads import deferToThread

from collab_wamp.tokens import Claims, Keyring

from .node import SECRET, Node


@attrs.frozen
class Answer:
    """`headers` has lower-case names."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


async def get(node: Node, path: str, **headers: str) -> Answer:
    """Names of headers with _ for -."""

    def ask() -> Answer:
        link = http.client.HTTPConnection("127.0.0.1", node.port, timeout=10)
        try:
            given = {name.replace("_", "-"): value for name, value in headers.items()}
            link.request("GET", path, headers=given)
            answer = link.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, found, answer.read())
        finally:
            link.close()

    answer: Answer = await deferToThread(ask)
    return answer


def token_with(*capabilities: str, ttl_s: float = 900) -> str:
    """A token that lets its user do these things."""
    claims = Claims("ada", "acme", {"*": "manage"}, capabilities=capabilities)
    return Keyring(secret=SECRET).issue(claims, now_s=time.time(), ttl_s=ttl_s)
