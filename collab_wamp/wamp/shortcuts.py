"""What is reached in the router's process without going through the router.

Components that live there (`inside`) enter here what they answer and hear. `quick` then calls them
with what clients send, where the router's configuration lets the clients do that, and gives the
frames that they publish to the connections.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine, Mapping
from typing import Any

import attrs

from ..store.announcements import EditsAnnounced
from ..store.values import SessionKey

Answer = Callable[[list[Any], dict[str, Any], Any], Coroutine[Any, Any, dict[str, Any]]]
Publish = Callable[[str, dict[str, Any], Collection[int]], None]
HearEdits = Callable[[SessionKey, EditsAnnounced], None]
Hear = Callable[[str, int, Mapping[str, Any]], None]


@attrs.frozen
class Calling:
    """What a procedure is told of who calls: as much of Autobahn's `CallDetails` as is used."""

    caller: int
    caller_authid: str
    caller_authrole: str


# Procedure → what answers it, called as by Autobahn with (args, kwargs, details).
procedures: dict[str, Answer] = {}
# Takes what participants publish of where they are: (topic, the connection, the event).
hear_presence: Hear | None = None
# Takes edits that were announced.
hear_edits: HearEdits | None = None
# Tells the subscribers among some connections of an event.
publish: Publish | None = None


def tell_edits(key: SessionKey, announced: EditsAnnounced) -> None:
    """Tell whoever has documents in this process of edits that were announced."""
    if hear_edits is not None:
        hear_edits(key, announced)
