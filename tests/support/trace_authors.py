"""Who typed each character of a recorded session, told from the recording alone.

Each person's own view of the text is played as a list of characters, every one of which is a thing
of its own; so what the others did arrives as characters that come and go, and no position is ever
transformed. Where two insert at one place at one time the recording does not say who comes first;
whoever uses this compares the text too.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

# How far from where a view was last changed a character is looked for first.
NEAR = 200


class View:
    """The characters that one person sees, by number, in order."""

    def __init__(self) -> None:
        self.characters: list[int] = []
        self.there: set[int] = set()
        self._at = 0

    def index(self, character: int) -> int:
        near = max(0, self._at - NEAR)
        try:
            self._at = self.characters.index(character, near, self._at + NEAR)
        except ValueError:
            self._at = self.characters.index(character)
        return self._at

    def insert(self, index: int, character: int) -> None:
        self.characters.insert(index, character)
        self.there.add(character)

    def remove(self, character: int) -> None:
        del self.characters[self.index(character)]
        self.there.remove(character)


class Recording:
    """A trace's characters: `letters` and `agents` by number, 0 = the start of the text."""

    def __init__(self, path: Path) -> None:
        data: Any = json.loads(gzip.decompress(path.read_bytes()))
        assert not data.get("startContent")
        self.letters: list[str] = [""]
        self.agents: list[int] = [-1]
        # Of all characters that there ever were, the one before and the one after.
        self._before, self._after = [0], [0]
        self._views = [View() for _ in range(data["numAgents"])]
        self._done: list[list[tuple[bool, int]]] = []
        # Each agent's transactions, and how many of them are in the text after each transaction.
        of_agent: list[list[int]] = [[] for _ in self._views]
        seen_after: list[list[int]] = []
        has = [[0] * len(self._views) for _ in self._views]
        for number, row in enumerate(data["txns"]):
            agent = row["agent"]
            seen = [0] * len(self._views)
            for parent in row["parents"]:
                seen = [max(pair) for pair in zip(seen, seen_after[parent], strict=True)]
            counts = zip(of_agent, has[agent], seen, strict=True)
            for other in sorted(n for rows, first, last in counts for n in rows[first:last]):
                self._look(self._views[agent], other)
            self._done.append(self._act(agent, row["patches"]))
            of_agent[agent].append(number)
            seen[agent] += 1
            has[agent] = seen
            seen_after.append(seen)
        last = View()
        for number in range(len(self._done)):
            self._look(last, number)
        self._end = last.characters

    def end(self) -> list[tuple[str, int]]:
        """(character, agent) for each of the text at the end."""
        return [(self.letters[number], self.agents[number]) for number in self._end]

    def _act(self, agent: int, patches: list[Any]) -> list[tuple[bool, int]]:
        """What somebody did in their view: (whether it came, character)."""
        view, done = self._views[agent], []
        for position, deleted, inserted in patches:
            for character in view.characters[position : position + deleted]:
                view.remove(character)
                done.append((False, character))
            before = view.characters[position - 1] if position else 0
            for index, letter in enumerate(inserted, position):
                before = self._new(letter, agent, before)
                view.insert(index, before)
                done.append((True, before))
        return done

    def _new(self, letter: str, agent: int, before: int) -> int:
        number, after = len(self.letters), self._after[before]
        self.letters.append(letter)
        self.agents.append(agent)
        self._before.append(before)
        self._after.append(after)
        self._after[before] = self._before[after] = number
        return number

    def _look(self, view: View, number: int) -> None:
        """Take over what somebody else did."""
        for came, character in self._done[number]:
            if came:
                before = self._before[character]
                while before and before not in view.there:
                    before = self._before[before]
                view.insert(view.index(before) + 1 if before else 0, character)
            elif character in view.there:
                view.remove(character)
