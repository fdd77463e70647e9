"""The command line: help that teaches, one line for what is wrong, nothing but the token."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from twisted.trial.unittest import TestCase

from collab_wamp import cli
from collab_wamp.config import load
from collab_wamp.tokens import Claims, Keyring

TOKEN = ("token", "--user", "ada", "--tenant", "acme", "--rights", "notes=edit,*=view")
SECRET = "a secret that is long enough for a test"


class CliCase(TestCase):
    def setUp(self) -> None:
        for name in cli.os.environ.keys() & load({}).as_environment().keys():
            self.patch_environment(name, None)
        self.patch_environment("JWT_SECRET", SECRET)

    def patch_environment(self, name: str, value: str | None) -> None:
        before = cli.os.environ.get(name)
        self.addCleanup(self._set, name, before)
        self._set(name, value)

    def _set(self, name: str, value: str | None) -> None:
        if value is None:
            cli.os.environ.pop(name, None)
        else:
            cli.os.environ[name] = value

    def run_it(self, *argv: str) -> tuple[int, str, str]:
        """(exit status, standard output, standard error)."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            try:
                status = cli.main(argv)
            except SystemExit as end:
                status = int(end.code or 0)
        return status, out.getvalue(), err.getvalue()


class TokenTests(CliCase):
    def claims(self, argv: Sequence[str], now_s: float = 0) -> Claims:
        status, out, err = self.run_it(*argv)
        self.assertEqual((status, err), (0, ""))
        self.assertEqual(out.count("\n"), 1)
        return Keyring(secret=SECRET, leeway_s=1e10).verify(out.strip(), now_s=now_s)

    def test_the_token_alone_is_printed(self) -> None:
        claims = self.claims(TOKEN)
        self.assertEqual((claims.user_id, claims.tenant), ("ada", "acme"))
        self.assertEqual(claims.rights, {"notes": "edit", "*": "view"})
        self.assertEqual(claims.capabilities, ())
        self.assertTrue(claims.token_id, "a token can be revoked by its id")

    def test_capabilities(self) -> None:
        claims = self.claims((*TOKEN, "--capabilities", "edit, stats"))
        self.assertEqual(claims.capabilities, ("edit", "stats"))
        status, out, err = self.run_it(*TOKEN, "--capabilities", "fly")
        self.assertEqual((status, out), (2, ""))
        self.assertIn("'fly' is no capability; there are edit, cursor,", err)

    def test_a_user_may_be_called_like_a_command(self) -> None:
        for name in cli.COMMANDS:
            self.assertEqual(self.claims((*TOKEN, "--user", name)).user_id, name)

    def test_what_is_wrong_is_said_in_one_line(self) -> None:
        for more, said in (
            (("--rights", "notes"), "'notes' is not SESSION=RIGHT"),
            (("--rights", "notes=own"), "view, edit, manage"),
            (("--tenant", "Acme"), "--tenant must match"),
            (("--user", ""), "--user must have"),
            (("--ttl", "0"), "--ttl 0"),
        ):
            status, out, err = self.run_it(*TOKEN, *more)
            self.assertEqual((status, out), (2, ""), more)
            self.assertIn(said, err)
            self.assertEqual(err.count("\n"), 1)


class HelpTests(CliCase):
    def test_every_command_has_help(self) -> None:
        status, out, _ = self.run_it("--help")
        self.assertEqual(status, 0)
        for name in cli.COMMANDS:
            self.assertIn(name, out)
            self.assertEqual(self.run_it(name, "--help")[0], 0, name)

    def test_without_a_command_it_says_what_is_wanted(self) -> None:
        status, _, err = self.run_it()
        self.assertEqual(status, 2)
        self.assertIn("COMMAND", err)

    def test_a_setting_that_is_wrong_is_named(self) -> None:
        self.patch_environment("PORT", "x")
        status, out, err = self.run_it(*TOKEN)
        self.assertEqual((status, out, err), (2, "", err))
        self.assertIn("PORT = 'x'", err)

    def test_the_configuration_is_checked_in_words(self) -> None:
        self.patch_environment("DATA_DIR", self.mktemp())
        status, out, _ = self.run_it("check")
        self.assertEqual(status, 0)
        self.assertNotIn("PROBLEM", out)
        self.patch_environment("PRODUCTION", "1")
        self.patch_environment("JWT_SECRET", "short")
        status, out, _ = self.run_it("check")
        self.assertEqual(status, 1)
        self.assertIn("too weak (5 bytes)", out)

    def test_a_command_imports_only_what_it_needs(self) -> None:
        """A token is printed without loading the router's libraries."""
        code = "import sys; from collab_wamp.cli import main; main(sys.argv[1:]); " + (
            "sys.exit('autobahn' in sys.modules or 'crossbar' in sys.modules)"
        )
        root = Path(cli.__file__).parent.parent
        done = subprocess.run([sys.executable, "-c", code, *TOKEN], capture_output=True, cwd=root)
        self.assertEqual(done.returncode, 0, done.stderr)
