"""Documents on a connection whose other end is played here: what they ask for, and give back."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from collab_wamp import protocol
from collab_wamp.client import Client, ClientError, Document
from collab_wamp.client.connection import Connection
from collab_wamp.client.settings import Settings

LIMITS = {"op_parts": 1000, "op_insert_bytes": 32768, "document_length": 1 << 20}
KINDS = ("edits", "roster", "presence")


class Subscription:
    """As Autobahn's."""

    def __init__(self, server: Server, topic: str) -> None:
        self.server = server
        self.topic = topic

    def unsubscribe(self) -> Deferred[int]:
        del self.server.topics[self.topic]
        self.server.log.append(f"unsubscribe {self.topic}")
        return succeed(0)


class Server:
    """What a connection sees of its WAMP session.

    Attributes:
        type, content: of every session.
        epoch: of every session; its topics are named after it.
        topics: subscribed to, with the function that takes the events.
        refreshed: tickets that tokens were refreshed with.
        answers: further procedures, each with what makes the answer of its arguments.
        silent: procedures that are not answered, and `subscribe`.
        unanswered: these requests.
    """

    def __init__(self) -> None:
        self.epoch = "epoch1"
        self.right = "edit"
        self.type = "text"
        self.content: Any = "abc"
        self.topics: dict[str, Any] = {}
        self.log: list[str] = []
        self.refreshed: list[str] = []
        self.answers: dict[str, Any] = {}
        self.silent: set[str] = set()
        self.unanswered: list[tuple[Deferred[Any], Any]] = []

    def call(self, procedure: str, **kwargs: Any) -> Deferred[Any]:
        self.log.append(procedure)
        if procedure == protocol.TOKEN_REFRESH:
            self.refreshed.append(kwargs["ticket"])
            return self.answer(procedure, {"expires_at": 2e9})
        session_id = kwargs["session_id"]
        row = {"participant_id": "me", "user_id": "ada", "user_info": {}, "client_id": "c"}
        answers: dict[str, dict[str, Any]] = {
            protocol.JOIN: {
                "participant_id": "me",
                "epoch": self.epoch,
                "type": self.type,
                "revision": 0,
                "content": self.content,
                "next_seq": 1,
                "roster": [row | {"right": self.right}],
                "presence": {},
                "rights": self.right,
                "topics": {
                    kind: f"{session_id}.{self.epoch}.{kind}"
                    for kind in (*KINDS, "cursor", "selection")
                },
                "limits": LIMITS,
            },
            protocol.FETCH: {"edits": [], "revision": 0, "more": False},
            protocol.INFO: {"roster": [row | {"right": self.right}]},
            protocol.LEAVE: {},
            protocol.EDIT: {"revision": 1, "durable": True},
        }
        if procedure in self.answers:
            return self.answer(procedure, self.answers[procedure](kwargs))
        return self.answer(procedure, answers[procedure])

    def subscribe(self, handler: Any, topic: str) -> Deferred[Any]:
        self.log.append(f"subscribe {topic}")
        self.topics[topic] = handler
        return self.answer("subscribe", Subscription(self, topic))

    def answer(self, what: str, result: Any) -> Deferred[Any]:
        answered: Deferred[Any] = Deferred()
        if what in self.silent:
            self.unanswered.append((answered, result))
        else:
            answered.callback(result)
        return answered

    def answer_now(self) -> None:
        self.silent.clear()
        while self.unanswered:
            answered, result = self.unanswered.pop(0)
            answered.callback(result)

    def publish(self, topic: str, **_event: Any) -> None:
        self.log.append(f"publish {topic}")

    def held(self, session_id: str = "notes") -> set[str]:
        """What is subscribed to, beside the notices."""
        topics = self.topics.keys() - {protocol.NOTICE}
        assert all(topic.startswith(session_id) for topic in topics)
        return {topic.removeprefix(session_id + ".") for topic in topics}


class DocumentCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.server = Server()
        self.connection = Connection(self.clock, "ticket")
        details: Any = SimpleNamespace(authextra={"limits": {"message_bytes": 65536}})
        self.connection.joined(self.server, details)  # type: ignore[arg-type]
        self.client = Client(
            self.clock, ["ws://there/ws", "ws://else/ws"], self.token(), 10.0, lambda: 0.5
        )
        self.client._attach(self.connection)

    def kept(self) -> int:
        """How many topics the connection remembers, beside the notices."""
        return len(self.connection._subscriptions) - 1

    def token(self) -> Any:
        return "ticket"

    def start(self, coroutine: Any) -> Deferred[Any]:
        return Deferred.fromCoroutine(coroutine)

    def open(self, session_id: str = "notes") -> Document:
        document: Document = self.successResultOf(self.start(self.client.open(session_id)))
        return document

    def failing(self, call: Any) -> str:
        """The code of the `ClientError` that a call raises."""
        with self.assertRaises(ClientError) as caught:
            call()
        return caught.exception.code

    def failure_of(self, started: Deferred[Any]) -> str:
        error = self.failureResultOf(started, ClientError).value
        return str(error.code)

    def of_epoch(self, epoch: str) -> set[str]:
        return {f"{epoch}.{kind}" for kind in KINDS}


class SubscriptionTests(DocumentCase):
    def test_what_is_closed_is_not_subscribed_to_any_more(self) -> None:
        document = self.open()
        self.assertEqual(self.server.held(), self.of_epoch("epoch1"))
        self.successResultOf(self.start(document.close()))
        self.assertEqual((self.server.held(), self.kept()), (set(), 0))
        self.assertIn(protocol.LEAVE, self.server.log)

    def test_other_topics_take_the_place_of_those_before(self) -> None:
        document = self.open()
        self.server.epoch = "epoch2"
        self.server.topics["notes.epoch1.roster"](epoch={"epoch": "epoch2"})
        self.clock.advance(1)
        self.assertEqual((document.epoch, document.status.state), ("epoch2", "connected"))
        self.assertEqual(self.server.held(), self.of_epoch("epoch2"))
        self.assertEqual(self.kept(), 3)

    def test_a_rejoin_keeps_the_same_topics(self) -> None:
        document = self.open()
        left = {"participant_id": "me", "reason": "disconnected"}
        self.server.topics["notes.epoch1.roster"](left=left)
        self.assertEqual(document.status.state, "offline")
        self.clock.advance(1)
        self.assertEqual(document.status.state, "connected")
        self.assertEqual(self.server.held(), self.of_epoch("epoch1"))
        self.assertEqual(sum(line.startswith("subscribe notes") for line in self.server.log), 3)
        self.server.topics["notes.epoch1.edits"](
            epoch="epoch1", after=0, edits=[["other", 1, ["x"], "bob", 0]]
        )
        self.assertEqual(document.content, "xabc")

    def test_a_session_that_is_over_is_not_subscribed_to(self) -> None:
        document = self.open()
        self.server.topics["notes.epoch1.roster"](destroyed={"epoch": "epoch1"})
        assert document.error is not None
        self.assertEqual(document.error.code, "no_such_session")
        self.assertEqual((self.server.held(), self.kept()), (set(), 0))

    def test_closed_before_the_subscriptions_are_confirmed(self) -> None:
        self.server.silent.add("subscribe")
        opening = self.start(self.client.open("notes"))
        document = self.client._documents["notes"]
        self.successResultOf(self.start(document.close()))
        self.assertIn(protocol.LEAVE, self.server.log)
        self.server.answer_now()
        self.assertEqual((self.server.held(), self.kept()), (set(), 0))
        self.assertEqual(self.failure_of(opening), "left")

    def test_closed_and_opened_again_before_they_are_confirmed(self) -> None:
        self.server.silent.add("subscribe")
        opening = self.start(self.client.open("notes"))
        first = self.client._documents["notes"]
        closing = self.start(first.close())
        again = self.start(self.client.open("notes"))
        self.server.answer_now()
        self.successResultOf(closing)
        self.assertEqual(self.failure_of(opening), "left")
        document = self.successResultOf(again)
        self.assertIsNot(document, first)
        self.assertEqual(document.status.state, "connected")
        self.assertEqual(self.server.held(), self.of_epoch("epoch1"))
        self.server.topics["notes.epoch1.edits"](
            epoch="epoch1", after=0, edits=[["other", 1, ["x"], "bob", 0]]
        )
        self.assertEqual((document.content, first.content), ("xabc", "abc"))

    def test_closed_by_who_is_told_of_the_join(self) -> None:
        settings = Settings("notes", client_id="client-1")
        document = Document(self.clock, settings, lambda: 0.0)
        document.on_roster(lambda _roster: self.start(document.close()))
        document.attach(self.connection)
        self.assertEqual((self.server.held(), self.kept()), (set(), 0))

    def test_nothing_is_taken_back_over_a_connection_that_has_ended(self) -> None:
        document = self.open()
        self.connection.error = ClientError("disconnected", "gone")
        document.end(ClientError("left", "closed"))
        self.assertEqual(self.server.held(), self.of_epoch("epoch1"))

    def test_many_documents_one_after_another(self) -> None:
        for number in range(200):
            document = self.open(f"s{number}")
            self.successResultOf(self.start(document.close()))
        self.assertEqual((self.server.held(), self.kept()), (set(), 0))
        self.assertEqual(self.client._documents, {})


class EndTests(DocumentCase):
    def test_undo_and_redo_are_refused_as_edits_are(self) -> None:
        document = self.open()
        document.insert(0, "x")
        document.insert(0, "y")
        document.undo()
        content = document.content
        document.end(ClientError("fenced", "elsewhere"))
        for call in (document.undo, document.redo, lambda: document.insert(0, "z")):
            self.assertEqual(self.failing(call), "fenced")
        self.assertEqual(document.content, content)

    def test_who_may_only_view_undoes_nothing(self) -> None:
        document = self.open()
        document.insert(0, "x")
        rights = {"participant_id": "me", "right": "view"}
        self.server.topics["notes.epoch1.roster"](rights=rights)
        for call in (document.undo, document.redo, lambda: document.insert(0, "z")):
            self.assertEqual(self.failing(call), "denied")
        self.assertEqual(document.content, "xabc")

    def test_what_is_told_of_a_session_and_not_known_here_is_passed_over(self) -> None:
        document = self.open()
        before, told = dict(document.roster), []
        document.on_roster(told.append)
        check = {"epoch": "epoch1", "revision": 0, "sha256": "00"}
        self.server.topics["notes.epoch1.roster"](check=check)
        self.server.topics["notes.epoch1.roster"](news={"of": "later"})
        self.assertEqual((told, document.error, dict(document.roster)), ([], None, before))

    def test_a_document_that_has_ended_does_not_take_another_one_with_it(self) -> None:
        first = self.open()
        self.successResultOf(self.start(first.close()))
        second = self.open()
        self.client._forget_ended(first)
        self.assertIs(self.client._documents["notes"], second)

    def test_who_could_not_edit_before_the_end_can_open_again(self) -> None:
        """The status says the same before and after: nobody is told."""
        self.server.right = "view"
        first = self.open()
        self.server.silent.add(protocol.JOIN)
        left = {"participant_id": "me", "reason": "disconnected"}
        self.server.topics["notes.epoch1.roster"](left=left)
        before = first.status
        first.end(ClientError("fenced", "elsewhere"))
        self.assertEqual(first.status, before)
        self.server.silent.clear()
        self.assertIsNot(self.open(), first)

    def test_saved_fails_where_the_document_ended_before(self) -> None:
        document = self.open()
        self.successResultOf(self.start(document.saved()))
        self.server.silent.add(protocol.EDIT)
        document.insert(0, "x")
        waiting = self.start(document.saved())
        self.assertNoResult(waiting)
        self.successResultOf(self.start(document.close()))
        self.assertEqual(self.failure_of(waiting), "left")
        self.assertEqual(self.failure_of(self.start(document.saved())), "left")
        self.assertEqual((document.content, document.status.pending), ("xabc", 1))


class WaitingTests(DocumentCase):
    def test_a_condition_that_raises_fails_for_itself_only(self) -> None:
        document = self.open()

        def broken() -> bool:
            if document.revision == 1:
                raise KeyError(1)
            return False

        waiting = [
            self.start(document.until(condition))
            for condition in (lambda: document.revision == 1, broken, lambda: document.length == 4)
        ]
        never = self.start(document.until(lambda: False))
        document.insert(0, "x")
        self.successResultOf(waiting[0])
        self.failureResultOf(waiting[1], KeyError)
        self.successResultOf(waiting[2])
        self.assertNoResult(never)
        document.end(ClientError("left", "closed"))
        self.assertEqual(self.failure_of(never), "left")

    def test_a_link_that_is_dead_does_not_keep_a_document_from_closing(self) -> None:
        document = self.open()
        self.server.silent.add(protocol.LEAVE)
        closing = self.start(document.close())
        assert document.error is not None
        self.clock.advance(2.9)
        self.assertNoResult(closing)
        self.clock.advance(0.2)
        self.successResultOf(closing)

    def test_a_call_without_an_answer(self) -> None:
        self.server.silent.add(protocol.INFO)
        calling = self.start(self.client.call(protocol.INFO, session_id="notes"))
        self.clock.advance(9.9)
        self.assertNoResult(calling)
        self.clock.advance(0.2)
        self.assertEqual(self.failure_of(calling), "timeout")
        # An answer that is late harms nobody.
        self.server.answer_now()
        answered = self.start(self.client.call(protocol.INFO, session_id="notes"))
        self.assertIn("roster", self.successResultOf(answered))
        self.assertEqual(self.clock.getDelayedCalls(), [])


class UndoTests(DocumentCase):
    def typed(self, **options: Any) -> Document:
        """A document in which two letters were typed at once, and one a second later."""
        opening = self.start(self.client.open("notes", **options))
        document: Document = self.successResultOf(opening)
        document.insert(0, "x")
        document.insert(1, "y")
        self.clock.advance(1)
        document.insert(2, "z")
        return document

    def test_each_edit_is_a_step_of_its_own(self) -> None:
        document = self.typed()
        document.undo()
        document.undo()
        self.assertEqual((document.content, document.can_undo, document.can_redo),
                         ("xabc", True, True))  # fmt: skip

    def test_edits_that_follow_each_other_are_undone_together(self) -> None:
        document = self.typed(undo_group_s=0.5)
        document.undo()
        self.assertEqual(document.content, "xyabc")
        document.undo()
        self.assertEqual((document.content, document.can_undo), ("abc", False))
        document.redo()
        self.assertEqual(document.content, "xyabc")
