"""Makes Twisted's reactor quicker without touching its files.

For each event of each socket `EPollReactor.doPoll` opens a logging context with the prefix of the
connection, for messages that are logged in the way of Twisted's first years; nobody here does that.
Where it is just something to read, which nearly all events are, the socket is read at once.
"""

from __future__ import annotations

from select import EPOLLIN
from typing import Any

from twisted.internet.epollreactor import EPollReactor
from twisted.logger import Logger
from twisted.python.log import callWithLogger

from ..rounds import rounds

LEANS_ON = (
    "_poller", "_selectables", "_doReadOrWrite", "_disconnectSelectable", "doIteration",
)  # fmt: skip

log = Logger()
# Twisted has types in part only.
long_way: Any = callWithLogger


def missing(reactor: Any) -> list[str]:
    """What this reactor lacks of what is leant on."""
    if type(reactor) is not EPollReactor:
        return [f"the reactor is a {type(reactor).__name__}"]
    return [f"EPollReactor has no {name}" for name in LEANS_ON if not hasattr(reactor, name)]


def install(reactor: Any) -> None:
    """Let this reactor go round quicker; where it is another one than is known here, as it is."""
    without = missing(reactor)
    for name in without:
        log.warn("{name}: events are taken the long way", name=name)
    if not without:
        rounds.known = True
        reactor.doIteration = lambda timeout: go_round(reactor, timeout)


def go_round(reactor: Any, timeout: float | None) -> None:
    """Wait for events, so many seconds at most (None: for ever), and see to each."""
    if rounds.end():
        # That may have set timers that are due before what the reactor knew of.
        due = reactor.timeout()
        timeout = due if timeout is None else min(timeout, timeout if due is None else due)
    try:
        events = reactor._poller.poll(-1 if timeout is None else timeout, len(reactor._selectables))
    except InterruptedError:
        return
    selectables = reactor._selectables
    for number, event in events:
        selectable = selectables.get(number)
        if selectable is None:
            continue  # it went when another event was seen to
        if event != EPOLLIN:
            long_way(selectable, reactor._doReadOrWrite, selectable, number, event)
            continue
        why, by_itself = None, True
        try:
            why = selectable.doRead()
        except BaseException as error:  # whatever it is: what was read of it has gone
            why, by_itself = error, False
            log.failure("while reading from a connection, which is ended")
        if why:
            try:
                reactor._disconnectSelectable(selectable, why, by_itself)
            except Exception:  # of this one; the others are seen to all the same
                log.failure("while a connection was ended")
