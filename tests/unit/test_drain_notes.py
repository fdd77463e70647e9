"""The note that a drain is asked for with, and a drain that loses the router."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from autobahn.wamp.types import ComponentConfig
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from collab_wamp.node import ask_to_drain, drain_asked
from collab_wamp.wamp import node_component
from collab_wamp.wamp.component import CollabComponent
from collab_wamp.wamp.drain import Drain


class NoteTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.note = Path(self.mktemp())

    def test_the_earliest_time_counts(self) -> None:
        self.assertIsNone(drain_asked(self.note, 5.0))
        for until_s, stays_s in ((1000.25, 1000.25), (1001.0, 1000.25), (999.5, 999.5)):
            ask_to_drain(self.note, until_s)
            self.assertEqual(drain_asked(self.note, 5.0), stays_s)
        self.assertEqual(list(self.note.parent.glob(f"{self.note.name}.*")), [])

    def test_without_a_time_it_is_another(self) -> None:
        for text in ("", "soon", "nan", "inf", "\xff"):
            self.note.write_text(text, encoding="latin-1")
            self.assertEqual(drain_asked(self.note, 5.0), 5.0)
            ask_to_drain(self.note, 7.0)
            self.assertEqual(float(self.note.read_text()), 7.0)


class NoRouterTests(SynchronousTestCase):
    """Of components whose connection is lost: Autobahn raises where they call or publish."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.extra = {"reactor": self.clock, "now_ms": lambda: int(self.clock.seconds() * 1000)}

    def test_the_drain_ends_without_a_failure_and_is_left_to_who_comes_after(self) -> None:
        begun: list[str] = []

        async def farewell() -> None:
            begun.append("farewell")

        drain = Drain(
            CollabComponent(ComponentConfig(extra=self.extra)),
            asked=self.folder / "drain",
            done=self.folder / "drained",
            within_s=10,
            now_ms=self.extra["now_ms"],  # type: ignore[arg-type]
            begun=lambda: begun.append("begun"),
            farewell=farewell,
        )
        drain.begin(3)
        drain.begin(2)
        for _ in range(200):
            self.clock.advance(0.1)
        self.assertEqual(begun, ["begun"])
        self.assertFalse(drain.ended)
        self.assertEqual([path.name for path in self.folder.iterdir()], ["drain"])
        self.assertEqual(drain_asked(self.folder / "drain", 0.0), 2.0)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_an_instance_reports_itself_without_its_parts(self) -> None:
        component: Any = node_component.Component(ComponentConfig(extra=self.extra))
        component._started_ms = 7
        reported: list[dict[str, Any]] = []

        async def report() -> None:
            reported.append(await component._report())

        component.background(report())
        self.assertEqual(self.flushLoggedErrors(), [])
        self.assertEqual([row["started_ms"] for row in reported], [7])
