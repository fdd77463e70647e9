"""`collab-wamp check`, as far as it goes without a node."""

from __future__ import annotations

from collab_wamp import config
from collab_wamp.commands import check

from .test_cli_tools import SECRET, ToolsCase


class CheckTests(ToolsCase):
    def test_open_files_are_held_against_connections(self) -> None:
        self.patch_environment("JWT_SECRET", "Zk3" + SECRET)
        for soft, production, state in (
            (5199, "", "note"),
            (5199, "1", "PROBLEM"),
            (5200, "1", "ok"),
            (check.resource.RLIM_INFINITY, "1", "ok"),
        ):
            self.patch(check.resource, "getrlimit", lambda _what, soft=soft: (soft, soft))
            self.patch_environment("PRODUCTION", production)
            status, out, err = self.run_it("check")
            self.assertEqual((status, err), (int(state == "PROBLEM"), ""), out)
            [line] = [line for line in out.splitlines() if "open files" in line]
            self.assertTrue(line.startswith(state), line)
            self.assertEqual("ulimit -n 5200" in line, state != "ok")

    def test_the_layout_is_told_and_when_it_wants_more_cores_than_there_are(self) -> None:
        for name, workers, cores, said in (
            ("auto", "0", 2, "ok      layout: together, edits are taken by 1 process\n"),
            ("auto", "0", 8, "ok      layout: workers, edits are taken by 4 processes\n"),
            ("together", "0", 8, "ok      layout: together, edits are taken by 1 process\n"),
            ("apart", "0", 2, "ok      layout: apart, edits are taken by 1 process\n"),
            ("auto", "3", 2, "note    layout: workers, edits are taken by 3 processes: "
             "with the router that makes 4, and there are 2 cores to use\n"),
        ):  # fmt: skip
            for module in (config, check):
                self.patch(module, "usable_cores", lambda cores=cores: cores)
            self.patch_environment("LAYOUT", name)
            self.patch_environment("WORKERS", workers)
            _status, out, err = self.run_it("check")
            self.assertIn(said, out)
            self.assertEqual(err, "")
