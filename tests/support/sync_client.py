"""A client whose server is the test: it sees every request, and answers as it likes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collab_wamp import protocol
from collab_wamp.client.change import Change
from collab_wamp.client.conflicts import Conflict
from collab_wamp.client.errors import ClientError, from_wamp
from collab_wamp.client.observer import Rejection
from collab_wamp.client.requests import Action, Call, Subscribe
from collab_wamp.client.self_check import Divergence
from collab_wamp.client.settings import Settings
from collab_wamp.client.sync import Sync

ME, OTHER = "client-mine", "client-other"


TOPICS = {name: f"topic.{name}" for name in ("edits", "roster", "presence", "cursor", "selection")}


LIMITS = {"op_parts": 1000, "op_insert_bytes": 32768, "document_length": 1 << 20}


def row(participant_id: str, client_id: str = OTHER, right: str = "edit") -> dict[str, Any]:
    return {
        "participant_id": participant_id,
        "user_id": f"user of {participant_id}",
        "user_info": {},
        "right": right,
        "client_id": client_id,
    }


def joined(revision: int = 0, content: str | None = "", **more: Any) -> dict[str, Any]:
    answer = {
        "participant_id": "me",
        "epoch": "epoch1",
        "type": "text",
        "revision": revision,
        "next_seq": 1,
        "roster": [row("me", ME)],
        "presence": {},
        "rights": "edit",
        "topics": TOPICS,
        "limits": LIMITS,
    }
    if content is not None:
        answer["content"] = content
    return answer | more


def edit(client_id: str, seq: int, op: Any) -> list[Any]:
    return [client_id, seq, op, "user", 0]


class Client:
    """A `Sync` whose actions are looked at, and answered by hand."""

    def __init__(self, **settings: Any) -> None:
        self.now = 100.0
        self.sync = Sync(Settings("notes", client_id=ME, **settings), self, lambda: 0.5)
        self.changes: list[Change] = []
        self.rejections: list[Rejection] = []
        self.conflicts: list[Conflict] = []
        self.merges: list[list[Mapping[str, Any]]] = []
        self.divergences: list[Divergence] = []
        self.ends: list[ClientError] = []
        self.placements: list[list[str]] = []
        self.subscriptions: dict[str, Subscribe] = {}

    # --- Observer ---
    def changed(self, change: Change) -> None:
        self.changes.append(change)

    def placed(self, participant_ids: list[str]) -> None:
        self.placements.append(participant_ids)

    def roster_changed(self) -> None: ...

    def sent(self, seq: int) -> None: ...

    def acknowledged(self, seq: int) -> None: ...

    def rejected(self, rejection: Rejection) -> None:
        self.rejections.append(rejection)

    def conflicted(self, conflict: Conflict) -> None:
        self.conflicts.append(conflict)

    def merged(self, conflicts: list[Mapping[str, Any]]) -> None:
        self.merges.append(conflicts)

    def patches_changed(self) -> None: ...

    def diverged(self, divergence: Divergence) -> None:
        self.divergences.append(divergence)

    def ended(self, error: ClientError) -> None:
        self.ends.append(error)

    # --- driving ---
    def due(self) -> list[Action]:
        return self.sync.due(self.now)

    def calls(self) -> dict[str, Call]:
        """What is to be called now, by procedure; nothing else is to be done."""
        actions = self.due()
        assert all(isinstance(action, Call) for action in actions), actions
        calls = {action.procedure: action for action in actions if isinstance(action, Call)}
        assert len(calls) == len(actions)
        return calls

    def call(self, procedure: str) -> Call:
        calls = self.calls()
        assert list(calls) == [procedure], calls
        return calls[procedure]

    def answer(self, call: Call, **result: Any) -> None:
        self.sync.answered(call, result, self.now)

    def fail(self, call: Call, code: str, **details: Any) -> None:
        uri = code if "." in code else f"collab.error.{code}"
        self.sync.failed(call, from_wamp(uri, ["no"], details), self.now)

    def event(self, kind: str, **event: Any) -> None:
        self.sync.event(self.subscriptions[kind], event, self.now)

    def edits(self, after: int, *edits: list[Any]) -> None:
        self.event("edits", epoch="epoch1", after=after, edits=list(edits))

    def connect(self, answer: dict[str, Any] | None = None) -> Call:
        """Connect and join, up to following the stream; the join."""
        self.sync.connected(self.now)
        join = self.call(protocol.JOIN)
        self.finish_join(join, answer or joined())
        return join

    def finish_join(self, join: Call, answer: dict[str, Any]) -> None:
        self.answer(join, **answer)
        subscribes = [action for action in self.due() if isinstance(action, Subscribe)]
        assert [s.kind for s in subscribes] == ["edits", "roster", "presence"], subscribes
        assert not self.sync.joined
        for subscribe in subscribes:
            self.subscriptions[subscribe.kind] = subscribe
            self.sync.answered(subscribe, None, self.now)
        assert self.sync.joined
        calls = self.calls()
        revision = answer["revision"]
        assert calls[protocol.FETCH].kwargs["after"] == revision
        self.answer(calls.pop(protocol.FETCH), edits=[], revision=revision, more=False)
        self.answer(calls.pop(protocol.INFO), roster=answer["roster"])
        self.resent = calls.pop(protocol.EDIT, None)
        assert not calls

    def type(self, op: Any) -> None:
        assert self.sync.replica is not None
        self.sync.replica.edit(op)

    def submit(self, op: Any) -> Call:
        self.type(op)
        return self.call(protocol.EDIT)

    @property
    def content(self) -> str:
        assert self.sync.replica is not None
        return str(self.sync.replica.content)

    @property
    def pending(self) -> int:
        assert self.sync.replica is not None
        return self.sync.replica.pending

    def wait(self, seconds: float) -> None:
        """Let time pass; nothing is due before."""
        assert self.sync.wake_at >= self.now + seconds - 1e-9, (self.sync.wake_at, self.now)
        self.now += seconds


def body(call: Call) -> tuple[Any, ...]:
    return tuple(call.kwargs[name] for name in ("epoch", "revision", "client_id", "seq", "op"))
