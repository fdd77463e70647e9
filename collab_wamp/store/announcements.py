"""What a store announces on a session's channel."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from .values import Edit, Participant, Presence, SessionKey


@attrs.frozen
class EditsAnnounced:
    epoch: str
    after: int
    edits: tuple[Edit, ...]


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
class DestroyAnnounced:
    epoch: str


@attrs.frozen
class EpochAnnounced:
    """The store lost history, and the session goes on under a new epoch."""

    epoch: str


@attrs.frozen
class ChannelReset:
    """The channel was interrupted: announcements may be missing; read the log and the roster."""


Announcement = (
    EditsAnnounced
    | JoinAnnounced
    | LeaveAnnounced
    | PresenceAnnounced
    | DestroyAnnounced
    | EpochAnnounced
    | ChannelReset
)


Listener = Callable[[SessionKey, Announcement], None]
