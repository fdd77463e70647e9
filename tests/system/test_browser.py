"""People in real browsers on a real node: two Chromium windows with the demo editor in them."""

from __future__ import annotations

from twisted.internet.threads import deferToThread

from tests.support.browser_case import ADA, BOB, BrowserCase, together
from tests.support.node import Node


class WritingTests(BrowserCase):
    async def test_two_write_at_the_same_place_at_the_same_time(self) -> None:
        ada, bob = await self.two()
        await together(ada.type("analytical"), bob.type("difference"))
        content = await self.equal(ada, bob)
        self.assertIn(content, ("analyticaldifference", "differenceanalytical"))

    async def test_two_write_in_different_lines_with_characters_of_all_kinds(self) -> None:
        ada, bob = await self.two()
        await ada.type("first 😀\n\nlast")
        await self.equal(ada, bob)
        await ada.press("Control+Home", "End")
        await bob.press("Control+End")
        await together(ada.type(" é漢👩‍👧 one\ntwo"), bob.type(" 🦊 three"))
        content = await self.equal(ada, bob)
        self.assertEqual(content, "first 😀 é漢👩‍👧 one\ntwo\n\nlast 🦊 three")

    async def test_undo_takes_back_ones_own_edits_only(self) -> None:
        ada, bob = await self.two()
        await ada.type("one three")
        await self.equal(ada, bob)
        await bob.press("Control+Home", *["ArrowRight"] * 4)
        await bob.type("two ")
        await self.equal(ada, bob)
        await ada.press("Control+z")
        self.assertEqual(await self.equal(ada, bob), "two ")
        await ada.press("Control+y")
        self.assertEqual(await self.equal(ada, bob), "one two three")
        await bob.press("Control+z")
        self.assertEqual(await self.equal(ada, bob), "one three")

    async def test_a_paste_larger_than_one_edit_may_be(self) -> None:
        ada, bob = await self.two()
        line = "Zeile für Zeile 😀.\r\n"
        await ada.do("paste", text=line * 3000)
        await ada.until_saved()
        # What is pasted gets the editor's line ends.
        self.assertEqual(await self.content(), "Zeile für Zeile 😀.\n" * 3000)
        await ada.press("Control+Home", "Control+Shift+End", "Delete")
        self.assertEqual(await self.equal(ada, bob), "")

    async def test_an_input_method_exchanges_a_character_beyond_16_bits(self) -> None:
        ada, bob = await self.two()
        await ada.type("one 😀 two")
        await self.equal(ada, bob)
        await ada.do("exchange", before="😀", after="😃")
        await bob.until_text("one 😃 two")
        await ada.press("End")
        await ada.type("!")
        self.assertEqual(await self.equal(ada, bob), "one 😃 two!")


class CursorTests(BrowserCase):
    async def test_each_sees_where_the_other_is(self) -> None:
        ada, bob = await self.two()
        await ada.type("somewhere in here")
        await self.equal(ada, bob)
        await bob.until(lambda seen: seen["cursors"].get(ADA["name"], 0) > 350, "Ada at the end")
        await ada.press("Home", "ArrowRight")
        seen = await bob.until(lambda seen: seen["cursors"][ADA["name"]] < 300, "Ada at the start")
        near_start = seen["cursors"][ADA["name"]]
        # What Bob writes in front of it pushes it along.
        await bob.press("Home")
        await bob.type("She is ")
        await bob.until(lambda seen: seen["cursors"][ADA["name"]] > near_start, "pushed along")
        await ada.until(lambda seen: BOB["name"] in seen["cursors"], "Bob's cursor")
        await ada.press("Shift+End")
        await bob.until(lambda seen: seen["selections"] > 0, "Ada's selection")
        await ada.press("ArrowLeft")
        await bob.until(lambda seen: seen["selections"] == 0, "the selection gone")

    async def test_people_come_rename_themselves_and_go(self) -> None:
        ada, bob = await self.two()
        await ada.until(
            lambda seen: seen["people"] == [ADA["name"], BOB["name"]], "both on the list"
        )
        await bob.do("fill", selector="#name", text="Grace")
        await ada.until(lambda seen: seen["people"] == [ADA["name"], "Grace"], "the new name")
        await bob.type("x")
        await ada.until(lambda seen: "Grace" in seen["cursors"], "the new name at the cursor")
        await bob.do("close")
        await ada.until(
            lambda seen: seen["people"] == [ADA["name"]] and not seen["cursors"], "alone again"
        )

    async def test_a_name_that_the_server_refuses_is_told_and_not_kept(self) -> None:
        ada = await self.page(ADA)
        await ada.do("fill", selector="#name", text="x" * 5000)
        seen = await ada.until(lambda seen: seen["toast"], "the refusal")
        self.assertIn("stay as they were", seen["toast"])
        self.assertEqual(seen["ownName"], ADA["name"])
        await ada.do("reload")
        await ada.ready()
        await ada.until(lambda seen: seen["people"] == [ADA["name"]], "the old name")


class ConnectionTests(BrowserCase):
    expected_complaints = ("ERR_INTERNET_DISCONNECTED",)

    async def test_one_goes_offline_writes_on_and_comes_back(self) -> None:
        ada, bob = await self.two()
        await ada.type("before. ")
        await self.equal(ada, bob)
        await ada.do("offline", offline=True)
        await ada.type("written offline. ")
        await bob.press("Control+End")
        await bob.type("meanwhile. ")
        await bob.until_saved()
        seen = await ada.until(lambda seen: seen["state"] == "offline", "offline", timeout_s=4)
        self.assertEqual(seen["text"], "before. written offline. ")
        self.assertEqual(seen["status"], "Offline, 17 kept")
        self.assertEqual(await self.content(), "before. meanwhile. ")
        await ada.do("offline", offline=False)
        content = await self.equal(ada, bob)
        self.assertEqual(
            sorted(content.split(". ")), ["", "before", "meanwhile", "written offline"]
        )
        self.assertEqual(len((await bob.look())["people"]), 2)

    async def test_on_a_narrow_screen_the_bar_has_room_for_all_of_it(self) -> None:
        ada = await self.page(ADA, width=320, height=600, phone=True)
        await ada.do("offline", offline=True)
        await ada.type("written offline. ")
        seen = await ada.until(lambda seen: seen["state"] == "offline", "offline")
        self.assertEqual(seen["status"], "Offline, 17")
        self.assertFalse(seen["statusCut"])
        self.assertGreaterEqual(seen["share"], 38)
        self.assertLessEqual(seen["overflow"], 0)


class AccessTests(BrowserCase):
    async def test_a_read_only_token_shows_and_does_not_edit(self) -> None:
        bob = await self.page(BOB)
        await bob.type("look")
        await bob.until_saved()
        ada = await self.page(ADA, right="view")
        await ada.until_text("look")
        await ada.type("touch")
        await bob.type(" here")
        seen = await ada.until(lambda seen: seen["text"] == "look here", "Bob's edit")
        self.assertEqual((seen["status"], seen["editable"]), ("Read only", "false"))
        self.assertEqual(await self.content(), "look here")

    async def test_the_token_leaves_the_address_and_outlives_a_reload(self) -> None:
        ada = await self.page(ADA)
        await ada.type("kept")
        await ada.until_saved()
        self.assertEqual((await ada.look())["url"], f"{self.node.http}/?doc={self.session_id}")
        await ada.do("reload")
        await ada.ready()
        await ada.until_text("kept")

    async def test_without_a_token_or_with_a_bad_one_the_page_asks(self) -> None:
        nobody = await self.browser.page("nobody", self.node.http)
        await nobody.until(lambda seen: seen["gate"], "the question for a token")
        stranger = await self.browser.page("stranger", f"{self.node.http}/#token=not.a.token")
        await stranger.until(lambda seen: seen["gate"], "the question for a token")


class OtherClientsTests(BrowserCase):
    async def test_line_ends_of_other_clients_keep_their_places(self) -> None:
        raw = await self.client()
        content = "one\r\ntwo😀\rthree\nfour"
        await raw.call(
            "collab.session.create", session_id=self.session_id, type="text", content=content
        )
        ada = await self.page(ADA)
        await ada.press("Control+Home", "ArrowDown", "End")
        await ada.type("!")
        await ada.until_saved()
        self.assertEqual(await self.content(), content.replace("three\n", "three!\n"))

    async def test_what_no_text_may_have_in_it_is_replaced_when_pasted(self) -> None:
        ada, bob = await self.two()
        await ada.do("paste", text="a\0b\r\nc")
        self.assertEqual(await self.equal(ada, bob), "a\N{REPLACEMENT CHARACTER}b\nc")


class RefusedTests(BrowserCase):
    async def fill_the_document(self) -> None:
        """Make it as long as a document may be."""
        raw = await self.client()
        who = {"session_id": self.session_id, "client_id": "filler-01"}
        await raw.call("collab.session.create", session_id=self.session_id, type="text")
        joined = await raw.call("collab.session.join", **who)
        piece = ("x" * 63 + "\n") * 512
        for revision in range(32):
            edit = {"revision": revision, "seq": revision + 1, "op": [piece]}
            await raw.call("collab.session.edit", epoch=joined["epoch"], **who, **edit)

    async def test_what_the_server_refuses_can_be_copied_with_its_line_ends(self) -> None:
        await self.fill_the_document()
        ada = await self.page(ADA)
        await ada.do("denyClipboard")
        await ada.do("paste", text="what does\nnot fit\n")
        await ada.until(lambda seen: seen["kept"] == ["what does\nnot fit\n"], "the refusal")
        await ada.do("click", selector="#kept button:first-child")
        seen = await ada.until(lambda seen: seen["toCopy"], "the text to be copied")
        self.assertEqual(seen["toCopy"], "what does\nnot fit\n")
        await ada.do("click", selector="#copy-close")
        await ada.until(lambda seen: not seen["toCopy"], "the dialog closed")
        # With room for it, it can be had again.
        await ada.do("focus")
        await ada.press("Control+End", *["Backspace"] * 20)
        await ada.until_saved()
        await ada.do("click", selector="#kept button:nth-child(2)")
        await ada.until(lambda seen: not seen["kept"], "nothing kept any more")
        await ada.until_saved()
        self.assertIn("what does\nnot fit\n", await self.content())


class RestartTests(BrowserCase):
    expected_complaints = ("ERR_CONNECTION", "WebSocket connection")

    async def make_node(self) -> Node:
        node = Node(LAYOUT="apart")
        await deferToThread(node.start)
        self.addCleanup(deferToThread, node.stop)
        return node

    async def test_nothing_typed_is_lost_when_parts_of_the_node_are_killed(self) -> None:
        ada, bob = await self.two()
        await ada.type("one ")
        self.node.kill("sessions")
        await ada.type("two ")
        await self.equal(ada, bob)
        self.node.kill("relay")
        await ada.type("three ")
        await bob.press("Control+Home")
        await bob.type("zero ")
        self.assertEqual(await self.equal(ada, bob), "zero one two three ")
        self.node.kill("router")
        await ada.type("four")
        await ada.until(lambda seen: seen["state"] == "offline", "offline")
        await ada.until(lambda seen: seen["state"] == "saved", "saved", timeout_s=60)
        await bob.until(lambda seen: seen["state"] != "offline", "back", timeout_s=60)
        self.assertEqual(await self.equal(ada, bob), "zero one two three four")
