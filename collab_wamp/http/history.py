"""A session's history as a file, made page by page while it is sent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import orjson

from .. import protocol
from ..errors import CollabError
from ..imports import SESSION_FORMAT
from .formats import transaction
from .routes import Incoming

# Meanwhile the oldest that is kept may go.
TRIES = 3


async def trace(incoming: Incoming, session_id: str, revision: int | None) -> AsyncIterator[bytes]:
    """The pieces of a trace of the session up to a revision (None = the newest).

    Raises:
        CollabError: before the first piece: `base_too_old`, where the history is not kept from the
            beginning, and what `collab.session.info` and `.snapshot` raise.
    """
    info = await incoming.call(protocol.INFO, {"session_id": session_id})
    if info["type"] != "text":
        message = f"format: there are traces of text only, not of {info['type']}."
        raise CollabError("bad_request", message, argument="format")
    if info["floor_revision"]:
        message = f"The history is kept after revision {info['floor_revision']} only, and a trace"
        oldest = info["floor_revision"]
        raise CollabError("base_too_old", f"{message} begins at 0.", oldest=oldest)
    asked = {"session_id": session_id}
    end = await incoming.call(protocol.SNAPSHOT, {**asked, "revision": revision})
    start = await _content_at(incoming, session_id, end["epoch"], 0)
    history = History(incoming, session_id, end["epoch"], 0, end["revision"])
    return _trace(history, start, end["content"])


async def session(
    incoming: Incoming, session_id: str, revision: int | None
) -> AsyncIterator[bytes]:
    """The pieces of a session up to a revision (None = the newest): a content, and what was edited
    since. It begins where what is kept begins.

    Raises:
        CollabError: before the first piece, as `trace` does; `base_ahead`.
    """
    asked = {"session_id": session_id}
    for _ in range(TRIES):
        info = await incoming.call(protocol.INFO, asked)
        end = info["revision"] if revision is None else revision
        if end > info["revision"]:
            message = f"Revision {end} is ahead of {info['revision']}."
            raise CollabError("base_ahead", message, revision=info["revision"])
        start = info["floor_revision"]
        if start > end:
            raise _not_kept(end, start)
        try:
            content = await _content_at(incoming, session_id, info["epoch"], start)
        except CollabError as error:
            if error.code != "base_too_old":
                raise
            continue
        history = History(incoming, session_id, info["epoch"], start, end)
        return _session(history, info, content)
    raise CollabError("overloaded", "The session is edited too fast.", retry_after_ms=1000)


class History:
    """The edits of a session after a revision, up to another."""

    def __init__(
        self, incoming: Incoming, session_id: str, epoch: str, start: int, end: int
    ) -> None:
        self.start = start
        self._incoming = incoming
        self._session_id = session_id
        self._epoch = epoch
        self._end = end

    async def pages(self) -> AsyncIterator[list[Any]]:
        """Pages of edits `[client_id, seq, op, user_id, time_ms]`, from the first one on."""
        after = self.start
        while after < self._end:
            page = await self._incoming.call(
                protocol.FETCH,
                {
                    "session_id": self._session_id,
                    "epoch": self._epoch,
                    "after": after,
                    "limit": min(protocol.MAX_FETCH, self._end - after),
                },
            )
            if not page["edits"]:
                raise CollabError("internal", f"There is no edit after {after}.")
            after += len(page["edits"])
            yield page["edits"]


async def _content_at(incoming: Incoming, session_id: str, epoch: str, revision: int) -> Any:
    asked = {"session_id": session_id, "revision": revision}
    try:
        found = await incoming.call(protocol.SNAPSHOT, asked)
    except CollabError as error:
        if error.code == "bad_revision":
            raise _not_kept(revision, error.details.get("oldest", 0)) from None
        raise
    if found["epoch"] != epoch:
        raise CollabError("stale_epoch", "The session was made anew.", epoch=found["epoch"])
    return found["content"]


async def _trace(history: History, start: str, end: str) -> AsyncIterator[bytes]:
    agents: dict[str, int] = {}
    users: list[str] = []
    number = 0
    yield b'{"kind":"concurrent","txns":['
    async for page in history.pages():
        rows = []
        for client_id, _seq, op, user_id, time_ms in page:
            agent = agents.setdefault(client_id, len(agents))
            if agent == len(users):
                users.append(user_id)
            rows.append(orjson.dumps(transaction(number, agent, op, time_ms)))
            number += 1
        yield (b"" if number == len(rows) else b",\n") + b",\n".join(rows)
    rest = {
        "numAgents": max(1, len(agents)),
        "userIds": users,
        "startContent": start,
        "endContent": end,
    }
    yield b"]," + orjson.dumps(rest)[1:] + b"\n"


async def _session(history: History, info: dict[str, Any], content: Any) -> AsyncIterator[bytes]:
    head = {
        "format": SESSION_FORMAT,
        "session_id": info["session_id"],
        "type": info["type"],
        "conflicts": info["conflicts"],
        "revision": history.start,
        "content": content,
    }
    yield orjson.dumps(head)[:-1] + b',"edits":['
    first = True
    async for page in history.pages():
        yield (b"\n" if first else b",\n") + b",\n".join(map(orjson.dumps, page))
        first = False
    yield b"]}\n"


def _not_kept(revision: int, oldest: int) -> CollabError:
    message = f"The content at revision {revision} is not kept any more."
    return CollabError("base_too_old", message, oldest=oldest)
