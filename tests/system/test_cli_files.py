"""`collab-wamp export` and `import`: documents as files."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.threads import deferToThread

from tests.support.cli_case import ToolsCase

TRACES = Path(__file__).parents[1] / "data" / "traces"
TEXT = "Grüße, 日本, 😀\nsecond line\n"


class BreaksOff(Protocol):
    """Answers with what its factory has, and ends."""

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(self.factory.answer)  # type: ignore[union-attr]
        self.transport.loseConnection()  # type: ignore[union-attr]


class FilesCase(ToolsCase):
    async def setUp(self) -> None:
        await super().setUp()
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()

    def file(self, name: str, content: str | bytes | None = None) -> str:
        path = self.folder / name
        if content is not None:
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    async def text_of(self, session_id: str) -> str:
        return (await self.ours("export", session_id)).out


class ExportTests(FilesCase):
    async def setUp(self) -> None:
        await super().setUp()
        client = await self.client(self.token())
        await client.call("collab.session.create", session_id="notes", content=TEXT)
        at = await client.call("collab.session.join", session_id="notes", client_id="client-0001")
        await client.call(
            "collab.session.edit",
            session_id="notes",
            epoch=at["epoch"],
            revision=0,
            client_id="client-0001",
            seq=1,
            op=["First, "],
        )

    async def test_every_form_to_standard_output(self) -> None:
        self.assertEqual(await self.text_of("notes"), "First, " + TEXT)
        done = await self.ours("export", "notes", "--revision", "0")
        self.assertEqual(done.out, TEXT)
        found = (await self.ours("export", "notes", "--format", "json")).json
        self.assertEqual((found["session_id"], found["revision"]), ("notes", 1))
        found = (await self.ours("export", "notes", "--format", "delta")).json
        self.assertEqual(found, {"ops": [{"insert": "First, " + TEXT}]})
        found = (await self.ours("export", "notes", "--format", "trace")).json
        self.assertEqual((len(found["txns"]), found["startContent"]), (1, TEXT))

    async def test_into_a_file_that_is_not_overwritten(self) -> None:
        name = self.file("notes.txt")
        done = await self.ours("export", "notes", "-o", name, "--json")
        size = len(("First, " + TEXT).encode())
        self.assertEqual(
            done.json, {"session_id": "notes", "format": "text", "file": name, "bytes": size}
        )
        self.assertEqual(Path(name).read_text(), "First, " + TEXT)
        done = await self.run_it("export", "notes", "-o", name, "--tenant", self.tenant)
        self.assertEqual((done.status, done.out), (2, ""))
        self.assertIn("--force", done.err)
        done = await self.ours("export", "notes", "--revision", "0", "-o", name, "--force")
        self.assertEqual(done.out, f"{name}: {size - 7} bytes, session notes as text\n")
        self.assertEqual(Path(name).read_text(), TEXT)

    async def test_what_cannot_be_had_or_written(self) -> None:
        of = ("--tenant", self.tenant)
        name = self.file("new.txt")
        for argv, said in (
            (("nowhere",), "no_such_session: There is no session 'nowhere'."),
            (("notes", "--revision", "9"), "base_ahead: "),
            (("nowhere", "-o", name), "no_such_session"),
            (("notes", "-o", self.file("no/where.txt")), "cannot be written: No such file"),
        ):
            self.assertIn(said, await self.refused("export", *argv, *of))
        said = await self.refused("export", "notes", *of, JWT_SECRET="wrong" * 8)
        self.assertIn("token_invalid", said)
        said = await self.refused("export", "notes", COLLAB_TOKEN=self.token(other="view"))
        self.assertIn("no_such_session", said)
        self.assertEqual(list(self.folder.iterdir()), [])

    async def test_an_answer_that_breaks_off_is_none(self) -> None:
        factory = Factory.forProtocol(BreaksOff)
        factory.noisy = False
        listening = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(factory)
        self.addCleanup(listening.stopListening)
        url = f"ws://127.0.0.1:{listening.getHost().port}/ws"
        for head, said in (
            (b"Content-Length: 9\r\n\r\nhalf", "broke off"),
            (b"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", "broke off"),
            (b"Transfer-Encoding: chunked\r\n\r\n9\r\nhalf", "broke off"),
        ):
            factory.answer = b"HTTP/1.1 200 OK\r\n" + head
            name = self.file("half.txt")
            done = await self.refused(
                "export", "notes", "--tenant", "acme", "--url", url, "-o", name
            )
            self.assertIn(said, done)
            done = await self.run_it("export", "notes", "--tenant", "acme", "--url", url)
            self.assertEqual(done.status, 1)
            self.assertIn(said, done.err)
        for answer, said in (
            (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", "answered 502 Bad Gateway"),
            (b"\x00\x00", "no whole answer from http://127.0.0.1:"),
            (b"", "no whole answer from http://127.0.0.1:"),
        ):
            factory.answer = answer
            said_then = await self.refused("export", "notes", "--tenant", "acme", "--url", url)
            self.assertIn(said, said_then)
        self.assertEqual(list(self.folder.iterdir()), [])

    async def test_a_reader_that_has_had_enough_is_no_reason_to_complain(self) -> None:
        name = self.file("long.txt", "x" * 900_000)
        await self.ours("import", "long", name)
        export = subprocess.Popen(
            [sys.executable, "-m", "collab_wamp.cli", "export", "long", "--tenant", self.tenant],
            env=self.node.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert export.stdout is not None and export.stderr is not None
        self.addCleanup(export.stderr.close)
        self.assertEqual(await deferToThread(export.stdout.read, 4), b"xxxx")
        export.stdout.close()
        self.assertEqual(await deferToThread(export.wait, 30), 1)
        self.assertEqual(export.stderr.read(), b"")


class ImportTests(FilesCase):
    async def test_what_is_exported_comes_in_again(self) -> None:
        done = await self.ours("import", "a", self.file("a.txt", TEXT))
        self.assertTrue(done.out.startswith("session a is made, of "), done.out)
        before = "a"
        for number, form in enumerate(("text", "json", "delta", "trace", "session")):
            name = self.file(f"{form}.txt" if form == "text" else f"{form}.json")
            await self.ours("export", before, "--format", form, "-o", name)
            before = f"b{number}"
            done = await self.ours("import", before, name, "--json")
            self.assertEqual(set(done.json), {"session_id", "epoch", "revision", "created"})
            self.assertEqual(done.json["session_id"], before)
            self.assertEqual(await self.text_of(before), TEXT)

    async def test_a_history_goes_out_and_in(self) -> None:
        data = self.file("recorded.json.gz", (TRACES / "sveltecomponent.json.gz").read_bytes())
        done = await self.ours("import", "a", data, "--json")
        self.assertEqual(done.json["revision"], 18_335)
        for form in ("trace", "session"):
            first, second = self.file(f"1.{form}.json"), self.file(f"2.{form}.json")
            await self.ours("export", "a", "--format", form, "-o", first)
            await self.ours("import", f"copy-{form}", first)
            await self.ours("export", f"copy-{form}", "--format", form, "-o", second)
            name = f'"session_id":"copy-{form}"'
            again = Path(second).read_text().replace(name, '"session_id":"a"')
            self.assertEqual(again, Path(first).read_text())
        mine = self.token("eve", **{"*": "edit"})
        await self.run_it("import", "eves", data, COLLAB_TOKEN=mine)
        found = await self.run_it("export", "eves", "--format", "session", COLLAB_TOKEN=mine)
        self.assertEqual({edit[3] for edit in found.json["edits"]}, {"eve"})

    async def test_from_standard_input_packed_and_empty(self) -> None:
        await self.ours("import", "piped", "-", given=TEXT.encode())
        self.assertEqual(await self.text_of("piped"), TEXT)
        content = json.dumps({"content": TEXT}).encode()
        await self.ours("import", "typed", "-", "--format", "json", given=content)
        self.assertEqual(await self.text_of("typed"), TEXT)
        await self.ours("import", "packed", self.file("p.json.gz", gzip.compress(content)))
        self.assertEqual(await self.text_of("packed"), TEXT)
        await self.ours("import", "empty", self.file("empty.txt", ""))
        self.assertEqual(await self.text_of("empty"), "")

    async def test_what_does_not_go(self) -> None:
        of = ("--tenant", self.tenant)
        good = self.file("good.txt", TEXT)
        await self.ours("import", "there", good)
        packed = gzip.compress(TEXT.encode() * 100)
        for session_id, name, said in (
            ("there", good, "session_exists: Session 'there' exists."),
            ("new", self.file("bad.json", "{"), "bad_request: "),
            ("new", self.file("other.json", "{}"), "bad_request: The body must be an object"),
            ("new", self.file("latin.txt", b"\xff\xfe"), "bad_request: "),
            ("new", self.file("full.txt", "x" * 1_100_000), "document_full: "),
            ("new", self.file("large.txt", "x" * 7_000_000), "too_large: "),
            ("new", self.file("cut.txt.gz", packed[:-20]), "cut.txt.gz cannot be read"),
            ("new", self.file("no.txt.gz", TEXT), "no.txt.gz cannot be read"),
        ):
            self.assertIn(said, await self.refused("import", session_id, name, *of))
        viewer = self.token("eve", **{"*": "view"})
        said = await self.refused("import", "new", good, COLLAB_TOKEN=viewer)
        self.assertIn("denied: ", said)
        listed = await self.ours("sessions", "--json")
        self.assertEqual(listed.json["sessions"], ["there"])

    async def test_a_node_that_refuses_before_it_has_all_is_heard(self) -> None:
        body = b'{"error": {"code": "too_large", "message": "The body has more than 9 bytes."}}'
        factory = Factory.forProtocol(BreaksOff)
        factory.noisy = False
        factory.answer = b"HTTP/1.1 413 No\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        listening = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(factory)
        self.addCleanup(listening.stopListening)
        url = f"ws://127.0.0.1:{listening.getHost().port}/ws"
        name = self.file("large.txt", "x" * 50_000_000)
        said = await self.refused("import", "new", name, "--tenant", "acme", "--url", url)
        self.assertIn("too_large: The body has more than 9 bytes.", said)
