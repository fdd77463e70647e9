"""Clients and nodes in one process, on a network and a store that do what they can to them.

Real: the outbox, the document types, the use cases, the writer, the feeds and relays, on the memory
store. Simulated, from one seed: time, the network, the workers' deaths, the store's delays.

`python -m tests.simulation --seed N` plays one seed and tells all that happened; `--seeds A-B`
plays many and names those that fail; `--type` says on which type of document; `--words` plays the
other game, words typed at one spot, `--asks` the third, where edits that conflict are held.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

from collab_wamp import documents
from tests.support.sim_client import Client
from tests.support.sim_world import World
from tests.support.sim_writers import WRITERS

ACTIONS = 40
WORD = 5


def live(world: World) -> tuple[list[Client], list[Client]]:
    """People edit, connections break, workers die; then it goes quiet: who is here, who away."""
    chance = world.chance
    world.begin()
    for _ in range(ACTIONS):
        world.run(world.step())
        client = chance.choice(world.clients)
        if chance.random() < 0.2:
            world.misfortune()
        elif client.box is not None:
            world.type_by_chance(client)
    away = [client for client in world.clients if chance.random() < 0.2]
    here = [client for client in world.clients if client not in away]
    world.dismiss(away)
    world.settle(here)
    return here, away


def play_edits(world: World) -> None:
    """After all that may befall people all must be well, also for who comes later."""
    here, away = live(world)
    world.verify_written(world.verify(here), complete=not away)
    world.verify_people(here)
    world.verify_stream(here, away)
    world.verify(here)
    for node in world.nodes:
        late = world.client(f"latecomer-{node.name}")
        late.connect(node)
        world.settle([late])
        world.verify([*here, late])


def play_words(world: World) -> None:
    """Everybody types a word at one spot, letter by letter; each word must be found whole."""
    chance = world.chance
    left = dict.fromkeys(world.clients, WORD)
    letters = {client: chr(ord("A") + number) for number, client in enumerate(world.clients)}
    world.begin()
    while any(left.values()):
        world.run(world.step())
        client = chance.choice(world.clients)
        if chance.random() < 0.1:
            world.misfortune()
        elif client.box is not None and left[client]:
            letter = letters[client]
            position = world.writer.text(client.screen).rfind(letter) + 1 or 1
            client.type(world.writer.insertion(position, letter))
            left[client] -= 1
    world.dismiss([])
    world.settle(world.clients)
    writer = world.writer
    content = writer.text(world.verify(world.clients))
    assert len(content) == len(writer.text(writer.initial)) + WORD * len(world.clients), content
    for client in world.clients:
        assert letters[client] * WORD in content, f"{letters[client] * WORD} not in {content}"


def play_asks(world: World) -> None:
    """As `play_edits`, but edits that conflict are held, and merged in the end."""
    here, away = live(world)
    world.verify(here)
    world.held = world.decide(here)
    world.settle(here)
    world.verify_written(world.verify(here), complete=not away)


GAMES: dict[str, Callable[[World], None]] = {
    "edits": play_edits,
    "words": play_words,
    "asks": play_asks,
}


def play(seed: int, game: str = "edits", kind: str = "text") -> World:
    """Play a game; what is not as it must be is raised, with the world in its `world`."""
    chance = random.Random(seed)
    window = chance.choice((2000, 2000, 2000, 10, 3)) if game != "words" else 2000
    before = documents.SNAPSHOT_EVERY, documents.CHECKPOINT_EVERY
    documents.SNAPSHOT_EVERY = documents.CHECKPOINT_EVERY = min(window, 500)
    conflicts = "ask" if game == "asks" else "merge"
    world = World(seed, WRITERS[kind](), window=window, conflicts=conflicts)
    try:
        GAMES[game](world)
    except Exception as error:
        raise Failed(seed, game, kind, world) from error
    finally:
        documents.SNAPSHOT_EVERY, documents.CHECKPOINT_EVERY = before
    return world


class Failed(Exception):
    """A seed did not end as it must."""

    def __init__(self, seed: int, game: str, kind: str, world: World) -> None:
        option = (f" --{game}" if game != "edits" else "") + f" --type {kind}"
        super().__init__(f"to see it alone: python -m tests.simulation{option} --seed {seed}")
        self.seed = seed
        self.world = world


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="play one, and tell all that happened")
    parser.add_argument("--seeds", default="0-99", help="play many: the first and the last")
    parser.add_argument("--type", default="text", choices=WRITERS, help="of the document")
    parser.add_argument("--words", action="store_true", help="words typed at one spot")
    parser.add_argument("--asks", action="store_true", help="edits that conflict are held")
    options = parser.parse_args(arguments)
    game = "words" if options.words else "asks" if options.asks else "edits"
    if options.seed is not None:
        return tell(options.seed, game, options.type)
    first, _, last = options.seeds.partition("-")
    seeds = range(int(first), int(last or first) + 1)
    failed = 0
    start = time.perf_counter()
    for seed in seeds:
        try:
            play(seed, game, options.type)
        except Failed as failure:
            failed += 1
            cause: Any = failure.__cause__
            print(f"seed {seed}: {type(cause).__name__}: {str(cause)[:150]}")
    took = (time.perf_counter() - start) / len(seeds) * 1000
    print(f"{len(seeds)} seeds, {failed} failed, {took:.1f} ms each")
    return 1 if failed else 0


def tell(seed: int, game: str, kind: str) -> int:
    """Play a seed; print the trace, and what was wrong."""
    try:
        world, error = play(seed, game, kind), None
    except Failed as failure:
        world, error = failure.world, failure.__cause__
    for at, who, what, details in world.time.trace:
        print(f"{at:9.3f}  {who:<16} {what}  {', '.join(map(str, details))}")
    print(f"{'':9}  the log")
    for revision, edit in enumerate(world.log, 1):
        print(f"{revision:9}  {edit.client_id:<16} {edit.seq:3}  {edit.op}")
    if error is not None:
        traceback.print_exception(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
