"""Configuration: from a TOML file and the environment, checked at the start.

Every setting has a section and a name in the file (`[limits] document_length = …`) and, where it
says so, a name in the environment, which wins. What is unknown or wrong is an error that names it.
Nothing here reads the environment or a file by itself: both are arguments.
"""

from __future__ import annotations

import contextlib
import os
import socket
import tomllib
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

import attrs

from . import __version__
from .layout import Layout, choose, usable_cores
from .registry.forms import INSTANCE_ID, is_host
from .settings import (
    SECTIONS,
    Auth,
    ConflictSettings,
    HistorySettings,
    Limits,
    Logs,
    MetricsSettings,
    RateSettings,
    RegistrySettings,
    Server,
    StoreSettings,
    Tracing,
    store_url,
)
from .tokens import Keyring

WEAK_SECRET_BYTES = 32


class ConfigError(Exception):
    """A setting is unknown or wrong; the message names it, its value, and what is allowed."""


@attrs.frozen
class Config:
    server: Server = attrs.field(factory=Server)
    store: StoreSettings = attrs.field(factory=StoreSettings)
    auth: Auth = attrs.field(factory=Auth)
    limits: Limits = attrs.field(factory=Limits)
    conflicts: ConflictSettings = attrs.field(factory=ConflictSettings)
    rates: RateSettings = attrs.field(factory=RateSettings)
    history: HistorySettings = attrs.field(factory=HistorySettings)
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
            longest_s=self.auth.revocations_kept_s,
        )

    @property
    def data_dir(self) -> Path:
        return Path(self.server.data_dir)

    @property
    def layout(self) -> Layout:
        """How the node's parts are spread over processes."""
        return choose(self.server.layout, self.server.workers, usable_cores())

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
        if wrong := store_url(store.url):
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
    try:
        choose(server.layout, server.workers, usable_cores())
    except ValueError as error:
        raise ConfigError(f"server.workers (WORKERS) = {server.workers}: {error}") from None
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
