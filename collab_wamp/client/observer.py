"""Who is told of what happens to a session here, and of what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import attrs

from .change import Change
from .conflicts import Conflict
from .errors import ClientError
from .patches import Patch
from .self_check import Divergence


@attrs.frozen
class Rejection:
    """The server refused an edit; it was taken back here.

    Attributes:
        op: what is lost, an operation at the revision that was current.
        text: what it had inserted, for a person to read or copy.
        patch: in which it is kept, maybe with what was refused before it.
    """

    error: ClientError
    op: Any
    text: str
    patch: Patch


class Observer(Protocol):
    """See the module."""

    def changed(self, change: Change) -> None:
        """The document here was changed, other than by the user."""

    def placed(self, participant_ids: list[str]) -> None:
        """The server has placed these, or they are gone."""

    def roster_changed(self) -> None: ...

    def sent(self, seq: int) -> None:
        """An edit, or another copy of it, is being sent."""

    def acknowledged(self, seq: int) -> None: ...

    def rejected(self, rejection: Rejection) -> None: ...

    def conflicted(self, conflict: Conflict) -> None:
        """An edit is in conflict with others', and was taken back here; or what came of it."""

    def merged(self, conflicts: list[Mapping[str, Any]]) -> None:
        """An edit was merged in spite of these: `{kind, where, revision, user_id, client_id}`."""

    def patches_changed(self) -> None:
        """There are other patches than before."""

    def diverged(self, divergence: Divergence) -> None:
        """The document here was not what the server has; its content is asked for."""

    def ended(self, error: ClientError) -> None: ...
