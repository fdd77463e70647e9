"""The node's files: Crossbar's configuration, filled in, and where its sockets are."""

from __future__ import annotations

import json
import math
import os
import secrets
import string
import sys
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any

from .config import Config, ConfigError

# A unix socket's path is at most 107 bytes on Linux, 103 on macOS.
LONGEST_SOCKET_PATH = 100


def node_dir(config: Config) -> Path:
    return config.data_dir.absolute() / "node"


def private_socket(config: Config) -> Path:
    """Where the node's own components connect."""
    return node_dir(config) / "router.sock"


def owner_of_name(config: Config) -> str:
    """What tells this node from another that is given the same instance id: made once for its data
    folder, which is for one node."""
    path = config.data_dir / "node-key"
    if not path.exists():
        path.write_text(secrets.token_hex(16), encoding="utf-8")
    return path.read_text(encoding="utf-8").strip()


def drain_note(config: Config) -> Path:
    """That is there when the node is to end in order; see `ask_to_drain`."""
    return node_dir(config) / "drain"


def drained_note(config: Config) -> Path:
    """That is there when it has done so, but for its processes."""
    return node_dir(config) / "drained"


def ask_to_drain(note: Path, until_s: float) -> None:
    """Leave a drain note, or make what is to happen until then happen sooner.

    Args:
        until_s: when it is to be over, in seconds since 1970: who reads it may be another process
            than who was asked first.

    Raises:
        OSError: it cannot be written.
    """
    asked = drain_asked(note, until_s)
    part = note.with_name(f"{note.name}.{os.getpid()}")
    part.write_text(repr(until_s if asked is None else min(asked, until_s)), encoding="ascii")
    part.replace(note)


def drain_asked(note: Path, otherwise_s: float) -> float | None:
    """Until when the node is to end, in seconds since 1970; None where nobody has asked.

    Args:
        otherwise_s: what is meant where the note names no time.
    """
    try:
        until_s = float(note.read_text(encoding="ascii", errors="replace"))
    except FileNotFoundError:
        return None
    except ValueError:
        return otherwise_s
    return until_s if math.isfinite(until_s) else otherwise_s


def origins(config: Config) -> list[str]:
    """The pages that may connect: those this node serves, and those that are configured."""
    port, host = config.server.port, config.server.host
    names = ["localhost", "127.0.0.1"]
    if host not in ("", "0.0.0.0", "::", *names):
        names.append(host)
    return [f"http://{name}:{port}" for name in names] + list(config.server.origins)


def template() -> str:
    """`.crossbar/config.yaml` of the folder we are in, else the one that was installed."""
    here = Path(".crossbar/config.yaml")
    if here.is_file():
        return here.read_text(encoding="utf-8")
    return resources.files(__package__).joinpath("crossbar.yaml").read_text(encoding="utf-8")


def static_dir() -> Path:
    return Path(str(resources.files(__package__))) / "static"


def listed(items: Iterable[dict[str, Any]], margin: str = "") -> str:
    """The items of a list in YAML, of which JSON is a part."""
    return f"\n{margin}".join(f"- {json.dumps(item)}" for item in items)


def component(name: str) -> dict[str, Any]:
    """An entry of the router's `components`."""
    kind = f"collab_wamp.wamp.inside.{name.title()}"
    return {"type": "class", "classname": kind, "realm": "collab", "role": "backend"}


def guest(name: str) -> dict[str, Any]:
    """An entry of `workers`: a process that watches over workers of ours."""
    return {
        "type": "guest",
        "id": name,
        "executable": sys.executable,
        "arguments": ["-m", "collab_wamp.wamp.supervise", name],
        "options": {"env": {"inherit": True}, "stdout": "log", "stderr": "log"},
    }


def render(config: Config) -> str:
    """Crossbar's configuration with the settings filled in.

    Raises:
        ConfigError: the template has a `${…}` that is not known.
    """
    limits = config.limits
    values = {
        "COMPONENTS": listed(map(component, config.layout.inside), "  "),
        "CONNECTIONS": limits.connections,
        "GUESTS": listed(map(guest, config.layout.guests)),
        "HANDSHAKE_MS": int(limits.handshake_s * 1000),
        "HOST": config.server.host,
        "MESSAGE_BYTES": limits.message_bytes,
        "ORIGINS": json.dumps(origins(config)),
        "PING_MS": int(limits.ping_s * 1000),
        "PING_TIMEOUT_MS": int(limits.ping_timeout_s * 1000),
        "PORT": config.server.port,
        "PRIVATE_SOCKET": private_socket(config),
        "STATIC": json.dumps(str(static_dir())),
    }
    text = template()
    for place in ("${COMPONENTS}", "${GUESTS}"):
        # One written before there were layouts has the processes that it wants written out.
        if place not in text:
            raise ConfigError(
                f".crossbar/config.yaml has no {place}, where the parts of the node go that the "
                "layout has there; see crossbar.yaml of the package"
            )
    try:
        return string.Template(text).substitute(values)
    except (KeyError, ValueError) as error:
        raise ConfigError(f".crossbar/config.yaml: {error} is not a setting") from None


def write(config: Config) -> Path:
    """Make the node's folder, for the owner only, with its configuration.

    Returns:
        the folder, fit for `crossbar start --cbdir`.
    """
    folder = node_dir(config)
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    if len(str(private_socket(config)).encode()) > LONGEST_SOCKET_PATH:
        raise ConfigError(
            f"server.data_dir: {config.data_dir} is too long a path for a socket in it"
        )
    (folder / "config.yaml").write_text(render(config), encoding="utf-8")
    stale_notes = (drain_note(config), drained_note(config))
    for stale in (private_socket(config), *folder.glob("*.pid"), *stale_notes):
        stale.unlink(missing_ok=True)
    return folder
