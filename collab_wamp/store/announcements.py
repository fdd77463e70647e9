"""What a store announces on a session's channel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from .values import Edit, Participant, Presence, SessionKey


@attrs.frozen
class EditsAnnounced:
    """
    Attributes:
        before: identity of the edit that they follow, at revision `after`; "" = not known.
    """

    epoch: str
    after: int
    edits: tuple[Edit, ...]
    before: str = ""


@attrs.frozen
class JoinAnnounced:
    participant: Participant


@attrs.frozen
class LeaveAnnounced:
    participant_id: str
    reason: str


@attrs.frozen
class PresenceAnnounced:
    """Changes of presence made on one instance; None = gone."""

    instance_id: str
    presence: dict[str, Presence | None]


@attrs.frozen
class CheckAnnounced:
    """A snapshot was saved: what the content at a revision is, for everybody to compare.

    Attributes:
        sha256: hex digest of the content's canonical JSON text.
    """

    epoch: str
    revision: int
    sha256: str


@attrs.frozen
class DestroyAnnounced:
    epoch: str


@attrs.frozen
class EpochAnnounced:
    """The store lost history, and the session goes on under a new epoch."""

    epoch: str


@attrs.frozen
class RightsAnnounced:
    """What a user is granted on the session is another, see `access.effective`."""

    user_id: str
    granted: str


@attrs.frozen
class ConflictAnnounced:
    """To one user: what became of an edit of theirs that was held (`held.Held`).

    Attributes:
        conflict: `{conflict_id, state, …}`, see PROTOCOL.md, *Conflicts*.
    """

    user_id: str
    conflict: dict[str, Any]


@attrs.frozen
class RevokedAnnounced:
    """To all nodes: tokens are good no more, see `commons.Revocation`."""

    tenant: str
    kind: str
    name: str
    at_ms: int


@attrs.frozen
class NoticeAnnounced:
    """To all nodes: something to tell a tenant's users, or one of them.

    Attributes:
        user_id: "" = all of the tenant.
        notice: the event, a JSON object.
    """

    tenant: str
    user_id: str
    notice: dict[str, Any]


@attrs.frozen
class ChannelReset:
    """The channel was interrupted: announcements may be missing; read the log and the roster."""


Announcement = (
    EditsAnnounced
    | JoinAnnounced
    | LeaveAnnounced
    | PresenceAnnounced
    | CheckAnnounced
    | DestroyAnnounced
    | EpochAnnounced
    | RightsAnnounced
    | ConflictAnnounced
    | RevokedAnnounced
    | NoticeAnnounced
    | ChannelReset
)


Listener = Callable[[SessionKey, Announcement], None]
# Told of what is announced to all nodes; the key is `NODES`.
NodesListener = Listener
# The channel of all nodes stands where that of a session would; no tenant has this name.
NODES = SessionKey("", "nodes")
