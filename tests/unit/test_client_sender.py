"""How often an edit is sent before it counts as refused."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from collab_wamp.client.errors import from_wamp
from collab_wamp.client.sender import MOST_INTERNAL_ERRORS, Sender


class InternalErrorTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.sender = Sender(lambda: 0.5)

    def answers_to(self, code: str, times: int = 1) -> list[str]:
        error = from_wamp(f"collab.error.{code}", ["no"], {})
        return [self.sender.failed(error, 0.0)[0] for _ in range(times)]

    def test_other_failures_do_not_count(self) -> None:
        self.assertEqual(set(self.answers_to("store_unavailable", 6)), {"again"})
        self.assertEqual(self.answers_to("internal", 2), ["again", "again"])
        self.assertEqual(self.answers_to("store_unavailable", 20)[-1], "again")
        more = self.answers_to("internal", MOST_INTERNAL_ERRORS - 1)
        self.assertEqual((set(more[:-1]), more[-1]), ({"again"}, "refuse"))

    def test_each_edit_is_counted_for_itself(self) -> None:
        for settled in (self.sender.acknowledged, self.sender.rejected):
            self.assertEqual(set(self.answers_to("internal", MOST_INTERNAL_ERRORS)), {"again"})
            settled()
            self.assertEqual(self.answers_to("internal"), ["again"])
            settled()
        self.assertEqual(self.answers_to("internal", MOST_INTERNAL_ERRORS + 1)[-1], "refuse")
