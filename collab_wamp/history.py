"""The use cases of a session's history: its content at any time, named versions, and restoring.

As with `Sessions`, every method takes the caller and the call's arguments as they came, and returns
the result's dict or raises `CollabError`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import orjson

from .access import allows
from .caller import Caller
from .document import verify_snapshot
from .documents import Documents
from .errors import CollabError
from .joining import SessionLimits
from .ot import get_type
from .past import Moment, Past
from .protocol import VERSION_ID, Arguments, bad
from .rates import Limiter
from .refusals import denied, no_such_session, stale_epoch
from .rights import Rights
from .store.interface import Store
from .store.values import MOST_VERSIONS, SessionKey, Version
from .submitting import submit_for
from .writer import body_digest

LONGEST_NAME = 128
# Contents of the past that one user may be asking for at one time, of this process.
MOST_ASKED = 20
# Restoring counts as so many more edits at most, as many as it would take to type it.
MOST_TOKENS = 20


class History:
    """See the module.

    Args:
        now_ms: the time of day, milliseconds since 1970.
        new_name: makes a random name of so many random bytes.
        refuse_edits: raises where edits are not taken, since the node is ending.
    """

    def __init__(
        self,
        store: Store,
        past: Past,
        documents: Documents,
        rights: Rights,
        limiter: Limiter,
        limits: SessionLimits,
        *,
        now_ms: Callable[[], int],
        new_name: Callable[[int], str],
        refuse_edits: Callable[[], None],
    ) -> None:
        self._store = store
        self._past = past
        self._documents = documents
        self._rights = rights
        self._limiter = limiter
        self._limits = limits
        self._now_ms = now_ms
        self._new_name = new_name
        self._refuse_edits = refuse_edits
        self._asking: Counter[tuple[str, str]] = Counter()

    # --- what was -----------------------------------------------------------------------------

    async def snapshot(self, caller: Caller, arguments: Arguments) -> dict[str, Any]:
        moment = await self._asked(caller, arguments)
        edit = moment.edit
        return {
            "epoch": moment.epoch,
            "revision": moment.revision,
            "content": moment.content,
            "sha256": moment.snapshot.sha256,
            "user_id": None if edit is None else edit.user_id,
            "time_ms": None if edit is None else edit.time_ms,
        }

    async def hash(self, caller: Caller, arguments: Arguments) -> dict[str, Any]:
        moment = await self._asked(caller, arguments)
        return {
            "epoch": moment.epoch,
            "revision": moment.revision,
            "sha256": moment.snapshot.sha256,
        }

    async def _asked(self, caller: Caller, arguments: Arguments) -> Moment:
        """The content at the revision that is asked for."""
        key = _key(caller, arguments)
        revision = arguments.optional_revision()
        arguments.finish()
        await self._admit(caller, key, "view")
        return await self._at(caller, key, revision)

    async def _at(self, caller: Caller, key: SessionKey, revision: int | None) -> Moment:
        """See `Past.at`; nobody takes all the places there."""
        who = caller.claims.tenant, caller.claims.user_id
        if self._asking[who] >= MOST_ASKED:
            message = f"At most {MOST_ASKED} old contents are asked for at one time."
            raise CollabError("overloaded", message, retry_after_ms=500)
        self._asking[who] += 1
        try:
            return await self._past.at(key, revision)
        finally:
            self._asking[who] -= 1
            if not self._asking[who]:
                del self._asking[who]

    async def _admit(self, caller: Caller, key: SessionKey, action: str) -> str:
        """Count a call, and require a right; the caller's right."""
        await self._limiter.take("calls", caller.claims.tenant, caller.claims.user_id)
        return await self._rights.require(caller, key, action)

    async def _count_edit(self, caller: Caller, key: SessionKey) -> None:
        """Count something as an edit of the caller's."""
        claims = caller.claims
        await self._limiter.take("edits", claims.tenant, claims.user_id, key.session_id)

    # --- named versions -----------------------------------------------------------------------

    async def save_version(self, caller: Caller, arguments: Arguments) -> dict[str, Any]:
        key = _key(caller, arguments)
        name = arguments.text("name", "", LONGEST_NAME)
        revision = arguments.optional_revision()
        arguments.finish()
        if not name or "\0" in name:
            raise bad("name", f"must be a text of 1 to {LONGEST_NAME} characters", name)
        await self._admit(caller, key, "edit")
        # It takes as much room in the store as an edit may, and more.
        await self._count_edit(caller, key)
        moment = await self._at(caller, key, revision)
        version = Version(
            self._new_name(9), name, moment.revision, caller.claims.user_id, self._now_ms()
        )
        kept = await self._store.save_version(key, moment.epoch, version, moment.snapshot)
        if kept == "none":
            raise no_such_session(key)
        if kept == "full":
            message = f"At most {MOST_VERSIONS:,} versions of a session are kept."
            raise CollabError("too_many", message, limit="versions_per_session")
        return version.as_wire()

    async def versions(self, caller: Caller, arguments: Arguments) -> dict[str, Any]:
        key = _key(caller, arguments)
        arguments.finish()
        await self._admit(caller, key, "view")
        found = await self._store.versions(key)
        if not found and await self._store.meta(key) is None:
            raise no_such_session(key)
        return {"versions": [version.as_wire() for version in found]}

    async def delete_version(self, caller: Caller, arguments: Arguments) -> dict[str, Any]:
        """Whoever may edit removes their own versions; others' are for those who manage."""
        key = _key(caller, arguments)
        version_id = arguments.pattern("version_id", VERSION_ID)
        arguments.finish()
        right = await self._admit(caller, key, "edit")
        found = {version.version_id: version for version in await self._store.versions(key)}
        if version_id not in found:
            raise await self._no_such_version(key, version_id)
        if found[version_id].user_id != caller.claims.user_id and not allows(right, "manage"):
            raise denied("manage")
        if not await self._store.delete_version(key, version_id):
            raise await self._no_such_version(key, version_id)
        return {}

    async def _no_such_version(self, key: SessionKey, version_id: str) -> CollabError:
        if await self._store.meta(key) is None:
            return no_such_session(key)
        return CollabError("no_such_version", f"The session has no version {version_id!r}.")

    # --- restoring ----------------------------------------------------------------------------

    async def restore(self, caller: Caller, arguments: Arguments) -> dict[str, Any]:
        """Make the content what it was, by an edit as others are; what was since stays in history.

        What others do at the same time is merged with it as always.
        """
        key = _key(caller, arguments)
        version_id = arguments.optional_pattern("version_id", VERSION_ID)
        revision = arguments.optional_revision()
        arguments.finish()
        if (version_id is None) == (revision is None):
            raise bad("version_id", "or revision must be given, one of the two", "")
        self._refuse_edits()
        await self._admit(caller, key, "edit")
        await self._count_edit(caller, key)
        epoch, wanted = await self._wanted(caller, key, version_id, revision)
        document = await self._past.head(key)
        if epoch not in ("", document.epoch):
            raise stale_epoch(document.epoch)
        kind, base = document.type, document.revision
        op = kind.bare(kind.difference(document.content(), wanted))
        if kind.is_noop(op):
            return {"revision": base, "durable": await self._store.settle()}
        for _ in range(min(MOST_TOKENS, len(orjson.dumps(op)) // self._limits.op.insert_bytes)):
            await self._count_edit(caller, key)
        # The right may have been taken meanwhile, and nobody looks at it after this.
        await self._rights.require(caller, key, "edit")
        self._refuse_edits()
        committed, durable = await submit_for(
            self._documents,
            self._limits,
            key,
            caller.claims.user_id,
            epoch=document.epoch,
            base=base,
            client_id=f"restore-{self._new_name(12)}",
            op=op,
            digest=body_digest(document.epoch, base, op),
        )
        return {"revision": committed, "durable": durable}

    async def _wanted(
        self, caller: Caller, key: SessionKey, version_id: str | None, revision: int | None
    ) -> tuple[str, Any]:
        """(epoch, content) to restore; a version's content is good in any epoch, ""."""
        if version_id is None:
            moment = await self._at(caller, key, revision)
            return moment.epoch, moment.content
        snapshot = await self._store.version_content(key, version_id)
        meta = await self._store.meta(key)
        if snapshot is None or meta is None:
            raise await self._no_such_version(key, version_id)
        verify_snapshot(key, snapshot)
        return "", get_type(meta.type).create(orjson.loads(snapshot.content))


def _key(caller: Caller, arguments: Arguments) -> SessionKey:
    return SessionKey(caller.claims.tenant, arguments.session_id())
