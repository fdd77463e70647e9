"""The topics that are subscribed to over one connection, and who follows each over one document."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger

from .requests import Kind, Subscribe

Handler = Callable[[dict[str, Any]], None]


class _Topic:
    """
    Attributes:
        handler: given the events; None = nobody wants them any more.
        subscription: Autobahn's, once the server has confirmed it.
        waiting: for that.
    """

    def __init__(self, handler: Handler) -> None:
        self.handler: Handler | None = handler
        self.subscription: Any = None
        self.waiting: list[Deferred[None]] = []

    def handle(self, *_args: Any, **event: Any) -> None:
        if self.handler is not None:
            self.handler(event)


class Subscriptions:
    """The topics of one connection; each is subscribed to once, and has one handler."""

    log = Logger()

    def __init__(self) -> None:
        self._topics: dict[str, _Topic] = {}

    def __len__(self) -> int:
        return len(self._topics)

    async def add(self, wamp_session: Any, topic: str, handler: Handler) -> None:
        """Have the events of a topic handed to `handler`, instead of the handler before it.

        Args:
            wamp_session: Autobahn's.

        Raises:
            Exception: whatever Autobahn raises; the topic is not subscribed to then.
        """
        known = self._topics.get(topic)
        if known is not None:
            known.handler = handler
            if known.subscription is None:
                waiting: Deferred[None] = Deferred()
                known.waiting.append(waiting)
                await waiting
            return
        new = self._topics[topic] = _Topic(handler)
        try:
            new.subscription = await wamp_session.subscribe(new.handle, topic)
        except Exception as error:
            del self._topics[topic]
            for waiting in new.waiting:
                waiting.errback(error)
            raise
        if new.handler is None:
            self._drop(topic)
        for waiting in new.waiting:
            waiting.callback(None)

    def remove(self, topic: str, handler: Handler) -> None:
        """Unsubscribe from a topic, unless it has another handler by now."""
        known = self._topics.get(topic)
        if known is None or known.handler is not handler:
            return
        known.handler = None
        # What is not confirmed yet is dropped when it is: a second SUBSCRIBE that overtook the
        # UNSUBSCRIBE of the first would be undone by it.
        if known.subscription is not None:
            self._drop(topic)

    def _drop(self, topic: str) -> None:
        subscription = self._topics.pop(topic).subscription
        # Without a transport Autobahn raises; a subscription ends with its connection anyway.
        maybeDeferred(subscription.unsubscribe).addErrback(
            lambda failure: self.log.debug(
                "{topic} not unsubscribed: {error}", topic=topic, error=failure.value
            )
        )


class Following:
    """The topics that one document follows over a connection: at most one of each kind."""

    def __init__(self) -> None:
        self._held: dict[Kind, tuple[str, Handler]] = {}

    def change(self, subscribe: Subscribe, handler: Handler) -> tuple[str, Handler] | None:
        """Follow a topic from now on.

        Returns:
            what is to be unsubscribed from: the one of this kind before it, if that was another.
        """
        before = self._held.get(subscribe.kind)
        self._held[subscribe.kind] = (subscribe.topic, handler)
        return before if before is not None and before[0] != subscribe.topic else None

    def clear(self) -> list[tuple[str, Handler]]:
        """Follow nothing any more; what was followed."""
        held = list(self._held.values())
        self._held.clear()
        return held
