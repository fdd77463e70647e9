"""The client's rules, one by one: what it does next, given what happened."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from collab_wamp import protocol
from collab_wamp.client.requests import Call, GiveUp, Subscribe
from tests.support.sync_client import ME, OTHER, Client, body, edit, joined, row


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


class UndoTests(SynchronousTestCase):
    def test_what_was_refused_is_not_undone(self) -> None:
        client = Client()
        client.connect(joined(content="abc"))
        client.answer(client.submit([3, "d"]), revision=1, durable=True)
        refused = client.submit([{"d": 2}])
        client.type([2, "!"])
        client.fail(refused, "document_full")
        self.assertEqual(client.content, "abcd!")
        replica = client.sync.replica
        assert replica is not None
        replica.undo()
        self.assertEqual(client.content, "abcd")
        replica.undo()
        self.assertEqual((client.content, replica.own_edits.can_undo), ("abc", False))
