"""The component that answers `collab.session.…`: from WAMP to the use cases and back."""

from __future__ import annotations

import secrets
from typing import Any

from autobahn.wamp.exception import ApplicationError, TransportLost
from autobahn.wamp.types import CallDetails
from twisted.internet.task import LoopingCall

from .. import metrics, protocol
from ..errors import CollabError
from ..importing import Importing
from ..protocol import Arguments
from ..sessions import Sessions
from ..store.values import SessionKey
from . import shortcuts
from .callers import Callers
from .component import CollabComponent

TIDY_S = 5.0


class Component(CollabComponent):
    """Registers the procedures when it has joined the realm."""

    async def begin(self) -> None:
        config, number = self.config.extra["config"], self.config.extra["number"]
        callers = Callers(self)
        await callers.begin()
        await self.subscribe(self._on_refreshed, protocol.NODE_REFRESHED)
        await self.subscribe(self._on_draining, protocol.NODE_DRAINING)
        self._sessions = Sessions(
            self.config.extra["store"],
            instance_id=config.server.instance_id,
            limits=config.limits.session_limits(),
            now_s=self.clock.seconds,
            now_ms=self.config.extra["now_ms"],
            random_bytes=secrets.token_bytes,
            limiter=self.limiter(),
            watch=self._watch,
            pause=self.pause,
            background=self.background,
            retention=config.history.retention(),
            held_s=config.conflicts.held_s,
        )
        history = self._sessions.history
        importing = Importing(self.config.extra["store"], self._sessions.documents)
        for procedure, answer in (
            (protocol.CREATE, self._sessions.create),
            (protocol.JOIN, self._sessions.join),
            (protocol.LEAVE, self._sessions.leave),
            (protocol.EDIT, self._sessions.editing.edit),
            (protocol.FETCH, self._sessions.fetch),
            (protocol.SNAPSHOT, history.snapshot),
            (protocol.HASH, history.hash),
            (protocol.SAVE_VERSION, history.save_version),
            (protocol.VERSIONS, history.versions),
            (protocol.DELETE_VERSION, history.delete_version),
            (protocol.RESTORE, history.restore),
            (protocol.INFO, self._sessions.info),
            (protocol.LIST, self._sessions.list_sessions),
            (protocol.DESTROY, self._sessions.destroy),
            (protocol.GRANT, self._sessions.rights.grant),
            (protocol.REVOKE, self._sessions.rights.revoke),
            (protocol.RESOLVE, self._sessions.resolving.resolve),
            (protocol.IMPORT_EDITS, importing.edits),
            (protocol.IMPORT_DONE, importing.done),
            (protocol.IMPORT_FAILED, importing.failed),
        ):
            await callers.serve(procedure, answer, shared=True)
            if config.layout.workers > 1:
                name = procedure.removeprefix(protocol.SESSION_PREFIX)
                await callers.serve(f"{protocol.WORKER_PREFIX}{number}.{name}", answer)

        async def health(_details: CallDetails, arguments: Arguments) -> dict[str, Any]:
            arguments.finish()
            return await self._sessions.health()

        await self.serve(f"{protocol.HEALTH_SESSIONS}{number}", health)
        await self.call(protocol.ROUTER_WORKER, number=number)
        documents = self._sessions.documents
        if self.inside:
            shortcuts.hear_edits = documents.heard
        self.measure(
            (metrics.DOCUMENTS, lambda: len(documents)),
            (metrics.WAITING_EDITS, lambda: documents.waiting),
        )
        self._tidy = LoopingCall(lambda: self.background(self._sessions.documents.tidy()))
        self._tidy.clock = self.clock
        self._tidy.start(TIDY_S, now=False)

    def _on_refreshed(self, args: list[Any], _kwargs: dict[str, Any]) -> None:
        self._sessions.refreshed(args[0])

    def _on_draining(self, _args: list[Any], _kwargs: dict[str, Any]) -> None:
        self._sessions.draining = True

    async def _watch(self, key: SessionKey, wamp_session_id: int) -> str:
        try:
            watched = await self.call(
                protocol.RELAY_WATCH,
                tenant=key.tenant,
                session_id=key.session_id,
                wamp_session_id=wamp_session_id,
            )
        except ApplicationError as error:
            code = error.error.removeprefix("collab.error.")
            if code in ("no_such_session", "store_unavailable", "too_many"):
                details = {name: value for name, value in error.kwargs.items() if name == "limit"}
                raise CollabError(code, str(error.args[0]), **details) from None
            # The relay is being restarted: nobody would be told of anything meanwhile.
            raise CollabError(
                "overloaded", "The node is not ready for more people.", retry_after_ms=500
            ) from error
        except TransportLost:
            raise CollabError("overloaded", "The node is ending.", retry_after_ms=500) from None
        epoch: str = watched["epoch"]
        return epoch

    def onLeave(self, details: Any) -> None:
        if self.inside:
            shortcuts.hear_edits = None
        if hasattr(self, "_tidy") and self._tidy.running:
            self._tidy.stop()
        super().onLeave(details)
