"""Reads a Dockerfile, and carries out its steps in a folder, where there is no container engine.

Each stage's absolute paths (`WORKDIR`, the targets of `COPY`, and what `RUN` names of them) are
laid into the folder. What a base image brings is taken from the machine: Python, Node, a C
compiler.
"""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import attrs

RUN_S = 900


@attrs.define
class Stage:
    """One `FROM` and what follows it, as (instruction, its text)."""

    base: str
    name: str
    steps: list[tuple[str, str]] = attrs.field(factory=list)

    def texts(self, instruction: str) -> list[str]:
        return [text for what, text in self.steps if what == instruction]

    def form(self, instruction: str) -> Any:
        """The last one of an instruction that must be in exec form."""
        text = self.texts(instruction)[-1]
        return json.loads(text[text.index("[") :])

    def environment(self) -> dict[str, str]:
        words = [word for text in self.texts("ENV") for word in shlex.split(text)]
        return dict(word.split("=", 1) for word in words)


def read(text: str) -> list[Stage]:
    """The stages of a Dockerfile. `ARG` before the first one fills in `${…}` of `FROM`."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    arguments: dict[str, str] = {}
    stages: list[Stage] = []
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        instruction, _, rest = line.partition(" ")
        if instruction == "ARG" and not stages:
            name, _, value = rest.partition("=")
            arguments[name] = value
        elif instruction == "FROM":
            words = re.sub(r"\$\{(\w+)\}", lambda m: arguments[m[1]], rest).split()
            stages.append(Stage(words[0], words[2] if len(words) > 1 else ""))
        else:
            stages[-1].steps.append((instruction, rest))
    return stages


class Context:
    """What is sent to the engine: the files of `root` that `.dockerignore` lets through."""

    def __init__(self, root: Path) -> None:
        self._root = root
        lines = (root / ".dockerignore").read_text().splitlines()
        self._rules = [line for line in lines if line and not line.startswith("#")]

    def has(self, path: str) -> bool:
        """Whether a path below the root is sent; the last rule for it or a folder above it wins."""
        parts = path.split("/")
        above = ["/".join(parts[:n]) for n in range(1, len(parts) + 1)]
        sent = True
        for rule in self._rules:
            pattern = rule.removeprefix("!")
            if any(_matches(pattern, one) for one in above):
                sent = rule.startswith("!")
        return sent

    def copy(self, source: str, target: Path) -> None:
        """As `COPY` does: of a folder its content; symbolic links stay such."""
        origin = self._root / source
        if not self.has(source):
            raise FileNotFoundError(f"{source} is kept back by .dockerignore")

        def kept_back(folder: str, names: list[str]) -> list[str]:
            below = Path(folder).relative_to(self._root)
            return [name for name in names if not self.has((below / name).as_posix())]

        copy(origin, target, kept_back)


def _matches(pattern: str, path: str) -> bool:
    if pattern.startswith("**/"):
        return fnmatch.fnmatchcase(path.rsplit("/", 1)[-1], pattern[3:])
    return pattern.count("/") == path.count("/") and fnmatch.fnmatchcase(path, pattern)


def copy(origin: Path, target: Path, ignore: Any = None) -> None:
    if origin.is_dir():
        shutil.copytree(origin, target, symlinks=True, ignore=ignore, dirs_exist_ok=True)
    else:
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy2(origin, target / origin.name, follow_symlinks=False)


class Builder:
    """Carries out stages in `folder`.

    Args:
        environment: of the machine, for `RUN`; a stage's `ENV` comes on top.
    """

    def __init__(self, context: Context, folder: Path, environment: dict[str, str]) -> None:
        self._context = context
        self._folder = folder
        self._environment = environment

    def placed(self, path: str) -> Path:
        """Where a path of the image is."""
        return self._folder / path.lstrip("/")

    def build(self, stage: Stage) -> None:
        """Raises AssertionError where a step fails, with what it said."""
        roots = {"opt"}
        for text in stage.texts("WORKDIR") + [t.split()[-1] for t in stage.texts("COPY")]:
            roots |= {text.split("/")[1]} if text.startswith("/") else set()
        roots |= {text.split()[1].split("/")[1] for text in stage.texts("COPY") if "--from" in text}
        roots |= {
            m[1] for text in stage.texts("RUN") for m in re.finditer(r" /(page|wheel)\b", text)
        }
        ours = re.compile(rf"(?<![\w./-])/(?={'|'.join(sorted(roots))}\b)")
        workdir = "/"
        for what, text in stage.steps:
            if what == "WORKDIR":
                workdir = text
                self.placed(workdir).mkdir(parents=True, exist_ok=True)
            elif what == "COPY":
                self._copy(text.split(), workdir)
            elif what == "RUN":
                self._run(ours.sub(f"{self._folder}/", text), workdir, stage)
            elif what != "ENV":
                raise AssertionError(f"a stage that builds has no {what}")

    def _copy(self, words: list[str], workdir: str) -> None:
        *sources, target = [word for word in words if not word.startswith("--")]
        into = self.placed(os.path.normpath(f"{workdir}/{target}"))
        for source in sources:
            if words[0].startswith("--from="):
                copy(self.placed(source), into)
            else:
                self._context.copy(source, into)

    def _run(self, command: str, workdir: str, stage: Stage) -> None:
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=self.placed(workdir),
            env={**self._environment, **stage.environment()},
            capture_output=True,
            text=True,
            timeout=RUN_S,
        )
        if done.returncode:
            raise AssertionError(f"{command}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
