"""Opening the registry that a URL names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..store.address import parse_address
from .address import parse_registry_url
from .consul import ConsulRegistry
from .etcd import EtcdRegistry
from .interface import Registry
from .redis import RedisRegistry


def open_registry(
    url: str, *, reactor: Any, store_url: str, monotonic: Callable[[], float]
) -> Registry:
    """The registry at `url`, see `address.parse_registry_url`; `close` it in the end.

    Connections are made when they are needed, and again when they are lost.

    Args:
        store_url: of the project's store, which `redis` means.
        monotonic: seconds on a clock that nobody sets.

    Raises:
        ValueError: `url` (or `store_url`) is not understood.
    """
    address = parse_registry_url(url)
    if address.kind == "etcd":
        return EtcdRegistry(reactor, address)
    if address.kind == "consul":
        return ConsulRegistry(reactor, address)
    return RedisRegistry(reactor, parse_address(address.store_url or store_url), monotonic)
