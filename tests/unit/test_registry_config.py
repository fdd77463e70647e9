"""The settings of the registry."""

from __future__ import annotations

import socket
from pathlib import Path

from twisted.trial.unittest import TestCase

import collab_wamp
from collab_wamp.config import Config, ConfigError, load


class RegistrySettingsTests(TestCase):
    def refused(self, said: str, environment: dict[str, str], text: str = "") -> str:
        path = None
        if text:
            path = self.mktemp()
            Path(path).write_text(text)
        with self.assertRaises(ConfigError) as caught:
            load(environment, path)
        self.assertIn(said, str(caught.exception))
        return str(caught.exception)

    def test_defaults(self) -> None:
        registry = load({}).registry
        self.assertEqual((registry.url, registry.enabled), ("redis", True))
        self.assertEqual((registry.service, registry.environment), ("collab_wamp", "development"))
        self.assertEqual((registry.ttl_s, registry.heartbeat_s), (10, 3))
        self.assertEqual(registry.version, collab_wamp.__version__)

    def test_names_in_the_environment(self) -> None:
        registry = load(
            {
                "REGISTRY_URL": "etcd://a",
                "SERVICE_DISCOVERY_ENABLED": "false",
                "SERVICE_HOST": "node-a.internal",
                "SERVICE_VERSION": "9.9",
            }
        ).registry
        self.assertEqual((registry.url, registry.enabled), ("etcd://a", False))
        self.assertEqual((registry.host, registry.version), ("node-a.internal", "9.9"))

    def test_others_reach_it_where_it_listens_or_by_the_machines_name(self) -> None:
        self.assertEqual(load({"HOST": "10.0.0.7"}).registry.host, "10.0.0.7")
        for everywhere in ("", "0.0.0.0", "::"):
            self.assertEqual(load({"HOST": everywhere}).registry.host, socket.gethostname())

    def test_two_heartbeats_may_get_lost(self) -> None:
        self.refused("less than a third of registry.ttl_s, 9", {}, "[registry]\nttl_s = 9\n")
        self.refused("heartbeat_s = 4", {}, "[registry]\nheartbeat_s = 4\n")
        path = self.mktemp()
        Path(path).write_text("[registry]\nttl_s = 1\nheartbeat_s = 0.3\n")
        self.assertEqual(load({}, path).registry.heartbeat_s, 0.3)

    def test_what_is_wrong_is_named(self) -> None:
        self.refused("registry.ttl_s = 301.0", {}, "[registry]\nttl_s = 301\n")
        self.refused("SERVICE_HOST = 'a b'", {"SERVICE_HOST": "a b"})
        self.refused("SERVICE_VERSION = 'a b'", {"SERVICE_VERSION": "a b"})
        self.refused("registry.service = 'A'", {}, '[registry]\nservice = "A"\n')
        self.refused("server.instance_id = 'a/b'", {"INSTANCE_ID": "a/b"})
        self.refused("SERVICE_HOST", {"HOST": "fe80::1%eth0"})
        load({"INSTANCE_ID": "a/b", "SERVICE_DISCOVERY_ENABLED": "no"})

    def test_a_password_is_shown_nowhere(self) -> None:
        config = load({"REGISTRY_URL": "etcd://u:s3cret@a"})
        self.assertNotIn("s3cret", repr(config))
        self.assertIn("s3cret", config.as_environment()["REGISTRY_URL"])
        for url in ("etcd://u:s3cret@", "etcdd://u:s3cret@a", "consul://u:s3cret@a"):
            said = self.refused("REGISTRY_URL: ", {"REGISTRY_URL": url})
            self.assertNotIn("s3cret", said)

    def test_they_pass_through_the_environment_unchanged(self) -> None:
        config: Config = load({"REGISTRY_URL": "consul://:t0ken@a", "SERVICE_HOST": "::1"})
        self.assertEqual(load(config.as_environment()), config)
