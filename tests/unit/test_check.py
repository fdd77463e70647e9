"""`collab-wamp check`, as far as it goes without a node."""

from __future__ import annotations

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
