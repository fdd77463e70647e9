"""The question what is to become of an edit that conflicts: the demo page's dialog."""

from __future__ import annotations

from typing import Any

from tests.support.browser import Page
from tests.support.browser_case import BOB, SHOWN, BrowserCase
from tests.system.test_browser_board import REMOVE, TEXT, BoardCase, card, texts

ASK = {"conflicts": "ask"}


class ConflictCase(BrowserCase):
    def words(self, text: str) -> Any:
        """A document with this text alone."""
        return text

    async def clash(self) -> tuple[Page, Page]:
        """Ada and Bob have replaced the same word, and Ada is asked about it."""
        query = {"type": self.kind, **ASK}
        ada, bob = await self.two(query=query)
        await ada.insert("the brown fox")
        await self.equal(ada, bob)
        await ada.do("hold", holds=True)
        await self.replace(ada, "cat")
        await ada.until(lambda seen: seen["heldEdits"], "an edit held back")
        await self.replace(bob, "dog")
        await bob.until_saved()
        await ada.do("hold", holds=False)
        return ada, bob

    async def replace(self, page: Page, word: str) -> None:
        """Write a word over the last one, of three letters."""
        await page.press("Control+End", *["Shift+ArrowLeft"] * 3)
        await page.insert(word)

    async def asked(self, page: Page) -> None:
        seen = await page.until(lambda seen: seen["conflict"], "the question")
        self.assertEqual(
            seen["conflict"],
            {
                "mine": "cat",
                "theirs": "dog",
                "who": BOB["name"],
                "choices": ["mine", "theirs", "both"],
            },
        )

    async def choose(self, choice: str) -> Any:
        """The document of both after Ada's choice."""
        ada, bob = await self.clash()
        await self.asked(ada)
        # Until then it is not in the document, and goes on being asked.
        self.assertEqual(await self.equal(ada, bob), self.words("the brown dog"))
        await ada.press("Escape", "Escape", "Enter")
        await self.asked(ada)
        self.assertIsNone((await bob.look())["conflict"])
        before = await self.content()
        await ada.click(f"#conflict [data-choice={choice}]")
        await ada.until(lambda seen: seen["conflict"] is None, "the question settled")
        if choice != "theirs":
            await self.changed(bob, before)
        content = await self.equal(ada, bob)
        # One goes on where one was.
        await ada.until(lambda seen: seen["focused"] not in ("BODY", "conflict"), "the focus back")
        await ada.insert("!")
        await self.changed(bob, content)
        await self.equal(ada, bob)
        return content

    async def changed(self, page: Page, before: Any) -> None:
        await page.until(lambda seen: seen[SHOWN[self.kind]] != before, "a change")


class TextTests(ConflictCase):
    async def test_ones_own_is_kept(self) -> None:
        self.assertEqual(await self.choose("mine"), self.words("the brown cat"))

    async def test_the_others_is_kept(self) -> None:
        self.assertEqual(await self.choose("theirs"), self.words("the brown dog"))

    async def test_both_are_kept(self) -> None:
        self.assertIn(
            await self.choose("both"),
            [self.words("the brown catdog"), self.words("the brown dogcat")],
        )

    async def test_it_is_asked_again_after_a_reload(self) -> None:
        ada, bob = await self.clash()
        await self.asked(ada)
        await ada.do("reload")
        await self.asked(ada)
        await ada.click("#conflict [data-choice=mine]")
        await self.until_shown(bob, self.words("the brown cat"))
        self.assertEqual(await self.equal(ada, bob), self.words("the brown cat"))


class OfflineTests(ConflictCase):
    expected_complaints = ("ERR_INTERNET_DISCONNECTED",)

    async def test_what_was_written_offline_is_asked_about_too(self) -> None:
        ada, bob = await self.two(query=ASK)
        await ada.insert("the brown fox")
        await self.equal(ada, bob)
        await ada.do("offline", offline=True)
        await self.replace(ada, "cat")
        await ada.until(lambda seen: seen["state"] == "offline", "offline")
        await self.replace(bob, "dog")
        await bob.until_saved()
        await ada.do("offline", offline=False)
        await self.asked(ada)
        await ada.click("#conflict [data-choice=mine]")
        await self.until_shown(bob, "the brown cat")
        self.assertEqual(await self.equal(ada, bob), "the brown cat")


class RichTextTests(ConflictCase):
    kind = "rich_text"

    def words(self, text: str) -> Any:
        return [{"insert": f"{text}\n"}]

    async def test_ones_own_is_kept(self) -> None:
        self.assertEqual(await self.choose("mine"), self.words("the brown cat"))


class BoardTests(BoardCase):
    async def test_a_card_that_somebody_removed_is_back_with_what_was_written_in_it(self) -> None:
        ada, bob = await self.begun("stays", "goes", conflicts="ask")
        await bob.do("focus", selector=card(0, 1, TEXT))
        await bob.press("End")
        await bob.do("hold", holds=True)
        await bob.insert(" on")
        await bob.until(lambda seen: seen["heldEdits"], "an edit held back")
        await ada.click(card(0, 1, REMOVE))
        await ada.until_saved()
        await bob.do("hold", holds=False)
        seen = await bob.until(lambda seen: seen["conflict"], "the question")
        # Of one value there is one only.
        self.assertEqual(seen["conflict"]["choices"], ["mine", "theirs"])
        self.assertEqual(texts(await self.equal(ada, bob)), [["stays"], [], []])
        await bob.click("#conflict [data-choice=mine]")
        await ada.until(lambda seen: texts(seen["board"]) != [["stays"], [], []], "the choice")
        self.assertEqual(texts(await self.equal(ada, bob)), [["stays", "goes on"], [], []])
