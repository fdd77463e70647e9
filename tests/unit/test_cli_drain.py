"""What `collab-wamp drain` makes of what it sees of a node that ends."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from collab_wamp.commands import Unable
from collab_wamp.commands.drain import Watch


class Handler(BaseHTTPRequestHandler):
    answer: bytes = b""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.answer)))
        self.end_headers()
        self.wfile.write(self.answer)

    def log_message(self, *_args: Any) -> None:
        """Tests say nothing."""


class WatchTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.handler = type("Handler", (Handler,), {})
        self.server = HTTPServer(("127.0.0.1", 0), self.handler)
        thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.watch = Watch(f"ws://127.0.0.1:{self.server.server_port}/ws", "node-a")

    def gone(self, **health: Any) -> bool:
        told = {"instance_id": "node-a", "uptime_s": 90.0, "load": {"participants": 2}, **health}
        self.handler.answer = json.dumps(told).encode()
        return self.watch.gone()

    def test_news_are_told_once(self) -> None:
        told = []
        for people in (2, 2, 1, 0):
            self.assertFalse(self.gone(load={"participants": people}))
            told.append(self.watch.news().strip())
        # The part that counts people ends before the node does.
        self.assertFalse(self.gone(load={}, status="failing"))
        told.append(self.watch.news())
        self.assertEqual(
            told,
            ["2 on documents there still", "", "1 on documents there still",
             "nobody on documents", ""],
        )  # fmt: skip

    def test_one_that_was_started_again_has_gone(self) -> None:
        self.assertFalse(self.gone())
        self.assertFalse(self.gone(uptime_s=91.0))
        self.assertTrue(self.gone(uptime_s=0.4))
        self.assertIn("started again", self.watch.how)

    def test_one_in_whose_place_another_answers_has_gone(self) -> None:
        self.assertTrue(self.gone(instance_id="node-b"))
        self.assertIn("node-b answers there now", self.watch.how)

    def test_what_does_not_tell_of_a_node_is_not_taken_for_one_that_has_gone(self) -> None:
        for answer in (b"<h1>403</h1>", b"[]", b"{}"):
            self.handler.answer = answer
            error = self.assertRaises(Unable, self.watch.gone)
            self.assertIn("cannot be seen", str(error))

    def test_a_port_that_refuses_says_that_it_has_gone(self) -> None:
        self.assertTrue(Watch("ws://127.0.0.1:1/ws", "node-a").gone())
