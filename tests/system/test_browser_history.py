"""The demo page's history: what was here before, who wrote what, versions, and going back."""

from __future__ import annotations

from typing import Any

from tests.support.browser import Page
from tests.support.browser_case import ADA, BOB, BrowserCase
from tests.system.test_browser_board import TEXT, BoardCase, add, card, texts
from tests.system.test_browser_rich import RichCase, tool

ADAS = (ADA["name"], ADA["color"])
BOBS = (BOB["name"], BOB["color"])


async def opened(page: Page) -> dict[str, Any]:
    """The history, open."""
    await page.click("#history-button")
    return await past(page, lambda history: "Revision" in history["what"], "read")


async def past(page: Page, holds: Any, what: str) -> dict[str, Any]:
    """The history, once it is as wanted."""
    seen = await page.until(lambda seen: seen["history"] and holds(seen["history"]), what)
    return dict(seen["history"])


async def slide(page: Page, revision: int) -> dict[str, Any]:
    await page.do("slide", selector="#history-slider", value=revision)
    return await past(
        page, lambda history: history["what"].startswith(f"Revision {revision} "), "there"
    )


class HistoryTests(BrowserCase):
    async def written(self) -> tuple[Page, Page]:
        """Three revisions: Ada's, Bob's, and Ada's."""
        ada, bob = await self.two()
        await ada.insert("one 😀 ")
        await self.equal(ada, bob)
        await bob.press("Control+End")
        await bob.insert("two")
        await self.equal(ada, bob)
        await ada.press("Control+End")
        await ada.insert(" three")
        await self.equal(ada, bob)
        return ada, bob

    async def test_the_slider_shows_what_was_and_who_wrote_it(self) -> None:
        ada, bob = await self.written()
        history = await opened(bob)
        self.assertEqual(history["range"], [0, 3, 3])
        ones = ["one 😀 ", *ADAS]
        twos = ["two", *BOBS]
        self.assertEqual(history["passages"], [ones, twos, [" three", *ADAS]])
        self.assertEqual(history["people"], [[*ADAS], [*BOBS]])
        self.assertIn(ADA["name"], history["what"])
        history = await slide(bob, 2)
        self.assertEqual(history["passages"], [ones, twos])
        self.assertIn(BOB["name"], history["what"])
        history = await slide(bob, 1)
        self.assertEqual((history["passages"], history["people"]), ([ones], [[*ADAS]]))
        self.assertEqual((await slide(bob, 0))["text"], "")
        await bob.do("focus", selector="#history-slider")
        await bob.press("ArrowRight")
        await past(bob, lambda history: history["text"] == "one 😀 ", "by the keyboard")
        # While one looks back nothing is written, and afterwards one goes on.
        await bob.type("x")
        await bob.press("Escape")
        await bob.until(lambda seen: seen["history"] is False, "the history closed")
        await bob.press("Control+End")
        await bob.insert("!")
        self.assertEqual(await self.equal(ada, bob), "one 😀 two three!")

    async def test_a_version_is_kept_and_restored(self) -> None:
        ada, bob = await self.written()
        await opened(bob)
        await slide(bob, 2)
        await bob.do("focus", selector="#version-name")
        await bob.type("Two of them 😀")
        await bob.press("Enter")
        await past(bob, lambda history: history["versions"] == ["Two of them 😀"], "kept")
        await ada.press("Control+Home")
        await ada.insert("zero ")
        await ada.until_saved()
        history = await opened(ada)
        self.assertEqual(history["text"], "zero one 😀 two three")
        await past(ada, lambda history: history["versions"], "the version")
        await ada.click("#versions button")
        await past(ada, lambda history: history["text"] == "one 😀 two", "the version shown")
        await ada.click("#history-restore")
        await ada.until(lambda seen: seen["history"] is False, "back to now")
        await self.until_shown(bob, "one 😀 two")
        self.assertEqual(await self.equal(ada, bob), "one 😀 two")
        # Nothing was lost by it.
        history = await opened(ada)
        self.assertEqual(history["range"], [0, 5, 5])
        self.assertEqual((await slide(ada, 4))["text"], "zero one 😀 two three")

    async def test_it_grows_while_the_others_write(self) -> None:
        ada, bob = await self.written()
        await opened(bob)
        await ada.press("Control+End")
        await ada.type(" and more")
        await ada.until_saved()
        text = "one 😀 two three and more"
        history = await past(bob, lambda history: history["text"] == text, "followed")
        self.assertGreater(history["range"][1], 3)
        self.assertEqual(history["range"][1], history["range"][2])
        # Who looks at what was stays there.
        await slide(bob, 1)
        end = history["range"][1]
        await ada.insert(" and on")
        history = await past(bob, lambda history: history["range"][1] > end, "longer")
        self.assertEqual((history["range"][2], history["text"]), (1, "one 😀 "))

    async def test_ones_own_undo_meanwhile_is_in_it(self) -> None:
        ada, bob = await self.written()
        await opened(bob)
        await bob.click("#undo")
        await past(bob, lambda history: history["text"] == "one 😀  three", "undone")
        self.assertEqual(await self.equal(ada, bob), "one 😀  three")

    async def test_who_may_only_read_looks_back_and_restores_nothing(self) -> None:
        ada, _bob = await self.written()
        await ada.do("close")
        reader = await self.page({"name": "Reader", "color": "#4338ca"}, right="view")
        history = await opened(reader)
        self.assertEqual((history["mayRestore"], history["range"]), (False, [0, 3, 3]))
        self.assertEqual((await slide(reader, 1))["text"], "one 😀 ")


class RichTests(RichCase):
    async def test_formatting_and_authors_of_then(self) -> None:
        ada, bob = await self.two()
        await ada.click(tool("List"))
        await ada.insert("one 😀")
        await self.equal(ada, bob)
        await bob.press("Control+End")
        await bob.insert(" two")
        await self.equal(ada, bob)
        await ada.press("Control+a")
        await ada.click(tool("Bold"))
        await self.equal(ada, bob)
        history = await opened(bob)
        last = history["range"][1]
        ones, twos = ["one 😀", *ADAS], [" two", *BOBS]
        self.assertEqual(history["passages"], [ones, twos])
        self.assertEqual((await slide(bob, last - 1))["passages"], [ones, twos])
        self.assertEqual((await slide(bob, last - 2))["passages"], [ones])
        await bob.click("#history-restore")
        await self.until_shown(
            ada, [{"insert": "one 😀"}, {"insert": "\n", "attributes": {"list": "bullet"}}]
        )


class BoardTests(BoardCase):
    async def test_the_board_as_it_was(self) -> None:
        ada, bob = await self.two()
        await ada.click(add(0))
        await ada.insert("first")
        await self.equal(ada, bob)
        before = (await opened(bob))["range"][1]
        await ada.click(add(1))
        await ada.insert("second")
        await ada.until_saved()
        history = await past(
            bob, lambda history: texts(history["board"]) == [["first"], ["second"], []], "followed"
        )
        self.assertEqual(texts((await slide(bob, before))["board"]), [["first"], [], []])
        await bob.click("#history-restore")
        await ada.until(lambda seen: texts(seen["board"]) == [["first"], [], []], "restored")
        self.assertEqual(texts(await self.equal(ada, bob)), [["first"], [], []])
        self.assertGreater(history["range"][1], before)
        await bob.do("focus", selector=card(0, 0, TEXT))
