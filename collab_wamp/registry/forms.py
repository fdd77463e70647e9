"""The forms of what others register: what is wrong is named."""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Mapping
from typing import Any, Final

import attrs
import orjson

from ..errors import CollabError
from .interface import Instance

SERVICE: Final = re.compile(r"[a-z0-9_.-]{1,64}")
INSTANCE_ID: Final = re.compile(r"[A-Za-z0-9_.:@-]{1,128}")
NAME: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
LABEL: Final = re.compile(r"[A-Za-z0-9_.+-]{0,64}")
HOST_NAME: Final = re.compile(
    r"(?=.{1,253}\Z)[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
    r"(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?"
)
TTL_LEAST_S: Final = 1
TTL_MOST_S: Final = 300
MOST_NUMBERS: Final = 32
MOST_CAPABILITIES: Final = 32
METADATA_BYTES: Final = 2048
MAX_INTEGER: Final = 2**53 - 1


def _bad(argument: str, rule: str) -> CollabError:
    return CollabError("bad_request", f"{argument} {rule}.", argument=argument)


def _text(argument: str, value: Any, pattern: re.Pattern[str]) -> None:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise _bad(argument, f"must match `^{pattern.pattern}$`")


def _whole(argument: str, value: Any, low: int, high: int) -> None:
    if type(value) is not int or not low <= value <= high:
        raise _bad(argument, f"must be a whole number from {low} to {high}")


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and abs(value) <= MAX_INTEGER


def check_service(service: Any) -> None:
    _text("service", service, SERVICE)


def check_instance_id(instance_id: Any) -> None:
    _text("instance_id", instance_id, INSTANCE_ID)


def check_ttl(ttl_s: Any) -> None:
    if not _is_number(ttl_s) or not TTL_LEAST_S <= ttl_s <= TTL_MOST_S:
        raise _bad("ttl_s", f"must be a number from {TTL_LEAST_S} to {TTL_MOST_S}")


def check_load(load: Any) -> None:
    if not isinstance(load, Mapping) or len(load) > MOST_NUMBERS:
        raise _bad("load", f"must be an object of at most {MOST_NUMBERS} numbers")
    for name, value in load.items():
        if not isinstance(name, str) or not NAME.fullmatch(name) or not _is_number(value):
            raise _bad("load", "must have names and numbers only")


def is_host(value: Any) -> bool:
    """Whether this is the name or the address of a host."""
    if not isinstance(value, str):
        return False
    if ":" in value:
        try:
            return "%" not in value and bool(ipaddress.IPv6Address(value))
        except ValueError:
            return False
    return HOST_NAME.fullmatch(value) is not None


def _check_metadata(metadata: Any) -> None:
    if not isinstance(metadata, Mapping):
        raise _bad("metadata", "must be an object")
    for name, value in metadata.items():
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise _bad("metadata", f"must have names that match `^{NAME.pattern}$`")
        if not (value is None or isinstance(value, str | bool) or _is_number(value)):
            raise _bad("metadata", "must be flat: texts, numbers, true, false and null only")
    try:
        size = len(orjson.dumps(dict(metadata)))
    except orjson.JSONEncodeError:  # a text with half a surrogate pair
        raise _bad("metadata", "cannot be written as JSON") from None
    if size > METADATA_BYTES:
        raise _bad("metadata", f"must have at most {METADATA_BYTES} bytes as JSON, not {size}")


def check_instance(instance: Instance) -> None:
    """
    Raises:
        CollabError: `bad_request`, which names the argument.
    """
    check_service(instance.service)
    check_instance_id(instance.instance_id)
    if not is_host(instance.host):
        raise _bad("host", "must be the name or the address of a host")
    _whole("port", instance.port, 1, 65535)
    _text("version", instance.version, LABEL)
    _text("environment", instance.environment, LABEL)
    _whole("started_ms", instance.started_ms, 0, MAX_INTEGER)
    names = instance.capabilities
    if not isinstance(names, tuple) or len(names) > MOST_CAPABILITIES:
        raise _bad("capabilities", f"must be a list of at most {MOST_CAPABILITIES} texts")
    for name in names:
        _text("capabilities", name, NAME)
    check_load(instance.load)
    _check_metadata(instance.metadata)
    if instance.status not in ("ready", "draining"):
        raise _bad("status", "must be ready or draining")


def instance_from(wire: Any) -> Instance:
    """The instance that an object of the form of `Instance.as_wire` tells.

    `service`, `instance_id`, `host` and `port` are needed; the rest has defaults.

    Raises:
        CollabError: `bad_request`, which names the argument.
    """
    if not isinstance(wire, Mapping):
        raise _bad("instance", "must be an object")
    fields = attrs.fields_dict(Instance)
    for name in wire:
        if name not in fields:
            raise _bad(str(name)[:80], "is no argument")
    for name in ("service", "instance_id", "host", "port"):
        if name not in wire:
            raise _bad(name, "is missing")
    values = dict(wire)
    if isinstance(values.get("capabilities"), list):
        values["capabilities"] = tuple(values["capabilities"])
    instance = Instance(**values)
    check_instance(instance)
    return attrs.evolve(instance, load=dict(instance.load), metadata=dict(instance.metadata))


def instance_to_bytes(instance: Instance) -> bytes:
    return orjson.dumps(instance.as_wire())


def instance_from_bytes(text: bytes) -> Instance:
    """
    Raises:
        CollabError: `bad_request`: this is not what `instance_to_bytes` makes.
    """
    try:
        return instance_from(orjson.loads(text))
    except orjson.JSONDecodeError:
        raise _bad("instance", "is not JSON") from None
