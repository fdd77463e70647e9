"""Configuration: from a TOML file and the environment, checked at the start.

Every setting has a section and a name in the file (`[limits] document_length = …`) and, where it
says so, a name in the environment, which wins. What is unknown or wrong is an error that names it.
Nothing here reads the environment or a file by itself: both are arguments.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import tomllib
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import attrs

from . import __version__
from .joining import SessionLimits
from .ot.base import Limits as OpLimits
from .rates import Rate, Rates, parse_rate
from .registry.address import parse_registry_url
from .registry.forms import INSTANCE_ID, LABEL, SERVICE, is_host
from .store.address import parse_address
from .tokens import ALGORITHMS, Keyring

WEAK_SECRET_BYTES = 32


class ConfigError(Exception):
    """A setting is unknown or wrong; the message names it, its value, and what is allowed."""


def _setting(default: Any, env: str = "", check: Callable[[Any], str] | None = None) -> Any:
    """A field with its name in the environment and a check that returns what is wrong, or ""."""
    return attrs.field(default=default, metadata={"env": env, "check": check})


def _between(low: float, high: float) -> Callable[[Any], str]:
    return lambda value: "" if low <= value <= high else f"must be from {low:,} to {high:,}"


def _one_of(*allowed: str) -> Callable[[Any], str]:
    return lambda value: "" if value in allowed else f"must be one of {', '.join(allowed)}"


def _store_url(value: str) -> str:
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
        workers: processes of this node that take edits; sessions are spread over them.
        drain_s: how long connections are given to go elsewhere when the node ends.
        data_dir: for the embedded store, the node's files and logs.
    """

    host: str = _setting("127.0.0.1", "HOST")
    port: int = _setting(8080, "PORT", _between(1, 65535))
    origins: tuple[str, ...] = _setting((), "ALLOWED_ORIGINS")
    data_dir: str = _setting(".data", "DATA_DIR")
    instance_id: str = _setting("", "INSTANCE_ID")
    workers: int = _setting(1, "WORKERS", _between(1, 64))
    drain_s: float = _setting(10.0, "DRAIN_S", _between(0, 600))
    production: bool = _setting(False, "PRODUCTION")
    log_level: str = _setting("info", "LOG_LEVEL", _one_of("debug", "info", "warn", "error"))


@attrs.frozen
class StoreSettings:
    """`url` is `embedded`, or where a Redis or Valkey server is."""

    url: str = _setting("embedded", "REDIS_URL", _store_url)
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
        bad_login_s: who comes with a token that is not accepted is answered after this.
        ping_s, ping_timeout_s: a connection that answers no ping is dropped after both.
        send_buffer_bytes: who leaves more unread is dropped at once; who leaves more than
            `send_buffer_slow_bytes` unread, after `send_buffer_slow_s`.
        farewell_s: who has been told to go is cut off after this.
    """

    op_parts: int = _setting(1000, check=_between(1, 100_000))
    op_insert_bytes: int = _setting(32 * 1024, check=_between(1, 1 << 20))
    document_length: int = _setting(1 << 20, check=_between(1, 3 << 20))
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
    "rates": RateSettings,
    "registry": RegistrySettings,
    "metrics": MetricsSettings,
    "logs": Logs,
    "tracing": Tracing,
}


@attrs.frozen
class Config:
    server: Server = attrs.field(factory=Server)
    store: StoreSettings = attrs.field(factory=StoreSettings)
    auth: Auth = attrs.field(factory=Auth)
    limits: Limits = attrs.field(factory=Limits)
    rates: RateSettings = attrs.field(factory=RateSettings)
    registry: RegistrySettings = attrs.field(factory=RegistrySettings)
    metrics: MetricsSettings = attrs.field(factory=MetricsSettings)
    logs: Logs = attrs.field(factory=Logs)
    tracing: Tracing = attrs.field(factory=Tracing)

    def keyring(self) -> Keyring:
        """What tokens are checked with.

        Raises:
            ConfigError: the file of the public key cannot be read.
        """
        public = [name for name in self.auth.algorithms if name != "HS256"]
        key = ""
        if public:
            key = _read(Path(self.auth.public_key_file), "auth.public_key_file")
        return Keyring(
            secret=self.auth.secret if "HS256" in self.auth.algorithms else "",
            public_key=key,
            public_algorithm=public[0] if public else "",
            issuer=self.auth.issuer,
            audience=self.auth.audience,
            leeway_s=self.auth.leeway_s,
        )

    @property
    def data_dir(self) -> Path:
        return Path(self.server.data_dir)

    def as_environment(self) -> dict[str, str]:
        """The settings as `load` reads them back, for child processes."""
        environment = {}
        for section in attrs.fields(Config):
            for field in attrs.fields(SECTIONS[section.name]):
                value = getattr(getattr(self, section.name), field.name)
                text = ",".join(value) if isinstance(value, tuple) else str(value)
                environment[_env_name(section.name, field)] = text
        return environment


def load(environment: Mapping[str, str], path: str | None = None) -> Config:
    """The configuration of a file (or of none) and the environment.

    Args:
        path: of a TOML file; None = the one named by COLLAB_CONFIG, if any.

    Raises:
        ConfigError: see there.
    """
    path = path or environment.get("COLLAB_CONFIG") or None
    given = _from_file(Path(path)) if path else {}
    for section, names in given.items():
        if section not in SECTIONS:
            raise ConfigError(f"{path}: there is no section [{section}]; {_listed(SECTIONS)}")
        if not isinstance(names, dict):
            raise ConfigError(f"{path}: {section} must be a section, [{section}]")
        known = [field.name for field in attrs.fields(SECTIONS[section])]
        for name in names:
            if name not in known:
                raise ConfigError(f"{path}: there is no {section}.{name}; {_listed(known)}")
    sections = {}
    for section, kind in SECTIONS.items():
        values = {}
        for field in attrs.fields(kind):
            value = _value(section, field, given.get(section, {}), environment)
            if value is not None:
                values[field.name] = value
        sections[section] = kind(**values)
    return _completed(Config(**sections), environment)


def _completed(config: Config, environment: Mapping[str, str]) -> Config:
    server, store = config.server, config.store
    if not server.instance_id:
        server = attrs.evolve(server, instance_id=f"{socket.gethostname()}-{server.port}")
    if store.url == "embedded" and environment.get("REDIS_HOST"):
        store = attrs.evolve(store, url=_seed_url(environment))
        if wrong := _store_url(store.url):
            raise ConfigError(f"REDIS_HOST: {wrong}")
    if "HS256" not in config.auth.algorithms and not config.auth.public_key_file:
        raise ConfigError(
            "auth.public_key_file (JWT_PUBLIC_KEY_FILE) is needed for RS256 and EdDSA"
        )
    limits = config.limits
    # A character may take six bytes of JSON; who is sent more than the buffer at once is cut.
    if 6 * limits.document_length > limits.send_buffer_bytes:
        raise ConfigError(
            f"limits.document_length = {limits.document_length:,}: such a document does not fit "
            f"into limits.send_buffer_bytes, {limits.send_buffer_bytes:,}; that must be 6 times it"
        )
    if {"RS256", "EdDSA"} <= set(config.auth.algorithms):
        raise ConfigError("auth.algorithms: one key is for RS256 or for EdDSA, not for both")
    if config.tracing.enabled and not _can_trace():
        raise ConfigError(
            "tracing.enabled (TRACING_ENABLED): OpenTelemetry is not installed; "
            "`pip install 'collab_wamp[tracing]'` does that"
        )
    registry = _completed_registry(config.registry, server)
    return attrs.evolve(config, server=server, store=store, registry=registry)


def _completed_registry(registry: RegistrySettings, server: Server) -> RegistrySettings:
    if 3 * registry.heartbeat_s >= registry.ttl_s:
        raise ConfigError(
            f"registry.heartbeat_s = {registry.heartbeat_s:g}: must be less than a third of "
            f"registry.ttl_s, {registry.ttl_s:g}"
        )
    if registry.enabled and not INSTANCE_ID.fullmatch(server.instance_id):
        raise ConfigError(
            f"server.instance_id = {server.instance_id!r}: must match ^{INSTANCE_ID.pattern}$"
        )
    # That a node listens on all interfaces does not tell others how to reach it.
    everywhere = ("", "0.0.0.0", "::")
    host = registry.host
    if not host:
        host = socket.gethostname() if server.host in everywhere else server.host
    if registry.enabled and not is_host(host):
        raise ConfigError(f"registry.host (SERVICE_HOST) is needed: {host!r} cannot be reached by")
    return attrs.evolve(registry, host=host, version=registry.version or __version__)


def _can_trace() -> bool:
    """Whether the packages are there that `tracing` imports."""
    try:
        return find_spec("opentelemetry.exporter.otlp.proto.http.trace_exporter") is not None
    except ImportError:
        return False


def _seed_url(environment: Mapping[str, str]) -> str:
    password = environment.get("REDIS_PASSWORD", "")
    if path := environment.get("REDIS_PASSWORD_FILE"):
        password = _read(Path(path), "REDIS_PASSWORD_FILE")
    login = f":{quote(password, safe='')}@" if password else ""
    port, db = environment.get("REDIS_PORT", "6379"), environment.get("REDIS_DB", "0")
    return f"redis://{login}{environment['REDIS_HOST']}:{port}/{db}"


def with_secret(config: Config) -> Config:
    """The configuration with a secret: in development one is made, and kept in the data folder.

    Raises:
        ConfigError: in production there is none, or it is weak.
    """
    if "HS256" not in config.auth.algorithms:
        return config
    size = len(config.auth.secret.encode())
    if config.server.production:
        if size < WEAK_SECRET_BYTES or len(set(config.auth.secret)) < 8:
            what = "missing" if not size else f"too weak ({size} bytes)"
            raise ConfigError(
                f"auth.secret (JWT_SECRET or JWT_SECRET_FILE) is {what}; in production it must be "
                f"at least {WEAK_SECRET_BYTES} random bytes, as `openssl rand -base64 48` makes"
            )
        return config
    if size:
        return config
    path = config.data_dir / "jwt-secret"
    if not path.exists():
        config.data_dir.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        # Where another process has just made it, that one is as good.
        with contextlib.suppress(FileExistsError), os.fdopen(os.open(path, flags, 0o600), "w") as f:
            f.write(os.urandom(32).hex())
    return attrs.evolve(config, auth=attrs.evolve(config.auth, secret=_read(path, "the secret")))


# --- reading ------------------------------------------------------------------------------------


def _env_name(section: str, field: Any) -> str:
    return str(field.metadata["env"] or f"COLLAB_{section}_{field.name}".upper())


def environment_name(setting: str) -> str:
    """The name in the environment of a setting such as `server.port`."""
    section, _, name = setting.partition(".")
    return _env_name(section, attrs.fields_dict(SECTIONS[section])[name])


def _listed(names: Any) -> str:
    return f"there are {', '.join(sorted(names))}"


def _read(path: Path, what: str) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(f"{what}: {path} cannot be read: {error.strerror}") from None


def _from_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_read(path, "the configuration"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {error}") from None


def _value(section: str, field: Any, given: Mapping[str, Any], env: Mapping[str, str]) -> Any:
    """A field's value from the environment or the file, checked; None where neither has it."""
    kind = type(field.default)
    name = _env_name(section, field)
    value: Any
    if field.name == "secret" and env.get(f"{name}_FILE"):
        where, value = f"{name}_FILE", _read(Path(env[f"{name}_FILE"]), f"{name}_FILE")
    elif name in env:
        where, value = name, _from_text(name, env[name], kind)
    elif field.name in given:
        where = f"{section}.{field.name}"
        value = given[field.name]
        if kind is float and type(value) is int:
            value = float(value)
        if kind is tuple and isinstance(value, list) and all(isinstance(v, str) for v in value):
            value = tuple(value)
        if type(value) is not kind:
            raise ConfigError(f"{where} = {value!r}: must be {_described(kind)}")
    else:
        return None
    check = field.metadata["check"]
    if check is not None and (wrong := check(value)):
        shown = "" if field.metadata.get("secret") else f" = {value!r}"
        raise ConfigError(f"{where}{shown}: {wrong}")
    return value


def _from_text(name: str, text: str, kind: type) -> Any:
    try:
        if kind is bool:
            return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False,
                    "": False}[text.lower()]  # fmt: skip
        if kind is tuple:
            return tuple(part.strip() for part in text.split(",") if part.strip())
        return kind(text)
    except (ValueError, KeyError):
        raise ConfigError(f"{name} = {text!r}: must be {_described(kind)}") from None


def _described(kind: type) -> str:
    return {
        int: "a whole number",
        float: "a number",
        bool: "true or false",
        str: "a text",
        tuple: "a list of texts",
    }[kind]
