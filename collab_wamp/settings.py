"""The settings, a section each: names, defaults, and what is allowed.

A field's metadata has its name in the environment (`env`; "" = `COLLAB_SECTION_NAME`) and a `check`
that returns what is wrong with a value, or "".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import attrs

from .joining import SessionLimits
from .layout import AUTO, LAYOUTS, MOST_WORKERS
from .ot.base import Limits as OpLimits
from .rates import Rate, Rates, parse_rate
from .registry.address import parse_registry_url
from .registry.forms import LABEL, SERVICE, is_host
from .retention import KEPT_EDITS, Retention
from .store.address import parse_address
from .tokens import ALGORITHMS, TENANT


def _setting(default: Any, env: str = "", check: Callable[[Any], str] | None = None) -> Any:
    """A field with its name in the environment and a check that returns what is wrong, or ""."""
    return attrs.field(default=default, metadata={"env": env, "check": check})


def _between(low: float, high: float) -> Callable[[Any], str]:
    return lambda value: "" if low <= value <= high else f"must be from {low:,} to {high:,}"


def _one_of(*allowed: str) -> Callable[[Any], str]:
    return lambda value: "" if value in allowed else f"must be one of {', '.join(allowed)}"


def store_url(value: str) -> str:
    if value == "embedded":
        return ""
    try:
        parse_address(value)
    except ValueError as error:
        return str(error)
    return ""


def _registry_url(value: str) -> str:
    try:
        parse_registry_url(value)
    except ValueError as error:
        return str(error)
    return ""


def _matching(pattern: re.Pattern[str]) -> Callable[[Any], str]:
    return lambda value: "" if pattern.fullmatch(value) else f"must match ^{pattern.pattern}$"


def _http_url(value: str) -> str:
    parts = urlsplit(value)
    sound = parts.scheme in ("http", "https") and parts.hostname
    return "" if sound else "must be like http://HOST:4318/v1/traces"


def _algorithms(value: tuple[str, ...]) -> str:
    wrong = [name for name in value if name not in ALGORITHMS]
    return f"may have {', '.join(ALGORITHMS)} only" if wrong or not value else ""


@attrs.frozen
class Server:
    """Where the node listens, and what it calls itself.

    Attributes:
        host: "" = all interfaces.
        origins: pages of these origins may connect, beside the node's own; `https://*.example.com`.
        layout: how the node's parts are spread over processes, see `layout`; `auto` = by the cores
            that it may use.
        workers: processes that take edits; sessions are spread over them. 0 = by the cores.
        drain_s: how long connections are given to go elsewhere when the node ends.
        data_dir: for the embedded store, the node's files and logs.
    """

    host: str = _setting("127.0.0.1", "HOST")
    port: int = _setting(8080, "PORT", _between(1, 65535))
    origins: tuple[str, ...] = _setting((), "ALLOWED_ORIGINS")
    data_dir: str = _setting(".data", "DATA_DIR")
    instance_id: str = _setting("", "INSTANCE_ID")
    layout: str = _setting(AUTO, "LAYOUT", _one_of(AUTO, *LAYOUTS))
    workers: int = _setting(0, "WORKERS", _between(0, MOST_WORKERS))
    drain_s: float = _setting(10.0, "DRAIN_S", _between(0, 600))
    production: bool = _setting(False, "PRODUCTION")
    log_level: str = _setting("info", "LOG_LEVEL", _one_of("debug", "info", "warn", "error"))


@attrs.frozen
class StoreSettings:
    """`url` is `embedded`, or where a Redis or Valkey server is."""

    url: str = _setting("embedded", "REDIS_URL", store_url)
    durability: str = _setting(
        "fsynced", "DURABILITY", _one_of("committed", "fsynced", "replicated")
    )


@attrs.frozen
class Auth:
    """What tokens are checked with.

    Attributes:
        secret: for HS256, at least 32 bytes in production.
        public_key_file: PEM, for RS256 and EdDSA.
        issued_s: the longest life of a token that `collab.token.issue` makes.
        revocations_kept_s: how long revoked tokens are remembered; issue none that live longer.
    """

    algorithms: tuple[str, ...] = _setting(("HS256",), "JWT_ALGORITHMS", _algorithms)
    secret: str = attrs.field(default="", repr=False, metadata={"env": "JWT_SECRET", "check": None})
    public_key_file: str = _setting("", "JWT_PUBLIC_KEY_FILE")
    issuer: str = _setting("collab_wamp", "JWT_ISSUER")
    audience: str = _setting("collab_wamp", "JWT_AUDIENCE", lambda v: "" if v else "is required")
    leeway_s: float = _setting(30.0, "JWT_LEEWAY", _between(0, 300))
    issued_s: int = _setting(900, "JWT_ISSUED_TTL", _between(1, 30 * 86_400))
    revocations_kept_s: float = _setting(30.0 * 86_400, check=_between(60, 366 * 86_400))


@attrs.frozen
class Limits:
    """What the node accepts. Sizes in bytes, times in seconds, documents in code points.

    Attributes:
        connections, connections_per_user: at one time, on this node.
        subscriptions, sessions_per_connection, calls: of one connection, at one time.
        handshake_s, hello_s: for the upgrade to WebSocket, and for HELLO and AUTHENTICATE after it.
        import_bytes: of a history that becomes a new session's.
        bad_login_s: who comes with a token that is not accepted is answered after this.
        bad_logins: of one address in the last second or so; more, and its connections are closed
            unread. 0 = however many, for where all come from the address of one balancer.
        bad_logins_waiting: for their answers; more are answered at once.
        ping_s, ping_timeout_s: a connection that answers no ping is dropped after both.
        send_buffer_bytes: who leaves more unread is dropped at once; who leaves more than
            `send_buffer_slow_bytes` unread, after `send_buffer_slow_s`.
        farewell_s: who has been told to go is cut off after this.
    """

    op_parts: int = _setting(1000, check=_between(1, 100_000))
    op_insert_bytes: int = _setting(32 * 1024, check=_between(1, 1 << 20))
    document_length: int = _setting(1 << 20, check=_between(1, 3 << 20))
    import_bytes: int = _setting(32 << 20, check=_between(1 << 16, 1 << 28))
    base_behind: int = _setting(2000, check=_between(10, 100_000))
    waiting_edits: int = _setting(1000, check=_between(1, 1_000_000))
    message_bytes: int = _setting(64 * 1024, check=_between(1024, 1 << 24))
    connections: int = _setting(5000, check=_between(1, 99_000))
    connections_per_user: int = _setting(20, check=_between(1, 99_000))
    subscriptions: int = _setting(500, check=_between(1, 100_000))
    sessions_per_connection: int = _setting(50, check=_between(1, 10_000))
    calls: int = _setting(100, check=_between(1, 10_000))
    handshake_s: float = _setting(2.5, check=_between(0.1, 60))
    hello_s: float = _setting(10.0, check=_between(0.1, 60))
    bad_login_s: float = _setting(0.5, check=_between(0, 60))
    bad_logins: int = _setting(100, check=_between(0, 1_000_000))
    bad_logins_waiting: int = _setting(500, check=_between(0, 100_000))
    ping_s: float = _setting(8.0, check=_between(0.5, 60))
    ping_timeout_s: float = _setting(4.0, check=_between(0.5, 60))
    send_buffer_bytes: int = _setting(8 << 20, check=_between(1 << 16, 1 << 30))
    send_buffer_slow_bytes: int = _setting(1 << 20, check=_between(1 << 14, 1 << 30))
    send_buffer_slow_s: float = _setting(10.0, check=_between(0.5, 600))
    farewell_s: float = _setting(1.0, check=_between(0.1, 60))

    def session_limits(self) -> SessionLimits:
        return SessionLimits(
            op=OpLimits(self.op_parts, self.op_insert_bytes),
            document_length=self.document_length,
            window=self.base_behind,
            waiting=self.waiting_edits,
        )


@attrs.frozen
class ConflictSettings:
    """Sessions that ask what is to be done about conflicting edits.

    Attributes:
        held_s: how long an edit is held until its author has decided.
    """

    held_s: float = _setting(600.0, check=_between(1, 86_400))


def _rate(value: str) -> str:
    try:
        parse_rate(value)
    except ValueError as error:
        return str(error)
    return ""


@attrs.frozen
class RateSettings:
    """How often who may do what, on all nodes together: `20/s burst 60`, or `off`.

    Attributes:
        enabled: false = none of these limits.
        longest_delay_s: who is faster is delayed up to this, and refused beyond.
        edits_per_user: of one user on one session.
        calls_per_user: calls other than join, leave and edit.
        presence: of one connection on one topic, on its node; of more the last counts.
    """

    enabled: bool = _setting(True, "RATE_LIMITS")
    longest_delay_s: float = _setting(1.0, check=_between(0, 2))
    edits_per_user: str = _setting("20/s burst 60", check=_rate)
    edits_per_session: str = _setting("500/s burst 2000", check=_rate)
    edits_per_tenant: str = _setting("5000/s burst 20000", check=_rate)
    joins_per_user: str = _setting("10/s burst 200", check=_rate)
    joins_per_tenant: str = _setting("500/s burst 10000", check=_rate)
    calls_per_user: str = _setting("50/s burst 500", check=_rate)
    connections_per_user: str = _setting("2/s burst 60", check=_rate)
    connections_per_tenant: str = _setting("200/s burst 10000", check=_rate)
    http_per_user: str = _setting("10/s burst 100", check=_rate)
    http_per_tenant: str = _setting("200/s burst 1000", check=_rate)
    presence: str = _setting("20/s burst 20", check=_rate)

    def rates(self) -> Rates:
        if not self.enabled:
            return Rates()
        fields = {
            field.name: parse_rate(getattr(self, field.name))
            for field in attrs.fields(Rates)
            if field.name != "longest_delay_s"
        }
        return Rates(**fields, longest_delay_s=self.longest_delay_s)

    def presence_rate(self) -> Rate:
        return parse_rate(self.presence) if self.enabled else Rate()


def _tenants(value: tuple[str, ...]) -> str:
    for row in value:
        tenant, _, kept = row.partition("=")
        if not TENANT.fullmatch(tenant) or not kept.isascii() or not kept.isdigit():
            return "must be a list of TENANT=EDITS, such as acme=0"
    return ""


@attrs.frozen
class HistorySettings:
    """How many of a session's edits are kept behind its head, 0 = all of them.

    Attributes:
        tenants: `TENANT=EDITS`, for those that have it otherwise than `kept_edits` says.
    """

    kept_edits: int = _setting(KEPT_EDITS, check=_between(0, 2**53))
    tenants: tuple[str, ...] = _setting((), check=_tenants)

    def retention(self) -> Retention:
        rows = [row.partition("=") for row in self.tenants]
        return Retention(self.kept_edits, {tenant: int(kept) for tenant, _, kept in rows})


@attrs.frozen
class RegistrySettings:
    """Where running instances are entered, so that others find this one.

    Attributes:
        url: `redis` = the store; see `registry.address.parse_registry_url`.
        ttl_s: an instance that is not heard of for so long is gone.
        heartbeat_s: less than a third of `ttl_s`, so that two beats may get lost.
        host: what others reach this node by; "" = `server.host`, or the machine's name.
        version: "" = the package's.
    """

    url: str = attrs.field(
        default="redis",
        repr=False,
        metadata={"env": "REGISTRY_URL", "check": _registry_url, "secret": True},
    )
    enabled: bool = _setting(True, "SERVICE_DISCOVERY_ENABLED")
    service: str = _setting("collab_wamp", "SERVICE_NAME", _matching(SERVICE))
    ttl_s: float = _setting(10.0, check=_between(1, 300))
    heartbeat_s: float = _setting(3.0, check=_between(0.1, 100))
    host: str = _setting(
        "", "SERVICE_HOST", lambda v: "" if not v or is_host(v) else "must name a host"
    )
    environment: str = _setting("development", "SERVICE_ENVIRONMENT", _matching(LABEL))
    version: str = _setting("", "SERVICE_VERSION", _matching(LABEL))


@attrs.frozen
class MetricsSettings:
    """`GET /metrics`.

    Attributes:
        open: for everybody; else a token with the capability `stats` or `operate` is needed.
    """

    enabled: bool = _setting(True, "PROMETHEUS_ENABLED")
    open: bool = _setting(False, "PROMETHEUS_OPEN")


@attrs.frozen
class Logs:
    """How the log files of the node's processes are written."""

    format: str = _setting("text", "LOG_FORMAT", _one_of("text", "json"))


@attrs.frozen
class Tracing:
    """Spans of the way of an edit, sent by OTLP over HTTP; needs `collab_wamp[tracing]`.

    Attributes:
        endpoint: where traces are posted to.
        sample_ratio: the share of edits that are traced.
    """

    enabled: bool = _setting(False, "TRACING_ENABLED")
    endpoint: str = _setting("http://localhost:4318/v1/traces", "TRACING_ENDPOINT", _http_url)
    sample_ratio: float = _setting(0.01, "TRACING_SAMPLE_RATIO", _between(0, 1))


SECTIONS: dict[str, type] = {
    "server": Server,
    "store": StoreSettings,
    "auth": Auth,
    "limits": Limits,
    "conflicts": ConflictSettings,
    "rates": RateSettings,
    "history": HistorySettings,
    "registry": RegistrySettings,
    "metrics": MetricsSettings,
    "logs": Logs,
    "tracing": Tracing,
}
