"""What a document keeps of an edit is the same whichever way it comes to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

from collab_wamp.document import Ahead, Document, as_concurrent, weight
from collab_wamp.ot import OTType
from collab_wamp.store.values import Edit, SessionKey, SessionMeta, make_snapshot
from collab_wamp.writer import Crowd, Request, Writer
from tests.simulation import play

SEEDS = 25


def document(window: int = 100) -> Document:
    meta = SessionMeta("text", "epoch1", "topic", 0, 0, 0, "ada", "merge", 0)
    return Document(meta, make_snapshot(0, b'"hello"'), window)


def edits(count: int) -> list[Edit]:
    return [Edit("client-0001", seq, ["x"], "ada", seq) for seq in range(1, count + 1)]


def prepared(before: Document, rows: list[Edit]) -> Ahead:
    measures = [before.measure + number for number in range(1, len(rows) + 1)]
    return Ahead(rows, [as_concurrent(before.type, row) for row in rows], measures, None)


def measures_after(kind: OTType, measure: Any, rows: list[Edit]) -> Iterator[Any]:
    for row in rows:
        measure = kind.fit(measure, row.op)[1]
        yield measure


def writer() -> Writer:
    """As much of one as prepares edits."""
    store: Any = None
    unused: Any = None
    return Writer(
        store,
        SessionKey("acme", "notes"),
        window=100,
        document=unused,
        now_ms=lambda: 0,
        now_s=lambda: 0.0,
        pause=unused,
        committed=unused,
        lost_history=unused,
        clashed=unused,
        crowd=Crowd(),
    )


def request(number: int, op: Any) -> Request:
    return Request("epoch1", 0, f"client-{number:04}", 1, op, "ada", bytes(16), 1000, "p", "j")


class AheadTests(SynchronousTestCase):
    def test_what_was_prepared_is_what_would_be_found_out(self) -> None:
        """In whatever the simulation does, of each type, with many edits at one time."""
        sizes: list[int] = []
        advance = Document.advance

        def compared(itself: Document, after: int, ahead: Ahead) -> None:
            kind, measure, bulk = itself.type, itself.measure, itself.bulk
            as_prepared = after == itself.revision
            before, start = itself._weight, itself.start
            advance(itself, after, ahead)
            if not as_prepared:
                return
            sizes.append(len(ahead.edits))
            # A content is not kept for each edit.
            self.assertEqual(bool(ahead.measures), kind.counted)
            measures = ahead.measures or list(measures_after(kind, measure, ahead.edits))
            for edit, prepared_measure, row in zip(
                ahead.edits, measures, ahead.concurrent, strict=True
            ):
                fits, measure = kind.fit(measure, edit.op)
                self.assertEqual((fits, prepared_measure), (edit.op, measure))
                self.assertEqual(row, as_concurrent(kind, edit))
                bulk = kind.bulk_after(bulk, edit.op)
            self.assertEqual((itself.measure, itself.bulk), (measure, bulk))
            if itself.start == start:
                self.assertEqual(itself._weight - before, weight(kind, ahead.edits))
            self.assertEqual(itself.head, ahead.edits[-1].identity)

        for kind in ("text", "rich_text", "json"):
            del sizes[:]
            with patch.object(Document, "advance", compared):
                for seed in range(SEEDS):
                    play(seed, kind=kind)
            self.assertGreater(len(sizes), 100)
            self.assertGreater(max(sizes), 1)

    def test_the_length_counts_what_is_before_it_in_the_same_batch(self) -> None:
        rows = [request(1, [5, "!!"]), request(2, ["a"])]
        taken, _submissions, ahead = writer()._prepare(document(), rows)
        self.assertEqual((taken, ahead.measures), (rows, [7, 8]))

    def test_what_has_come_another_way_meanwhile_is_not_taken_twice(self) -> None:
        for heard in range(4):
            one, rows = document(), edits(3)
            ahead = prepared(one, rows)
            one.extend(0, rows[:heard])
            one.advance(0, ahead)
            self.assertEqual((one.revision, one.measure, one.content()), (3, 8, "xxxhello"))
            self.assertEqual(len(one.concurrent(0)), 3)

    def test_no_more_is_remembered_than_when_edits_are_heard_of(self) -> None:
        one, other = document(window=4), document(window=4)
        for number in range(20):
            row = Edit("client-0001", number + 1, ["x"], "ada", 1)
            one.advance(number, prepared(one, [row]))
            other.extend(number, [row])
        kept: list[Any] = [(each.start, each.revision, each._weight) for each in (one, other)]
        self.assertEqual(kept[0], kept[1])
        self.assertGreater(one.start, 0)
