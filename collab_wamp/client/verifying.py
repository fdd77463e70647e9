"""Whether a document is what the server has; and its versions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from .. import protocol
from .driver import Driver
from .errors import ClientError
from .self_check import Check, Divergence

TRIES = 5


class Verifying(Driver):
    """A document that can be compared with the server's, and brought back to what it was."""

    def on_diverged(self, listener: Callable[[Divergence], object]) -> Callable[[], None]:
        """Be told that the document here was not what the server has.

        It should never be. It is then replaced by the server's, with what is pending; nothing done
        before can be undone any more. The server tells the hash now and then, by itself.
        """
        return self._listeners.add("diverged", listener)

    async def verify(self) -> bool:
        """Whether the document here is what the server has; if not, see `on_diverged`.

        Waits until both are at one revision.

        Raises:
            ClientError: `disconnected` and the like; `overloaded` where the document goes on from
                elsewhere each time it is tried.
        """
        for _ in range(TRIES):
            answer = await self._call(protocol.HASH)
            result: Deferred[bool | None] = Deferred()
            if answer["revision"] < self._replica.revision:
                # It is past the head of that moment: that of this one can be asked for.
                revision = self._replica.revision
                check = Check(self._replica.epoch, revision, "", result.callback)
                check.content = self._replica.server_content()
                answer = await self._call(protocol.HASH, revision=revision)
                if answer["epoch"] != check.epoch:
                    continue
                check.expected = answer["sha256"]
                await self._compare(check)
            else:
                sha256 = answer["sha256"]
                check = Check(answer["epoch"], answer["revision"], sha256, result.callback)
                self._sync.expect(check)
                self._pump()
            same = await result
            if same is not None:
                return same
        raise ClientError("overloaded", "It could not be compared.", {"retryable": True})

    # --- versions ---------------------------------------------------------------------------

    async def save_version(self, name: str, revision: int | None = None) -> dict[str, Any]:
        """Keep what the document is, or was at a revision, under a name of 1 to 128 characters.

        It is the server's document: what is pending here is not in it, `await saved()` first.

        Returns:
            `{version_id, name, revision, user_id, time_ms}`.

        Raises:
            ClientError: of the server, or of the connection.
        """
        known = {} if revision is None else {"revision": revision}
        version: dict[str, Any] = await self._call(protocol.SAVE_VERSION, name=name, **known)
        return version

    async def versions(self) -> list[dict[str, Any]]:
        """All that are kept, the newest first, as `save_version` returns them. Raises as that."""
        answer = await self._call(protocol.VERSIONS)
        return list(answer["versions"])

    async def restore(self, *, version_id: str | None = None, revision: int | None = None) -> int:
        """Make the document what it was, by an edit that everybody gets; raises as `save_version`.

        Returns:
            the revision of that edit.
        """
        named = {"version_id": version_id, "revision": revision}
        wanted = {name: value for name, value in named.items() if value is not None}
        answer = await self._call(protocol.RESTORE, **wanted)
        return int(answer["revision"])

    async def delete_version(self, version_id: str) -> None:
        """Keep a version no longer; others' take the right to manage. Raises as `save_version`."""
        await self._call(protocol.DELETE_VERSION, version_id=version_id)
