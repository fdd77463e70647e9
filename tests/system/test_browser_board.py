"""People in real browsers on one board: cards in lists, which is a document of type `json`."""

from __future__ import annotations

from typing import Any

from tests.support.browser import Page
from tests.support.browser_case import ADA, BOB, BrowserCase, together

TEXT = "textarea"
TICK = "[type=checkbox]"
VOTE = "[title='Vote for it']"
RIGHT = "[title='To the next list']"
DOWN = "[title='Down']"
REMOVE = "[title='Remove the card']"


def card(list_: int, at: int, part: str) -> str:
    """The selector of a part of a card; lists and cards count from 0."""
    return f"#editor .list:nth-child({list_ + 1}) .item:nth-child({at + 1}) {part}"


def add(list_: int) -> str:
    return f"#editor .list:nth-child({list_ + 1}) .add"


def texts(board: dict[str, Any]) -> list[list[str]]:
    return [[card["text"] for card in list_["cards"]] for list_ in board["lists"]]


class BoardCase(BrowserCase):
    kind = "json"

    def as_shown(self, content: Any) -> Any:
        cards = content["cards"]
        lists = [{**one, "cards": [cards[id_] for id_ in one["cards"]]} for one in content["lists"]]
        return {"title": content["title"], "lists": lists}

    async def add(self, page: Page, list_: int, text: str) -> None:
        """A new card at the end of a list; the cursor is in it then."""
        # By keyboard: what others add moves the button from under a pointer.
        await page.do("focus", selector=add(list_))
        await page.press("Enter")
        await page.insert(text)

    async def begun(self, *cards: str, **session: str) -> tuple[Page, Page]:
        """Two people, and cards in the first list that somebody else made.

        Args:
            session: what the session is made with besides.
        """
        made = {text: {"text": text, "done": False, "votes": 0} for text in cards}
        names = {"To do": list(cards), "Doing": [], "Done": []}
        lists = [{"name": name, "cards": ids} for name, ids in names.items()]
        await self.create({"title": "Plans", "lists": lists, "cards": made}, **session)
        return await self.two()


class EditingTests(BoardCase):
    async def test_two_edit_the_title_at_once(self) -> None:
        ada, bob = await self.two()
        await ada.press("Home")
        await bob.press("End")
        await together(ada.type("Ada: 😀 "), bob.type(", Bob 🦊"))
        board = await self.equal(ada, bob)
        self.assertEqual(board["title"], "Ada: 😀 What we are up to, Bob 🦊")

    async def test_both_add_cards_to_one_list_at_once(self) -> None:
        ada, bob = await self.two()
        await together(self.add(ada, 0, "Ada's card"), self.add(bob, 0, "Bob's card"))
        board = await self.equal(ada, bob)
        self.assertEqual(sorted(texts(board)[0]), ["Ada's card", "Bob's card"])
        # Each goes on in their own.
        await together(ada.type(" 1"), bob.type(" 2"))
        board = await self.equal(ada, bob)
        self.assertEqual(sorted(texts(board)[0]), ["Ada's card 1", "Bob's card 2"])

    async def test_one_edits_the_text_of_a_card_while_the_other_moves_it(self) -> None:
        ada, bob = await self.begun("first", "second")
        await bob.do("focus", selector=card(0, 0, TEXT))
        await bob.press("End")
        await bob.type(" is")
        await ada.click(card(0, 0, DOWN))
        await bob.type(" written")
        board = await self.equal(ada, bob)
        self.assertEqual(texts(board)[0], ["second", "first is written"])
        # At the same time, neither knowing of the other's.
        await bob.do("hold", holds=True)
        await bob.type(" down")
        await bob.until(lambda seen: seen["heldEdits"], "an edit held back")
        await ada.click(card(0, 1, RIGHT))
        await ada.until_saved()
        await bob.until(lambda seen: not texts(seen["board"])[0][1:], "the card in the next list")
        await bob.do("hold", holds=False)
        # The cursor went along to the other list.
        await bob.type(" on")
        board = await self.equal(ada, bob)
        self.assertEqual(texts(board), [["second"], ["first is written down on"], []])

    async def test_both_take_a_card_to_another_list_at_once(self) -> None:
        ada, bob = await self.begun("one")
        for page in (ada, bob):
            await page.do("hold", holds=True)
        await ada.click(card(0, 0, RIGHT))
        await bob.click(card(0, 0, RIGHT))
        await bob.click(card(1, 0, RIGHT))
        for page in (ada, bob):
            await page.until(lambda seen: seen["heldEdits"], "an edit held back")
            await page.do("hold", holds=False)
        for page in (ada, bob):
            await page.until_saved()
            seen = await page.look()
            self.assertEqual(sorted(texts(seen["board"])), [[], [], ["one"]])
        await ada.click(f"#editor .item {REMOVE}")
        board = await self.equal(ada, bob)
        self.assertEqual(texts(board), [[], [], []])

    async def test_ticks_and_votes_of_both_count(self) -> None:
        ada, bob = await self.begun("vote")
        for page in (ada, bob):
            await page.do("hold", holds=True)
        await ada.click(card(0, 0, VOTE))
        await ada.click(card(0, 0, VOTE))
        await bob.click(card(0, 0, VOTE))
        await bob.click(card(0, 0, TICK))
        for page in (ada, bob):
            await page.until(lambda seen: seen["heldEdits"], "an edit held back")
            await page.do("hold", holds=False)
        board = await self.equal(ada, bob)
        self.assertEqual(board["lists"][0]["cards"], [{"text": "vote", "done": True, "votes": 3}])

    async def test_one_removes_the_card_that_the_other_writes_in(self) -> None:
        ada, bob = await self.begun("stays", "goes")
        await bob.do("focus", selector=card(0, 1, TEXT))
        await bob.do("hold", holds=True)
        await bob.type("nowhere")
        await bob.until(lambda seen: seen["heldEdits"], "an edit held back")
        await ada.click(card(0, 1, REMOVE))
        await ada.until_saved()
        await bob.do("hold", holds=False)
        board = await self.equal(ada, bob)
        self.assertEqual(texts(board), [["stays"], [], []])


class UndoTests(BoardCase):
    async def test_what_others_did_meanwhile_stays(self) -> None:
        ada, bob = await self.begun("one")
        await ada.do("focus", selector=card(0, 0, TEXT))
        await ada.press("Control+a")
        await ada.insert("two")
        await self.equal(ada, bob)
        await bob.do("focus", selector=card(0, 0, TEXT))
        await bob.press("Control+Home")
        await bob.insert("Bob: ")
        await bob.click(card(0, 0, VOTE))
        await self.add(bob, 1, "another")
        await self.equal(ada, bob)
        await ada.click("#undo")
        board = await self.equal(ada, bob)
        self.assertEqual(texts(board), [["Bob: one"], ["another"], []])
        self.assertEqual(board["lists"][0]["cards"][0]["votes"], 1)
        await ada.click("#redo")
        board = await self.equal(ada, bob)
        self.assertEqual(texts(board)[0], ["Bob: two"])

    async def test_the_keys_undo_as_the_buttons_do(self) -> None:
        ada, bob = await self.begun("mine")
        await bob.do("focus", selector=card(0, 0, TEXT))
        await bob.press("End")
        await bob.insert(" too")
        await self.equal(ada, bob)
        await bob.press("Control+z")
        self.assertEqual(texts(await self.equal(ada, bob))[0], ["mine"])
        await bob.press("Control+Shift+z")
        self.assertEqual(texts(await self.equal(ada, bob))[0], ["mine too"])


class AccessTests(BoardCase):
    async def test_a_read_only_token_shows_and_does_not_edit(self) -> None:
        bob = await self.page(BOB)
        await self.add(bob, 0, "look")
        await bob.until_saved()
        ada = await self.page(ADA, right="view")
        await self.until_shown(ada, await self.content())
        seen = await ada.look()
        self.assertEqual((seen["status"], seen["writable"]), ("Read only", 0))
        await ada.click(card(0, 0, TEXT))
        await ada.type("touch")
        await ada.do("click", selector=card(0, 0, TICK))
        await bob.click(card(0, 0, VOTE))
        board = await self.equal(bob, ada)
        self.assertEqual(board["lists"][0]["cards"], [{"text": "look", "done": False, "votes": 1}])
