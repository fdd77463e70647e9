"""Operations of type `json` by chance, each with the document that it is to give.

The expected document is made by plain changes of a copy, and not by the code under test.
"""

from __future__ import annotations

import random
from copy import deepcopy
from typing import Any

from .operations import CHARACTERS, random_edit, random_text

Op = list[dict[str, Any]]
Edit = tuple[Op, Any]

KEYS = ("a", "b", "é€", "0", "")
SCALARS = (None, True, False, 0, 1, -7, 2.5, "", "1", "😀é")


def random_value(chance: random.Random, depth: int = 2) -> Any:
    kind = chance.choice("sssntldd" if depth else "snt")
    if kind == "l":
        return [random_value(chance, depth - 1) for _ in range(chance.randint(0, 4))]
    if kind == "d":
        keys = chance.sample(KEYS, chance.randint(0, 3))
        return {key: random_value(chance, depth - 1) for key in keys}
    if kind == "n":
        return chance.randint(-5, 5)
    return random_text(chance, 6, CHARACTERS) if kind == "t" else chance.choice(SCALARS)


def random_document(chance: random.Random) -> Any:
    """An object or a list, with something in it that can be changed."""
    if chance.random() < 0.5:
        return [random_value(chance, 2) for _ in range(chance.randint(1, 5))]
    return {key: random_value(chance, 3) for key in chance.sample(KEYS, chance.randint(1, 4))}


def random_json_edit(
    chance: random.Random, document: Any, *, most: int = 4, root: float = 0.02
) -> Edit:
    """(operation, expected document); the operation says what it deletes.

    Args:
        most: at most so many components.
        root: how often the root is replaced.
    """
    box = [deepcopy(document)]
    op: Op = []
    for _ in range(chance.randint(0, most)):
        if chance.random() < root:
            old, box[0] = box[0], random_document(chance)
            op.append({"p": [], "od": deepcopy(old), "oi": deepcopy(box[0])})
        else:
            op.append(deepcopy(_change(chance, *_place(chance, box[0]))))
    return op, box[0]


def _place(chance: random.Random, root: Any) -> tuple[Any, list[Any]]:
    """Some container of a document, and its path."""
    here, path = root, []
    while chance.random() < 0.6:
        keys = [key for key, value in _members(here) if isinstance(value, list | dict)]
        if not keys:
            break
        key = chance.choice(keys)
        here = here[key]
        path.append(key)
    return here, path


def _members(container: Any) -> list[tuple[Any, Any]]:
    return list(container.items() if isinstance(container, dict) else enumerate(container))


def _change(chance: random.Random, here: Any, path: list[Any]) -> dict[str, Any]:
    """Change a container, or a text or number in it; the component that says how."""
    leaves = [key for key, value in _members(here) if type(value) is int or isinstance(value, str)]
    if leaves and chance.random() < 0.4:
        return _change_leaf(chance, here, path, chance.choice(leaves))
    if isinstance(here, dict):
        return _change_member(chance, here, path)
    return _change_item(chance, here, path)


def _change_leaf(chance: random.Random, here: Any, path: list[Any], key: Any) -> dict[str, Any]:
    component: dict[str, Any] = {"p": [*path, key]}
    if isinstance(here[key], str):
        op, here[key] = random_edit(
            chance, here[key], alphabet=CHARACTERS, invertible=True, pieces=3
        )
        return component | {"t": "text-unicode", "o": op}
    component["na"] = chance.randint(-3, 9)
    here[key] += component["na"]
    return component


def _change_member(chance: random.Random, here: Any, path: list[Any]) -> dict[str, Any]:
    key = chance.choice(KEYS)
    component: dict[str, Any] = {"p": [*path, key]}
    there = key in here
    if there:
        component["od"] = here.pop(key)
    if not there or chance.random() < 0.6:
        component["oi"] = here[key] = random_value(chance)
    return deepcopy(component)


def _change_item(chance: random.Random, here: Any, path: list[Any]) -> dict[str, Any]:
    kind = chance.choice(("insert", "insert", "delete", "replace", "move", "move"))
    if not here or kind == "insert":
        index = chance.randint(0, len(here))
        here.insert(index, random_value(chance))
        return deepcopy({"p": [*path, index], "li": here[index]})
    index = chance.randrange(len(here))
    item = here.pop(index)
    if kind == "delete":
        return {"p": [*path, index], "ld": item}
    if kind == "replace":
        here.insert(index, random_value(chance))
        return deepcopy({"p": [*path, index], "ld": item, "li": here[index]})
    to = chance.randint(0, len(here))
    here.insert(to, item)
    return {"p": [*path, index], "lm": to}
