"""Asking the node's components from the router's process, with an end to the waiting."""

from __future__ import annotations

from typing import Any

from autobahn.wamp.exception import ApplicationError
from twisted.internet.defer import CancelledError, Deferred

from ..errors import TABLE, URI_PREFIX, CollabError
from .component import CollabComponent


async def ask(
    component: CollabComponent,
    procedure: str,
    seconds: float,
    arguments: dict[str, Any],
) -> dict[str, Any]:
    """The answer of a procedure of one of the node's components.

    Args:
        component: whose session the call is made over.
        seconds: how long to wait. The call goes on after that: it cannot be called off.

    Raises:
        CollabError: as the component answers; `overloaded` where it does not in time, or not yet.
    """
    try:
        waiting = apart(component.call(procedure, **arguments))
        answer: dict[str, Any] = await waiting.addTimeout(seconds, component.clock)
    except CancelledError:  # whoever waited has gone
        raise
    except ApplicationError as error:
        code = error.error.removeprefix(URI_PREFIX)
        if code not in TABLE:
            raise not_ready() from error
        details = {name: value for name, value in error.kwargs.items() if name != "retryable"}
        message = str(error.args[0]) if error.args else TABLE[code].meaning
        raise CollabError(code, message, **details) from None
    except Exception as error:  # a time-out, a transport that is gone
        raise not_ready() from error
    return answer


def not_ready() -> CollabError:
    return CollabError("overloaded", "The node is starting; try again.", retry_after_ms=500)


def apart(asked: Deferred[Any]) -> Deferred[Any]:
    """Fires like `asked`; but to cancel it lets the call be, which would not end well."""
    waiting: Deferred[Any] = Deferred()

    def fired(result: Any) -> None:
        if not waiting.called:
            waiting.callback(result)  # a Failure as well

    asked.addBoth(fired)
    return waiting
