"""`.crossbar/config.yaml`: what clients may do is exactly the protocol, and traps are avoided."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from twisted.trial.unittest import TestCase

from collab_wamp import node, protocol
from collab_wamp.config import ConfigError, load
from collab_wamp.layout import LAYOUTS
from collab_wamp.settings import Limits
from collab_wamp.wamp.guarded import SUBPROTOCOLS


class RouterConfigTests(TestCase):
    def setUp(self) -> None:
        self.router = yaml.safe_load(node.render(load({})))["workers"][0]
        self.roles = {role["name"]: role for role in self.realm["roles"]}
        self.public, self.private = self.router["transports"]

    @property
    def realm(self) -> Any:
        (realm,) = self.router["realms"]
        return realm

    def test_clients_may_do_what_the_protocol_has_and_no_more(self) -> None:
        allowed = {
            (row["uri"], row["match"], action)
            for row in self.roles["user"]["permissions"]
            for action, yes in row["allow"].items()
            if yes
        }
        page = (Path(__file__).parents[2] / "PROTOCOL.md").read_text(encoding="utf-8")
        procedures = set(re.findall(r"^\| `(collab\.[a-z_.]+)`", page, re.MULTILINE))
        self.assertIn(protocol.EDIT, procedures)
        self.assertEqual(
            allowed,
            {
                *((uri, "exact", "call") for uri in procedures),
                (protocol.WORKER_PREFIX, "prefix", "call"),
                (protocol.INCOMING_PREFIX, "prefix", "publish"),
                ("collab.s.", "prefix", "subscribe"),
                ("collab.notice", "exact", "subscribe"),
            },
        )

    def test_the_topics_of_a_session_are_among_it(self) -> None:
        for name, topic in protocol.topics("abc").items():
            prefix = protocol.INCOMING_PREFIX if name in ("cursor", "selection") else "collab.s."
            self.assertTrue(topic.startswith(prefix), topic)

    def test_components_are_told_who_calls_and_publishes(self) -> None:
        for row in self.roles["user"]["permissions"]:
            if row["allow"].get("call"):
                self.assertEqual(row["disclose"], {"caller": True})
            if row["allow"].get("publish"):
                self.assertEqual(row["disclose"], {"publisher": True})

    def test_the_other_role_comes_with_the_private_socket_only(self) -> None:
        self.assertEqual(set(self.roles), {"user", "backend"})
        self.assertEqual(self.private["endpoint"]["type"], "unix")
        self.assertEqual(self.private["auth"], {"anonymous": {"type": "static", "role": "backend"}})
        self.assertEqual(set(self.public["paths"]["ws"]["auth"]), {"ticket"})

    def test_events_are_never_sent_in_pieces(self) -> None:
        """Beyond the chunk size people get them out of order while others come and go."""
        most = 99_000  # what limits.connections may be set to
        self.assertGreater(self.realm["options"]["event_dispatching_chunk_size"], most)
        with self.assertRaises(ConfigError):
            load({"COLLAB_LIMITS_CONNECTIONS": str(most + 1)})

    def test_the_guard_is_loaded_first(self) -> None:
        for layout in LAYOUTS:
            config = load({"LAYOUT": layout})
            router, *guests = yaml.safe_load(node.render(config))["workers"]
            guard, *others = [row["classname"] for row in router["components"]]
            self.assertEqual(guard, "collab_wamp.wamp.router_guard.Guard")
            names = [name.rpartition(".")[2].lower() for name in others]
            self.assertEqual(names, list(config.layout.inside))
            self.assertEqual([guest["id"] for guest in guests], list(config.layout.guests))

    def test_the_public_socket(self) -> None:
        web_socket = self.public["paths"]["ws"]
        self.assertEqual(
            [f"wamp.2.{name}" for name in web_socket["serializers"]], list(SUBPROTOCOLS)
        )
        options = web_socket["options"]
        self.assertNotIn("compression", options)
        self.assertEqual(options["max_message_size"], Limits().message_bytes)
        self.assertIs(options["auto_ping_restart_on_any_traffic"], False)
        gone_ms = options["auto_ping_interval"] + options["auto_ping_timeout"]
        self.assertLessEqual(gone_ms, 13_000)
        self.assertEqual(self.public["max_connections"], Limits().connections)
