"""A bot that works on a document with everybody else: whoever writes a sum gets its result.

    python examples/bot.py TOKEN [DOCUMENT [URL]]

Write `12 + 30 =` in the document: the bot writes ` 42` behind it. It is one more participant, so
its edits never overwrite anybody's, and each person's undo leaves them alone.
"""

from __future__ import annotations

import re
import sys
from typing import Any

from twisted.internet.defer import ensureDeferred
from twisted.internet.task import react

from collab_wamp.client import connect

SUM = re.compile(r"(\d{1,12}) ?([+*-]) ?(\d{1,12}) ?=(?! ?-?\d)")
URL = "ws://localhost:8080/ws"


def results(text: str) -> list[tuple[int, str]]:
    """Where a result is missing, and which: (position, text), from the end on."""
    found = []
    for match in SUM.finditer(text):
        left, sign, right = int(match[1]), match[2], int(match[3])
        value = {"+": left + right, "-": left - right, "*": left * right}[sign]
        found.append((match.end(), f" {value}"))
    return found[::-1]


async def work(reactor: Any, token: str, name: str = "welcome", url: str = URL) -> None:
    client = await connect(reactor, url, token)
    document = await client.open(name, create=True, user_info={"name": "Sums"})

    def calculate(*_change: Any) -> None:
        # From the end on, so that no result moves the place of the next.
        for position, result in results(document.content):
            document.insert(position, result)

    calculate()
    document.on_change(calculate)
    await document.until(lambda: False)  # until the session is over, which is raised here


if __name__ == "__main__":
    react(lambda reactor: ensureDeferred(work(reactor, *sys.argv[1:])))
