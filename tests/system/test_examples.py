"""The examples, run as their readers run them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from twisted.internet import error, reactor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase
from twisted.web.resource import Resource
from twisted.web.server import Site
from twisted.web.static import Data, File

from collab_wamp.client import Client, Document, connect
from tests.support.browser import POLL_S, Browser, Page
from tests.support.browser_case import ADA, BOB, BrowserCase, together
from tests.support.node import Node
from tests.support.waiting import until
from tests.system.test_client import ClientCase

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
QUILL = ROOT / "web" / "node_modules" / "quill" / "dist"
CDN = "https://cdn.jsdelivr.net/npm/quill@2/dist/"
WAIT_S = 20.0


class PagesTests(TestCase):
    """Pages of another server than the node, which lets in those of its origin alone."""

    timeout = 180

    async def setUp(self) -> None:
        self.site = Resource()
        self.site.putChild(b"quill", File(str(QUILL)))
        self.port = self.serve()
        self.node = Node(ALLOWED_ORIGINS=self.origin(self.port))
        await deferToThread(self.node.start)
        self.addCleanup(deferToThread, self.node.stop)
        for name in ("page.html", "quill.html"):
            text = (EXAMPLES / name).read_text(encoding="utf-8")
            text = text.replace("localhost:8080", f"127.0.0.1:{self.node.port}")
            page = text.replace(CDN, "/quill/").encode()
            self.site.putChild(name.encode(), Data(page, "text/html; charset=utf-8"))
        self.browser = await Browser.start()
        self.addCleanup(lambda: Deferred.fromCoroutine(self.browser.stop()))

    def serve(self) -> IListeningPort:
        port: IListeningPort = reactor.listenTCP(0, Site(self.site), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        return port

    def origin(self, port: IListeningPort) -> str:
        return f"http://127.0.0.1:{port.getHost().port}"

    async def page(self, who: dict[str, str], name: str, port: IListeningPort) -> Page:
        token = self.node.token(who["name"])
        return await self.browser.page(who["name"], f"{self.origin(port)}/{name}#token={token}")

    async def two(self, name: str, editor: str) -> tuple[Page, Page]:
        """Two people with an example, and the cursor in it."""
        pages = await self.page(ADA, name, self.port), await self.page(BOB, name, self.port)
        for page in pages:
            await page.ready(editor)
        return pages

    async def document(self, name: str) -> Document:
        """What a program has of it."""
        client: Client = await connect(reactor, self.node.url, self.node.token("program"))
        self.addCleanup(lambda: Deferred.fromCoroutine(client.close()))
        return await client.open(name, type="rich_text" if name == "letter" else "text")

    async def until_read(self, page: Page, selector: str, name: str, wanted: Any) -> None:
        end = reactor.seconds() + WAIT_S
        while (found := await page.read(selector, name)) != wanted:
            self.assertLess(reactor.seconds(), end, f"{page.name}: {found!r}, not {wanted!r}")
            await deferLater(reactor, POLL_S)

    async def test_a_text_area(self) -> None:
        ada, bob = await self.two("page.html", "textarea:enabled")
        await together(ada.type("analytical 😀"), bob.type("difference"))
        document = await self.document("notes")
        await until(lambda: len(document.content) == 22, what="both texts")
        content = document.content
        self.assertIn(content, ("analytical 😀difference", "differenceanalytical 😀"))
        document.insert(0, "A program: ")
        for page in (ada, bob):
            await self.until_read(page, "textarea", "value", f"A program: {content}")
            await self.until_read(page, "#status", "textContent", "saved")
        # Undo takes back one's own only.
        await bob.press("Control+z")
        await until(lambda: document.content == "A program: analytical 😀", what="undone")
        await self.until_read(ada, "textarea", "value", document.content)
        self.assertEqual(await self.browser.complaints(), [])

    async def test_quill(self) -> None:
        ada, bob = await self.two("quill.html", ".ql-editor[contenteditable=true]")
        await together(ada.type("analytical"), bob.type("difference"))
        document = await self.document("letter")
        words = ("analyticaldifference\n", "differenceanalytical\n")
        await until(lambda: document.content in [[{"insert": text}] for text in words])
        await bob.press("Control+a", "Control+b")
        word = document.content[0]["insert"].rstrip()
        bold = [{"insert": word, "attributes": {"bold": True}}, {"insert": "\n"}]
        await until(lambda: document.content == bold, what=f"{bold}")
        await self.until_read(ada, ".ql-editor strong", "textContent", word)
        # Where the other is has the look that it is to have.
        await self.until_read(ada, ".ql-collab-name", "textContent", BOB["name"])
        self.assertEqual(await ada.read(".ql-collab-caret", "offsetWidth"), 2)
        self.assertEqual(await self.browser.complaints(), [])

    async def test_a_page_of_another_origin_is_refused(self) -> None:
        other = await self.page(BOB, "page.html", self.serve())
        complaints: list[str] = []
        while not any("WebSocket connection" in text for text in complaints):
            complaints += await self.browser.complaints()
            await deferLater(reactor, POLL_S)
        self.assertEqual(await other.read("textarea", "disabled"), True)
        self.assertEqual(await other.read("#status", "textContent"), "Connecting…")
        # The one that is allowed is let in meanwhile.
        ada = await self.page(ADA, "page.html", self.port)
        await ada.ready("textarea:enabled")


class Bot(ProcessProtocol):
    """`examples/bot.py`, running."""

    def __init__(self, *arguments: str) -> None:
        self.said = b""
        self.ended: Deferred[None] = Deferred()
        command = [sys.executable, str(EXAMPLES / "bot.py"), *arguments]
        reactor.spawnProcess(self, command[0], command, env=os.environ)

    def errReceived(self, data: bytes) -> None:
        self.said += data

    def processEnded(self, reason: Failure) -> None:
        reason.trap(error.ProcessDone, error.ProcessTerminated)
        self.ended.callback(None)

    async def stop(self) -> None:
        if not self.ended.called:
            self.transport.signalProcess("TERM")
        await self.ended


class BotTests(ClientCase):
    def start(self) -> Bot:
        bot = Bot(self.node.token("sums"), self.session_id, self.node.url)
        self.addCleanup(lambda: Deferred.fromCoroutine(bot.stop()))
        return bot

    async def test_results_are_written_and_nothing_is_lost(self) -> None:
        ada = await self.document()
        bob = await self.document("bob")
        ada.insert(0, "12 + 30 = and 😀 2*3=\n")
        self.start()
        await until(lambda: "= 42 and 😀 2*3= 6\n" in ada.content, what="what was there before")
        # Both type on while it works.
        for number in range(20):
            ada.insert(0, f"{number} - 5 =\n")
            bob.insert(len(bob.content), f"word{number}\n")
            await bob.until(lambda n=number: f"{n} - 5 =" in bob.content)
        lines = [f"{number} - 5 = {number - 5}" for number in range(20)]
        await until(lambda: all(f"{line}\n" in ada.content for line in lines), what="the results")
        await self.together(ada, bob)
        words = [f"word{number}" for number in range(20)]
        expected = [*lines[::-1], "12 + 30 = 42 and 😀 2*3= 6", *words, ""]
        self.assertEqual(ada.content.split("\n"), expected)
        self.assertEqual(bob.content, ada.content)
        # It is not the writer's to undo.
        ada.undo()
        await self.together(ada, bob)
        self.assertTrue(ada.content.startswith(" 1418 - 5 = 13\n"), ada.content)


class BotInTheBrowserTests(BrowserCase):
    async def test_a_person_types_a_sum_and_goes_on(self) -> None:
        ada = await self.page(ADA)
        bot = Bot(self.node.token("sums"), self.session_id, self.node.url)
        self.addCleanup(lambda: Deferred.fromCoroutine(bot.stop()))
        await ada.until(lambda seen: "Sums" in seen["people"], f"the bot: {bot.said.decode()}")
        await ada.type("12 + 30 =")
        await self.until_shown(ada, "12 + 30 = 42")
        await ada.press("Control+End")
        await ada.type(", and on")
        self.assertEqual(await self.equal(ada), "12 + 30 = 42, and on")
