"""How a command reaches a node: where it is, with which token, and what to say if it does not."""

from __future__ import annotations

import argparse
import base64
import json
import os
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

import attrs
from twisted.internet.defer import ensureDeferred
from twisted.internet.task import react

from ..access import ADMINISTRATIVE, RIGHTS
from ..client.connection import Connection, open_connection
from ..client.errors import ClientError
from ..config import Config, ConfigError, with_secret
from ..protocol import SESSION_ID
from ..tokens import Claims, is_tenant
from . import Unable
from .showing import clean

TOKEN_S = 60
TIMEOUT_S = 10.0
USER = "operator"
# Of the token for what is about a node and no tenant's.
NODES_TENANT = "operators"

T = TypeVar("T")


@attrs.frozen
class Target:
    """A node, and what we are for it.

    Attributes:
        url: `ws://HOST:PORT/ws`, or `wss://…`.
        tenant: whose the token is; "" = the token does not say.
        given: whether the token was given, and not made here.
    """

    url: str
    token: str = attrs.field(repr=False)
    tenant: str
    given: bool


def add_options(parser: argparse.ArgumentParser, *, for_tenant: bool = True) -> None:
    """Options for where the node is and who asks, and `--json`."""
    group = parser.add_argument_group(
        "which node, and who asks",
        "Without a token, the command makes one for itself, good for a minute, where the\n"
        "configuration has the secret for that (JWT_SECRET, or the one that `up` made in the\n"
        "data folder).",
    )
    group.add_argument("--url", help="ws://HOST:PORT/ws or wss://… (the node of the configuration)")
    group.add_argument(
        "--token", help="a token; better in COLLAB_TOKEN, where other users do not see it"
    )
    group.add_argument(
        "--tenant",
        help="whose sessions and users it is about; needed where the command makes the token"
        if for_tenant
        else f"of the token that the command makes ({NODES_TENANT})",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document, for programs")


def target(
    args: argparse.Namespace,
    config: Config,
    *,
    rights: Mapping[str, str] | None = None,
    capabilities: Sequence[str] = (),
    tenant: str = "",
    other_tenants: bool = False,
) -> Target:
    """The node that a command's options name, and a token for it.

    Args:
        rights, capabilities: of the token, if it is made here.
        tenant: that one's, where `--tenant` does not say; "" = `--tenant` is needed.
        other_tenants: whether `--tenant` may be another than that of a token that was given.

    Raises:
        ConfigError: there is no token, or an option is wrong.
    """
    url = args.url or default_url(config)
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("ws", "wss") and parts.hostname and (parts.port or True)
    except ValueError:
        sound = False
    if not sound:
        raise ConfigError(f"--url {url}: must be like ws://HOST:PORT/ws, or wss://HOST/ws")
    if args.tenant is not None and not is_tenant(args.tenant):
        raise ConfigError(f"--tenant {args.tenant!r}: must match ^[a-z0-9_]{{1,64}}$")
    given = args.token or os.environ.get("COLLAB_TOKEN", "").strip()
    if given:
        its = tenant_of(given)
        if args.tenant and its and args.tenant != its and not other_tenants:
            raise ConfigError(
                f"--tenant {args.tenant}: the token (--token or COLLAB_TOKEN) is of tenant {its}; "
                "leave either out"
            )
        return Target(url, given, its, True)
    tenant = args.tenant or tenant
    made = _issue(config, tenant, rights or {}, capabilities)
    return Target(url, made, tenant, False)


def _issue(
    config: Config, tenant: str, rights: Mapping[str, str], capabilities: Sequence[str]
) -> str:
    kept = (config.data_dir / "jwt-secret").exists() and not config.server.production
    if "HS256" not in config.auth.algorithms or not (config.auth.secret or kept):
        raise ConfigError(
            "a token is needed: give it as --token or COLLAB_TOKEN, or a secret to make one with, "
            "by JWT_SECRET, JWT_SECRET_FILE, or the DATA_DIR of a node that made its own"
        )
    if not tenant:
        raise ConfigError("--tenant is needed: whose sessions and users is it about?")
    claims = Claims(
        USER, tenant, dict(rights), token_id=secrets.token_hex(8), capabilities=tuple(capabilities)
    )
    return with_secret(config).keyring().issue(claims, now_s=time.time(), ttl_s=TOKEN_S)


def default_url(config: Config) -> str:
    """Where the node of a configuration is, seen from its own machine."""
    host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(
        config.server.host, config.server.host
    )
    return f"ws://{f'[{host}]' if ':' in host else host}:{config.server.port}/ws"


def tenant_of(token: str) -> str:
    """What a token says of its tenant, unchecked: that is for the node; "" = nothing."""
    try:
        body = token.split(".")[1]
        tenant = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))["tenant"]
    except (LookupError, ValueError, TypeError):
        return ""
    return tenant if is_tenant(tenant) else ""


def session_id(text: str) -> str:
    """For argparse: a session's id."""
    if not SESSION_ID.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} must match ^{SESSION_ID.pattern}$")
    return text


# --- over WAMP ----------------------------------------------------------------------------------


def ask(node: Target, work: Callable[[Connection], Awaitable[T]]) -> T:
    """Log in, do some work with the connection, and say goodbye. Once for a process.

    Raises:
        Unable
        KeyboardInterrupt: a signal ended it before.
    """
    outcome: list[T] = []
    problems: list[Exception] = []
    interrupted = False

    async def main(reactor: Any) -> None:
        def stopped() -> None:
            nonlocal interrupted
            interrupted = not (outcome or problems)

        reactor.addSystemEventTrigger("before", "shutdown", stopped)
        try:
            connection = await open_connection(reactor, node.url, node.token, TIMEOUT_S)
            try:
                outcome.append(await work(connection))
            finally:
                await connection.close()
        except Exception as error:
            problems.append(error)

    try:
        react(lambda reactor: ensureDeferred(main(reactor)))
    except SystemExit as end:  # how `react` always ends
        if end.code:
            raise
    if interrupted:
        raise KeyboardInterrupt
    if problems and isinstance(problems[0], ClientError):
        error = problems[0]
        raise Unable(explained(node, error.code, error.message, error.details)) from None
    if problems:
        raise problems[0]
    return outcome[0]


async def call(connection: Connection, procedure: str, **arguments: Any) -> dict[str, Any]:
    """Call a procedure; arguments that are None are left out.

    Raises:
        ClientError
    """
    given = {name: value for name, value in arguments.items() if value is not None}
    answer: dict[str, Any] = await connection.call(procedure, given, TIMEOUT_S)
    return answer


# --- what goes wrong ----------------------------------------------------------------------------


def explained(node: Target, code: str, message: str, details: Mapping[str, Any]) -> str:
    """What went wrong in one line, and what to do about it."""
    message = clean(message).strip()
    if code in ("disconnected", "timeout"):
        return no_node(node.url, message)
    said = f"{code}: {message}"
    return f"{said} {advice}" if (advice := _advice(node, code, details)) else said


def no_node(url: str, reason: str) -> str:
    return (
        f"no answer from {url} ({reason.rstrip('.').removeprefix(f'{url}: ')}): is the node up? "
        "`collab-wamp up` runs one, --url names another"
    )


def _advice(node: Target, code: str, details: Mapping[str, Any]) -> str:
    if code == "token_invalid" and not node.given:
        return (
            "It was made with this configuration's secret: that of the node is another, so give "
            "its JWT_SECRET, its DATA_DIR, or a token."
        )
    if code.startswith("token_"):
        return "`collab-wamp token --help` tells how to make another for --token or COLLAB_TOKEN."
    needs = details.get("needs")
    if code == "denied" and node.given and needs in RIGHTS:
        return f"`collab-wamp token … --rights '*={needs}'` makes a token that may."
    if code == "denied" and node.given and needs in ADMINISTRATIVE:
        return f"`collab-wamp token … --capabilities edit,{needs}` makes a token that may."
    if code == "no_such_session":
        where = f" of tenant {node.tenant}" if node.tenant else ""
        return f"`collab-wamp sessions` lists those{where}."
    if code == "draining":
        return "--url names another node."
    if code in ("unavailable", "overloaded", "store_unavailable", "rate_limited", "canceled"):
        return "Try again in a moment; `collab-wamp instances --health` tells how the node is."
    return ""


def check_number(name: str, value: int | None, low: int, high: int) -> None:
    """
    Raises:
        ConfigError: an option is out of its range.
    """
    if value is not None and not low <= value <= high:
        raise ConfigError(f"{name} {value}: must be from {low:,} to {high:,}")
