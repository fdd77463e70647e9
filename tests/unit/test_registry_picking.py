"""Choosing among instances: the laws, whatever the strategy."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from collab_wamp.errors import CollabError
from collab_wamp.registry.interface import Instance
from collab_wamp.registry.picking import STRATEGIES, pick

many = settings(max_examples=200, deadline=None)


def one(instance_id: str, status: Any = "ready", **load: float) -> Instance:
    return Instance("chat", instance_id, "h", 1, load=load, status=status)


INSTANCES = st.lists(
    st.builds(
        one,
        st.text("abcdef0123", min_size=1, max_size=4),
        st.sampled_from(["ready", "ready", "draining"]),
        connections=st.integers(0, 3),
    ),
    max_size=9,
    unique_by=lambda instance: instance.instance_id,
)
HINTS = st.fixed_dictionaries(
    {
        "turn": st.integers(0, 1000),
        "chance": st.floats(0, 1, exclude_max=True),
        "key": st.text(max_size=8),
    }
)
KEYS = [f"document-{i}" for i in range(300)]


class PickingLaws(TestCase):
    @many
    @given(st.sampled_from(STRATEGIES), INSTANCES, HINTS)
    def test_only_who_is_ready_is_picked(self, strategy: str, known: Any, hints: Any) -> None:
        ready = [instance for instance in known if instance.status == "ready"]
        picked = pick(strategy, known, **hints)
        if ready:
            self.assertIn(picked, ready)
        else:
            self.assertIsNone(picked)

    @many
    @given(st.sampled_from(STRATEGIES), INSTANCES, HINTS, st.randoms(use_true_random=False))
    def test_the_order_does_not_matter(
        self, strategy: str, known: Any, hints: Any, chance: random.Random
    ) -> None:
        shuffled = list(known)
        chance.shuffle(shuffled)
        self.assertEqual(pick(strategy, known, **hints), pick(strategy, shuffled, **hints))

    @many
    @given(INSTANCES, st.text(max_size=8), st.data())
    def test_only_the_keys_of_who_left_move(self, known: Any, key: str, data: Any) -> None:
        """Rendezvous: for a key of another one, neither leaving nor draining changes anything."""
        before = pick("rendezvous", known, key=key)
        if before is None:
            return
        others = [instance for instance in known if instance != before]
        left = data.draw(st.lists(st.sampled_from(others))) if others else []
        stay = [instance for instance in known if instance not in left]
        drained = [
            attrs.evolve(instance, status="draining") if instance in left else instance
            for instance in known
        ]
        self.assertEqual(pick("rendezvous", stay, key=key), before)
        self.assertEqual(pick("rendezvous", drained, key=key), before)

    @many
    @given(INSTANCES, st.text(max_size=8))
    def test_who_comes_takes_keys_for_itself_only(self, known: Any, key: str) -> None:
        new = one("new")
        before = pick("rendezvous", known, key=key)
        self.assertIn(pick("rendezvous", [*known, new], key=key), (before, new))

    @many
    @given(INSTANCES, HINTS)
    def test_nobody_has_less_to_do_than_who_is_picked(self, known: Any, hints: Any) -> None:
        picked = pick("least_loaded", known, **hints)
        for instance in known:
            if picked is not None and instance.status == "ready":
                self.assertLessEqual(picked.load["connections"], instance.load["connections"])


class PickingTests(TestCase):
    def test_each_in_turn(self) -> None:
        known = [one("b"), one("a"), one("gone", "draining"), one("c")]
        picked = [pick("round_robin", known, turn=turn) for turn in range(7)]
        self.assertEqual([p.instance_id for p in picked if p], list("abcabca"))

    def test_keys_are_spread_evenly(self) -> None:
        known = [one(f"node-{i}") for i in range(3)]
        picked = [pick("rendezvous", known, key=key) for key in KEYS]
        counts = Counter(p.instance_id for p in picked if p)
        for count in counts.values():
            self.assertGreater(count, 60)
        self.assertEqual(len(counts), 3)

    def test_the_keys_of_who_left_are_spread_over_the_others(self) -> None:
        known = [one(f"node-{i}") for i in range(3)]
        moved = [key for key in KEYS if pick("rendezvous", known, key=key) == known[0]]
        heirs = Counter(pick("rendezvous", known[1:], key=key).instance_id for key in moved)
        self.assertEqual(len(heirs), 2)

    def test_where_a_key_goes_is_fixed_for_ever(self) -> None:
        """Nodes of two versions must agree."""
        known = [one(f"node-{i}") for i in range(3)]
        picked = [pick("rendezvous", known, key=f"k{i}") for i in range(6)]
        self.assertEqual([p.instance_id[-1] for p in picked if p], list("112200"))

    def test_chance_reaches_everybody(self) -> None:
        known = [one("a", n=1), one("b", n=1), one("c", n=2)]
        for chance, instance_id in ((0.0, "a"), (0.34, "b"), (0.67, "c"), (0.999, "c")):
            self.assertEqual(pick("random", known, chance=chance).instance_id, instance_id)
        for chance, instance_id in ((0.0, "a"), (0.49, "a"), (0.5, "b"), (0.999, "b")):
            picked = pick("least_loaded", known, chance=chance, measure="n")
            self.assertEqual(picked.instance_id, instance_id)

    def test_who_tells_no_load_is_the_last(self) -> None:
        known = [one("a"), one("b", connections=1000)]
        self.assertEqual(pick("least_loaded", known).instance_id, "b")
        self.assertEqual(pick("least_loaded", known[:1]).instance_id, "a")

    def test_an_unknown_strategy_is_refused(self) -> None:
        with self.assertRaises(CollabError) as caught:
            pick("best", [])
        self.assertEqual(caught.exception.details, {"argument": "strategy"})
