"""`docker/Dockerfile`: what its steps make is run as the image would run it, without an engine."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import tempfile
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from collab_wamp.client import connect
from tests.support.dockerfile import Builder, Context, Stage, read
from tests.support.node import SECRET, Node
from tests.system.test_up import ready

ROOT = Path(__file__).parents[2]


def machine() -> dict[str, str]:
    """This machine's environment as a stage that builds sees it, with Python and Node."""
    tools = [ROOT / ".venv" / "bin", ROOT / ".venv" / "node" / "bin"]
    path = os.pathsep.join([*map(str, tools), os.environ["PATH"]])
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {**kept, "PATH": path}


def without_privileges() -> list[str]:
    """For a command line: also root is held to the files' modes, as in the container."""
    if os.geteuid():
        return []
    return ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]


def make_read_only(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(stat.S_IMODE(path.stat().st_mode) & 0o555)


class Image:
    """What the stages that build make, in a folder, and how the last stage runs it."""

    def __init__(self, folder: Path) -> None:
        *self.building, self.last = read((ROOT / "docker" / "Dockerfile").read_text())
        self.builder = Builder(Context(ROOT), folder, machine())

    def build(self) -> None:
        for stage in self.building:
            self.builder.build(stage)
        self.builder.placed("/etc/collab-wamp").mkdir(parents=True)
        # Nothing of the sources may be needed, and nothing of the image may be written to.
        for name in ("web", "page", "src", "wheel"):
            shutil.rmtree(self.builder.placed(name))
        for name in ("opt", "etc"):
            make_read_only(self.builder.placed(name))

    def environment(self, data_dir: Path, port: int) -> dict[str, str]:
        """Of the container: the image's, and what somebody who runs it says."""
        places = {"/opt": str(self.builder.placed("/opt")), "/data": str(data_dir)}
        environment = self.last.environment()
        for name, value in environment.items():
            for inside, here in places.items():
                value = value.replace(inside, here)
            environment[name] = value.replace("$PATH", "/usr/bin:/bin")
        return {**environment, "PORT": str(port), "PRODUCTION": "1", "JWT_SECRET": SECRET}


class ImageTests(TestCase):
    timeout = 1200

    async def setUp(self) -> None:
        folder = Path(tempfile.mkdtemp(prefix="cw-"))
        self.addCleanup(self.remove, folder)
        self.image = Image(folder)
        await deferToThread(self.image.build)

    def remove(self, folder: Path) -> None:
        for path in (folder, *folder.rglob("*")):
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o755)
        shutil.rmtree(folder)

    def run_it(self, node: Node, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*without_privileges(), *command],
            env=node.environment,
            cwd=node.cwd,
            capture_output=True,
            text=True,
            timeout=60,
        )

    async def test_it_runs_checks_itself_and_ends_in_order(self) -> None:
        last, placed = self.image.last, self.image.builder.placed
        node = Node()
        node.environment = self.image.environment(node.data_dir, node.port)
        node.cwd = placed("/etc/collab-wamp")
        command = [*last.form("ENTRYPOINT"), *last.form("CMD")]
        node.command = [*without_privileges(), *command]
        health = last.form("HEALTHCHECK")

        tried = self.run_it(node, ["sh", "-c", f"echo x >{placed('/opt')}/x"])
        self.assertNotEqual(tried.returncode, 0, "the image can be written to")
        where = self.run_it(node, ["python", "-c", "import collab_wamp as c; print(c.__file__)"])
        self.assertIn(str(placed("/opt/collab-wamp")), where.stdout, where.stderr)
        checked = await deferToThread(self.run_it, node, ["collab-wamp", "check"])
        self.assertEqual((checked.returncode, checked.stderr), (0, ""), checked.stdout)
        self.assertNotEqual(self.run_it(node, health).returncode, 0, "nothing runs, and is well")

        await deferToThread(node.start)
        self.addCleanup(lambda: node.process.poll() is None and deferToThread(node.stop))
        self.assertEqual(await deferToThread(ready, node), 200)
        self.assertEqual(self.run_it(node, health).returncode, 0)
        self.assertNotIn("not built", node.said())
        await self.edit(node)

        assert node.process is not None
        node.process.send_signal(getattr(signal, last.texts("STOPSIGNAL")[0]))
        self.assertEqual(await deferToThread(node.process.wait, 30), 0)
        shutil.rmtree(node.data_dir)

    async def edit(self, node: Node) -> None:
        client = await connect(reactor, node.url, node.token())
        self.addCleanup(client.close)
        document = await client.open("notes", create=True)
        document.insert(0, "from an image")
        await document.saved()
        self.assertEqual(document.revision, 1)
        await client.close()


class LastStageTests(TestCase):
    """What can be read off the image's last stage."""

    def setUp(self) -> None:
        self.stages = read((ROOT / "docker" / "Dockerfile").read_text())
        self.last: Stage = self.stages[-1]

    def test_it_is_slim_and_nobody_is_root(self) -> None:
        self.assertIn("slim", self.last.base)
        self.assertEqual(self.last.base.split(":")[1].split("-")[0],
                         self.stages[-2].base.split(":")[1].split("-")[0])  # fmt: skip
        user, _, group = self.last.texts("USER")[0].partition(":")
        self.assertGreater(int(user), 1000)
        self.assertGreater(int(group), 1000)

    def test_it_listens_to_all_and_writes_into_the_volume_only(self) -> None:
        environment = self.last.environment()
        self.assertEqual(environment["HOST"], "0.0.0.0")
        self.assertEqual(self.last.texts("EXPOSE"), [environment["PORT"]])
        self.assertEqual([environment["DATA_DIR"]], self.last.texts("VOLUME"))
        self.assertEqual(environment["HOME"], environment["DATA_DIR"])

    def test_no_secret_is_in_it(self) -> None:
        for stage in self.stages:
            for name in stage.environment():
                self.assertNotRegex(name, r"SECRET|PASSWORD|TOKEN|REDIS_URL")

    def test_nothing_but_sources_is_sent_to_the_engine(self) -> None:
        context = Context(ROOT)
        for path in ("collab_wamp/cli.py", "web/src/client.js", ".crossbar/config.yaml"):
            self.assertTrue(context.has(path), path)
        for path in (
            ".git", ".venv/bin/python", ".data/jwt-secret", "docker/secrets/jwt_secret", "tests",
            "web/node_modules/x", "collab_wamp/static/main.js", "collab_wamp/ot/__pycache__/x.pyc",
        ):  # fmt: skip
            self.assertFalse(context.has(path), path)
