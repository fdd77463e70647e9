"""People in real browsers on a real node, each with the demo page."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import TestCase

from tests.support.browser import Browser, Page
from tests.support.node import Node, shared_node
from tests.support.raw_wamp import CallError, RawClient, logged_in
from tests.support.waiting import until
from tests.system.test_health import get

ADA = {"name": "Ada Lovelace", "color": "#0f766e"}
# A name is text, whatever is in it.
BOB = {"name": "<b>Bob</b>", "color": "#be185d"}
# A component was killed and is not back yet.
RESTARTING = ("wamp.error.no_such_procedure", "wamp.error.canceled")
# What a page of each kind has the cursor in, and what `look` calls the document there.
EDITORS = {"text": ">>> .cm-content", "rich_text": ".ql-editor", "json": ".board-title"}
SHOWN = {"text": "text", "rich_text": "rich", "json": "board"}


class BrowserCase(TestCase):
    """
    Attributes:
        kind: the type of the document.
    """

    timeout = 180
    kind = "text"
    node: Node
    expected_complaints: tuple[str, ...] = ()

    async def setUp(self) -> None:
        self.node = await self.make_node()
        # Tests of several kinds have the same names, and the same node.
        self.session_id = f"{self.kind}-{self.id().rsplit('.', 1)[-1]}"[:64]
        self.raw: list[RawClient] = []
        self.browser = await Browser.start()

    async def make_node(self) -> Node:
        return await shared_node()

    async def tearDown(self) -> None:
        complaints = [
            complaint
            for complaint in await self.browser.complaints()
            if not any(part in complaint for part in self.expected_complaints)
        ]
        await self.browser.stop()
        for client in self.raw:
            await client.cut()
        self.assertEqual(complaints, [])

    async def page(
        self,
        identity: dict[str, str],
        right: str = "edit",
        query: dict[str, str] | None = None,
        **options: Any,
    ) -> Page:
        """A window of somebody who was given a link, with the cursor in the document.

        Args:
            query: what the address has beside the document's name; by default its type.
            options: as `Browser.page` takes them.
        """
        name = identity["name"]
        token = self.node.token(name, **{self.session_id: right})
        if query is None:
            query = {} if self.kind == "text" else {"type": self.kind}
        address = urlencode({"doc": self.session_id, **query})
        url = f"{self.node.http}/?{address}#token={token}"
        page = await self.browser.page(name, url, identity=identity, **options)
        await page.ready(EDITORS[self.kind])
        return page

    async def two(self, **options: Any) -> tuple[Page, Page]:
        return await self.page(ADA, **options), await self.page(BOB, **options)

    async def client(self) -> RawClient:
        # Just after a part was killed nobody new is let in.
        await until(lambda: get(self.node, "/ready")[0] == 200, 30)
        client = await logged_in(self.node.port, self.node.token("raw"))
        self.raw.append(client)
        return client

    async def create(self, content: Any, **more: Any) -> None:
        """Make the session, before anybody opens it."""
        raw = await self.client()
        made = {"session_id": self.session_id, "type": self.kind, "content": content}
        await raw.call("collab.session.create", **made, **more)

    async def content(self) -> Any:
        """What the server has."""
        client = await self.client()
        while True:
            try:
                answer = await client.call("collab.session.snapshot", session_id=self.session_id)
            except CallError as error:
                if error.uri not in RESTARTING:
                    raise
            else:
                return self.as_shown(answer["content"])

    def as_shown(self, content: Any) -> Any:
        """The content as `look` tells what is on the screen."""
        return content

    async def equal(self, *pages: Page) -> Any:
        """The document, once all pages have saved and show what the server has."""
        for page in pages:
            await page.until_saved()
        content = await self.content()
        for page in pages:
            await self.until_shown(page, content)
        return content

    async def until_shown(self, page: Page, content: Any) -> None:
        shown = SHOWN[self.kind]
        await page.until(lambda seen: seen[shown] == content, f"the document {content!r}")


def together(*work: Any) -> Deferred[list[Any]]:
    return gatherResults([Deferred.fromCoroutine(coroutine) for coroutine in work])
