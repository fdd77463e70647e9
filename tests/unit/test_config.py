"""Settings are checked at the start, and what is wrong is named."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import yaml
from twisted.trial.unittest import TestCase

from collab_wamp import node
from collab_wamp.config import Config, ConfigError, environment_name, load, with_secret
from collab_wamp.store.address import parse_address
from collab_wamp.tokens import Claims


class LoadTests(TestCase):
    def file(self, text: str) -> str:
        path = self.mktemp()
        Path(path).write_text(text)
        return path

    def refused(self, said: str, environment: dict[str, str], text: str = "") -> None:
        with self.assertRaises(ConfigError) as caught:
            load(environment, self.file(text) if text else None)
        self.assertIn(said, str(caught.exception))

    def test_defaults_need_nothing(self) -> None:
        config = load({})
        self.assertEqual((config.server.port, config.store.url), (8080, "embedded"))
        self.assertTrue(config.server.instance_id.endswith("-8080"))

    def test_the_environment_wins_over_the_file(self) -> None:
        path = self.file('[server]\nport = 9000\nhost = "::1"\n[limits]\nhello_s = 3\n')
        config = load({"PORT": "9001", "COLLAB_CONFIG": path})
        self.assertEqual((config.server.port, config.server.host), (9001, "::1"))
        self.assertEqual(config.limits.hello_s, 3.0)

    def test_what_is_unknown_or_wrong_is_named(self) -> None:
        self.refused("no section [sever]", {}, "[sever]\nport = 1\n")
        self.refused("no server.prot", {}, "[server]\nprot = 1\n")
        self.refused("server.port = '80': must be a whole number", {}, '[server]\nport = "80"\n')
        self.refused("server.port = True", {}, "[server]\nport = true\n")
        self.refused("PORT = 0: must be from 1 to 65,535", {"PORT": "0"})
        self.refused("PORT = 'x'", {"PORT": "x"})
        self.refused("PRODUCTION = 'maybe': must be true or false", {"PRODUCTION": "maybe"})
        self.refused("must be one of committed, fsynced", {"DURABILITY": "sometimes"})
        self.refused("must start with redis://", {"REDIS_URL": "mysql://x"})
        self.refused("JWT_ALGORITHMS = ", {"JWT_ALGORITHMS": "none"})
        self.refused("auth.public_key_file", {"JWT_ALGORITHMS": "RS256"})
        self.refused("cannot be read", {"COLLAB_CONFIG": "/nowhere.toml"})
        self.refused("line 1", {}, "port: 80")
        self.refused("send_buffer_bytes", {}, "[limits]\ndocument_length = 2_000_000\n")

    def test_names_of_the_environment_that_others_use_work(self) -> None:
        config = load({"REDIS_HOST": "db", "REDIS_PASSWORD": "s", "REDIS_DB": "2"})
        self.assertEqual(config.store.url, "redis://:s@db:6379/2")

    def test_a_store_s_password_may_be_any_text_and_come_from_a_file(self) -> None:
        password = "a/b+c@d:e?f#g%20="
        from_file = {"REDIS_PASSWORD_FILE": self.file(f"{password}\n"), "REDIS_PASSWORD": "other"}
        for environment in ({"REDIS_PASSWORD": password}, from_file):
            config = load({"REDIS_HOST": "db", **environment})
            self.assertEqual(parse_address(config.store.url).password, password)
            # What a child process reads is the same, whatever the file says by then.
            self.assertEqual(load(config.as_environment()).store.url, config.store.url)
        self.refused(
            "REDIS_PASSWORD_FILE: /nowhere cannot be read",
            {"REDIS_HOST": "db", "REDIS_PASSWORD_FILE": "/nowhere"},
        )

    def test_how_much_history_is_kept_may_be_another_for_a_tenant(self) -> None:
        path = self.file('[history]\nkept_edits = 5000\ntenants = ["acme=0", "globex=20000"]\n')
        config = load({}, path)
        for read in (config, load(config.as_environment())):
            retention = read.history.retention()
            floors = [retention.floor(name, 30_000, 2000) for name in ("acme", "globex", "other")]
            self.assertEqual(floors, [0, 10_000, 25_000])
        named = load({"COLLAB_HISTORY_KEPT_EDITS": "7000", "COLLAB_HISTORY_TENANTS": "acme=3000"})
        self.assertEqual(named.history.retention().floor("acme", 30_000, 2000), 27_000)
        self.assertEqual(load({}).history.retention().floor("acme", 100_500, 2000), 500)
        self.refused("kept_edits = -1", {}, "[history]\nkept_edits = -1\n")
        for wrong in ("acme", "acme=", "acme=-1", "Acme=3", "=3", "acme=3=4", "acme=²"):
            self.refused("TENANT=EDITS", {"COLLAB_HISTORY_TENANTS": wrong})

    def test_settings_pass_through_the_environment_unchanged(self) -> None:
        config = load({"PORT": "9001", "ALLOWED_ORIGINS": "https://a.example,https://*.b.example"})
        self.assertEqual(load(config.as_environment()), config)
        self.assertEqual(environment_name("limits.hello_s"), "COLLAB_LIMITS_HELLO_S")


class SecretTests(TestCase):
    def test_in_development_one_is_made_and_kept_for_the_owner(self) -> None:
        config = load({"DATA_DIR": self.mktemp()})
        made = with_secret(config).auth.secret
        self.assertGreaterEqual(len(made), 32)
        self.assertEqual(with_secret(config).auth.secret, made)
        path = config.data_dir / "jwt-secret"
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)

    def test_it_may_come_from_a_file(self) -> None:
        path = self.mktemp()
        Path(path).write_text("0123456789abcdefghijklmnopqrstuvwxyz\n")
        config = load({"JWT_SECRET_FILE": path, "PRODUCTION": "true"})
        self.assertEqual(with_secret(config).auth.secret, "0123456789abcdefghijklmnopqrstuvwxyz")
        self.assertNotIn("0123456789", repr(config))

    def test_in_production_it_must_be_there_and_strong(self) -> None:
        for secret in ("", "short", "x" * 64):
            with self.assertRaises(ConfigError):
                with_secret(load({"PRODUCTION": "1", "JWT_SECRET": secret}))

    def test_tokens_of_one_configuration_are_accepted_by_it(self) -> None:
        keyring = with_secret(load({"DATA_DIR": self.mktemp()})).keyring()
        token = keyring.issue(Claims("ada", "acme", {"*": "edit"}), now_s=100.0, ttl_s=10)
        self.assertEqual(keyring.verify(token, now_s=105.0).user_id, "ada")


class NodeFileTests(TestCase):
    def config(self, **environment: str) -> Config:
        # A socket's path is short: the folders that trial makes are too deep for one.
        folder = tempfile.mkdtemp(prefix="cw-")
        self.addCleanup(shutil.rmtree, folder)
        return load({"DATA_DIR": folder, **environment})

    def test_the_template_is_filled_in(self) -> None:
        text = node.render(self.config(PORT="9123", ALLOWED_ORIGINS="https://*.example.com"))
        self.assertNotIn("${", text)
        web, private = yaml.safe_load(text)["workers"][0]["transports"]
        self.assertEqual(web["endpoint"]["port"], 9123)
        options = web["paths"]["ws"]["options"]
        self.assertIn("http://localhost:9123", options["allowed_origins"])
        self.assertIn("https://*.example.com", options["allowed_origins"])
        self.assertNotIn("compression", web["paths"]["ws"])
        self.assertEqual(private["type"], "rawsocket")

    def test_a_file_from_before_there_were_layouts_is_refused(self) -> None:
        whole = node.template()
        for place in ("${COMPONENTS}", "${GUESTS}"):
            without = whole.replace(place, "")
            self.patch(node, "template", lambda text=without: text)
            with self.assertRaises(ConfigError) as caught:
                node.render(self.config())
            self.assertIn(f"has no {place}", str(caught.exception))

    def test_the_folder_is_for_its_owner_only(self) -> None:
        folder = node.write(self.config())
        self.assertEqual(folder.stat().st_mode & 0o777, 0o700)
