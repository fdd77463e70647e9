"""Pure helpers of a feed: who is here after all, and how much goes into one event."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs
import orjson

from .store.announcements import (
    Announcement,
    JoinAnnounced,
    LeaveAnnounced,
    RightsAnnounced,
)
from .store.values import Edit, Participant

# Edits of one event: so many without looking at their size, else about so many bytes.
FEW_EDITS = 4
FRAME_BYTES = 1 << 19


def in_frames(edits: Sequence[Edit]) -> Iterator[Sequence[Edit]]:
    """Cut edits into such lists as go into one event: a few, or about so many bytes."""
    start = size = 0
    if len(edits) > FEW_EDITS:
        for number, edit in enumerate(edits):
            bytes_of_edit = len(orjson.dumps(edit.op))
            size += bytes_of_edit
            if size > FRAME_BYTES and number > start:
                yield edits[start:number]
                start, size = number, bytes_of_edit
    if start < len(edits):
        yield edits[start:]


def roster_after(
    roster: Sequence[Participant], announcements: Sequence[Announcement], only: str = ""
) -> tuple[Participant, ...]:
    """A roster that was read while these were announced: each says how it is with somebody now.

    What was announced may have happened before the reading or after it; the last word on each
    participant counts in both cases.

    Args:
        only: of this participant.
    """
    here = {participant.participant_id: participant for participant in roster}
    for announcement in announcements:
        if isinstance(announcement, JoinAnnounced):
            here[announcement.participant.participant_id] = announcement.participant
        elif isinstance(announcement, LeaveAnnounced):
            here.pop(announcement.participant_id, None)
        elif isinstance(announcement, RightsAnnounced):
            for name, person in here.items():
                if person.user_id == announcement.user_id:
                    here[name] = attrs.evolve(person, granted=announcement.granted)
    return tuple(person for name, person in here.items() if only in ("", name))
