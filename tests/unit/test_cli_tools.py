"""The operators' commands, as far as they go without a node."""

from __future__ import annotations

import argparse
import io
import sys
import time
from contextlib import redirect_stderr
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from collab_wamp.client.errors import ClientError
from collab_wamp.commands import Unable, fetching, reaching, showing
from collab_wamp.commands.export import new_file
from collab_wamp.commands.kick import _kick, confirm
from collab_wamp.config import ConfigError, load
from collab_wamp.tokens import Claims, Keyring

from .test_cli import SECRET, CliCase

OF_A_TENANT = (
    ("sessions",),
    ("stats",),
    ("kick", "bob", "--yes"),
    ("export", "notes"),
    ("import", "notes", "-"),
)
TOOLS = (*OF_A_TENANT, ("instances",), ("drain",))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class ToolsCase(CliCase):
    def setUp(self) -> None:
        super().setUp()
        self.patch_environment("COLLAB_TOKEN", None)
        self.patch_environment("DATA_DIR", self.mktemp())
        # Nobody listens there.
        self.patch_environment("PORT", "1")

    def refused(self, *argv: str, status: int = 2) -> str:
        """What a command says on standard error, in one line."""
        ended, out, err = self.run_it(*argv)
        self.assertEqual((ended, out), (status, ""), argv)
        self.assertEqual(err.count("\n"), 1, err)
        return err


class OptionTests(ToolsCase):
    def test_the_tenant_is_needed_where_a_token_is_made(self) -> None:
        for argv in OF_A_TENANT:
            self.assertIn("--tenant is needed", self.refused(*argv))

    def test_without_secret_and_token_it_says_what_is_wanted_and_makes_none(self) -> None:
        self.patch_environment("JWT_SECRET", None)
        for argv in TOOLS:
            said = self.refused(*argv, "--tenant", "acme")
            self.assertIn("a token is needed", said)
            self.assertIn("COLLAB_TOKEN", said)
        self.assertFalse(load(dict(reaching.os.environ)).data_dir.exists())

    def test_what_is_wrong_is_named(self) -> None:
        there = self.mktemp()
        Path(there).write_text("mine")
        for argv, said in (
            (("sessions", "--tenant", "Acme"), "--tenant 'Acme'"),
            (("sessions", "--limit", "0"), "--limit 0"),
            (("sessions", "notes", "--limit", "5"), "--limit and --cursor are for lists"),
            (("sessions", "--url", "http://here/ws"), "--url http://here/ws"),
            (("sessions", "--url", "ws://here:x/ws"), "--url ws://here:x/ws"),
            (("stats", "--session", "notes"), "which --user?"),
            (("instances", "--key", "k"), "--key goes with --pick rendezvous"),
            (("instances", "--pick", "rendezvous"), "--key goes with --pick rendezvous"),
            (("drain", "--within", "601"), "--within 601"),
            (("kick", ""), "USER must have"),
            (("kick", "bob", "--let-in", "edit"), "which --session?"),
            (("export", "notes", "--json"), "needs -o FILE"),
            (("export", "notes", "--revision", "-1"), "--revision -1"),
            (("export", "notes", "-o", there), f"{there} is there already"),
        ):
            self.assertIn(said, self.refused(*argv))
        self.assertEqual(Path(there).read_text(), "mine")
        for name, said in ((self.mktemp(), "No such file"), (".", "Is a directory")):
            self.assertIn(said, self.refused("import", "notes", name, "--tenant", "acme"))

    def test_a_session_id_is_checked_before_a_node_is_asked(self) -> None:
        for argv in (("sessions", "a b"), ("export", "../x"), ("kick", "bob", "--session", "é")):
            status, out, err = self.run_it(*argv, "--tenant", "acme")
            self.assertEqual((status, out), (2, ""))
            self.assertIn("must match ^[A-Za-z0-9_-]{1,64}$", err)

    def test_a_token_of_another_tenant_is_not_used_for_this_one(self) -> None:
        token = Keyring(secret=SECRET).issue(Claims("u", "other"), now_s=time.time(), ttl_s=60)
        for argv in (("sessions",), ("export", "notes"), ("stats", "--user", "ada")):
            said = self.refused(*argv, "--tenant", "acme", "--token", token)
            self.assertIn("--tenant acme: the token", said)
            self.assertIn("is of tenant other", said)
            self.assertNotIn(token, said)

    def test_without_a_node_it_says_so(self) -> None:
        for argv in (("export", "notes"), ("import", "notes", __file__)):
            said = self.refused(*argv, "--tenant", "acme", status=1)
            self.assertIn("no answer from ws://127.0.0.1:1/ws (connection refused)", said)


class TargetTests(ToolsCase):
    def options(self, *argv: str) -> reaching.argparse.Namespace:
        parser = reaching.argparse.ArgumentParser()
        reaching.add_options(parser)
        return parser.parse_args(argv)

    def target(self, *argv: str, **more: str) -> reaching.Target:
        config = load(dict(reaching.os.environ))
        return reaching.target(
            self.options(*argv), config, rights={"notes": "view"}, capabilities=("stats",), **more
        )

    def test_a_token_that_is_made_lives_for_a_minute_and_may_what_is_needed(self) -> None:
        made = self.target("--tenant", "acme")
        claims = Keyring(secret=SECRET).verify(made.token, now_s=time.time())
        self.assertEqual((claims.user_id, claims.tenant), ("operator", "acme"))
        self.assertEqual((claims.rights, claims.capabilities), ({"notes": "view"}, ("stats",)))
        self.assertLessEqual(claims.expires_at - claims.issued_at, 60)
        self.assertNotIn(made.token, repr(made))

    def test_the_secret_that_a_node_made_for_itself_is_used(self) -> None:
        self.patch_environment("JWT_SECRET", None)
        folder = load(dict(reaching.os.environ)).data_dir
        folder.mkdir()
        (folder / "jwt-secret").write_text(SECRET)
        token = self.target("--tenant", "acme").token
        Keyring(secret=SECRET).verify(token, now_s=time.time())

    def test_a_token_that_is_given_is_used_and_the_option_before_the_environment(self) -> None:
        self.patch_environment("COLLAB_TOKEN", "from the environment")
        self.assertEqual(self.target().token, "from the environment")
        node = self.target("--token", "from the option", "--tenant", "acme")
        self.assertEqual((node.token, node.given), ("from the option", True))

    def test_where_the_node_is(self) -> None:
        for host, url in (
            ("", "ws://127.0.0.1:9000/ws"),
            ("0.0.0.0", "ws://127.0.0.1:9000/ws"),
            ("::", "ws://[::1]:9000/ws"),
            ("node-a", "ws://node-a:9000/ws"),
        ):
            config = load({"HOST": host, "PORT": "9000", "SERVICE_HOST": "x"})
            self.assertEqual(reaching.default_url(config), url)
        for url, origin in (
            ("ws://h:1/ws", "http://h:1"),
            ("wss://h/collab/ws", "https://h/collab"),
            ("ws://[::1]:2/ws/", "http://[::1]:2"),
        ):
            self.assertEqual(fetching.origin(url), origin)


class KickTests(ToolsCase):
    def test_it_asks_and_without_a_terminal_it_wants_to_be_told(self) -> None:
        self.patch(sys, "stdin", io.StringIO("y\n"))
        self.assertIn("--yes", self.refused("kick", "bob", "--tenant", "acme"))
        self.patch(sys, "stdin", Terminal("n\n"))
        said = self.refused("kick", "bob", "--tenant", "acme", status=1)
        self.assertIn("Revoke all tokens of bob of tenant acme", said)
        self.assertTrue(said.endswith("[y/N] collab-wamp: nothing was done\n"), said)
        for answer in ("", "\n", "no\n", "yep\n"):
            self.patch(sys, "stdin", Terminal(answer))
            with redirect_stderr(io.StringIO()):
                self.assertRaises(Unable, confirm, "Really?")
        for answer in ("y\n", "YES\n"):
            self.patch(sys, "stdin", Terminal(answer))
            with redirect_stderr(io.StringIO()) as shown:
                confirm("Really?")
            self.assertEqual(shown.getvalue(), "Really? [y/N] ")


class GoneLink:
    """A connection that is closed before its call is answered."""

    def __init__(self, user_id: str, code: str) -> None:
        self.welcome = {"user_id": user_id}
        self._code = code

    async def call(self, *_call: object) -> None:
        raise ClientError(self._code, "No answer.")


class SelfKickTests(SynchronousTestCase):
    def kicking(self, user_id: str, code: str) -> Deferred[dict[str, object]]:
        args = argparse.Namespace(user="boss", session=None)
        return Deferred.fromCoroutine(_kick(GoneLink(user_id, code), args))

    def test_who_revokes_their_own_token_may_be_gone_before_the_answer(self) -> None:
        done = self.successResultOf(self.kicking("boss", "token_revoked"))
        self.assertEqual(done, {"user_id": "boss"})
        for user_id, code in (("other", "token_revoked"), ("boss", "disconnected")):
            self.failureResultOf(self.kicking(user_id, code), ClientError)


class ShowingTests(SynchronousTestCase):
    def test_columns_are_aligned_numbers_at_the_right(self) -> None:
        rows = [("ada", 1234, 0.5), ("日本", 7, 20.0)]
        self.assertEqual(
            showing.table(("USER", "N", "RATE"), rows),
            "USER      N  RATE\nada   1,234   0.5\n日本      7    20\n",
        )
        self.assertEqual(showing.fields([("a", ""), ("long", True)]), "a     -\nlong  True\n")

    def test_names_of_others_do_not_command_the_terminal(self) -> None:
        shown = showing.table(("USER",), [("\x1b[31mred\r\n\x9b2J\u202e",)])
        self.assertEqual(shown, "USER\n\\x1b[31mred\\r\\n\\x9b2J\\u202e\n")

    def test_durations(self) -> None:
        for seconds, text in (
            (-1, "0 s"), (59.9, "59 s"), (61, "1 min"), (3700, "1 h 1 min"), (90_000, "1 d 1 h"),
        ):  # fmt: skip
            self.assertEqual(showing.duration(seconds), text)


class FileTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.path = self.folder / "notes.txt"

    def names(self) -> list[str]:
        return [path.name for path in self.folder.iterdir()]

    def test_a_file_appears_when_it_is_complete(self) -> None:
        with new_file(self.path, force=False) as file:
            file.write(b"all")
            self.assertFalse(self.path.exists())
        self.assertEqual((self.path.read_bytes(), self.names()), (b"all", ["notes.txt"]))

    def test_what_breaks_off_leaves_nothing_and_what_was_there(self) -> None:
        for before in (None, b"before"):
            if before:
                self.path.write_bytes(before)
            with self.assertRaises(ZeroDivisionError), new_file(self.path, force=True) as file:
                file.write(b"half")
                _ = 1 / 0
            self.assertEqual(self.names(), ["notes.txt"] if before else [])
        self.assertEqual(self.path.read_bytes(), b"before")

    def test_one_that_came_meanwhile_is_kept_unless_forced(self) -> None:
        with self.assertRaises(Unable) as caught, new_file(self.path, force=False) as file:
            file.write(b"ours")
            self.path.write_bytes(b"theirs")
        self.assertIn("--force", str(caught.exception))
        self.assertEqual((self.path.read_bytes(), self.names()), (b"theirs", ["notes.txt"]))
        with new_file(self.path, force=True) as file:
            file.write(b"ours")
        self.assertEqual((self.path.read_bytes(), self.names()), (b"ours", ["notes.txt"]))


class ExplanationTests(SynchronousTestCase):
    def test_a_denied_token_is_told_what_it_lacks(self) -> None:
        node = reaching.Target("ws://h/ws", "t", "acme", given=True)
        for needs, advice in (("stats", "--capabilities edit,stats"), ("manage", "--rights '*=m")):
            said = reaching.explained(node, "denied", "No.\n\x1b[1m", {"needs": needs})
            self.assertIn(advice, said)
            self.assertTrue(said.startswith("denied: No.\\n\\x1b[1m"), said)

    def test_numbers_out_of_range(self) -> None:
        reaching.check_number("--n", None, 1, 2)
        reaching.check_number("--n", 2, 1, 2)
        self.assertRaises(ConfigError, reaching.check_number, "--n", 3, 1, 2)
