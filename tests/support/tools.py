"""Programs that only tests use, see tests/tools.sh."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from twisted.trial.unittest import SkipTest

FOLDER = Path(__file__).parents[2] / ".venv" / "tools"


def tool(name: str) -> str:
    """A program's path; the test is skipped where it is not to be had."""
    places = os.pathsep.join([str(FOLDER / "bin"), os.environ.get("PATH", ""), "/usr/sbin"])
    found = shutil.which(name, path=places)
    if found is None:
        raise SkipTest(f"{name} is not installed, and tests/tools.sh could not fetch it")
    return found
