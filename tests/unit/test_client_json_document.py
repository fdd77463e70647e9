"""Documents of type `json` in the Python client: read, changed and listened to by their places."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from collab_wamp import protocol
from collab_wamp.client import Author, Document, JsonDocument, What, observe
from collab_wamp.ot import OpError
from tests.unit.test_client_document import DocumentCase

START = {"title": "tea", "count": 3, "cards": [{"n": 1}, {"n": 2}, {"n": 3}], "empty": None}
LOCAL = What("local")


class JsonDocumentCase(DocumentCase):
    def setUp(self) -> None:
        super().setUp()
        self.server.type = "json"
        self.server.content = deepcopy(START)
        self.document: Document = self.successResultOf(
            self.start(self.client.open("notes", type="json"))
        )
        self.board = observe(self.document)
        self.heard: list[tuple[Any, ...]] = []

    def listen(self, *path: str | int) -> Any:
        return self.board.on(path, lambda *call: self.heard.append(call))

    def receive(self, op: Any) -> None:
        """Somebody else's edit is committed."""
        self.server.topics["notes.epoch1.edits"](
            epoch="epoch1",
            after=self.document.revision,
            edits=[["other-1", 1, op, "bob", 0]],
        )


class ChangingTests(JsonDocumentCase):
    def test_each_way_of_changing_makes_one_operation_that_says_what_it_deletes(self) -> None:
        ops: list[Any] = []
        self.document.on_edited(ops.append)
        board = self.board
        board.set(["title"], "coffee")
        board.set(["cards", 1], {"n": 9})
        board.set(["new"], [1])
        board.set(["cards", 0, "n"], 1)
        board.remove(["empty"])
        board.remove(["cards", 2])
        board.remove(["nowhere", "at", "all"])
        board.insert(["cards", 0], "first")
        board.move(["cards", 0], 2)
        board.add(["count"], 4)
        board.edit_text(["title"], [6, "!"])
        self.assertEqual(
            ops,
            [
                [{"p": ["title"], "od": "tea", "oi": "coffee"}],
                [{"p": ["cards", 1], "ld": {"n": 2}, "li": {"n": 9}}],
                [{"p": ["new"], "oi": [1]}],
                [{"p": ["empty"], "od": None}],
                [{"p": ["cards", 2], "ld": {"n": 3}}],
                [{"p": ["cards", 0], "li": "first"}],
                [{"p": ["cards", 0], "lm": 2}],
                [{"p": ["count"], "na": 4}],
                [{"p": ["title"], "t": "text-unicode", "o": [6, "!"]}],
            ],
        )
        after = {"title": "coffee!", "count": 7, "cards": [{"n": 1}, {"n": 9}, "first"], "new": [1]}
        self.assertEqual(board.get(), after)
        self.assertEqual(self.document.content, after)

    def test_what_is_not_there_or_cannot_be_is_told_and_changes_nothing(self) -> None:
        board = self.board
        with self.assertRaises(IndexError):
            board.set(["cards", 3], 1)
        for wrong in (
            lambda: board.set(["nowhere", "x"], 1),
            lambda: board.set(["title"], b""),
            lambda: board.set(["__proto__"], 1),
            lambda: board.set([], 5),
            lambda: board.insert(["cards", 4], 1),
            lambda: board.insert(["title"], 1),
            lambda: board.move(["cards", 0], 3),
            lambda: board.add(["title"], 1),
            lambda: board.add(["count"], 0.5),  # type: ignore[arg-type]
            lambda: board.edit_text(["count"], ["x"]),
            lambda: board.edit_text(["title"], [9, "x"]),
        ):
            with self.assertRaises(OpError):
                wrong()
        self.assertEqual(board.get(), START)
        self.assertEqual((board.get(["nowhere", 1]), board.get(["x"], 7)), (None, 7))

    def test_the_callers_value_is_not_the_documents(self) -> None:
        value = {"n": [1]}
        self.board.set(["own"], value)
        value["n"].append(2)
        self.assertEqual(self.board.get(["own"]), {"n": [1]})

    def test_a_document_of_another_type_is_refused(self) -> None:
        self.server.type, self.server.content = "text", "abc"
        with self.assertRaises(ValueError):
            observe(self.open("other"))

    def test_undo_and_redo(self) -> None:
        self.listen("count")
        self.board.add(["count"], 4)
        self.receive([{"p": ["count"], "na": 10}])
        self.document.undo()
        self.document.redo()
        self.assertEqual([call[:2] for call in self.heard], [(7, 3), (17, 7), (13, 17), (17, 13)])


class ListeningTests(JsonDocumentCase):
    def test_a_listener_hears_of_changes_at_its_place_and_inside_it(self) -> None:
        self.listen("cards", 0)
        self.listen("cards", 0, "n")
        self.listen("count")
        self.board.add(["cards", 0, "n"], 4)
        self.assertEqual(self.heard, [({"n": 5}, {"n": 1}, LOCAL), (5, 1, LOCAL)])
        self.heard.clear()
        self.receive([{"p": ["count"], "od": 3}])
        remote = What("remote", (Author("other-1", "bob"),))
        self.assertEqual(self.heard, [(None, 3, remote)])

    def test_a_path_is_a_place(self) -> None:
        self.listen("cards", 1, "n")
        self.board.insert(["cards", 0], {"n": 0})
        self.board.move(["cards", 1], 3)
        self.board.remove(["cards", 3])
        self.assertEqual(self.heard, [(1, 2, LOCAL), (2, 1, LOCAL)])

    def test_nobody_is_told_where_nothing_changed(self) -> None:
        self.listen("cards")
        self.listen()
        self.board.set(["title"], "tea")
        self.board.set(["cards", 0], {"n": 1})
        self.board.remove(["nothing"])
        self.document.edit([{"p": ["count"], "na": 1}, {"p": ["count"], "na": -1}])
        self.document.edit([{"p": ["cards", 0], "lm": 1}, {"p": ["cards", 1], "lm": 0}])
        self.document.edit([{"p": ["cards", 0], "ld": 0, "li": {"n": 1}}])
        self.document.undo()
        self.document.redo()
        self.assertEqual(self.heard, [])
        self.receive([{"p": ["count"], "na": 1}])
        self.assertEqual(len(self.heard), 1)

    def test_true_is_not_1(self) -> None:
        self.listen("count")
        self.board.set(["count"], 1)
        self.board.set(["count"], True)
        self.assertEqual([repr(call[0]) for call in self.heard], ["1", "True"])

    def test_a_listener_that_changes_the_document_is_heard_after_what_it_heard_of(self) -> None:
        def add(count: int, _previous: int, _what: What) -> None:
            if count < 6:
                self.board.add(["count"], 1)

        self.board.on(["count"], add)
        self.listen("count")
        self.board.add(["count"], 1)
        self.assertEqual([call[:2] for call in self.heard], [(4, 3), (5, 4), (6, 5)])

    def test_a_listener_that_raises_harms_nobody_else(self) -> None:
        self.board.on(["count"], lambda *_call: {}["x"])
        self.listen("count")
        self.board.add(["count"], 1)
        self.assertEqual(self.heard, [(4, 3, LOCAL)])
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_who_listens_no_more_is_told_nothing_more(self) -> None:
        stop = self.listen("count")
        self.board.on(["count"], lambda *_call: stop())
        self.board.add(["count"], 1)
        stop()
        self.board.add(["count"], 1)
        self.assertEqual(len(self.heard), 1)
        self.listen("count")
        self.board.close()
        self.board.close()
        self.board.add(["count"], 1)
        self.assertEqual(len(self.heard), 1)

    def test_what_the_server_refuses_is_heard_of_as_taken_back(self) -> None:
        self.listen("title")
        self.server.silent.add(protocol.EDIT)
        self.board.set(["title"], "coffee")
        self.document._sync.replica.reject()  # type: ignore[union-attr]
        self.assertEqual(
            self.heard, [("coffee", "tea", LOCAL), ("tea", "coffee", What("rejected"))]
        )

    def test_it_is_what_observe_makes(self) -> None:
        self.assertIsInstance(self.board, JsonDocument)
