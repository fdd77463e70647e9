"""Requests with a bound on their bodies, so that nobody fills the memory or the disk with one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from twisted.web.http_headers import Headers
from twisted.web.server import Request


class BoundedRequest(Request):
    """In place of Twisted's request. What comes beyond the bound is passed over.

    Attributes:
        allowance: how many bytes a request's body may have, when its headers have come; of its
            path and its headers.
        body_too_large: whether more came; the resource is to say so.
        came: bytes of the body until now, of those that it may have.
    """

    allowance: ClassVar[Callable[[bytes, Headers], int]] = staticmethod(lambda _path, _headers: 0)
    body_too_large = False
    came = 0

    def __init__(self, channel: Any, *args: Any, **kwargs: Any) -> None:
        # Twisted would read forms, which nobody here has asked for.
        super().__init__(channel, *args, **{**kwargs, "parsePOSTFormSubmission": False})  # type: ignore[no-untyped-call]

    def gotLength(self, length: int | None) -> None:
        channel: Any = self.channel  # which has the path already, where the request has not
        path = channel._path.split(b"?")[0]
        self._room = type(self).allowance(path, self.requestHeaders)
        if length is not None and length > self._room:
            self.body_too_large, length = True, 0
        super().gotLength(length)  # type: ignore[no-untyped-call]

    def handleContentChunk(self, data: bytes) -> None:
        self._room -= len(data)
        if self._room < 0 or self.body_too_large:
            self.body_too_large = True
            return
        self.came += len(data)
        super().handleContentChunk(data)  # type: ignore[no-untyped-call]
