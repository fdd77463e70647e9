"""What the Python client does about the server's notices."""

from __future__ import annotations

from typing import Any

from collab_wamp import protocol
from tests.unit.test_client_document import DocumentCase


class NoticeTests(DocumentCase):
    def setUp(self) -> None:
        super().setUp()
        self.told: list[str] = []
        self.client.on_notice(lambda notice: self.told.append(notice["kind"]))

    def notify(self, **notice: Any) -> None:
        self.server.topics[protocol.NOTICE](**notice)

    def test_who_is_told_to_go_goes_within_half_of_the_time_to_the_next_address(self) -> None:
        self.notify(kind="drain", within_ms=8000)
        self.clock.advance(1.9)
        self.assertIsNone(self.connection.error)
        self.clock.advance(0.2)
        assert self.connection.error is not None
        self.assertEqual(self.connection.error.code, "draining")
        self.assertEqual(self.client._urls, ["ws://else/ws", "ws://there/ws"])
        self.assertEqual(self.told, ["drain"])

    def test_a_connection_that_has_gone_by_then_is_let_alone(self) -> None:
        self.notify(kind="drain", within_ms=8000)
        self.client._connection = None
        self.clock.advance(10)
        self.assertIsNone(self.connection.error)
        self.assertEqual(self.client._urls[0], "ws://there/ws")

    def test_a_token_alone_is_left_to_expire(self) -> None:
        self.notify(kind="token_expiring", expires_at=1)
        self.assertNotIn(protocol.TOKEN_REFRESH, self.server.log)
        self.notify(kind="what is new")
        self.assertEqual(self.told, ["token_expiring", "what is new"])


class RefreshTests(DocumentCase):
    def token(self) -> Any:
        async def newer() -> str:
            return "newer"

        return newer

    def test_a_newer_token_takes_the_place_of_one_that_expires(self) -> None:
        self.server.topics[protocol.NOTICE](kind="token_expiring", expires_at=1)
        self.assertEqual(self.server.refreshed, ["newer"])
        self.assertIsNone(self.connection.error)
