"""docker/: its files fit together, and the documentation and the configuration fit them."""

from __future__ import annotations

import importlib
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import yaml
from twisted.trial.unittest import TestCase

from collab_wamp import __version__, config, supervisor
from collab_wamp.config import environment_name
from collab_wamp.errors import TABLE
from collab_wamp.settings import SECTIONS, Limits
from tests.support.dockerfile import read

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
GUIDE = (ROOT / "docs" / "production.md").read_text(encoding="utf-8")
# Not of the node: of compose.yaml, of the store's and the balancer's files, of other programs.
OTHERS = {"COLLAB_TOKEN",
    "COLLAB_WAMP_VERSION", "HTTP_PORT", "HTTPS_PORT", "TLS_CERT", "TLS_BIND",
    "MAXCONN", "METRICS_BIND", "BIND", "NODE1", "NODE2",
    "REDISCLI_AUTH",
}  # fmt: skip
WORDS = {
    "SIGTERM", "SIGKILL", "SIGINT", "WAITAOF", "BGSAVE", "CONFIG", "INFO", "PING", "EVALSHA",
    "PUBLISH", "SUBSCRIBE", "READONLY", "OOM", "LOADING", "NOAUTH", "MOVED", "GET", "HTTP", "PEM",
    "HS256", "RS256", "PROBLEM", "ACL",
}  # fmt: skip


class Asked(Mapping[str, str]):
    """An environment that remembers which names are asked for."""

    def __init__(self, **values: str) -> None:
        self.values_given = values
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        return self.values_given[name]

    def __contains__(self, name: object) -> bool:
        self.names.add(str(name))
        return name in self.values_given

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_given)

    def __len__(self) -> int:
        return len(self.values_given)


def known_names() -> set[str]:
    """Every name that config.py reads in the environment."""
    asked = Asked(REDIS_HOST="db")
    config.load(asked)
    return asked.names


class KnownNamesTests(TestCase):
    def test_they_are_those_that_are_read(self) -> None:
        names = known_names()
        for name in ("PORT", "JWT_SECRET_FILE", "REDIS_PASSWORD_FILE", "COLLAB_LIMITS_HELLO_S"):
            self.assertIn(name, names)
        self.assertNotIn("PORT_FILE", names)


class DocumentationTests(TestCase):
    def test_every_file_of_docker_that_is_named_exists(self) -> None:
        made = {"docker/secrets"}  # by docker/secrets.sh
        pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *DOCKER.rglob("*.y*ml")]
        named = 0
        for page in pages:
            for name in re.findall(r"\bdocker/[\w./-]*\w", page.read_text(encoding="utf-8")):
                if not any(name == path or name.startswith(f"{path}/") for path in made):
                    named += 1
                    self.assertTrue((ROOT / name).exists(), f"{page.name} names {name}")
        self.assertGreater(named, 5)

    def test_every_link_of_the_guide_leads_somewhere(self) -> None:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[\w-]+)?\)", GUIDE):
            self.assertTrue((ROOT / "docs" / target).exists(), target)

    def test_every_setting_that_the_guide_names_exists(self) -> None:
        names = set(re.findall(r"`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[A-Z]{4,})(?:=[^`]*)?`", GUIDE))
        self.assertEqual(names - known_names() - OTHERS - WORDS, set())
        self.assertGreater(len(names & known_names()), 8)
        found = re.findall(rf"`({'|'.join(SECTIONS)})\.(?!log`)(\w+)", GUIDE)
        for section, name in found:
            self.assertIn(name, attrs.fields_dict(SECTIONS[section]), f"{section}.{name}")
        self.assertGreater(len(found), 20)

    def test_every_limit_is_described_with_its_default(self) -> None:
        rows = dict(re.findall(r"^\| `limits\.(\w+)` \| ([\d,._]+)", GUIDE, re.MULTILINE))
        defaults = {field.name: field.default for field in attrs.fields(Limits)}
        self.assertEqual({name: float(n.replace(",", "")) for name, n in rows.items()}, defaults)

    def test_every_rate_is_described_with_its_default(self) -> None:
        rows = re.findall(r"^\| `rates\.(\w+)` \| ([^|]+) \|", GUIDE, re.MULTILINE)
        fields = attrs.fields(SECTIONS["rates"])
        defaults = {f.name: f.default for f in fields if isinstance(f.default, str)}
        self.assertEqual(dict(rows), defaults)

    def test_every_alert_is_described_and_no_other(self) -> None:
        rules = yaml.safe_load((DOCKER / "prometheus" / "rules.yml").read_text())
        alerts = {rule["alert"] for group in rules["groups"] for rule in group["rules"]}
        part = GUIDE.split("## Alerts")[1].split("\n## ")[0]
        self.assertEqual(set(re.findall(r"^\| `(\w+)`", part, re.MULTILINE)), alerts)

    def test_every_log_line_that_the_guide_explains_is_written_by_the_code(self) -> None:
        sources = "".join(
            re.sub(r'"\s*\n\s*f?"', "", path.read_text(encoding="utf-8"))
            for path in (ROOT / "collab_wamp").rglob("*.py")
        )
        part = GUIDE.split("## What the logs say")[1].split("\n## ")[0]
        lines = re.findall(r"^\| `([^`]+)`", part, re.MULTILINE)
        self.assertGreater(len(lines), 8)
        for line in lines:
            for piece in re.split(r"…", line):
                self.assertIn(piece.strip(), sources, line)


class ComposeTests(TestCase):
    def setUp(self) -> None:
        self.compose = yaml.safe_load((DOCKER / "compose.yaml").read_text())
        self.services: dict[str, Any] = self.compose["services"]
        self.nodes = {name: self.services[name] for name in ("node1", "node2")}
        self.image = read((DOCKER / "Dockerfile").read_text())[-1]

    def test_every_file_that_it_names_exists(self) -> None:
        made = Path(self.mktemp())
        subprocess.run([DOCKER / "secrets.sh", made], check=True, timeout=30)
        for secret in self.compose["secrets"].values():
            self.assertTrue((made / Path(secret["file"]).name).exists(), secret)
        for service in self.services.values():
            for volume in service.get("volumes", ()):
                source = volume.split(":")[0]
                if source.startswith("."):
                    self.assertTrue((DOCKER / source).is_file(), source)
                else:
                    self.assertIn(source, self.compose["volumes"])
            for secret in service.get("secrets", ()):
                self.assertIn(secret, self.compose["secrets"])
            if "build" in service:
                root = DOCKER / service["build"]["context"]
                self.assertTrue((root / service["build"]["dockerfile"]).is_file())

    def test_the_image_has_the_version_of_the_package(self) -> None:
        for node in self.nodes.values():
            self.assertIn(f":-{__version__}}}", node["image"])

    def test_every_setting_of_a_node_is_one(self) -> None:
        for node in self.nodes.values():
            self.assertEqual(set(node["environment"]) - known_names(), set())
            self.assertEqual(node["environment"]["PRODUCTION"], "1")
            for name, value in node["environment"].items():
                if name.endswith("_FILE"):
                    self.assertIn(Path(value).name, node["secrets"])

    def test_a_node_has_a_folder_and_a_name_of_its_own(self) -> None:
        for what in ("volumes", "environment"):
            first, second = (node[what] for node in self.nodes.values())
            self.assertNotEqual(first, second)
        for name, node in self.nodes.items():
            self.assertEqual(node["environment"]["INSTANCE_ID"], name)
            (volume,) = node["volumes"]
            self.assertEqual([volume.split(":")[1]], self.image.texts("VOLUME"))
            self.assertIs(node["read_only"], True)

    def test_ports_are_those_that_are_listened_on(self) -> None:
        (port,) = self.image.texts("EXPOSE")
        balancer = self.services["balancer"]
        for name in self.nodes:
            self.assertEqual(balancer["environment"][name.upper()], f"{name}:{port}")
        haproxy = (DOCKER / "haproxy" / "haproxy.cfg").read_text()
        listens = set(re.findall(r'bind "\$\{\w+-:(\d+)\}"', haproxy))
        published = {entry.rsplit(":", 1)[1] for entry in balancer["ports"]}
        prometheus = yaml.safe_load((DOCKER / "prometheus" / "prometheus.yml").read_text())
        targets = {
            target
            for job in prometheus["scrape_configs"]
            for static in job["static_configs"]
            for target in static["targets"]
        }
        (metrics,) = listens - published
        self.assertEqual(targets, {*(f"{name}:{port}" for name in self.nodes),
                                   f"balancer:{metrics}"})  # fmt: skip
        self.assertTrue(published < listens)
        for name in balancer["environment"]:
            self.assertIn(f"${{{name}-", haproxy)

    def test_a_node_has_time_to_end(self) -> None:
        needed_s = config.Server().drain_s + supervisor.DRAIN_MORE_S + supervisor.END_S
        for node in self.nodes.values():
            grace_s = int(node["stop_grace_period"].removesuffix("s"))
            self.assertGreater(grace_s, needed_s)

    def test_a_full_node_still_answers_the_balancer(self) -> None:
        haproxy = (DOCKER / "haproxy" / "haproxy.cfg").read_text()
        (most,) = re.findall(r"default-server .* maxconn (\d+)", haproxy)
        self.assertLess(int(most), Limits().connections)

    def test_what_must_not_change_of_the_store(self) -> None:
        lines = (DOCKER / "valkey" / "valkey.conf").read_text().splitlines()
        for line in ("appendonly yes", "appendfsync always", "maxmemory-policy noeviction"):
            self.assertIn(line, lines)
        self.assertNotIn("ports", self.services["store"], "the store is for the nodes alone")

    def test_secrets_are_made_once_and_are_strong(self) -> None:
        folder = Path(self.mktemp())
        for _ in range(2):
            subprocess.run([DOCKER / "secrets.sh", folder], check=True, timeout=30)
            made = {path.name: path.read_text() for path in folder.iterdir()}
            self.assertEqual(made, {path.name: path.read_text() for path in folder.iterdir()})
        self.assertEqual(folder.stat().st_mode & 0o777, 0o700)
        loaded = config.load({"PRODUCTION": "1", "JWT_SECRET_FILE": str(folder / "jwt_secret")})
        config.with_secret(loaded)
        self.assertEqual(environment_name("auth.secret"), "JWT_SECRET")


class RulesTests(TestCase):
    def test_the_nodes_metrics_and_outcomes_that_are_asked_for_exist(self) -> None:
        text = (DOCKER / "prometheus" / "rules.yml").read_text()
        for outcome in re.findall(r'outcome=~"([^"]+)"', text)[0].split("|"):
            self.assertIn(outcome, TABLE)
        if not (ROOT / "collab_wamp" / "metrics.py").exists():
            self.skipTest("this version of the node has no metrics")
        defined = importlib.import_module("collab_wamp.metrics").defined()
        for name in set(re.findall(r"\bcollab_[a-z_]+", text)):
            self.assertIn(name.removesuffix("_bucket"), defined)
