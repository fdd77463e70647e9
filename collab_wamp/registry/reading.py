"""Reading what a backend holds: what others wrote there by hand may be wrong, and stops nobody."""

from __future__ import annotations

from typing import Final

import attrs
import orjson
from twisted.logger import Logger

from ..errors import CollabError
from .forms import check_load, instance_from_bytes
from .interface import Instance

MOST_COMPLAINTS: Final = 1000


class Reader:
    """
    Args:
        where: the backend, for the log.
    """

    log = Logger()

    def __init__(self, where: str) -> None:
        self._where = where
        self._told: set[tuple[str, str]] = set()

    def read(
        self, service: str, instance_id: str, value: bytes, load: bytes = b""
    ) -> Instance | None:
        """The instance that is kept under these names; None, and a line in the log, if it is wrong.

        Args:
            value: of the form of `Instance.as_wire`.
            load: JSON; "" = it is part of `value`.
        """
        try:
            instance = instance_from_bytes(value)
            if load:
                numbers = orjson.loads(load)
                check_load(numbers)
                instance = attrs.evolve(instance, load=numbers)
        except (CollabError, orjson.JSONDecodeError) as error:
            self.complain(service, instance_id, str(error))
            return None
        if (instance.service, instance.instance_id) != (service, instance_id):
            self.complain(service, instance_id, "it names another instance")
            return None
        return instance

    def complain(self, service: str, instance_id: str, why: str) -> None:
        """Say once that an entry is passed over."""
        if (service, instance_id) in self._told or len(self._told) >= MOST_COMPLAINTS:
            return
        self._told.add((service, instance_id))
        self.log.warn(
            "{where}: the entry of {service} {instance_id} is passed over: {why}",
            where=self._where,
            service=service,
            instance_id=instance_id,
            why=why,
        )
