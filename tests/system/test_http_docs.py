"""`docs/http.md`: its commands, against a real node. They are read as curl would read them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from tests.support.http import asked
from tests.support.http_case import HttpCase, boss

PAGE = (Path(__file__).parents[2] / "docs" / "http.md").read_text(encoding="utf-8")
# What each command prints, in order.
EXPECTED = (
    r'{"session_id":"minutes",.*"created":true,"token":"eyJ.*}',
    r'{"session_id":"minutes","type":"text","revision":0,"content":"Minutes\\n"}',
    r"Minutes",
    r'{"ops":\[{"insert":"Minutes\\n"}\]}',
    r'{"kind":"concurrent","txns":\[\].*"endContent":"Minutes\\n"}',
    r'{"format":"collab_wamp.session.1","session_id":"minutes",.*"content":"Minutes\\n","edits":\[\]}',
    r'{"session_id":"copy",.*"created":true}',
    r'{"session_id":"second",.*"created":true}',
    r'{"sessions":\["copy","minutes","second"\],"cursor":null}',
    r'{"session_id":"minutes",.*"roster":\[\].*}',
    r"204",
    r'{"version_id":"[a-z0-9]+","name":"As agreed","revision":0,.*}',
    r'{"versions":\[{"version_id":"[a-z0-9]+","name":"As agreed",.*}\]}',
    r'{"revision":0,"durable":true}',
    r'{"token":"eyJ.*}',
    r"204",
    r'{"tenant":"docs","connections":0,.*}',
    r'{"tenant":"docs","sessions":2,.*}',
    r'{"error": {"code": "no_such_session",.*}}',
)


class DocumentationTests(HttpCase):
    async def test_the_commands_do_what_is_said(self) -> None:
        first, *scripts = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
        self.assertIn("URL=http://localhost:8080", first)
        commands = [
            command
            for script in scripts
            for command in re.split(r"^(?=curl)", script, flags=re.MULTILINE)
            if command
        ]
        self.assertEqual(len(commands), len(EXPECTED))
        token = boss("docs")
        for command, expected in zip(commands, EXPECTED, strict=True):
            words = shlex.split(command.replace("\\\n", " ").replace("$TOKEN", token))
            self.assertRegex(await self.curl(words), f"^{expected}$", command)

    async def curl(self, words: list[str]) -> str:
        """What curl prints when called with these words."""
        method, body, code_only = "", None, False
        headers: dict[str, str] = {}
        options = iter(words[3:])
        for option in options:
            value = next(options)
            if option == "-X":
                method = value
            elif option == "-H":
                name, _, text = value.partition(": ")
                headers[name] = text
            elif option in ("-d", "--data-binary"):
                body = value
            else:
                self.assertIn((option, value), (("-o", "/dev/null"), ("-w", "%{http_code}\\n")))
                code_only = True
        self.assertEqual(words[:2], ["curl", "-sS"])
        path = words[2].removeprefix("$URL")
        if not path.startswith("/"):
            raise AssertionError(words)
        method = method or ("GET" if body is None else "POST")
        reply = await asked(self.node, method, path, body=body, headers=headers)
        return str(reply.status) if code_only else reply.data.decode().strip()
