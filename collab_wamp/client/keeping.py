"""What a program does with the patches of a document: see `collab_wamp.client.patches`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import protocol
from .driver import Driver
from .errors import ClientError
from .exchange import read, written
from .patches import Patch

# Patches that are further behind are taken by their text alone.
MOST_EDITS = 10_000


class Keeping(Driver):
    """A document whose edits that were not taken are kept."""

    @property
    def patches(self) -> list[Patch]:
        """What was done here and is not in the document: refused, or pending when the session was
        over. In the order in which that happened; as they are now."""
        return self._replica.rescue.patches.all

    def on_patches(self, listener: Callable[[list[Patch]], object]) -> Callable[[], None]:
        """Be told of all patches when there are others than before."""
        return self._listeners.add("patches", listener)

    def apply_patch(self, patch_id: str) -> None:
        """Do again, as a new edit of the document as it is now, what a patch has kept.

        It is gone from `patches` then; where the server refuses it again, it is back, with the
        same id.

        Raises:
            KeyError: there is none of this id.
            OpError: it has no place in the document any more; its `text` can be copied.
            ClientError: as `edit` does.
        """
        self._check_editable()
        self._edited(self._replica.apply_patch(patch_id))

    def discard_patch(self, patch_id: str) -> None:
        """Forget a patch; of one that is not there nothing is said."""
        self._replica.rescue.patches.discard(patch_id)

    def export_patches(self) -> str:
        """All patches as JSON, to be kept somewhere and given to `import_patches`."""
        replica = self._replica
        patches = replica.rescue.at_server()
        return written(replica.type, self.session_id, replica.epoch, replica.revision, patches)

    async def import_patches(self, exported: str) -> list[Patch]:
        """Take patches that were exported, here or in another document of this type.

        They get new ids. Where the session is the same one, with the same epoch, and the edits
        since are kept, each goes past these; otherwise what it inserts is put where it began, or at
        the end of a shorter document. Of a `json` document there is then only its `text` to copy.

        Raises:
            ValueError: it is not what `export_patches` made, or of another type of document.
            ClientError: `disconnected` and the like: try again.
        """
        replica = self._replica
        found = read(replica.type, exported)
        edits = await self._edits_since(found.epoch, found.revision) if found.patches else None
        if edits is not None:
            # Some may have come meanwhile that are not here yet.
            edits = edits[: replica.revision - found.revision]
        return [replica.take_patch(patch, edits) for patch in found.patches]

    async def _edits_since(self, epoch: str, revision: int) -> list[list[Any]] | None:
        """The edits from a revision up to the one that is known here, or more; None where these
        are not to be had."""
        replica = self._replica
        edits: list[list[Any]] = []
        while epoch == replica.epoch and revision <= replica.revision:
            missing = replica.revision - revision - len(edits)
            if missing <= 0:
                return edits
            if len(edits) + missing > MOST_EDITS:
                return None
            try:
                page = await self._call(
                    protocol.FETCH, epoch=epoch, after=revision + len(edits), limit=1000
                )
            except ClientError as error:
                if error.reaction in ("refuse", "snapshot", "join"):
                    return None
                raise
            if not page["edits"]:
                return None
            edits += page["edits"]
        return None
