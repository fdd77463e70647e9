"""What the server does not take is kept on the demo page; and a link opens what is there."""

from __future__ import annotations

import json

from tests.support.browser import Page
from tests.support.browser_case import ADA, BOB, SHOWN, BrowserCase
from tests.support.raw_wamp import RawClient

COPY, AGAIN, DISCARD = (f"#kept button:nth-child({at})" for at in (1, 2, 3))


class RescueTests(BrowserCase):
    async def refused(self) -> tuple[RawClient, Page]:
        """Ada has lost the right to edit while something of hers was on its way."""
        ada = await self.page(ADA)
        await ada.insert("before")
        await ada.until_saved()
        raw = await self.client()
        await ada.do("grantClipboard")
        await ada.do("hold", holds=True)
        await ada.insert(" and\nmore 😀")
        await ada.until(lambda seen: seen["heldEdits"], "an edit held back")
        who = {"session_id": self.session_id, "user_id": ADA["name"]}
        await raw.call("collab.session.revoke", right="edit", **who)
        await ada.until(lambda seen: seen["editable"] == "false", "read-only")
        await ada.do("hold", holds=False)
        return raw, ada

    async def grant(self, raw: RawClient) -> None:
        who = {"session_id": self.session_id, "user_id": ADA["name"]}
        await raw.call("collab.session.grant", right="edit", **who)

    async def test_it_is_applied_again_when_the_right_is_back(self) -> None:
        raw, ada = await self.refused()
        seen = await ada.until(lambda seen: seen["kept"], "what was refused")
        self.assertEqual(seen["kept"], [" and\nmore 😀"])
        self.assertEqual((seen["text"], seen["keptButtons"]), ("before", ["Copy", "Discard"]))
        await ada.click(COPY)
        await ada.until(lambda seen: seen["copied"] == " and\nmore 😀", "copied")
        await self.grant(raw)
        await ada.until(lambda seen: "Apply again" in seen["keptButtons"], "the right back")
        await ada.click(AGAIN)
        await ada.until(lambda seen: not seen["kept"], "nothing kept any more")
        self.assertEqual(await self.equal(ada), "before and\nmore 😀")
        await ada.press("Control+End")
        await ada.insert("!")
        self.assertEqual(await self.equal(ada), "before and\nmore 😀!")

    async def test_it_goes_where_it_belongs_after_others_have_edited(self) -> None:
        raw, ada = await self.refused()
        bob = await self.page(BOB)
        await bob.press("Control+Home")
        await bob.insert("far ")
        await bob.press("Control+End")
        await bob.insert(" the end")
        await bob.until_saved()
        await self.until_shown(ada, "far before the end")
        await self.grant(raw)
        await ada.until(lambda seen: "Apply again" in seen["keptButtons"], "the right back")
        await ada.do("focus", selector=AGAIN)
        await ada.press("Enter")
        self.assertEqual(await self.equal(ada, bob), "far before and\nmore 😀 the end")
        # It is undone like everything that one does.
        await ada.click("#undo")
        self.assertEqual(await self.equal(ada, bob), "far before the end")

    async def test_it_is_discarded(self) -> None:
        _raw, ada = await self.refused()
        await ada.until(lambda seen: seen["kept"], "what was refused")
        await ada.click(DISCARD)
        await ada.until(lambda seen: not seen["kept"], "nothing kept any more")
        self.assertEqual(await self.equal(ada), "before")

    async def test_who_is_put_out_keeps_what_was_on_its_way(self) -> None:
        ada = await self.page(ADA)
        await ada.insert("before")
        await ada.until_saved()
        raw = await self.client()
        await ada.do("denyClipboard")
        await ada.do("hold", holds=True)
        await ada.insert(" and more")
        await ada.until(lambda seen: seen["heldEdits"], "an edit held back")
        who = {"session_id": self.session_id, "user_id": ADA["name"]}
        await raw.call("collab.session.revoke", right="view", **who)
        await ada.do("hold", holds=False)
        seen = await ada.until(lambda seen: seen["kept"], "what was on its way")
        self.assertEqual((seen["kept"], seen["editable"]), ([" and more"], "false"))
        self.assertIn("reload", seen["banner"])
        # Both are within reach.
        await ada.click("#banner-close")
        await ada.click(COPY)
        await ada.until(lambda seen: seen["toCopy"] == " and more", "the text to be copied")
        await ada.press("Escape")
        await ada.until(lambda seen: not seen["toCopy"], "the dialog closed")
        await ada.click(DISCARD)
        await ada.until(lambda seen: not seen["kept"], "nothing kept any more")


class LinkTests(BrowserCase):
    async def test_objects_that_are_no_board_are_shown_as_they_are(self) -> None:
        self.kind = "json"
        await self.create({"a": [1, "😀"]})
        token = self.node.token("ada")
        url = f"{self.node.http}/?doc={self.session_id}#token={token}"
        page = await self.browser.page("ada", url)
        self.assertEqual(
            json.loads(await page.read("#editor pre", "textContent")), {"a": [1, "😀"]}
        )
        raw = await self.client()
        who = {"session_id": self.session_id, "client_id": "program-01"}
        joined = await raw.call("collab.session.join", **who)
        edit = {"revision": 0, "seq": 1, "op": [{"p": ["a", 0], "na": 41}]}
        await raw.call("collab.session.edit", epoch=joined["epoch"], **who, **edit)
        await page.click("#history-button")
        await page.until(
            lambda seen: seen["history"] and '"a": [\n    42,' in seen["history"]["text"],
            "followed",
        )
        await page.press("Escape")
        self.assertIn("42", await page.read("#editor pre", "textContent"))

    async def test_a_document_opens_as_what_it_is_whatever_the_link_says(self) -> None:
        contents = {
            "text": "a text",
            "rich_text": [{"insert": "formatted\n"}],
            "json": {"title": "Plans", "lists": [], "cards": {}},
        }
        for kind, content in contents.items():
            for wanted in contents:
                if wanted == kind:
                    continue
                self.kind = kind
                self.session_id = f"is-{kind}-not-{wanted}"
                await self.create(content)
                page = await self.page({**ADA, "name": f"{kind}-{wanted}"}, query={"type": wanted})
                shown = {"title": "Plans", "lists": []} if kind == "json" else content
                seen = await page.until(lambda seen, s=shown, k=kind: seen[SHOWN[k]] == s, kind)
                self.assertEqual((seen["kind"], seen["banner"]), (kind, ""))
                await page.do("close")
