"""A session's whole history as a trace, made page by page while it is sent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import orjson

from .. import protocol
from ..errors import CollabError
from ..ot import get_type
from .formats import transaction
from .routes import Incoming


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
        raise _not_whole(info["floor_revision"])
    asked = {"session_id": session_id}
    end = await incoming.call(protocol.SNAPSHOT, {**asked, "revision": revision})
    history = History(incoming, session_id, end["epoch"], end["revision"])
    start = await _start(incoming, history, end)
    return _pieces(history, start, end["content"])


class History:
    """The edits of a session up to a revision."""

    def __init__(self, incoming: Incoming, session_id: str, epoch: str, revision: int) -> None:
        self._incoming = incoming
        self._session_id = session_id
        self._epoch = epoch
        self._revision = revision

    async def pages(self) -> AsyncIterator[list[Any]]:
        """Pages of edits `[client_id, seq, op, user_id, time_ms]`, from the first one on."""
        after = 0
        while after < self._revision:
            page = await self._incoming.call(
                protocol.FETCH,
                {
                    "session_id": self._session_id,
                    "epoch": self._epoch,
                    "after": after,
                    "limit": min(protocol.MAX_FETCH, self._revision - after),
                },
            )
            if not page["edits"]:
                raise CollabError("internal", f"There is no edit after {after}.")
            after += len(page["edits"])
            yield page["edits"]


async def _start(incoming: Incoming, history: History, end: dict[str, Any]) -> str:
    """The content that the session began with."""
    asked = {"session_id": history._session_id, "revision": 0}
    try:
        first = await incoming.call(protocol.SNAPSHOT, asked)
    except CollabError as error:
        if error.code != "bad_revision":
            raise
    else:
        if first["epoch"] != end["epoch"]:
            raise CollabError("stale_epoch", "The session was made anew.", epoch=first["epoch"])
        return str(first["content"])
    # Snapshots were made since, and the first one has gone. But if all that is there was inserted
    # by the edits, there was nothing before them.
    kind = get_type("text")
    length = len(end["content"])
    async for page in history.pages():
        for _client, _seq, op, _user, _time in reversed(page):
            length = kind.before(length, op)
    if length:
        raise CollabError("base_too_old", "The content at revision 0 is not kept any more.")
    return ""


async def _pieces(history: History, start: str, end: str) -> AsyncIterator[bytes]:
    agents: dict[str, int] = {}
    number = 0
    yield b'{"kind":"concurrent","txns":['
    async for page in history.pages():
        rows = []
        for client_id, _seq, op, _user_id, time_ms in page:
            agent = agents.setdefault(client_id, len(agents))
            rows.append(orjson.dumps(transaction(number, agent, op, time_ms)))
            number += 1
        yield (b"" if number == len(rows) else b",\n") + b",\n".join(rows)
    rest = {"numAgents": max(1, len(agents)), "startContent": start, "endContent": end}
    yield b"]," + orjson.dumps(rest)[1:] + b"\n"


def _not_whole(floor: int) -> CollabError:
    message = f"The history is kept after revision {floor} only, and a trace begins at 0."
    return CollabError("base_too_old", message, oldest=floor)
