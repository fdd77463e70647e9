"""The node's sessions workers, and which of them gets a session's calls.

Any worker may take any call. But one that has the session in memory is quicker, and a session's
calls over one connection stay in order when they all go to one: so each session has its worker, the
one that wants it most of those that are there (rendezvous hashing).
"""

from __future__ import annotations

from collections import OrderedDict

from ..protocol import SESSION_PREFIX, WORKER_PREFIX
from ..registry.picking import weight

REMEMBERED = 20_000

# Number of a worker → its connection to the router.
_there: dict[int, int] = {}
_chosen: OrderedDict[str, int] = OrderedDict()


def came(number: int, wamp_session_id: int) -> None:
    _there[number] = wamp_session_id
    _chosen.clear()


def went(wamp_session_id: int) -> None:
    gone = [number for number, other in _there.items() if other == wamp_session_id]
    for number in gone:
        del _there[number]
        _chosen.clear()


def there() -> list[int]:
    """The numbers of those that are there."""
    return sorted(_there)


def procedure_at(procedure: str, tenant: str, session_id: object) -> str:
    """What to call instead of a session's procedure, so that its worker gets the call."""
    if len(_there) < 2 or not procedure.startswith(SESSION_PREFIX):
        return procedure
    if not isinstance(session_id, str):
        return procedure
    number = worker_of(f"{tenant}\n{session_id}")
    return f"{WORKER_PREFIX}{number}.{procedure.removeprefix(SESSION_PREFIX)}"


def worker_of(key: str) -> int:
    number = _chosen.get(key)
    if number is None:
        number = max(_there, key=lambda other: weight(key, str(other)))
        _chosen[key] = number
        while len(_chosen) > REMEMBERED:
            _chosen.popitem(last=False)
    return number
