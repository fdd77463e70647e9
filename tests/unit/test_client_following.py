"""A client that follows a session: its stream, where people are, and undo."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from collab_wamp import protocol
from collab_wamp.client.positions import Position
from collab_wamp.client.requests import GiveUp, Publish
from tests.support.sync_client import OTHER, Client, edit, joined


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
