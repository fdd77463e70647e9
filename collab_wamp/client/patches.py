"""What the user did and the server did not take: kept as patches, to be applied again.

Pure. `web/src/patches.js` is the same in JavaScript, and reads what is exported here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import attrs

from ..ot import OTType

# What is refused so soon after something else that was belongs to it.
JOIN_MS = 60_000
MOST_UNSEEN_PARTS = 200


@attrs.frozen
class Reason:
    """Why something was not taken.

    Attributes:
        code: as of a `ClientError`.
        message: for people.
    """

    code: str
    message: str


@attrs.frozen
class Unsure:
    """An edit of which it is not known whether it was committed, and what was done after it."""

    client_id: str
    seq: int
    op: Any
    rest: Any


@attrs.frozen
class Patch:
    """Something that the user did, and that is not in the document.

    Attributes:
        id: unique in this session, here.
        name: for people: "What you wrote at 14:03".
        op: does it to the document as it is now; None where it has no place there any more.
        revision: that was known when it was refused.
        text: what it inserts, for a person to copy; "" where that is nothing.
        created_ms: since 1970.
        unsure: set where a part of it may have been committed: the session was over before an
            answer came.
    """

    id: str
    name: str
    op: Any
    revision: int
    text: str
    reason: Reason
    created_ms: int
    unsure: Unsure | None = None

    def as_wire(self) -> dict[str, Any]:
        wire = attrs.asdict(self)
        return wire if self.unsure is not None else {k: v for k, v in wire.items() if k != "unsure"}


class Patches:
    """The patches of one session, each transformed over everything that has happened since.

    Args:
        kind: the document's type.
        changed: told when there are others than before.
    """

    def __init__(self, kind: OTType, changed: Callable[[], None]) -> None:
        self._type = kind
        self._changed = changed
        self._patches: dict[str, Patch] = {}
        self._unseen: Any = None
        self._numbers = 0
        # The patch that what is refused next may belong to.
        self._open: tuple[str, int] | None = None
        # The one that was applied again, and the edit that was in flight before it.
        self._again: tuple[Patch, object] | None = None

    @property
    def all(self) -> list[Patch]:
        """In the order in which they were refused."""
        self._see()
        return list(self._patches.values())

    def applied(self, op: Any) -> None:
        """Something was applied to the document."""
        if not self._patches:
            return
        self._unseen = op if self._unseen is None else self._type.compose(self._unseen, op)
        if len(self._unseen) > MOST_UNSEEN_PARTS:
            self._see()

    def accepted(self, edit: object) -> None:
        """The edit in flight was committed."""
        self._open = None
        if self._again is not None and self._again[1] is not edit:
            self._again = None

    def refused(
        self, edit: object, op: Any, text: str, reason: Reason, revision: int, now_ms: int
    ) -> Patch:
        """Keep an edit that was refused. What was refused just before it belongs to it.

        Args:
            edit: that was in flight.
            op: does the same to the document as it is now.
            text: that it inserted.
        """
        self._see()
        again, self._again = self._again, None
        if again is not None and again[1] is not edit:
            first = again[0]
            patch = attrs.evolve(first, op=op, text=text, reason=reason, revision=revision)
        else:
            if again is not None:
                self._again = again
            patch = self._joined(op, text, reason, revision, now_ms)
        self._open = (patch.id, now_ms)
        self._put(patch)
        return patch

    def _joined(self, op: Any, text: str, reason: Reason, revision: int, now_ms: int) -> Patch:
        last = self._patches.get(self._open[0]) if self._open is not None else None
        if last is None or self._open is None or now_ms - self._open[1] > JOIN_MS:
            return self._new(op, text, reason, revision, now_ms)
        if last.reason.code != reason.code or last.op is None:
            return self._new(op, text, reason, revision, now_ms)
        # It was made on a document from which the last had been taken back.
        behind = self._type.transform(op, last.op, self._type.side("", ""))
        both = self._type.compose(last.op, behind)
        return attrs.evolve(last, op=both, text=last.text + text, revision=revision)

    def keep(
        self,
        op: Any,
        text: str,
        reason: Reason,
        revision: int,
        now_ms: int,
        unsure: Unsure | None = None,
    ) -> Patch:
        """Keep something that belongs to nothing else.

        Args:
            op: None where it has no place in the document.
        """
        self._see()
        again, self._again = self._again, None
        patch = self._new(op, text, reason, revision, now_ms)
        if again is not None:
            first = again[0]
            patch = attrs.evolve(patch, id=first.id, name=first.name, created_ms=first.created_ms)
        patch = attrs.evolve(patch, unsure=unsure)
        self._open = None
        self._put(patch)
        return patch

    def add(self, patch: Patch, op: Any) -> Patch:
        """Take a patch of another session; `op` does it to the document of this one."""
        self._see()
        self._numbers += 1
        patch = attrs.evolve(patch, id=f"patch-{self._numbers}", op=op, unsure=None)
        self._put(patch)
        return patch

    def get(self, patch_id: str) -> Patch:
        """
        Raises:
            KeyError: there is none of this id.
        """
        self._see()
        return self._patches[patch_id]

    def taken(self, patch: Patch, edit: object) -> None:
        """A patch is being applied, behind the edit that is in flight, if any."""
        self._again = (patch, edit)
        self._drop(patch.id)

    def discard(self, patch_id: str) -> None:
        """Forget one; told of one that is not there it does nothing."""
        if patch_id in self._patches:
            self._drop(patch_id)

    def _new(self, op: Any, text: str, reason: Reason, revision: int, now_ms: int) -> Patch:
        self._numbers += 1
        did = "wrote" if text else "changed"
        at = datetime.fromtimestamp(now_ms / 1000).astimezone().strftime("%H:%M")
        name = f"What you {did} at {at}"
        return Patch(f"patch-{self._numbers}", name, op, revision, text, reason, now_ms)

    def _put(self, patch: Patch) -> None:
        self._patches[patch.id] = patch
        self._changed()

    def _drop(self, patch_id: str) -> None:
        del self._patches[patch_id]
        if self._open is not None and self._open[0] == patch_id:
            self._open = None
        self._changed()

    def _see(self) -> None:
        """Bring the patches past what has happened meanwhile."""
        op, self._unseen = self._unseen, None
        if op is None:
            return
        for patch in list(self._patches.values()):
            if patch.op is None:
                continue
            moved = self._type.transform(patch.op, op, "left")
            if not self._type.is_noop(moved):
                self._patches[patch.id] = attrs.evolve(patch, op=moved)
            elif patch.text:
                self._patches[patch.id] = attrs.evolve(patch, op=None)
            else:
                # Others have done the same.
                del self._patches[patch.id]


def forward(kind: OTType, patch: Patch, edits: Iterable[list[Any]]) -> Any:
    """A patch's operation, past edits that were committed since.

    Args:
        edits: as on the wire; where the one that the patch is unsure of is among them, that is
            not part of the result.
    """
    unsure = patch.unsure
    in_flight, rest = (None, patch.op) if unsure is None else (unsure.op, unsure.rest)
    for client_id, seq, theirs, *_ in edits:
        if in_flight is not None:
            if unsure is not None and (client_id, seq) == (unsure.client_id, unsure.seq):
                in_flight = None
                continue
            mine, in_flight = in_flight, kind.transform(in_flight, theirs, "left")
            theirs = kind.transform(theirs, mine, "right")
        rest = kind.transform(rest, theirs, "left")
    return rest if in_flight is None else kind.compose(in_flight, rest)


def by_text(kind_name: str, op: Any, length: int) -> Any:
    """What an operation inserts, all at the place where it began, in a document of this length.

    Returns:
        None where the type has no places that stay what they are, as `json`, or nothing is
        inserted.
    """
    if kind_name == "text":
        parts = [part for part in op if isinstance(part, str)]
        inserted: list[Any] = ["".join(parts)] if parts else []
        place = op[0] if op and isinstance(op[0], int) else 0
        retain: list[Any] = [min(place, length)]
    elif kind_name == "rich_text":
        inserted = [part for part in op if "insert" in part]
        place = op[0].get("retain", 0) if op else 0
        retain = [{"retain": min(place, length)}]
    else:
        return None
    if not inserted:
        return None
    return [*(retain if min(place, length) else []), *inserted]
