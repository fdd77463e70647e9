"""docker/: what other programs' own checkers say of their files."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import jsonschema
from twisted.trial.unittest import SkipTest, TestCase

from tests.support.composed import COMPOSE, DOCKER
from tests.support.tools import FOLDER, tool

PROMETHEUS = DOCKER / "prometheus"


class PrometheusTests(TestCase):
    def promtool(self, *words: str, cwd: Path = PROMETHEUS) -> str:
        done = subprocess.run(
            [tool("promtool"), *words], cwd=cwd, capture_output=True, text=True, timeout=60
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_the_rules_are_rules(self) -> None:
        self.assertIn("SUCCESS", self.promtool("check", "rules", "rules.yml"))

    def test_alerts_are_given_when_they_should_and_not_otherwise(self) -> None:
        self.assertIn("SUCCESS", self.promtool("test", "rules", "rules_test.yml"))

    def test_the_configuration_is_one(self) -> None:
        # It must exist where the file says that it is; here that is another place.
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        (folder / "metrics_token").write_text("x")
        text = (PROMETHEUS / "prometheus.yml").read_text()
        self.assertIn("/run/secrets/metrics_token", text)
        (folder / "prometheus.yml").write_text(text.replace("/run/secrets", str(folder)))
        (folder / "rules.yml").write_text((PROMETHEUS / "rules.yml").read_text())
        self.assertIn("SUCCESS", self.promtool("check", "config", "prometheus.yml", cwd=folder))


class ComposeTests(TestCase):
    def test_the_file_is_what_the_specification_allows(self) -> None:
        path = FOLDER / "compose-spec.json"
        if not path.exists():
            raise SkipTest("tests/tools.sh could not fetch the specification's schema")
        # The schema is of a time when a project's name was not yet in the file.
        compose = {name: value for name, value in COMPOSE.items() if name != "name"}
        jsonschema.validate(compose, json.loads(path.read_text()))
        compose["services"] = {**compose["services"], "node1": {"imagine": "x"}}
        with self.assertRaises(jsonschema.ValidationError):
            jsonschema.validate(compose, json.loads(path.read_text()))
