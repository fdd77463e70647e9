"""Documents and edits of every type by chance, for what is to hold of all types."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import attrs

from collab_wamp.ot import OTType
from collab_wamp.ot.json_type import JSON
from collab_wamp.ot.rich_text import RICH_TEXT
from collab_wamp.ot.text import TEXT

from . import json_operations, operations, rich_operations


@attrs.frozen
class Generator:
    """
    Attributes:
        document: a document.
        edit: (operation, expected document) for a document.
    """

    type: OTType
    document: Callable[[random.Random], Any]
    edit: Callable[[random.Random, Any], tuple[Any, Any]]


GENERATORS: dict[str, Generator] = {
    generator.type.name: generator
    for generator in (
        Generator(
            TEXT,
            lambda chance: operations.random_text(chance, 10, operations.CHARACTERS),
            lambda chance, document: operations.random_edit(
                chance, document, alphabet=operations.CHARACTERS
            ),
        ),
        Generator(
            RICH_TEXT,
            lambda chance: rich_operations.random_document(
                chance, 3, alphabet=operations.CHARACTERS
            ),
            lambda chance, document: rich_operations.random_edit(
                chance, document, alphabet=operations.CHARACTERS
            ),
        ),
        Generator(
            JSON,
            json_operations.random_document,
            json_operations.random_json_edit,
        ),
    )
}
