"""Reading bodies. What is large is read in a thread, and what has too many values not at all.

To read a value takes the interpreter, and with it the whole process, whichever thread does it. So
the values are counted first, in the bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.threads import deferToThread
from twisted.python.failure import Failure

from ..errors import CollabError
from ..wamp.gate import Refused, check_value, read_json
from .failures import wrong_media_type
from .routes import MOST_VALUES, TEXT, Route

# More than this is read in a thread.
SMALL_BYTES: Final = 64 * 1024
MOST_AT_ONE_TIME: Final = 2


def read_body(content_type: str | None, data: bytes, route: Route) -> tuple[str, Any]:
    """The media type of a request's body, and what the route wants of it.

    Raises:
        CollabError: `unsupported_media_type`, or `bad_request`: it is not what it says that it is.
    """
    if not route.body:
        if data:
            message = f"{route.method} {route.path} takes no body."
            raise CollabError("bad_request", message, argument="body")
        return "", None
    media_type, _, rest = (content_type or "").partition(";")
    media_type = media_type.strip().lower()
    charset = rest.strip().lower().replace('"', "").replace(" ", "")
    if media_type not in route.body or charset not in ("", "charset=utf-8"):
        raise wrong_media_type(content_type or "", " or ".join(route.body))
    try:
        value = data.decode() if media_type == TEXT else _json(data)
    except UnicodeDecodeError as error:
        raise CollabError("bad_request", f"body: not UTF-8: {error}.", argument="body") from None
    except Refused as error:
        raise CollabError("bad_request", f"body: {error.reason}.", argument="body") from None
    return media_type, route.take(media_type, value) if route.take else sound(value)


def _json(data: bytes) -> Any:
    # A value takes two bytes, with what parts it from the next.
    if len(data) > MOST_VALUES and least_values(data, MOST_VALUES) > MOST_VALUES:
        message = f"body: more than {MOST_VALUES:,} values."
        raise CollabError("bad_request", message, argument="body")
    return read_json(data)


def least_values(data: bytes, most: int) -> int:
    """How many values, keys among them, a JSON text has at least; at most twice so many are in it.

    Args:
        most: nobody wants to know more exactly than that there are more than so many.
    """
    plain = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    texts = plain.count(b'"') // 2
    if texts > most:
        return texts
    outside = b"".join(plain.split(b'"')[::2])
    parted = outside.count(b",") + outside.count(b":") + 1
    return max(texts, parted, outside.count(b"[") + outside.count(b"{"))


def sound(value: Any) -> Any:
    """A value of a body, which every serializer can carry on.

    Raises:
        CollabError: `bad_request`, it cannot be, or has too many values in it.
    """
    if wrong := check_value(value, MOST_VALUES):
        raise CollabError("bad_request", f"body: {wrong}.", argument="body")
    return value


class Reader:
    """Reads the bodies of a node's requests."""

    def __init__(self) -> None:
        self._free = DeferredSemaphore(MOST_AT_ONE_TIME)

    async def read(self, content_type: str | None, data: bytes, route: Route) -> tuple[str, Any]:
        """`read_body`, beside the reactor where the body is large."""
        if len(data) <= SMALL_BYTES:
            return read_body(content_type, data, route)
        await self._free.acquire()
        answer: Deferred[tuple[str, Any]] = Deferred()
        reading = deferToThread(read_body, content_type, data, route)
        reading.addBoth(self._end, answer)
        # Who does not wait any longer leaves the thread, which holds its place until it is done.
        return await answer

    def _end(self, result: Any, answer: Deferred[tuple[str, Any]]) -> None:
        self._free.release()
        tell: Callable[[Any], None] = (
            answer.errback if isinstance(result, Failure) else answer.callback
        )
        if not answer.called:
            tell(result)
