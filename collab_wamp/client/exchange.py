"""Patches as JSON text, in the form that both clients write and read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs

from ..ot import Limits, OpError, OTType
from .patches import Patch, Reason, Unsure

FORMAT = "collab_wamp patches"
VERSION = 1
_ANY_SIZE = Limits(parts=1 << 30, insert_bytes=1 << 30)


@attrs.frozen
class Exported:
    """What a text says.

    Attributes:
        epoch, revision: of the document that the patches' operations are for.
    """

    epoch: str
    revision: int
    patches: list[Patch]


def written(kind: OTType, session_id: str, epoch: str, revision: int, patches: list[Patch]) -> str:
    return json.dumps(
        {
            "format": FORMAT,
            "version": VERSION,
            "session_id": session_id,
            "type": kind.name,
            "epoch": epoch,
            "revision": revision,
            "patches": [patch.as_wire() for patch in patches],
        },
        ensure_ascii=False,
    )


def read(kind: OTType, text: str) -> Exported:
    """
    Raises:
        ValueError: it is not what `written` writes, or of another type of document.
    """
    whole = json.loads(text)
    if not isinstance(whole, dict) or whole.get("format") != FORMAT:
        raise ValueError("these are no patches")
    if whole.get("version") != VERSION or whole.get("type") != kind.name:
        raise ValueError(f"not patches of version {VERSION} for a document of type {kind.name}")
    try:
        patches = [_patch(kind, row) for row in whole["patches"]]
        return Exported(str(whole["epoch"]), int(whole["revision"]), patches)
    except (KeyError, TypeError, AttributeError, OpError) as error:
        raise ValueError(f"these patches are damaged: {error!r}") from None


def _patch(kind: OTType, row: Mapping[str, Any]) -> Patch:
    unsure = row.get("unsure")
    if unsure is not None:
        sent, rest = (_op(kind, unsure[name]) for name in ("op", "rest"))
        unsure = Unsure(str(unsure["client_id"]), int(unsure["seq"]), sent, rest)
    return Patch(
        id=str(row["id"]),
        name=str(row["name"]),
        op=None if row["op"] is None else _op(kind, row["op"]),
        revision=int(row["revision"]),
        text=str(row["text"]),
        reason=Reason(str(row["reason"]["code"]), str(row["reason"]["message"])),
        created_ms=int(row["created_ms"]),
        unsure=unsure,
    )


def _op(kind: OTType, op: Any) -> Any:
    return kind.check(kind.normalize(op), _ANY_SIZE)
