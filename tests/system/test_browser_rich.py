"""People in real browsers on one document with formatting: the demo page with Quill in it."""

from __future__ import annotations

from typing import Any

from tests.support.browser import Page
from tests.support.browser_case import ADA, BOB, BrowserCase, together


def tool(title: str) -> str:
    """The selector of a button above the text."""
    return f".rich-tools [title='{title}']"


def plain(content: list[dict[str, Any]]) -> str:
    return "".join(part["insert"] for part in content)


class RichCase(BrowserCase):
    kind = "rich_text"

    def as_shown(self, content: Any) -> Any:
        return [{**part} for part in content]

    async def begun(self, text: str) -> tuple[Page, Page]:
        """Two people with a text before them that somebody else wrote."""
        await self.create([{"insert": f"{text}\n"}])
        return await self.two()


class WritingTests(RichCase):
    async def test_two_write_at_the_same_place_at_the_same_time(self) -> None:
        ada, bob = await self.two()
        await together(ada.type("analytical"), bob.type("difference"))
        content = plain(await self.equal(ada, bob))
        self.assertIn(content, ("analyticaldifference\n", "differenceanalytical\n"))

    async def test_one_formats_what_the_other_types_in(self) -> None:
        ada, bob = await self.begun("one 😀 two")
        await ada.do("hold", holds=True)
        await ada.press("Control+a")
        await ada.click(tool("Bold"))
        await ada.until(lambda seen: seen["heldEdits"], "an edit held back")
        await bob.press("Control+Home", *["ArrowRight"] * 3)
        await bob.type("-half 🦊")
        await bob.until_saved()
        await ada.do("hold", holds=False)
        # Who was not seen typing there was not meant.
        bold = {"bold": True}
        self.assertEqual(
            await self.equal(ada, bob),
            [
                {"insert": "one", "attributes": bold},
                {"insert": "-half 🦊"},
                {"insert": " 😀 two", "attributes": bold},
                {"insert": "\n"},
            ],
        )

    async def test_lists_headings_quotations_and_code(self) -> None:
        ada, bob = await self.two()
        await ada.click(tool("List"))
        await ada.type("tea 🍵\nmilk\n\nend")
        await self.equal(ada, bob)
        # From within a line: before a bullet of Quill's, Chromium takes no "End".
        await bob.press("Control+End", "ArrowUp", "ArrowUp", "End")
        # A list goes on in its next line.
        await together(bob.type("\nsugar"), ada.type("!"))
        bullet = {"list": "bullet"}
        self.assertEqual(
            await self.equal(ada, bob),
            [
                {"insert": "tea 🍵"},
                {"insert": "\n", "attributes": bullet},
                {"insert": "sugar"},
                {"insert": "\n", "attributes": bullet},
                {"insert": "milk"},
                {"insert": "\n", "attributes": bullet},
                {"insert": "end!\n"},
            ],
        )
        lines = {
            "Numbered list": {"list": "ordered"},
            "Heading": {"header": 1},
            "Smaller heading": {"header": 2},
            "Quotation": {"blockquote": True},
            "Code": {"code-block": "plain"},
        }
        for title, attributes in lines.items():
            await ada.click(tool(title))
            last = (await self.equal(ada, bob))[-1]
            self.assertEqual(last, {"insert": "\n", "attributes": attributes})
            pressed = await ada.do("read", selector=tool(title), property="ariaPressed")
            self.assertEqual(pressed, "true", title)
            await ada.click(tool(title))
            last = (await self.equal(ada, bob))[-1]
            self.assertEqual(last["insert"][-1:], "\n")
            self.assertNotIn("attributes", last)

    async def test_the_tools_format_what_is_selected(self) -> None:
        ada, bob = await self.begun("word")
        for title in ("Bold", "Italic", "Underlined", "Struck out"):
            await ada.press("Control+a")
            await ada.click(tool(title))
        formats = {"bold": True, "italic": True, "strike": True, "underline": True}
        word = {"insert": "word", "attributes": formats}
        self.assertEqual(await self.equal(ada, bob), [word, {"insert": "\n"}])


class CursorTests(RichCase):
    async def where(self, page: Page, text: str) -> int:
        """How far right the first occurrence of a text ends on somebody's screen."""
        found = await page.do("endOf", selector=".ql-editor", text=text)
        return int(found["left"])

    async def test_each_sees_where_the_other_is(self) -> None:
        ada, bob = await self.begun("one 😀 two")
        name = ADA["name"]
        for keys, before in (
            (["Control+End"], "two"),
            (["Control+Home"] + ["ArrowRight"] * 5, "😀"),
        ):
            await ada.press(*keys)
            place = await self.where(bob, before)
            await bob.until(
                lambda seen, at=place: abs(seen["cursors"].get(name, 0) - at) <= 2,
                f"Ada behind {before!r}",
            )
        # What Bob writes in front of it pushes it along.
        await bob.press("Control+Home")
        await bob.insert("She is: 🦊 ")
        pushed = await self.where(bob, "one 😀")
        self.assertGreater(pushed, place)
        await bob.until(lambda seen: abs(seen["cursors"][name] - pushed) <= 2, "pushed along")
        await ada.until(lambda seen: BOB["name"] in seen["cursors"], "Bob's cursor")
        await ada.press("Shift+End")
        await bob.until(lambda seen: seen["selections"] > 0, "Ada's selection")
        await ada.press("ArrowLeft")
        await bob.until(lambda seen: seen["selections"] == 0, "the selection gone")


class UndoTests(RichCase):
    async def test_what_others_did_around_and_inside_stays(self) -> None:
        ada, bob = await self.two()
        await ada.insert("one three")
        await self.equal(ada, bob)
        await bob.press("Control+Home")
        await bob.insert("before ")
        await bob.press(*["ArrowRight"] * 4)
        await bob.click(tool("Bold"))
        await bob.insert("TWO ")
        await bob.press("Control+End")
        await bob.click(tool("Heading"))
        await self.equal(ada, bob)
        await ada.press("Control+z")
        bold = {"insert": "TWO ", "attributes": {"bold": True}}
        heading = {"insert": "\n", "attributes": {"header": 1}}
        self.assertEqual(await self.equal(ada, bob), [{"insert": "before "}, bold, heading])
        await ada.press("Control+y")
        self.assertEqual(
            await self.equal(ada, bob),
            [{"insert": "before one "}, bold, {"insert": "three"}, heading],
        )

    async def test_a_format_is_undone_where_the_other_typed_in_it(self) -> None:
        ada, bob = await self.begun("one two")
        await ada.press("Control+a")
        await ada.click(tool("Italic"))
        await self.equal(ada, bob)
        await bob.press("Control+Home", *["ArrowRight"] * 3)
        await bob.insert(" and")
        await self.equal(ada, bob)
        await ada.click("#undo")
        content = await self.equal(ada, bob)
        self.assertEqual(plain(content), "one and two\n")
        attributes = [content[0].get("attributes"), content[-1].get("attributes")]
        self.assertEqual(attributes, [None, None])


class AccessTests(RichCase):
    async def test_a_read_only_token_shows_and_does_not_edit(self) -> None:
        bob = await self.page(BOB)
        await bob.insert("look")
        await bob.until_saved()
        ada = await self.page(ADA, right="view")
        await self.until_shown(ada, [{"insert": "look\n"}])
        seen = await ada.look()
        self.assertEqual(
            (seen["status"], seen["editable"], seen["writable"]), ("Read only", "false", 0)
        )
        await ada.type("touch")
        await ada.press("Control+b")
        await bob.insert(" here")
        self.assertEqual(await self.equal(bob), [{"insert": "look here\n"}])
        await self.until_shown(ada, [{"insert": "look here\n"}])
