"""Undo in the demo's text editor where others have edited around and inside what is undone."""

from __future__ import annotations

from tests.support.browser_case import BrowserCase


class UndoTests(BrowserCase):
    async def test_what_others_wrote_around_what_is_undone_stays(self) -> None:
        ada, bob = await self.two()
        await bob.type("[]")
        await self.equal(ada, bob)
        await ada.press("Control+Home", "ArrowRight")
        await ada.insert("Ada's")
        await self.equal(ada, bob)
        await bob.press("Control+Home")
        await bob.insert("before 😀 ")
        await bob.press("Control+End")
        await bob.insert(" behind")
        await self.equal(ada, bob)
        await ada.press("Control+z")
        self.assertEqual(await self.equal(ada, bob), "before 😀 [] behind")
        await ada.press("Control+Shift+Z")
        self.assertEqual(await self.equal(ada, bob), "before 😀 [Ada's] behind")

    async def test_what_others_wrote_inside_what_is_undone_stays(self) -> None:
        ada, bob = await self.two()
        await ada.insert("one three")
        await self.equal(ada, bob)
        await bob.press("Control+Home", *["ArrowRight"] * 4)
        await bob.insert("TWO ")
        await bob.press("Control+End", "Backspace", "Backspace")
        await self.equal(ada, bob)
        await ada.press("Control+z")
        self.assertEqual(await self.equal(ada, bob), "TWO ")
        # What Bob deleted of it does not come back.
        await ada.press("Control+y")
        self.assertEqual(await self.equal(ada, bob), "one TWO thr")

    async def test_what_others_wrote_into_what_was_deleted_stays_when_that_is_back(self) -> None:
        await self.create("first middle last")
        ada, bob = await self.two()
        # Neither knows of the other's yet.
        await ada.do("hold", holds=True)
        await ada.press("Control+Home", *["ArrowRight"] * 6)
        await ada.press(*["Shift+ArrowRight"] * 7, "Delete")
        await ada.until(lambda seen: seen["heldEdits"], "an edit held back")
        await bob.press("Control+Home", *["ArrowRight"] * 9)
        await bob.insert("😀")
        await bob.until_saved()
        await ada.do("hold", holds=False)
        self.assertEqual(await self.equal(ada, bob), "first 😀last")
        await ada.press("Control+z")
        content = await self.equal(ada, bob)
        self.assertEqual(sorted(content.replace("😀", "")), sorted("first middle last"))
        self.assertEqual(content.count("😀"), 1)
        await bob.press("Control+z")
        self.assertEqual(await self.equal(ada, bob), "first middle last")

    async def test_the_bar_tells_what_can_be_undone(self) -> None:
        ada, bob = await self.two()
        await ada.insert("x")
        await ada.until(lambda seen: seen["canUndo"], "something to undo")
        self.assertFalse((await bob.look())["canUndo"])
        await ada.click("#undo")
        self.assertEqual(await self.equal(ada, bob), "")
        await ada.until(lambda seen: not seen["canUndo"], "nothing more to undo")
        await ada.click("#redo")
        self.assertEqual(await self.equal(ada, bob), "x")
