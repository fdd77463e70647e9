"""The clients' connections of this router process, for those who count them."""

from __future__ import annotations

from collections import Counter
from typing import Any, Protocol

from twisted.logger import Logger

from .. import metrics
from ..tokens import Claims
from .blame import Blame

log = Logger()


class Connection(Protocol):
    """What is kept of a connection; see `guarded.GuardedProtocol`.

    Attributes:
        address: where it comes from.
        user: (tenant, user id) once welcomed.
        claims: what its token says, once welcomed.
        wamp_session_id: 0 until welcomed.
        calls: how many of its calls are under way.
        warned_of: the time of expiry that its client has been told of.
    """

    address: str
    user: tuple[str, str] | None
    claims: Claims | None
    wamp_session_id: int
    calls: int
    warned_of: float

    def look_after(self, now_s: float) -> None: ...

    def say_goodbye(self, reason: str, message: str) -> None: ...

    def cut(self, kind: str) -> None: ...


_open: set[Connection] = set()
_by_id: dict[int, Connection] = {}
_users: Counter[tuple[str, str]] = Counter()


class _Counts(Counter[str]):
    """As a metric, too."""

    def __setitem__(self, kind: str, number: int) -> None:
        metrics.CONNECTIONS_REFUSED.labels(kind).inc(number - self[kind])
        super().__setitem__(kind, number)


# Where logins fail; set by `router_guard`.
blame = Blame(0, lambda: 0.0)

# What was refused, and who was thrown out, by kind.
counts: Counter[str] = _Counts()


def opened(connection: Connection) -> None:
    _open.add(connection)
    blame.came(connection.address)
    metrics.CONNECTIONS_OPENED.inc()
    metrics.CONNECTIONS.set(len(_open))


def welcomed(connection: Connection, wamp_session_id: int, claims: Claims) -> None:
    connection.user = (claims.tenant, claims.user_id)
    connection.claims = claims
    connection.wamp_session_id = wamp_session_id
    _by_id[wamp_session_id] = connection
    blame.went(connection.address)
    _users[connection.user] += 1


def closed(connection: Connection) -> None:
    _open.discard(connection)
    if _by_id.get(connection.wamp_session_id) is connection:
        del _by_id[connection.wamp_session_id]
    metrics.CONNECTIONS.set(len(_open))
    if connection.user is None:
        blame.went(connection.address)
    else:
        _users[connection.user] -= 1
        if not _users[connection.user]:
            del _users[connection.user]
        connection.user = connection.claims = None


def total() -> int:
    """How many connections there are, those included that have not logged in."""
    return len(_open)


def everyone() -> list[Connection]:
    """Those that have logged in."""
    return list(_by_id.values())


def by_id(wamp_session_id: int) -> Connection | None:
    return _by_id.get(wamp_session_id)


def of_user(tenant: str, user_id: str) -> int:
    """How many connections a user has."""
    return _users[tenant, user_id]


def by_tenant() -> dict[str, dict[str, Any]]:
    """Tenant → how many `connections` and `users` it has here."""
    tenants: dict[str, dict[str, Any]] = {}
    for (tenant, _user_id), count in _users.items():
        row = tenants.setdefault(tenant, {"connections": 0, "users": 0})
        row["connections"] += count
        row["users"] += 1
    return tenants


def look_after_all(now_s: float) -> None:
    """See to everybody's deadlines; `now_s` is the time of day."""
    for connection in list(_open):
        try:
            connection.look_after(now_s)
        except Exception:  # of this one; the others are looked after all the same
            log.failure("a connection could not be looked after, and is cut")
            connection.cut("failure")
