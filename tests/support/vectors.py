"""Writes `tests/vectors/*.json`, to which every language's types, outbox and undo are held.

`python -m tests.support.vectors` writes them anew; that is to be done when the format grows, not
when an implementation changed its mind. What operations make of documents is known independently
of our code; what they are transformed and composed to is the answer of the reference packages; and
what an outbox did was held to the outbox's law at every step while it was recorded.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from collab_wamp.ot.outbox import Gap, Message, Outbox
from collab_wamp.ot.text import TEXT

from .json_vectors import json_vectors
from .node_reference import ask
from .operations import CHARACTERS, random_edit, random_text
from .rich_vectors import rich_text_vectors
from .undo_vectors import undo_vectors

FOLDER = Path(__file__).parents[1] / "vectors"
TEXTS = 60
OUTBOXES = 25
STEPS = 18
OTHERS = ("anna-001", "cleo-001", "bert-001")

# What every `check` refuses.
REFUSED: list[Any] = [
    None, "abc", {"d": 1}, [0], [-1, "a"], [1.5, "a"], [True, "a"], [None], [[]], [""], [1, ""],
    ["a\0"], [{}], [{"D": 1}], [{"d": 0}], [{"d": -1}], [{"d": ""}], [{"d": None}], [{"d": 1.5}],
    [1, 1, "a"], ["a", "b"], [{"d": 1}, {"d": "a"}], ["a", 1], [2],
]  # fmt: skip


def text_vectors() -> dict[str, Any]:
    cases = []
    for seed in range(TEXTS):
        chance = random.Random(seed)
        document = random_text(chance, 12, CHARACTERS)
        invertible = seed % 2 == 0
        a, applied = random_edit(chance, document, alphabet=CHARACTERS, invertible=invertible)
        b, _ = random_edit(chance, document, alphabet=CHARACTERS, invertible=invertible)
        c, _ = random_edit(chance, applied, alphabet=CHARACTERS, invertible=invertible)
        position = chance.randint(0, len(document))
        case = {"document": document, "a": a, "b": b, "c": c, "position": position}
        cases.append({**case, "applied": applied, "messy": [0, *a, "", 3]})
    answers = ask("text.mjs", "ot-text-unicode", cases)
    return {"cases": [_text_case(*pair) for pair in zip(cases, answers, strict=True)],
            "refused": REFUSED}  # fmt: skip


def _text_case(case: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    del case["messy"], answer["normalized"]
    assert case["applied"] == answer["applied"]
    limits = {"parts": 3, "size": 8}
    return {
        **case,
        "a_left": answer["a_left"],
        "b_right": answer["b_right"],
        "composed": answer["composed"],
        "invertible": answer["invertible"],
        "inverted": answer["inverted"],
        "position_after": answer["position"],
        "difference": TEXT.difference(case["document"], case["applied"]),
        "limits": limits,
        "split": list(TEXT.split(case["a"], limits["parts"], limits["size"])),
    }


class Recorder:
    """Plays an outbox by chance, and keeps each call with what it returned.

    The server's document, what is in flight and the buffer are kept beside it as documents, so
    that the law is held to at every step.
    """

    def __init__(self, seed: int, *, compares: bool = False) -> None:
        self.chance = random.Random(seed)
        self.initial = random_text(self.chance, 6, CHARACTERS)
        self.server = self.screen = self.initial
        self.outbox = Outbox(TEXT, "bert-001", 10 * seed, 1)
        self.actions = "lllnnrrrroawxzgj"
        self.case: dict[str, Any] = {
            "seed": seed,
            "client_id": "bert-001",
            "revision": self.outbox.revision,
            "next_seq": 1,
        }
        self.steps: list[dict[str, Any]] = []
        self.theirs = 0
        if compares:
            self.outbox.compares = True
            self.outbox.limits = self.chance.choice(((0, 0), (0, 0), (3, 8)))
            self.case |= {"compares": True, "limits": list(self.outbox.limits)}
            self.actions += "jJJJt"

    def record(self) -> dict[str, Any]:
        for _ in range(STEPS):
            self.step()
            assert TEXT.apply(self.screen, self.outbox.undo_pending()) == self.server
        self.call("undo_pending")
        return {**self.case, "steps": self.steps}

    def step(self) -> None:
        box, chance = self.outbox, self.chance
        match chance.choice(self.actions):
            case "l":
                op, self.screen = random_edit(
                    chance, self.screen, alphabet=CHARACTERS, invertible=True
                )
                self.call("local", op)
            case "n" if chance.random() < 0.3:
                self.call("next", 3, 8)
            case "n":
                self.call("next")
            case "r":
                self.hear()
            case "o" if box.in_flight is not None:
                flight = box.in_flight
                self.server = TEXT.apply(self.server, flight.now)
                self.call("receive", box.revision + 1, box.client_id, flight.seq, flight.now)
            case "a" if box.in_flight is not None:
                flight = box.in_flight
                self.server = TEXT.apply(self.server, flight.now)
                self.call("answered", flight.seq, box.revision + 1)
            case "w" if box.in_flight is not None:
                self.call("answered", box.in_flight.seq, box.revision + 4)
                self.call("resend")
            case "x" if box.in_flight is not None:
                self.show(self.call("reject")["undo"])
            case "z":
                self.reset()
            case "j":
                self.call("rejoined", *chance.choice(((), (3, 8))))
                self.call("resend")
            case "J" if box.in_flight is not None:
                missed = chance.randrange(4)
                self.call("rejoining", box.in_flight.seq, missed)
                for _ in range(missed):
                    self.hear()
                self.call("rejoined", *box.limits)
            case "t" if box.in_flight is not None:
                self.call("too_old")
            case "g":
                self.call("receive", box.revision + 3, OTHERS[0], 1, ["x"])

    def hear(self) -> None:
        """Somebody else has done something."""
        op, self.server = random_edit(self.chance, self.server, alphabet=CHARACTERS)
        self.theirs += 1
        author = self.chance.choice(OTHERS[:2])
        self.show(self.call("receive", self.outbox.revision + 1, author, self.theirs, op))

    def reset(self) -> None:
        box = self.outbox
        done = box.in_flight is not None and self.chance.random() < 0.5
        next_seq = box.next_seq if box.in_flight is None or done else box.in_flight.seq
        base = self.server
        if box.in_flight is not None and done:
            base = TEXT.apply(base, box.in_flight.now)
        _, after = random_edit(self.chance, base, alphabet=CHARACTERS)
        difference = TEXT.difference(self.server, after)
        self.server = after
        self.show(self.call("reset", box.revision + 7, difference, next_seq))

    def show(self, op: Any) -> None:
        if op is not None:
            self.screen = TEXT.apply(self.screen, op)

    def call(self, name: str, *args: Any) -> Any:
        step = {"call": name, "args": list(args), **call(self.outbox, name, list(args))}
        self.steps.append(step)
        return step.get("returns")


def call(outbox: Outbox, name: str, args: list[Any]) -> dict[str, Any]:
    """Call an outbox; what it returned or raised, and its state then, as JSON values."""
    try:
        returned: Any = getattr(outbox, name)(*args)
    except Gap:
        result: dict[str, Any] = {"gap": True}
    else:
        if isinstance(returned, Message):
            returned = {"seq": returned.seq, "revision": returned.revision, "op": returned.op}
        elif name == "reject":
            returned = {"undo": returned[0], "lost": returned[1]}
        result = {"returns": returned}
    flight = outbox.in_flight
    if outbox.compares:
        result["base"] = None if flight is None else flight.base
        result["unsent"] = None if flight is None else flight.unsent
    return {
        **result,
        "state": outbox.state,
        "revision": outbox.revision,
        "next_seq": outbox.next_seq,
        "buffer": outbox.buffer,
        "in_flight": None if flight is None else flight.now,
    }


def outbox_vectors() -> list[dict[str, Any]]:
    seeds = range(OUTBOXES, 2 * OUTBOXES)
    compared = [Recorder(seed, compares=True).record() for seed in seeds]
    return [*(Recorder(seed).record() for seed in range(OUTBOXES)), *compared]


def write(name: str, value: Any) -> None:
    """One case a line, characters beyond ASCII escaped: a change shows as what it is."""
    parts = value if isinstance(value, dict) else {"cases": value}
    lines = []
    for key, rows in parts.items():
        rows_text = ",\n".join("  " + json.dumps(row) for row in rows)
        lines.append(f'"{key}": [\n{rows_text}\n]')
    (FOLDER / name).write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="ascii")


if __name__ == "__main__":
    write("text.json", text_vectors())
    write("rich_text.json", rich_text_vectors())
    write("json.json", json_vectors())
    write("outbox.json", outbox_vectors())
    write("undo.json", undo_vectors())
