"""What this client has been told of conflicts between its user's edits and those of others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import attrs

from .errors import ClientError


@attrs.frozen
class Conflict:
    """An edit was not made, since others have changed the same meanwhile; or what came of that.

    Attributes:
        state: `refused`: that is all; `held`: the server keeps it until the user has decided, see
            `Document.resolve`; `expired`: it was not decided in time, and can be dropped;
            `resolved`: here or elsewhere.
        conflict_id: "" where it is refused.
        mine: the edit as it would be merged, at `revision`; None = not told.
        theirs: the edits that it conflicts with: `{op, revision, user_id, client_id}`.
        conflicts: `{kind, where, revision, user_id, client_id}`.
        revision: that `mine` is made at; of a resolved one, that it was committed at.
        expires_ms: milliseconds since 1970; None = not told.
        lost: the operation that was taken back here, at the revision that was current; None where
            that was not here, or before this program was started.
    """

    conflict_id: str
    state: Literal["refused", "held", "expired", "resolved"]
    mine: Any = None
    theirs: Sequence[Mapping[str, Any]] = ()
    conflicts: Sequence[Mapping[str, Any]] = ()
    revision: int | None = None
    expires_ms: int | None = None
    lost: Any = None

    @property
    def requires_manual_resolution(self) -> bool:
        return self.state in ("held", "expired")


def conflict_from(row: Mapping[str, Any], lost: Any = None) -> Conflict:
    """Of a row of a join's `held`, or an error's details."""
    return Conflict(
        row.get("conflict_id", ""),
        row.get("state", "refused"),
        row.get("mine"),
        row.get("theirs", ()),
        row.get("conflicts", ()),
        row.get("revision"),
        row.get("expires_ms"),
        lost,
    )


class Conflicts:
    """
    Args:
        tell: is told of each conflict, and when its state changes.

    Attributes:
        held: those that wait for the user, expired ones among them, by conflict id.
    """

    def __init__(self, tell: Callable[[Conflict], None]) -> None:
        self._tell = tell
        self.held: dict[str, Conflict] = {}

    def refused(self, error: ClientError, lost: Any) -> Conflict:
        """The answer to an edit was `conflict`."""
        conflict = conflict_from(error.details, lost)
        if conflict.conflict_id:
            self.held[conflict.conflict_id] = conflict
        self._tell(conflict)
        return conflict

    def answer_to(self, rows: Sequence[Mapping[str, Any]], client_id: str, seq: int) -> str:
        """Which of a join's rows is the answer to an edit in flight; "" = none."""
        for row in rows:
            if row["conflict_id"] not in self.held and (
                (row["client_id"], row["seq"]) == (client_id, seq)
            ):
                return str(row["conflict_id"])
        return ""

    def joined(self, rows: Sequence[Mapping[str, Any]], answer: str, lost: Any) -> None:
        """Take all that a join lists.

        Args:
            answer, lost: which of them is the answer to an edit that was in flight, and what was
                taken back.
        """
        before, self.held = self.held, {}
        for row in rows:
            conflict_id = row["conflict_id"]
            known = before.pop(conflict_id, None)
            if known is None:
                known = conflict_from(row, lost if conflict_id == answer else None)
                self.held[conflict_id] = known
                self._tell(known)
            else:
                self._change(known, conflict_from(row).state)
        for gone in before.values():
            self._change(gone, "resolved")

    def event(self, row: Mapping[str, Any]) -> None:
        """Take what the roster topic tells: `{conflict_id, state, op?, revision?}`."""
        known = self.held.get(row["conflict_id"])
        if known is None and row["state"] == "expired":
            known = Conflict(row["conflict_id"], "held", row["op"], revision=row["revision"])
        if known is not None:
            self._change(known, row["state"], row.get("revision"))

    def resolved(self, conflict_id: str, revision: int) -> None:
        """The user has decided."""
        if (known := self.held.get(conflict_id)) is not None:
            self._change(known, "resolved", revision)

    def _change(
        self,
        known: Conflict,
        state: Literal["refused", "held", "expired", "resolved"],
        revision: int | None = None,
    ) -> None:
        if state == "resolved":
            self.held.pop(known.conflict_id, None)
            known = attrs.evolve(known, state=state, revision=revision)
        else:
            changed = known.state != state
            known = attrs.evolve(known, state=state)
            self.held[known.conflict_id] = known
            if not changed:
                return
        self._tell(known)
