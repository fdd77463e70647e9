"""What fails while the page is served is answered as everything else that fails."""

from __future__ import annotations

import json
from pathlib import Path

import txaio
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import getChildForRequest
from twisted.web.static import File
from twisted.web.test.requesthelper import DummyRequest

txaio.use_twisted()

from collab_wamp.http.pages import Page  # noqa: E402  # it needs a choice of the loop


class Unreadable(Exception):
    pass


def fail(*_args: object, **_more: object) -> None:
    raise Unreadable("the secret place")


class FailingTests(SynchronousTestCase):
    def answer(self, page: Page) -> dict[str, object]:
        request = DummyRequest([b"main.js"])
        request.requestHeaders.setRawHeaders(b"host", [b"x"])
        request.path = b"/main.js"
        body = getChildForRequest(page, request).render(request)
        self.assertEqual(request.responseCode, 500)
        self.assertEqual(request.responseHeaders.getRawHeaders("content-type"),
                         ["application/json"])  # fmt: skip
        self.assertEqual(len(self.flushLoggedErrors(Unreadable)), 1)
        return dict(json.loads(body)["error"])

    def folder(self) -> str:
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / "main.js").write_text("x")
        return str(folder)

    def test_a_file_that_cannot_be_looked_for(self) -> None:
        page = Page(self.folder())
        self.patch(page, "restat", fail)
        error = self.answer(page)
        self.assertEqual(error["code"], "internal")
        self.assertNotIn("secret", str(error))

    def test_pages_of_all_origins_may_load_the_client_and_nothing_else(self) -> None:
        folder = Path(self.folder())
        (folder / "client").mkdir()
        (folder / "client" / "main.js").write_text("x")
        for path, allowed in (([b"client", b"main.js"], ["*"]), ([b"main.js"], None)):
            request = DummyRequest(list(path))
            request.requestHeaders.setRawHeaders(b"host", [b"x"])
            request.path = b"/" + b"/".join(path)
            getChildForRequest(Page(str(folder)), request).render(request)
            headers = request.responseHeaders
            self.assertEqual(headers.getRawHeaders("access-control-allow-origin"), allowed)

    def test_a_file_that_cannot_be_sent(self) -> None:
        self.patch(File, "render_GET", fail)
        error = self.answer(Page(self.folder()))
        self.assertEqual(error["code"], "internal")
        self.assertNotIn("secret", str(error))
