"""Who is on a session."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs


@attrs.frozen
class Participant:
    """One connection joined to the session; a user with two tabs is two.

    Attributes:
        user_info: what they say of themselves, a flat JSON object; not to be trusted.
        right: `view`, `edit` or `manage`.
    """

    participant_id: str
    user_id: str
    client_id: str
    right: str
    user_info: dict[str, Any]

    @classmethod
    def from_wire(cls, row: Mapping[str, Any]) -> Participant:
        return cls(
            participant_id=row["participant_id"],
            user_id=row["user_id"],
            client_id=row["client_id"],
            right=row["right"],
            user_info=dict(row["user_info"]),
        )


class Roster:
    """The participants, by participant id, in order of arrival."""

    def __init__(self) -> None:
        self.rows: dict[str, Participant] = {}

    def reset(self, rows: list[Mapping[str, Any]]) -> None:
        """Begin anew, from what the server says at one moment."""
        self.rows = {row["participant_id"]: Participant.from_wire(row) for row in rows}

    @staticmethod
    def knows(event: Mapping[str, Any]) -> bool:
        """Whether an event tells anything of who is here; others are passed over."""
        return not {"roster", "joined", "left", "rights"}.isdisjoint(event)

    def take(self, event: Mapping[str, Any]) -> None:
        """A `joined`, `left`, `rights` or `roster` event; told twice it does no harm."""
        if "roster" in event:
            self.reset(event["roster"])
        elif "joined" in event:
            participant = Participant.from_wire(event["joined"])
            self.rows[participant.participant_id] = participant
        elif "left" in event:
            self.rows.pop(event["left"]["participant_id"], None)
        elif "rights" in event:
            participant_id = event["rights"]["participant_id"]
            known = self.rows.get(participant_id)
            if known is not None:
                self.rows[participant_id] = attrs.evolve(known, right=event["rights"]["right"])

    def participant_of(self, client_id: str) -> str | None:
        for participant in self.rows.values():
            if participant.client_id == client_id:
                return participant.participant_id
        return None
