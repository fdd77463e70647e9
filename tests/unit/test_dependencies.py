"""Dependencies point downwards only: the imports of every module are read and compared."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import TestCase

import collab_wamp

ROOT = Path(collab_wamp.__file__).parent
PURE = {"errors", "protocol", "access", "tokens", "bulk"}
STORE = {
    "store.interface", "store.values", "store.answers", "store.announcements", "store.commons",
    "store.held",
}  # fmt: skip
REGISTRY = {"registry.interface", "registry.forms", "registry.picking"}
USE_CASES = {
    "document", "documents", "writer", "joining", "participants", "presence", "sessions", "relay",
    "caller", "credentials", "notices", "reports", "rights", "rates", "discovery",
    "feed", "telling", "whereabouts", "merging", "measures", "surroundings", "shared", "retention",
    "history", "past", "refusals", "submitting", "editing",
    "conflicts", "holding", "resolving", "importing",
}  # fmt: skip
PLAIN_PROCESSES = {"children", "embedded", "node", "several", "supervisor"}

# What the others tell of themselves to; it knows none of them.
OBSERVED = {"metrics", "tracing"}

# A part → the parts that it may import, beside itself. A part is a folder or a module.
MAY_IMPORT: dict[str, set[str]] = {
    "ot": set(),
    **{name: PURE | {"ot"} for name in PURE},
    "metrics_folder": set(),
    "metrics": {"metrics_folder"},
    "tracing": set(),
    "gathering": set(),
    "rounds": set(),
    "sockets": set(),
    "store": PURE | {"ot", "metrics", "gathering", "rounds", "sockets"},
    **{name: PURE | USE_CASES | {"ot"} | STORE | REGISTRY | OBSERVED for name in USE_CASES},
    "registry": PURE | {"surroundings", "store.address", "store.clock", "store.connection"},
    "layout": set(),
    "settings": PURE
    | USE_CASES
    | {"layout", "ot", "store.address", "registry.address", "registry.forms", "__version__"},
    "config": PURE | {"settings", "layout", "registry.forms", "__version__"},
    "client": PURE | {"ot", "traces"},
    "traces": {"ot"},
    "linear": {"ot", "traces"},
    "imports": PURE | {"ot", "traces", "linear"},
    "wamp": PURE
    | USE_CASES
    | OBSERVED
    | {"ot", "store", "registry", "config", "settings", "node", "children", "metrics_folder"}
    | {"gathering", "rounds", "sockets"}
    | {"__version__"},
    "http": PURE
    | USE_CASES
    | {"ot", "imports", "config", "metrics", "node", "wamp", "__version__"},
    "children": set(),
    "embedded": set(),
    "node": {"config"},
    "several": {"config", "children", "embedded"},
    "supervisor": {"config", "children", "embedded", "node", "metrics_folder", "wamp.supervise"},
    "commands": PURE
    | USE_CASES
    | PLAIN_PROCESSES
    | {"ot", "store", "registry", "config", "layout", "wamp", "client", "traces"},
    "cli": {"config", "commands", "__version__"},
    "__init__": set(),
}

# What comes from outside, and who alone may know it.
ONLY_IN: dict[str, set[str]] = {
    "jwt": {"tokens"},
    "txredisapi": {"store/connection", "store/links", "store/durability"},
    "crossbar": {"wamp/guarded", "wamp/patience", "wamp/quick", "wamp/router_guard"},
    "autobahn": {"wamp", "client"},
    "twisted.web": {"http", "wamp/router_guard", "wamp/bodies", "registry/http"},
    "klein": {"http/api"},
    "rfc8785": {"ot/canonical"},
    "msgspec": {"imports"},
    "werkzeug": {"http/api"},
    "twisted.internet.reactor": {
        "wamp/inside",
        "wamp/worker",
        "wamp/router_guard",
        "wamp/guarded",
        "wamp/authenticator",
        "http/api",
    },
    "os.environ": {"cli", "commands", "metrics"}
    | {"wamp/worker", "wamp/settings", "wamp/supervise"},
    "time": {"wamp", "http", "children", "embedded", "several", "supervisor", "commands"}
    | {"tracing"},
    "random": {"wamp", "client"},
    "secrets": {"wamp", "http", "client", "commands", "node"},
    "prometheus_client": {"metrics", "metrics_folder", "wamp/pulse"},
    "opentelemetry": {"tracing"},
}
# Nothing from outside but the standard library and attrs.
NO_TWISTED = {
    "ot", "access", "protocol", "tokens", "errors", "presence", "document", "joining", "retention",
}  # fmt: skip


def modules() -> Iterator[tuple[str, ast.Module]]:
    """(path below the package without its ending, syntax tree) of each module."""
    for path in sorted(ROOT.rglob("*.py")):
        name = path.relative_to(ROOT).with_suffix("").as_posix()
        yield name, ast.parse(path.read_text(encoding="utf-8"), name)


def imported(name: str, tree: ast.Module) -> Iterator[str]:
    """What a module imports: `.store.interface` for our own, `twisted.web.http` for others'."""
    folder = name.split("/")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                above = folder[: len(folder) - node.level + 1]
                base = "." + ".".join([*above, *([node.module] if node.module else [])])
            else:
                base = str(node.module)
            for alias in node.names:
                yield base + ("" if base == "." else ".") + alias.name
        elif isinstance(node, ast.Attribute) and node.attr == "environ":
            yield "os.environ"


def is_below(dotted: str, parts: set[str]) -> bool:
    return any(dotted == part or dotted.startswith(part + ".") for part in parts)


class DependencyTests(TestCase):
    def test_our_own_imports_point_downwards(self) -> None:
        seen = set()
        for name, tree in modules():
            part = name.split("/")[0]
            seen.add(part)
            self.assertIn(part, MAY_IMPORT, f"{name}: where in the picture does it belong?")
            for what in imported(name, tree):
                if what.startswith("collab_wamp"):
                    raise AssertionError(f"{name} imports {what}: relative imports, please")
                if what.startswith("."):
                    self.assertTrue(
                        is_below(what[1:], MAY_IMPORT[part] | {part}), f"{name} imports {what}"
                    )
        self.assertEqual(seen, set(MAY_IMPORT), "the picture names what is not there")

    def test_what_comes_from_outside_is_known_in_few_places(self) -> None:
        for name, tree in modules():
            for what in imported(name, tree):
                for outside, places in ONLY_IN.items():
                    if is_below(what, {outside}):
                        self.assertTrue(
                            is_below(name.replace("/", "."), {p.replace("/", ".") for p in places}),
                            f"{name} imports {what}",
                        )

    def test_the_pure_parts_know_no_twisted(self) -> None:
        for name, tree in modules():
            if name.split("/")[0] in NO_TWISTED:
                for what in imported(name, tree):
                    self.assertFalse(is_below(what, {"twisted"}), f"{name} imports {what}")

    def test_an_upward_import_is_found(self) -> None:
        """The reading itself works, for every way of writing an import."""
        for source, expected in (
            ("from ..relay import Relay", ".relay.Relay"),
            ("from .. import relay", ".relay"),
            ("from ..store import redis", ".store.redis"),
            ("from .base import Limits", ".ot.base.Limits"),
            ("import twisted.web", "twisted.web"),
            ("def f():\n    from twisted.internet import reactor", "twisted.internet.reactor"),
            ("import os\nos.environ['X']", "os.environ"),
        ):
            self.assertIn(expected, list(imported("ot/text", ast.parse(source))))
