"""The client's rules, one by one: what it does next, given what happened."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from collab_wamp import protocol
from collab_wamp.client.errors import ClientError, from_wamp
from collab_wamp.client.observer import Rejection
from collab_wamp.client.positions import Position
from collab_wamp.client.replica import Change
from collab_wamp.client.requests import Action, Call, GiveUp, Publish, Subscribe
from collab_wamp.client.settings import Settings
from collab_wamp.client.sync import Sync

ME, OTHER = "client-mine", "client-other"
TOPICS = {name: f"topic.{name}" for name in ("edits", "roster", "presence", "cursor", "selection")}
LIMITS = {"op_parts": 1000, "op_insert_bytes": 32768, "document_length": 1 << 20}


def row(participant_id: str, client_id: str = OTHER, right: str = "edit") -> dict[str, Any]:
    return {
        "participant_id": participant_id,
        "user_id": f"user of {participant_id}",
        "user_info": {},
        "right": right,
        "client_id": client_id,
    }


def joined(revision: int = 0, content: str | None = "", **more: Any) -> dict[str, Any]:
    answer = {
        "participant_id": "me",
        "epoch": "epoch1",
        "type": "text",
        "revision": revision,
        "next_seq": 1,
        "roster": [row("me", ME)],
        "presence": {},
        "rights": "edit",
        "topics": TOPICS,
        "limits": LIMITS,
    }
    if content is not None:
        answer["content"] = content
    return answer | more


def edit(client_id: str, seq: int, op: Any) -> list[Any]:
    return [client_id, seq, op, "user", 0]


class Client:
    """A `Sync` whose actions are looked at, and answered by hand."""

    def __init__(self, **settings: Any) -> None:
        self.now = 100.0
        self.sync = Sync(Settings("notes", client_id=ME, **settings), self, lambda: 0.5)
        self.changes: list[Change] = []
        self.rejections: list[Rejection] = []
        self.ends: list[ClientError] = []
        self.placements: list[list[str]] = []
        self.subscriptions: dict[str, Subscribe] = {}

    # --- Observer ---
    def changed(self, change: Change) -> None:
        self.changes.append(change)

    def placed(self, participant_ids: list[str]) -> None:
        self.placements.append(participant_ids)

    def roster_changed(self) -> None: ...

    def sent(self, seq: int) -> None: ...

    def acknowledged(self, seq: int) -> None: ...

    def rejected(self, rejection: Rejection) -> None:
        self.rejections.append(rejection)

    def ended(self, error: ClientError) -> None:
        self.ends.append(error)

    # --- driving ---
    def due(self) -> list[Action]:
        return self.sync.due(self.now)

    def calls(self) -> dict[str, Call]:
        """What is to be called now, by procedure; nothing else is to be done."""
        actions = self.due()
        assert all(isinstance(action, Call) for action in actions), actions
        calls = {action.procedure: action for action in actions if isinstance(action, Call)}
        assert len(calls) == len(actions)
        return calls

    def call(self, procedure: str) -> Call:
        calls = self.calls()
        assert list(calls) == [procedure], calls
        return calls[procedure]

    def answer(self, call: Call, **result: Any) -> None:
        self.sync.answered(call, result, self.now)

    def fail(self, call: Call, code: str, **details: Any) -> None:
        uri = code if "." in code else f"collab.error.{code}"
        self.sync.failed(call, from_wamp(uri, ["no"], details), self.now)

    def event(self, kind: str, **event: Any) -> None:
        self.sync.event(self.subscriptions[kind], event, self.now)

    def edits(self, after: int, *edits: list[Any]) -> None:
        self.event("edits", epoch="epoch1", after=after, edits=list(edits))

    def connect(self, answer: dict[str, Any] | None = None) -> Call:
        """Connect and join, up to following the stream; the join."""
        self.sync.connected(self.now)
        join = self.call(protocol.JOIN)
        self.finish_join(join, answer or joined())
        return join

    def finish_join(self, join: Call, answer: dict[str, Any]) -> None:
        self.answer(join, **answer)
        subscribes = [action for action in self.due() if isinstance(action, Subscribe)]
        assert [s.kind for s in subscribes] == ["edits", "roster", "presence"], subscribes
        assert not self.sync.joined
        for subscribe in subscribes:
            self.subscriptions[subscribe.kind] = subscribe
            self.sync.answered(subscribe, None, self.now)
        assert self.sync.joined
        calls = self.calls()
        revision = answer["revision"]
        assert calls[protocol.FETCH].kwargs["after"] == revision
        self.answer(calls.pop(protocol.FETCH), edits=[], revision=revision, more=False)
        self.answer(calls.pop(protocol.INFO), roster=answer["roster"])
        self.resent = calls.pop(protocol.EDIT, None)
        assert not calls

    def type(self, op: Any) -> None:
        assert self.sync.replica is not None
        self.sync.replica.edit(op)

    def submit(self, op: Any) -> Call:
        self.type(op)
        return self.call(protocol.EDIT)

    @property
    def content(self) -> str:
        assert self.sync.replica is not None
        return str(self.sync.replica.content)

    @property
    def pending(self) -> int:
        assert self.sync.replica is not None
        return self.sync.replica.pending

    def wait(self, seconds: float) -> None:
        """Let time pass; nothing is due before."""
        assert self.sync.wake_at >= self.now + seconds - 1e-9, (self.sync.wake_at, self.now)
        self.now += seconds


def body(call: Call) -> tuple[Any, ...]:
    return tuple(call.kwargs[name] for name in ("epoch", "revision", "client_id", "seq", "op"))


class JoiningTests(SynchronousTestCase):
    def test_create_then_join_then_subscribe_then_fetch(self) -> None:
        client = Client(create=True, content="Hello")
        self.assertEqual(client.due(), [])
        client.sync.connected(client.now)
        create = client.call(protocol.CREATE)
        self.assertEqual(
            create.kwargs,
            {"session_id": "notes", "type": "text", "if_absent": True, "content": "Hello"},
        )
        client.answer(create, session_id="notes", epoch="epoch1", revision=0, created=True)
        join = client.call(protocol.JOIN)
        self.assertEqual(join.kwargs, {"session_id": "notes", "client_id": ME, "user_info": {}})
        client.finish_join(join, joined(content="Hello"))
        self.assertEqual((client.content, client.sync.right), ("Hello", "edit"))

    def test_who_may_not_create_joins_what_is_there(self) -> None:
        client = Client(create=True)
        client.sync.connected(client.now)
        client.fail(client.call(protocol.CREATE), "denied")
        client.finish_join(client.call(protocol.JOIN), joined(rights="view"))
        self.assertEqual(client.sync.right, "view")

    def test_there_is_no_session(self) -> None:
        client = Client()
        client.sync.connected(client.now)
        client.fail(client.call(protocol.JOIN), "no_such_session")
        self.assertEqual([error.code for error in client.ends], ["no_such_session"])
        self.assertEqual((client.due(), client.sync.wake_at), ([], float("inf")))

    def test_a_session_of_another_type(self) -> None:
        client = Client()
        client.sync.connected(client.now)
        client.answer(client.call(protocol.JOIN), **joined(type="json", content={}))
        self.assertEqual([error.code for error in client.ends], ["wrong_type"])

    def test_a_node_that_is_starting_is_asked_again_and_again(self) -> None:
        client = Client()
        client.sync.connected(client.now)
        waits = []
        for _ in range(8):
            client.fail(client.call(protocol.JOIN), "wamp.error.no_such_procedure")
            self.assertEqual(client.due(), [])
            waits.append(round(client.sync.wake_at - client.now, 3))
            client.wait(client.sync.wake_at - client.now)
        self.assertEqual(waits, [0.065, 0.13, 0.26, 0.52, 1.04, 2.08, 3.25, 3.25])
        client.fail(client.call(protocol.JOIN), "overloaded", retryable=True, retry_after_ms=500)
        client.due()
        client.wait(0.5)
        client.call(protocol.JOIN)

    def test_who_came_or_went_while_joining_is_known(self) -> None:
        client = Client()
        client.sync.connected(client.now)
        before = [row("me", ME), row("gone")]
        client.answer(client.call(protocol.JOIN), **joined(roster=before))
        for subscribe in client.due():
            assert isinstance(subscribe, Subscribe)
            client.subscriptions[subscribe.kind] = subscribe
            client.sync.answered(subscribe, None, client.now)
        info = client.calls()[protocol.INFO]
        client.event("roster", joined=row("late"))
        # The answer may be of a moment before the event.
        client.answer(info, roster=[row("me", ME), row("new")])
        self.assertEqual(list(client.sync.roster.rows), ["me", "new", "late"])
        client.event("roster", left={"participant_id": "new", "reason": "left"})
        self.assertEqual(list(client.sync.roster.rows), ["me", "late"])

    def test_a_rejoin_tells_where_the_client_is(self) -> None:
        client = Client()
        client.connect(joined(revision=3, content="abc"))
        client.sync.disconnected()
        self.assertEqual(client.due(), [])
        edits = [edit(OTHER, 1, ["x"]), edit(OTHER, 2, [1, "y"])]
        join = client.connect(joined(revision=5, content=None, edits=edits))
        self.assertEqual((join.kwargs["epoch"], join.kwargs["revision"]), ("epoch1", 3))
        self.assertEqual(client.content, "xyabc")
        self.assertEqual([change.origin for change in client.changes], ["remote", "remote"])


class EditingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.client = Client()
        self.client.connect(joined(content="abc"))

    def test_one_edit_is_in_flight_and_the_rest_composed(self) -> None:
        client = self.client
        first = client.submit(["1"])
        self.assertEqual(body(first), ("epoch1", 0, ME, 1, ["1"]))
        client.type([1, "2"])
        client.type([2, "3"])
        self.assertEqual((client.calls(), client.pending), ({}, 3))
        client.answer(first, revision=1, durable=True)
        self.assertEqual(client.pending, 2)
        self.assertEqual(body(client.call(protocol.EDIT)), ("epoch1", 1, ME, 2, [1, "23"]))

    def test_the_stream_may_be_faster_than_the_answer(self) -> None:
        client = self.client
        first = client.submit(["1"])
        client.edits(0, edit(OTHER, 1, [3, "x"]), edit(ME, 1, ["1"]))
        self.assertEqual((client.pending, client.content), (0, "1abcx"))
        client.answer(first, revision=2, durable=True)
        second = client.submit(["2"])
        self.assertEqual(body(second)[1:4], (2, ME, 2))

    def test_an_answer_ahead_of_the_stream_waits_for_it_and_asks_after_a_second(self) -> None:
        client = self.client
        first = client.submit(["1"])
        client.answer(first, revision=2, durable=True)
        self.assertEqual((client.calls(), client.pending), ({}, 1))
        client.wait(1.0)
        fetch = client.call(protocol.FETCH)
        rows = [edit(OTHER, 1, [3, "x"]), edit(ME, 1, ["1"])]
        client.answer(fetch, edits=rows, revision=2, more=False)
        self.assertEqual((client.pending, client.content, client.calls()), (0, "1abcx", {}))

    def test_no_answer_is_followed_by_the_same_body(self) -> None:
        client = self.client
        first = client.submit(["1"])
        client.edits(0, edit(OTHER, 1, [3, "x"]))
        client.type([1, "2"])
        client.calls()
        client.wait(3.0)
        self.assertEqual(client.due(), [])
        client.wait(client.sync.wake_at - client.now)
        again = client.call(protocol.EDIT)
        self.assertEqual(body(again), body(first))
        # A connection that does not answer twice is no good.
        client.wait(3.0)
        [give_up] = client.due()
        assert isinstance(give_up, GiveUp)
        self.assertEqual(give_up.error.code, "timeout")
        rows = [edit(OTHER, 1, [3, "x"])]
        client.sync.disconnected()
        client.connect(joined(revision=1, content=None, edits=rows))
        # The join has said that it is not committed, and what was sent before it never will be.
        assert client.resent is not None
        self.assertEqual(body(client.resent), ("epoch1", 1, ME, 1, ["1"]))

    def test_an_unknown_outcome_is_followed_by_the_same_body(self) -> None:
        client = self.client
        call = first = client.submit(["1"])
        for code in ("wamp.error.canceled", "wamp.error.no_such_procedure", "store_unavailable"):
            client.fail(call, code)
            self.assertEqual(client.due(), [])
            client.wait(client.sync.wake_at - client.now)
            call = client.call(protocol.EDIT)
            self.assertEqual(body(call), body(first))
        client.fail(call, "rate_limited", retry_after_ms=700)
        client.due()
        client.wait(0.7)
        call = client.call(protocol.EDIT)
        client.answer(call, revision=1, durable=True)
        self.assertEqual(client.pending, 0)

    def test_an_edit_that_was_committed_before_the_connection_broke(self) -> None:
        client = self.client
        client.submit(["1"])
        client.type([1, "2"])
        client.sync.disconnected()
        rows = [edit(ME, 1, ["1"]), edit(OTHER, 9, [4, "x"])]
        client.connect(joined(revision=2, content=None, edits=rows, next_seq=2))
        assert client.resent is not None
        self.assertEqual(body(client.resent), ("epoch1", 2, ME, 2, [1, "2"]))
        self.assertEqual(client.content, "12abcx")

    def test_a_refused_edit_is_taken_back_and_what_follows_is_sent(self) -> None:
        client = self.client
        first = client.submit([3, "too much"])
        client.type(["2"])
        client.fail(first, "document_full", limit=3)
        self.assertEqual(client.content, "2abc")
        [rejection] = client.rejections
        self.assertEqual((rejection.error.code, rejection.text), ("document_full", "too much"))
        self.assertEqual([change.origin for change in client.changes], ["rejected"])
        # The number is free again.
        self.assertEqual(body(client.call(protocol.EDIT)), ("epoch1", 0, ME, 1, ["2"]))

    def test_a_copy_that_is_refused_may_have_been_committed(self) -> None:
        client = self.client
        first = client.submit([3, "d"])
        client.fail(first, "wamp.error.canceled")
        client.due()
        client.wait(client.sync.wake_at - client.now)
        client.fail(client.call(protocol.EDIT), "denied", needs="edit")
        self.assertEqual(client.rejections, [])
        client.due()
        client.wait(client.sync.wake_at - client.now)
        join = client.call(protocol.JOIN)
        self.assertNotIn("revision", join.kwargs)
        client.finish_join(join, joined(revision=1, content="abcd", next_seq=2))
        self.assertEqual((client.content, client.pending, client.changes), ("abcd", 0, []))

    def test_a_number_that_was_used_for_something_else(self) -> None:
        client = self.client
        client.fail(client.submit([3, "d"]), "seq_reused", next_seq=2)
        self.assertEqual([rejection.text for rejection in client.rejections], ["d"])
        client.due()
        client.wait(client.sync.wake_at - client.now)
        client.finish_join(
            client.call(protocol.JOIN), joined(revision=1, content="abc!", next_seq=2)
        )
        self.assertEqual((client.content, client.pending), ("abc!", 0))
        self.assertEqual(body(client.submit(["x"]))[3], 2)

    def test_a_base_too_old_or_a_stale_epoch_goes_on_from_the_snapshot(self) -> None:
        for code, known in (("base_too_old", True), ("stale_epoch", False)):
            client = Client()
            client.connect(joined(content="abc"))
            first = client.submit([3, "d"])
            client.type(["0"])
            client.fail(first, code)
            client.due()
            client.wait(client.sync.wake_at - client.now)
            join = client.call(protocol.JOIN)
            self.assertEqual("epoch" in join.kwargs, known)
            client.finish_join(join, joined(revision=9, content="abXc", epoch="epoch2"))
            self.assertEqual(client.content, "0abXcd")
            assert client.resent is not None
            self.assertEqual(body(client.resent), ("epoch2", 9, ME, 1, ["0", 4, "d"]))

    def test_a_base_too_old_is_made_newer_where_the_edits_are_kept(self) -> None:
        client = self.client
        first = client.submit([3, "d"])
        client.type([4, "e"])
        client.fail(first, "base_too_old")
        client.due()
        client.wait(client.sync.wake_at - client.now)
        rows = [edit(OTHER, n, ["x"]) for n in range(1, 4)]
        client.finish_join(client.call(protocol.JOIN), joined(revision=3, content=None, edits=rows))
        self.assertEqual(client.content, "xxxabcde")
        assert client.resent is not None
        self.assertEqual(body(client.resent), ("epoch1", 3, ME, 1, [6, "d"]))
        self.assertEqual({change.origin for change in client.changes}, {"remote"})

    def test_who_is_not_a_participant_any_more_joins_again(self) -> None:
        client = self.client
        first = client.submit([3, "d"])
        client.fail(first, "not_joined")
        client.due()
        client.wait(client.sync.wake_at - client.now)
        client.finish_join(client.call(protocol.JOIN), joined(content=None, edits=[]))
        assert client.resent is not None
        self.assertEqual(body(client.resent), body(first))

    def test_an_edit_that_always_fails_inside_is_given_back_in_the_end(self) -> None:
        client = self.client
        client.type(["x"])
        for _ in range(20):
            for call in client.due():
                if isinstance(call, Call) and call.procedure == protocol.EDIT:
                    client.fail(call, "internal", error_id="1")
                elif isinstance(call, Call) and call.procedure == protocol.JOIN:
                    client.finish_join(call, joined(content="abc"))
                    if client.resent is not None:
                        client.fail(client.resent, "internal", error_id="1")
            if client.rejections:
                break
            client.now = max(client.now, min(client.sync.wake_at, client.now + 60))
        self.assertEqual([rejection.text for rejection in client.rejections], ["x"])
        self.assertEqual((client.content, client.pending), ("abc", 0))
        # What was tried for it does not count for the next.
        client.fail(client.submit(["y"]), "internal", error_id="1")
        client.due()
        self.assertEqual((len(client.rejections), client.pending), (1, 1))

    def test_a_large_paste_goes_in_pieces(self) -> None:
        client = self.client
        client.type(["😀" * 20_000])
        sizes = []
        for revision in range(1, 4):
            call = client.call(protocol.EDIT)
            op = call.kwargs["op"]
            sizes.append(len(op[-1].encode()))
            client.answer(call, revision=revision, durable=True)
        self.assertEqual((client.calls(), client.pending), ({}, 0))
        self.assertEqual((sum(sizes), max(sizes)), (80_000, 32_768))


class FollowingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.client = Client()
        self.client.connect(joined(content="abc"))

    def test_what_is_known_is_passed_over(self) -> None:
        client = self.client
        client.edits(0, edit(OTHER, 1, ["1"]), edit(OTHER, 2, ["2"]))
        client.edits(0, edit(OTHER, 1, ["1"]), edit(OTHER, 2, ["2"]), edit(OTHER, 3, ["3"]))
        self.assertEqual((client.content, client.calls()), ("321abc", {}))
        self.assertEqual([change.seq for change in client.changes], [1, 2, 3])

    def test_a_gap_is_fetched_and_what_came_early_is_kept(self) -> None:
        client = self.client
        client.edits(2, edit(OTHER, 3, ["3"]))
        fetch = client.call(protocol.FETCH)
        self.assertEqual(fetch.kwargs["after"], 0)
        client.edits(3, edit(OTHER, 4, ["4"]))
        self.assertEqual(client.calls(), {})
        rows = [edit(OTHER, 1, ["1"]), edit(OTHER, 2, ["2"])]
        client.answer(fetch, edits=rows, revision=2, more=False)
        self.assertEqual((client.content, client.calls()), ("4321abc", {}))

    def test_pages_are_fetched_until_there_is_no_more(self) -> None:
        client = self.client
        client.edits(3)
        for revision in (1, 2, 3):
            fetch = client.call(protocol.FETCH)
            self.assertEqual(fetch.kwargs["after"], revision - 1)
            rows = [edit(OTHER, revision, [str(revision)])]
            client.answer(fetch, edits=rows, revision=3, more=revision < 3)
        self.assertEqual((client.content, client.calls()), ("321abc", {}))

    def test_a_fetch_that_cannot_be_answered_now_is_asked_again(self) -> None:
        client = self.client
        client.edits(1)
        client.fail(client.call(protocol.FETCH), "store_unavailable", retry_after_ms=500)
        self.assertEqual(client.due(), [])
        client.wait(0.5)
        client.call(protocol.FETCH)

    def test_edits_that_are_not_kept_any_more(self) -> None:
        client = self.client
        client.edits(900)
        client.fail(client.call(protocol.FETCH), "base_too_old")
        client.due()
        client.wait(client.sync.wake_at - client.now)
        client.finish_join(client.call(protocol.JOIN), joined(revision=900, content="new"))
        self.assertEqual(client.content, "new")
        self.assertEqual([change.origin for change in client.changes], ["reset"])

    def test_a_server_that_is_silent_for_long_is_asked_for_news(self) -> None:
        client = self.client
        client.due()
        client.wait(45.0)
        client.call(protocol.FETCH)
        client.wait(3.0)
        [give_up] = client.due()
        self.assertIsInstance(give_up, GiveUp)

    def test_events_of_an_old_subscription_are_not_heeded(self) -> None:
        client = self.client
        old = dict(client.subscriptions)
        client.event("roster", epoch={"epoch": "epoch2"})
        client.due()
        client.wait(client.sync.wake_at - client.now)
        client.finish_join(client.call(protocol.JOIN), joined(content="abc", epoch="epoch2"))
        event = {"epoch": "epoch1", "after": 0, "edits": [edit(OTHER, 1, ["old"])]}
        client.sync.event(old["edits"], event, client.now)
        self.assertEqual((client.content, client.sync.joined), ("abc", True))

    def test_the_session_is_destroyed(self) -> None:
        self.client.event("roster", destroyed={"epoch": "epoch1"})
        self.assertEqual([error.code for error in self.client.ends], ["no_such_session"])

    def test_another_connection_goes_on_with_this_client_id(self) -> None:
        client, fenced = self.client, {"participant_id": "me", "reason": "fenced"}
        # It may be an older connection, heard of late; so it joins again, once.
        client.event("roster", left=fenced)
        client.due()
        client.wait(client.sync.wake_at - client.now)
        client.finish_join(client.call(protocol.JOIN), joined(content=None, edits=[]))
        self.assertEqual(client.ends, [])
        client.event("roster", left=fenced)
        self.assertEqual([error.code for error in client.ends], ["fenced"])

    def test_a_join_that_the_server_has_forgotten(self) -> None:
        client = self.client
        client.edits(1)
        fetch = client.call(protocol.FETCH)
        client.answer(fetch, edits=[edit(OTHER, 1, ["x"])], revision=1, more=False, joined=False)
        client.due()
        client.wait(client.sync.wake_at - client.now)
        client.finish_join(client.call(protocol.JOIN), joined(revision=1, content=None, edits=[]))
        self.assertEqual((client.content, client.ends), ("xabc", []))

    def test_the_whole_roster_is_told_where_some_of_it_may_have_been_missed(self) -> None:
        client = self.client
        replica = client.sync.replica
        assert replica is not None
        place = {"cursor": 1, "selection": None}
        client.event("presence", epoch="epoch1", revision=0, presence={"p2": place, "p3": place})
        row = {"user_id": "u", "client_id": OTHER, "right": "edit", "user_info": {}}
        client.event("roster", roster=[row | {"participant_id": p} for p in ("me", "p3")])
        self.assertEqual(list(client.sync.roster.rows), ["me", "p3"])
        self.assertEqual(list(replica.positions.others), ["p3"])

    def test_put_out_of_the_session(self) -> None:
        client = self.client
        client.event("roster", left={"participant_id": "me", "reason": "disconnected"})
        client.due()
        client.wait(client.sync.wake_at - client.now)
        client.finish_join(client.call(protocol.JOIN), joined(content=None, edits=[]))
        self.assertEqual(client.ends, [])

    def test_a_right_that_changes(self) -> None:
        client = self.client
        client.event("roster", rights={"participant_id": "me", "right": "view"})
        self.assertEqual(client.sync.right, "view")

    def test_a_token_that_expires(self) -> None:
        client = self.client
        client.fail(client.submit(["x"]), "token_expired")
        [give_up] = client.due()
        assert isinstance(give_up, GiveUp)
        self.assertEqual((give_up.error.reaction, client.pending), ("token", 1))


class PresenceTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.client = Client()
        self.client.connect(joined(content="abc"))
        replica = self.client.sync.replica
        assert replica is not None
        self.positions = replica.positions

    def place(self, revision: int, **presence: Any) -> None:
        self.client.event("presence", epoch="epoch1", revision=revision, presence=presence)

    def test_others_are_where_they_are_in_the_document_as_it_is_here(self) -> None:
        client = self.client
        client.submit(["123"])
        self.place(0, other={"cursor": 1, "selection": [[0, 2]]}, me={"cursor": 3})
        self.assertEqual(self.positions.others, {"other": Position(4, ((0, 5),))})
        client.edits(0, edit(OTHER, 1, [1, "x"]))
        self.assertEqual(self.positions.others, {"other": Position(4, ((0, 6),))})
        self.assertEqual(client.placements, [["other"]])
        self.place(1, other=None)
        self.assertEqual(self.positions.others, {})

    def test_presence_ahead_of_its_edits_waits_for_them(self) -> None:
        self.place(1, other={"cursor": 4, "selection": None})
        self.assertEqual(self.positions.others, {})
        self.client.edits(0, edit(OTHER, 1, ["x"]))
        self.assertEqual(self.positions.others, {"other": Position(4)})

    def test_presence_behind_the_document_is_brought_up_to_it(self) -> None:
        first = self.client.submit(["12"])
        self.client.answer(first, revision=1, durable=True)
        self.place(0, other={"cursor": 1, "selection": None})
        self.assertEqual(self.positions.others, {"other": Position(3)})

    def test_who_leaves_is_nowhere(self) -> None:
        self.place(0, other={"cursor": 1, "selection": None})
        self.client.event("roster", left={"participant_id": "other", "reason": "left"})
        self.assertEqual(self.positions.others, {})

    def published(self) -> list[tuple[str, Any]]:
        actions = self.client.due()
        assert all(isinstance(action, Publish) for action in actions), actions
        return [(a.topic, a.kwargs) for a in actions if isinstance(a, Publish)]

    def move(self, *position: Any) -> None:
        self.positions.own = Position(*position)
        self.client.sync.moved()

    def test_the_latest_position_is_told_at_intervals(self) -> None:
        self.move(1, ((0, 1),))
        self.assertEqual(
            self.published(),
            [
                ("topic.cursor", {"revision": 0, "position": 1}),
                ("topic.selection", {"revision": 0, "ranges": ((0, 1),)}),
            ],
        )
        for cursor in (2, 3, 0):
            self.move(cursor)
            self.assertEqual(self.published(), [])
        self.client.wait(0.1)
        self.assertEqual(
            self.published(),
            [
                ("topic.cursor", {"revision": 0, "position": 0}),
                ("topic.selection", {"revision": 0, "ranges": None}),
            ],
        )
        self.client.wait(0.1)
        self.move()
        self.assertEqual(self.published(), [("topic.cursor", {"revision": 0, "position": None})])
        self.client.wait(0.1)
        self.move()
        self.assertEqual(self.published(), [])

    def test_the_position_is_told_in_the_servers_document(self) -> None:
        first = self.client.submit(["123"])
        self.move(5)
        self.assertEqual(self.published(), [("topic.cursor", {"revision": 0, "position": 2})])
        self.client.wait(0.1)
        # It is told again when the server has what was typed.
        self.client.answer(first, revision=1, durable=True)
        self.assertEqual(self.published(), [("topic.cursor", {"revision": 1, "position": 5})])


class UndoTests(SynchronousTestCase):
    def test_undo_and_redo_go_around_what_others_did(self) -> None:
        client = Client()
        client.connect(joined(content="abc"))
        first = client.submit([1, "12"])
        client.answer(first, revision=1, durable=True)
        client.edits(1, edit(OTHER, 1, [2, "x"]), edit(OTHER, 2, ["y"]))
        replica = client.sync.replica
        assert replica is not None
        self.assertEqual(client.content, "ya1x2bc")
        self.assertEqual(replica.undo(), [2, {"d": "1"}, 1, {"d": "2"}])
        self.assertEqual(client.content, "yaxbc")
        self.assertIsNone(replica.undo())
        self.assertEqual(replica.redo(), [2, "1", 1, "2"])
        self.assertEqual(client.content, "ya1x2bc")
        self.assertIsNone(replica.redo())
