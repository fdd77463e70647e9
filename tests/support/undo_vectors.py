"""Undo stacks played by chance, for `tests/vectors/undo.json`; see `vectors`."""

from __future__ import annotations

import random
from typing import Any

from collab_wamp.ot.outbox import Outbox
from collab_wamp.ot.undo import UndoStack

from .generators import GENERATORS, Generator

CASES = 20
STEPS = 18
OTHERS = ("anna-001", "cleo-001")


class UndoRecorder:
    """Plays an undo stack by chance beside an outbox, and keeps each call with what it returned.

    The document that the stack is for is kept beside it: whatever it returns must fit there.
    """

    def __init__(self, kind: Generator, seed: int) -> None:
        self.kind, self.type = kind, kind.type
        self.chance = random.Random(seed)
        self.content = kind.document(self.chance)
        self.stack = UndoStack(self.type, lambda: self.content)
        self.outbox = Outbox(self.type, "bert-001", 0, 1, self.content)
        self.since = [0, 0]
        self.until: int | None = 0
        self.case = {"type": self.type.name, "seed": seed, "document": self.content}
        self.steps: list[dict[str, Any]] = []

    def record(self) -> dict[str, Any]:
        for _ in range(STEPS):
            self.step()
        return {**self.case, "steps": self.steps}

    def step(self) -> None:
        box, chance = self.outbox, self.chance
        match chance.choice("ooojnaartuuvx"):
            case "o" | "j" as what:
                op, _ = self.kind.edit(chance, self.content)
                op = self.type.make_invertible(op, self.content)
                if not self.type.is_noop(op):
                    self.begin()
                    self.call("own", op, what == "j")
                    self.local(op)
            case "u" | "v" as what:
                self.begin()
                self.local(self.call("undo" if what == "u" else "redo"))
            case "n":
                if box.next() is not None:
                    self.since[0] = self.since[1]
                    self.until = self.stack.made if chance.random() < 0.8 else None
            case "a" if box.in_flight is not None:
                box.answered(box.in_flight.seq, box.revision + 1)
            case "r" | "t":
                server = self.type.apply(self.content, box.undo_pending())
                op, _ = self.kind.edit(chance, server)
                op = box.receive(box.revision + 1, chance.choice(OTHERS), 1, op)
                self.call("others", op)
                self.content = self.type.apply(self.content, op)
            case "x" if box.in_flight is not None:
                op = self.type.make_invertible(box.reject()[0], self.content)
                self.call("refused", op, self.since[0], self.until)
                self.content = self.type.apply(self.content, op)

    def begin(self) -> None:
        if self.outbox.buffer is None:
            self.since[1] = self.stack.made

    def local(self, op: Any) -> None:
        if op is not None:
            self.content = self.type.apply(self.content, op)
            self.outbox.local(op)

    def call(self, name: str, *args: Any) -> Any:
        step = {"call": name, "args": list(args), **call_undo(self.stack, name, list(args))}
        self.steps.append(step)
        return step["returns"]


def call_undo(stack: UndoStack, name: str, args: list[Any]) -> dict[str, Any]:
    """Call an undo stack; what it returned, and its state then, as JSON values."""
    options = {"joined": args.pop()} if name == "own" else {}
    returned = getattr(stack, name)(*args, **options)
    return {
        "returns": returned,
        "can_undo": stack.can_undo,
        "can_redo": stack.can_redo,
        "made": stack.made,
    }


def undo_vectors() -> list[dict[str, Any]]:
    return [
        UndoRecorder(kind, seed).record() for kind in GENERATORS.values() for seed in range(CASES)
    ]
