"""How the parts of a node are spread over processes."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from collab_wamp.config import ConfigError, load
from collab_wamp.layout import AUTO, LAYOUTS, MOST_USEFUL_WORKERS, Layout, choose

PARTS = {"sessions", "relay", "node"}
# What the process of each guest has.
OF_GUEST = {"sessions": {"sessions"}, "relay": {"relay", "node"}}


class LayoutTests(SynchronousTestCase):
    def test_every_part_is_in_one_place(self) -> None:
        for name in LAYOUTS:
            layout = Layout(name, 1)
            places = [*layout.inside, *(part for g in layout.guests for part in OF_GUEST[g])]
            self.assertEqual(sorted(places), sorted(PARTS), name)

    def test_few_cores_have_everything_in_one_process(self) -> None:
        for cores in (1, 2):
            self.assertEqual(choose(AUTO, 0, cores), Layout("together", 1))

    def test_of_more_cores_some_take_edits(self) -> None:
        for cores in (3, 4, 6, 64):
            layout = choose(AUTO, 0, cores)
            self.assertEqual(layout.name, "workers")
            self.assertEqual(layout.workers, min(cores - 2, MOST_USEFUL_WORKERS))

    def test_who_names_workers_gets_them(self) -> None:
        self.assertEqual(choose(AUTO, 3, 1), Layout("workers", 3))
        self.assertEqual(choose("apart", 0, 1), Layout("apart", 1))
        self.assertEqual(choose("apart", 5, 1), Layout("apart", 5))

    def test_together_there_are_no_several_workers(self) -> None:
        with self.assertRaises(ConfigError) as caught:
            load({"LAYOUT": "together", "WORKERS": "2"})
        self.assertIn("WORKERS", str(caught.exception))

    def test_an_unknown_layout_is_named(self) -> None:
        with self.assertRaises(ConfigError) as caught:
            load({"LAYOUT": "scattered"})
        self.assertIn("'scattered': must be one of auto, together", str(caught.exception))
