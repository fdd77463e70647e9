"""The clients' connections of this router process, for those who count them."""

from __future__ import annotations

from collections import Counter
from typing import Protocol

from twisted.logger import Logger

log = Logger()


class Connection(Protocol):
    """What is kept of a connection; see `guarded.GuardedProtocol`."""

    user: tuple[str, str] | None

    def look_after(self, now_s: float) -> None: ...

    def cut(self, kind: str) -> None: ...


_open: set[Connection] = set()
_users: Counter[tuple[str, str]] = Counter()
# What was refused, and who was thrown out, by kind.
counts: Counter[str] = Counter()


def opened(connection: Connection) -> None:
    _open.add(connection)


def welcomed(connection: Connection, tenant: str, user_id: str) -> None:
    connection.user = (tenant, user_id)
    _users[connection.user] += 1


def closed(connection: Connection) -> None:
    _open.discard(connection)
    if connection.user is not None:
        _users[connection.user] -= 1
        if not _users[connection.user]:
            del _users[connection.user]
        connection.user = None


def total() -> int:
    """How many connections there are, those included that have not logged in."""
    return len(_open)


def of_user(tenant: str, user_id: str) -> int:
    """How many connections a user has."""
    return _users[tenant, user_id]


def look_after_all(now_s: float) -> None:
    """See to everybody's deadlines; `now_s` is the time of day."""
    for connection in list(_open):
        try:
            connection.look_after(now_s)
        except Exception:  # of this one; the others are looked after all the same
            log.failure("a connection could not be looked after, and is cut")
            connection.cut("failure")
