"""The load driver's folder as it is used here: a copy, with what this project adds to it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).parent
NODE = Path(__file__).parents[2] / ".venv" / "node" / "bin"


def environment() -> dict[str, str]:
    """With the Node that `make` sets up, where it is there, before any other."""
    return {**os.environ, "PATH": f"{NODE}{os.pathsep}{os.environ['PATH']}"}


def prepare(source: Path, target: Path) -> Path:
    """Copy the driver, install its packages, and put our adapter beside the others.

    Args:
        source: a folder with `driver.mjs`, `lib.mjs`, `adapters`, `servers` and `package.json`.
        target: is made; what is there already of packages is used.

    Raises:
        SystemExit: it is no such folder, or its packages cannot be installed.
    """
    for name in ("driver.mjs", "lib.mjs", "adapters", "servers", "package-lock.json"):
        if not (source / name).exists():
            raise SystemExit(f"{source} is no folder of the load driver: it has no {name}")
    target.mkdir(parents=True, exist_ok=True)
    shutil.copytree(
        source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules", "*.jsonl")
    )
    shutil.copy(target / "lib.mjs", target / "lib.one.mjs")
    shutil.copy(HERE / "lib.mjs", target / "lib.mjs")
    shutil.copy(HERE / "adapter.mjs", target / "adapters" / "collab_wamp.mjs")
    installed = target / "node_modules" / ".package-lock.json"
    lock = target / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < (source / lock.name).stat().st_mtime:
        command = ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"]
        if subprocess.run(command, cwd=target, env=environment()).returncode:
            raise SystemExit("the packages of the other servers could not be installed")
    return target


def versions(folder: Path) -> dict[str, str]:
    """Of the packages that the other servers are made of, and of Node."""
    wanted = json.loads((folder / "package.json").read_text())["dependencies"]
    found = {
        name: json.loads((folder / "node_modules" / name / "package.json").read_text())["version"]
        for name in wanted
    }
    node = subprocess.run(
        ["node", "--version"], env=environment(), capture_output=True, text=True, check=True
    )
    return {"node": node.stdout.strip().removeprefix("v"), **found}
