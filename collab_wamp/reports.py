"""What the nodes do, in figures, of one tenant or of all; and which of them have died."""

from __future__ import annotations

from typing import Any

from twisted.logger import Logger

from .caller import Caller
from .errors import CollabError
from .protocol import Arguments
from .store.commons import Commons
from .store.interface import Store
from .tokens import is_tenant

log = Logger()


class Reports:
    """The figures that instances report of themselves, see `Commons.beat`.

    A report is `{"tenants": {tenant: {"connections", "users", "sessions", "participants"}}, …}`; of
    a session that is followed on several instances one of them reports, see `Relay.by_tenant`.
    """

    def __init__(self, store: Store, commons: Commons) -> None:
        self._store = store
        self._commons = commons

    async def connections(self, caller: Caller, arguments: Arguments) -> dict[str, Any]:
        """Of the tenant: connections, and users by instance (one may be on several)."""
        tenant, rows = await self._rows(caller, arguments)
        return {
            "tenant": tenant,
            "connections": sum(row.get("connections", 0) for row in rows.values()),
            "instances": {
                name: {what: row.get(what, 0) for what in ("connections", "users")}
                for name, row in rows.items()
            },
        }

    async def sessions(self, caller: Caller, arguments: Arguments) -> dict[str, Any]:
        """Of the tenant: sessions that there are, those with people on them, participants."""
        tenant, rows = await self._rows(caller, arguments)
        return {
            "tenant": tenant,
            "sessions": await self._store.count_sessions(tenant),
            "active": sum(row.get("sessions", 0) for row in rows.values()),
            "participants": sum(row.get("participants", 0) for row in rows.values()),
            "instances": {
                name: {"participants": row.get("participants", 0)} for name, row in rows.items()
            },
        }

    async def _rows(
        self, caller: Caller, arguments: Arguments
    ) -> tuple[str, dict[str, dict[str, Any]]]:
        caller.require("stats", "operate")
        tenant = arguments.text("tenant", caller.claims.tenant, 64)
        arguments.finish()
        if not is_tenant(tenant):
            raise CollabError("bad_request", "tenant: no tenant is named so.", argument="tenant")
        if tenant != caller.claims.tenant:
            caller.require("operate")
        reports = await self._commons.reports()
        return tenant, {
            name: report.get("tenants", {}).get(tenant, {})
            for name, report in sorted(reports.items())
        }


async def bury_the_dead(store: Store, commons: Commons) -> list[str]:
    """Remove the participants of instances that have died; who those were.

    Several nodes may do it at a time: each step is harmless when it is done again.
    """
    buried = []
    for instance_id in await commons.dead():
        for record in await store.joined_on(instance_id):
            await store.leave(record.key, record.participant_id, "disconnected")
            await store.forget(instance_id, record)
        if await commons.bury(instance_id):
            log.warn("instance {name} has died; its participants are removed", name=instance_id)
            buried.append(instance_id)
    return buried
