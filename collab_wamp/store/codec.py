"""How sessions are written into keys and values of Redis.

Keys of one session share the hash tag `{tenant:session}`, so that they live on one shard:

=========  ======  =================================================================
`…:meta`   hash    the fields of `SessionMeta`
`…:log`    stream  entry `<revision>-0`, field `e`: the edit as JSON
`…:seen`   hash    client_id → `seq:revision:digest:milliseconds:user_id`
`…:snap`   string  `revision:sha256:` and the content's JSON text, deflated
`…:checkpoints`  hash  revision → an older snapshot, as `…:snap`
`…:versions`  hash  version_id → a named version as JSON
`…:contents`  hash  version_id → its content, as `…:snap`
`…:rights` hash    user_id → what is granted, see `access.effective`
`…:held`   hash    conflict_id → state, expires_ms, user_id as JSON, body: a line each, see `held`
`…:held_bodies`  hash  conflict_id → the rest of `Held` as JSON
`…:roster`    hash  participant_id → join_id, client_id, user_id as JSON, participant as JSON: a
                    line each; expires
`…:presence`  hash  participant_id → presence as JSON; expires
=========  ======  =================================================================

The channel of its announcements is `…:events`; messages are JSON arrays that start with their kind.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import attrs
import orjson

from .announcements import (
    Announcement,
    CheckAnnounced,
    ConflictAnnounced,
    DestroyAnnounced,
    EditsAnnounced,
    EpochAnnounced,
    JoinAnnounced,
    LeaveAnnounced,
    NoticeAnnounced,
    PresenceAnnounced,
    RevokedAnnounced,
    RightsAnnounced,
)
from .held import Held
from .values import (
    Edit,
    JoinRecord,
    Participant,
    Presence,
    SessionKey,
    SessionMeta,
    Snapshot,
    Version,
)

NAMES = (
    "meta", "log", "seen", "snap", "checkpoints", "versions", "contents", "roster", "presence",
    "rights", "held", "held_bodies",
)  # fmt: skip
ENTRIES_REMEMBERED = 5000
NUMBERS = ("revision", "snapshot_revision", "floor_revision", "created_ms")


def tag(key: SessionKey) -> str:
    return f"{{{key.tenant}:{key.session_id}}}"


def keys(key: SessionKey, *names: str) -> list[str]:
    return [f"{tag(key)}:{name}" for name in names]


def all_keys(key: SessionKey) -> list[str]:
    """Of everything that a session has; `meta` is the first."""
    return keys(key, *NAMES)


def channel(key: SessionKey) -> str:
    return f"{tag(key)}:events"


def listing(tenant: str) -> str:
    """The key of a tenant's session ids."""
    return f"tenant:{tenant}:sessions"


def joined_index(instance_id: str) -> str:
    """The key of an instance's `JoinRecord`s."""
    return f"instance:{instance_id}:joined"


def pairs(flat: Sequence[bytes]) -> dict[str, bytes]:
    """A hash as Redis lists it: field, value, field, value, …"""
    return {flat[i].decode(): flat[i + 1] for i in range(0, len(flat), 2)}


def encode_meta(meta: SessionMeta) -> list[str]:
    flat: list[str] = []
    for name, value in attrs.asdict(meta).items():
        flat += [name, str(value)]
    return flat


def decode_meta(flat: Sequence[bytes]) -> SessionMeta:
    fields: dict[str, Any] = {name: value.decode() for name, value in pairs(flat).items()}
    for name in NUMBERS:
        fields[name] = int(fields[name])
    return SessionMeta(**fields)


def encode_edit(edit: Edit) -> bytes:
    return orjson.dumps(edit.as_wire())


def decode_edits(payloads: Sequence[bytes]) -> tuple[Edit, ...]:
    return tuple(Edit.from_wire(orjson.loads(payload)) for payload in payloads)


def encode_snapshot(snapshot: Snapshot) -> bytes:
    head = f"{snapshot.revision}:{snapshot.sha256}:".encode()
    return head + zlib.compress(snapshot.content, 6)


def decode_snapshot(value: bytes) -> Snapshot:
    """Raises `ValueError` or `zlib.error` where the value is not what was written."""
    revision, sha256, data = value.split(b":", 2)
    return Snapshot(int(revision), zlib.decompress(data), sha256.decode())


def encode_version(version: Version) -> bytes:
    return orjson.dumps(version.as_wire())


def decode_version(value: bytes) -> Version:
    return Version(**orjson.loads(value))


def encode_participant(participant: Participant) -> bytes:
    # What is granted is kept apart from it, and changes apart from it.
    return orjson.dumps(attrs.asdict(participant, filter=lambda field, _: field.name != "granted"))


def decode_participant(value: bytes | dict[str, Any]) -> Participant:
    fields = orjson.loads(value) if isinstance(value, bytes) else value
    return Participant(**{**fields, "withheld": tuple(fields.get("withheld", ()))})


def encode_entry(participant: Participant) -> bytes:
    """A value of the roster; join.lua makes the same."""
    name = orjson.dumps(participant.user_id)
    head = (participant.join_id.encode(), participant.client_id.encode(), name)
    return b"\n".join((*head, encode_participant(participant)))


@lru_cache(ENTRIES_REMEMBERED)
def decode_entry(value: bytes, granted: str = "") -> Participant:
    """A value of the roster. JSON has no line breaks, so the fourth line is all the rest.

    Everybody who joins is told of all the others: where hundreds join at one time, nearly all of a
    roster was decoded a moment ago.
    """
    return attrs.evolve(decode_participant(value.split(b"\n", 3)[3]), granted=granted)


def decode_roster(flat: Sequence[bytes], rights: Sequence[bytes]) -> tuple[Participant, ...]:
    """Those who may view at least: whoever may not any more is being removed."""
    granted = decode_rights(rights)
    found = []
    for value in flat[1::2]:
        row = decode_entry(value)
        if row.user_id in granted:
            row = decode_entry(value, granted[row.user_id])
        if row.may:
            found.append(row)
    return tuple(sorted(found, key=lambda row: (row.joined_ms, row.participant_id)))


def decode_rights(flat: Sequence[bytes]) -> dict[str, str]:
    return {user_id: value.decode() for user_id, value in pairs(flat).items()}


def encode_held(held: Held) -> tuple[bytes, bytes]:
    """A value of `held`, and one of `held_bodies`."""
    user = orjson.dumps(held.user_id).decode()
    head = "\n".join((held.state, str(held.expires_ms), user, held.body))
    return head.encode(), orjson.dumps(attrs.asdict(held, recurse=False))


def decode_held(head: bytes, body: bytes) -> Held:
    state, expires_ms, _, _ = head.decode().split("\n")
    fields = {**orjson.loads(body), "state": state, "expires_ms": int(expires_ms)}
    return Held(**fields)


def encode_record(record: JoinRecord) -> tuple[str, int]:
    """A field and its value."""
    key = record.key
    field = "\n".join((key.tenant, key.session_id, record.participant_id, record.join_id))
    return field, record.wamp_session_id


def decode_record(field: str, value: bytes) -> JoinRecord:
    tenant, session_id, participant_id, join_id = field.split("\n")
    return JoinRecord(SessionKey(tenant, session_id), participant_id, join_id, int(value))


def encode_presence(presence: Presence | None) -> bytes:
    if presence is None:
        return b"null"
    return orjson.dumps([presence.revision, presence.cursor, presence.selection])


def decode_presences(flat: Sequence[bytes]) -> dict[str, Presence]:
    return {name: Presence(*orjson.loads(value)) for name, value in pairs(flat).items()}


def encode_announcement(announcement: Announcement) -> bytes:
    """Of those that no script writes."""
    match announcement:
        case RevokedAnnounced(tenant, kind, name, at_ms):
            return orjson.dumps(["revoked", tenant, kind, name, at_ms])
        case NoticeAnnounced(tenant, user_id, notice):
            return orjson.dumps(["notice", tenant, user_id, notice])
    raise TypeError(f"{announcement!r} is announced by the script that makes it happen")


def decode_announcement(message: bytes) -> Announcement:
    """Raises `ValueError` for what no version of this program has sent."""
    match orjson.loads(message):
        case ["edits", epoch, after, rows, *before]:
            edits = tuple(Edit.from_wire(row) for row in rows)
            return EditsAnnounced(epoch, after, edits, *before)
        case ["join", participant, granted]:
            return JoinAnnounced(attrs.evolve(decode_participant(participant), granted=granted))
        case ["leave", participant_id, reason]:
            return LeaveAnnounced(participant_id, reason)
        case ["presence", instance_id, rows]:
            presence = {name: row and Presence(*row) for name, row in rows.items()}
            return PresenceAnnounced(instance_id, presence)
        case ["check", epoch, revision, sha256]:
            return CheckAnnounced(epoch, revision, sha256)
        case ["destroy", epoch]:
            return DestroyAnnounced(epoch)
        case ["epoch", epoch]:
            return EpochAnnounced(epoch)
        case ["rights", user_id, granted]:
            return RightsAnnounced(user_id, granted)
        case ["conflict", user_id, conflict]:
            return ConflictAnnounced(user_id, conflict)
        case ["revoked", tenant, kind, name, at_ms]:
            return RevokedAnnounced(tenant, kind, name, at_ms)
        case ["notice", tenant, user_id, notice]:
            return NoticeAnnounced(tenant, user_id, notice)
    raise ValueError(f"unknown announcement {message[:40]!r}")
