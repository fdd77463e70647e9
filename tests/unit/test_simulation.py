"""The simulated world: many seeds end well; and with a protection taken out, some do not."""

from __future__ import annotations

import os
from typing import Any
from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

from collab_wamp import ot, writer
from collab_wamp.feed import Feed
from collab_wamp.ot.outbox import Outbox, other_side
from collab_wamp.participants import Participants
from collab_wamp.store import memory, memory_held, memory_record
from tests.simulation import Failed, play

# `make test` plays 2,000 of each; `make check` fewer.
SEEDS = int(os.environ.get("SIMULATION_SEEDS", "80"))
# So many seeds a planted bug may survive.
PLANTED_SEEDS = 500


class SimulationTests(SynchronousTestCase):
    def test_everybody_ends_with_the_same_text_and_every_edit_is_there_once(self) -> None:
        for seed in range(SEEDS):
            play(seed)

    def test_the_same_for_rich_text(self) -> None:
        for seed in range(SEEDS):
            play(seed, kind="rich_text")

    def test_the_same_for_json(self) -> None:
        for seed in range(SEEDS):
            play(seed, kind="json")

    def test_words_typed_at_one_spot_stay_whole(self) -> None:
        for kind in ("text", "rich_text"):
            for seed in range(SEEDS):
                play(seed, "words", kind)

    def test_what_is_held_is_neither_lost_nor_made_twice(self) -> None:
        for kind in ("text", "json", "rich_text"):
            held = sum(play(seed, "asks", kind).held for seed in range(SEEDS // 2))
            self.assertGreater(held, SEEDS // 10)

    def test_a_seed_plays_the_same_way_again(self) -> None:
        self.assertEqual(play(7).time.trace, play(7).time.trace)


class PlantedBugTests(SynchronousTestCase):
    """Each takes one protection out; the simulation must notice."""

    def assert_noticed(self, game: str = "edits") -> None:
        for seed in range(PLANTED_SEEDS):
            try:
                play(seed, game)
            except Failed as failed:
                self.assertIn(f"--seed {seed}", str(failed))
                # What is planted must break what is promised, not the program.
                self.assertNotIsInstance(failed.__cause__, TypeError | AttributeError)
                return
        self.fail(f"{PLANTED_SEEDS} seeds have not noticed it")

    def test_sides_swapped_when_the_server_transforms(self) -> None:
        def swapped(kind: Any, op: Any, client_id: str, concurrent: Any, **limits: Any) -> Any:
            for other_client_id, other, *_ in concurrent:
                side = other_side(kind.side(client_id, other_client_id))
                op = kind.transform(op, other, side)
            return op, 0

        with patch.object(writer, "rebase_over", swapped):
            self.assert_noticed()

    def test_ties_broken_by_the_order_of_commit(self) -> None:
        """Everybody still ends with the same text; but the words are in pieces."""
        with patch.object(type(ot.TYPES["text"]), "side", staticmethod(lambda *_ids: "right")):
            self.assert_noticed("words")

    def test_an_edit_that_comes_twice_is_committed_twice(self) -> None:
        def all_new(_record: Any, submissions: Any) -> tuple[tuple[str, int], ...]:
            return (("new", 0),) * len(submissions)

        with patch.object(memory, "judge", all_new):
            self.assert_noticed()

    def test_what_was_sent_before_a_join_is_committed_after_it(self) -> None:
        with patch.object(memory_record, "is_here", lambda *_args: True):
            self.assert_noticed()

    def test_what_was_sent_before_a_join_is_held_after_it(self) -> None:
        """Then it may be held, and be sent again as well."""
        # Looked up in the store for each edit, as by a process that is new, more joins overtake it.
        with (
            patch.object(memory_held, "is_here", lambda *_args: True),
            patch.object(Participants, "remembered", lambda *_args: None),
        ):
            self.assert_noticed("asks")

    def test_what_is_pending_is_transformed_before_it_is_compared(self) -> None:
        with patch.object(Outbox, "freeze", lambda *_args: False):
            self.assert_noticed("asks")

    def test_a_join_has_what_is_pending_transformed_before_it_is_compared(self) -> None:
        def moved(outbox: Outbox, parts: int, size: int) -> None:
            outbox.compares = False
            rejoined(outbox, parts, size)
            outbox.compares = True

        rejoined = Outbox.rejoined
        with patch.object(Outbox, "rejoined", moved):
            self.assert_noticed("asks")

    def test_gaps_are_not_filled_from_the_log(self) -> None:
        def pass_on(feed: Feed, announced: Any) -> None:
            feed.revision = max(feed.revision, announced.after)
            feed._take(announced.edits[feed.revision - announced.after :])

        with patch.object(Feed, "_edits", pass_on):
            self.assert_noticed()

    def test_those_who_left_go_on_hearing(self) -> None:
        original = Feed._left

        def stays(feed: Feed, participant_id: str, reason: str) -> None:
            kept, connections = dict(feed.participants), dict(feed.by_connection)
            original(feed, participant_id, reason)
            feed.participants, feed.by_connection = kept, connections

        with patch.object(Feed, "_left", stays):
            self.assert_noticed()
