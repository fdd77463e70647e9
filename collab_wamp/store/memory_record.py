"""One session in memory, and the judging of what is to be committed to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs
import orjson

from ..access import allows, effective
from .held import Held
from .values import Edit, Participant, Presence, SessionMeta, Snapshot, Submission, Version

BYTES = 1 << 20


@attrs.define
class Record:
    """One session. `seen`: client → (last seq, digest, revision, user)."""

    meta: SessionMeta
    snapshot: Snapshot
    checkpoints: dict[int, Snapshot] = attrs.field(factory=dict)
    versions: dict[str, tuple[Version, Snapshot]] = attrs.field(factory=dict)
    log: list[Edit] = attrs.field(factory=list)
    seen: dict[str, tuple[int, bytes, int, str]] = attrs.field(factory=dict)
    roster: dict[str, Participant] = attrs.field(factory=dict)
    presence: dict[str, Presence] = attrs.field(factory=dict)
    rights: dict[str, str] = attrs.field(factory=dict)
    held: dict[str, Held] = attrs.field(factory=dict)

    def of_today(self, participant: Participant) -> Participant:
        """With what its user is granted."""
        return attrs.evolve(participant, granted=self.rights.get(participant.user_id, ""))

    def everybody(self) -> tuple[Participant, ...]:
        """Who may view at least."""
        found = map(self.of_today, self.roster.values())
        return tuple(participant for participant in found if participant.may)

    def after(self, revision: int, limit: int) -> tuple[Edit, ...]:
        start = revision - self.meta.floor_revision
        edits = self.log[start : start + limit] if start >= 0 else []
        return tuple(edits[: within(BYTES, (len(orjson.dumps(edit.op)) for edit in edits))])

    def checkpoint(self, revision: int) -> Snapshot:
        """See `interface.Store.checkpoint`."""
        kept = {**self.checkpoints, self.snapshot.revision: self.snapshot}
        return kept[max((at for at in kept if at <= revision), default=min(kept))]

    def take_snapshot(self, snapshot: Snapshot, most: int, spacing: int) -> None:
        """See `interface.Store.save_snapshot`; the snapshot is newer."""
        before, last = self.snapshot.revision, max(self.checkpoints, default=None)
        if not before or last is None or before - last >= spacing:
            self.checkpoints[before] = self.snapshot
        self.snapshot = snapshot
        floor = self.meta.floor_revision
        kept = [floor, *(at for at in (*self.checkpoints, snapshot.revision) if at <= most)]
        del self.log[: max(kept) - floor]
        for at in [at for at in self.checkpoints if at < max(kept)]:
            del self.checkpoints[at]
        self.meta = attrs.evolve(
            self.meta, snapshot_revision=snapshot.revision, floor_revision=max(kept)
        )

    def continues(self, after: int, last: tuple[str, int] | None) -> bool:
        """Whether the edit `after` is the one that a client has there."""
        if last is None or after == 0:
            return True
        known = self.after(after - 1, 1) if after > self.meta.floor_revision else ()
        return bool(known) and (known[0].client_id, known[0].seq) == last

    def owner(self, client_id: str) -> str | None:
        """Whose a client id is."""
        if client_id in self.seen:
            return self.seen[client_id][3]
        users = (person.user_id for person in self.roster.values() if person.client_id == client_id)
        return next(users, None)


def within(limit: int, sizes: Iterable[int]) -> int:
    """How many of these, from the first on, are not more than a limit together; at least one."""
    total = count = 0
    for size in sizes:
        total += size
        if count and total > limit:
            break
        count += 1
    return count


def judge(record: Record, submissions: Sequence[Submission]) -> tuple[tuple[str, int], ...]:
    """For each submission whether it is its client's next; see `answers.Seen`."""
    states: list[tuple[str, int]] = []
    ahead: dict[str, int] = {}
    for submission in submissions:
        client_id, seq = submission.edit.client_id, submission.edit.seq
        last, digest, revision, _ = record.seen.get(client_id, (0, b"", 0, ""))
        last = ahead.get(client_id, last)
        if seq == last and client_id not in ahead and digest == submission.digest:
            states.append(("done", revision))
        elif seq <= last:
            states.append(("reused", last))
        elif seq > last + 1:
            states.append(("gap", last + 1))
        elif not is_here(record.roster, submission):
            states.append(("gone", 0))
        elif not _may_edit(record, submission):
            states.append(("denied", 0))
        else:
            states.append(("new", 0))
            ahead[client_id] = seq
    return tuple(states)


def is_here(roster: dict[str, Participant], submission: Submission) -> bool:
    """Whether who asks is still on the roster, by the join that they ask under."""
    if not submission.participant_id:
        return True
    participant = roster.get(submission.participant_id)
    return participant is not None and participant.join_id == submission.join_id


def _may_edit(record: Record, submission: Submission) -> bool:
    if not submission.participant_id:
        return True
    right = "edit" if submission.may_edit else ""
    return allows(effective(right, record.rights.get(submission.edit.user_id, "")), "edit")
