"""`collab-wamp drain`: end a node in order, and wait until it is gone."""

from __future__ import annotations

import argparse
import http.client
import time
from typing import Any

import attrs

from ..client.connection import Connection
from ..config import Config
from ..protocol import NODE_DRAIN
from . import Unable, fetching, reaching, showing

MOST_S = 600
# After the time that it was given: for what is under way, and for its processes to end.
AFTERWARDS_S = 30.0
LOOK_S = 0.25
ANSWER_S = 2.0

DESCRIPTION = """\
End the node at --url in order: it takes nobody new, its people go to other nodes, what they sent is
answered, and it ends. Waits until it is gone, and says what happens meanwhile. Ask the node itself,
not a load balancer before several: that would choose the node.
"""

EXAMPLES = """\
examples:
  collab-wamp drain
  collab-wamp drain --url ws://node-b.internal:8080/ws --within 60
  collab-wamp drain --no-wait --json

--json: {"instance_id", "within_ms", "gone"}, at the end. Ctrl-C ends the waiting, and not the
draining. A token that is given must have the capability operate.
"""


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "drain",
        help="end a node in order",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--within",
        type=int,
        metavar="S",
        help=f"how long its people may take to go, 0 to {MOST_S} s (the node's DRAIN_S)",
    )
    parser.add_argument("--no-wait", action="store_true", help="do not wait until it is gone")
    reaching.add_options(parser, for_tenant=False)


def run(args: argparse.Namespace, config: Config) -> int:
    reaching.check_number("--within", args.within, 0, MOST_S)
    node = reaching.target(args, config, capabilities=("operate",), tenant=reaching.NODES_TENANT)

    async def work(link: Connection) -> dict[str, Any]:
        begun = await reaching.call(link, NODE_DRAIN, within_s=args.within)
        return {"instance_id": link.welcome["instance_id"], **begun}

    # It does not stay connected: the node would wait for it, as for everybody.
    begun = reaching.ask(node, work)

    def say(text: str) -> None:
        if not args.json:
            showing.line(text)

    name, within_s = showing.clean(begun["instance_id"]), begun["within_ms"] / 1000
    say(f"{name} drains, within {within_s:.0f} s: it takes nobody new, its people go elsewhere")
    if not args.no_wait:
        watch = Watch(node.url, begun["instance_id"])
        end_s = time.monotonic() + within_s + AFTERWARDS_S
        while not watch.gone():
            if news := watch.news():
                say(news)
            if time.monotonic() > end_s:
                raise Unable(
                    f"{name} is still there {AFTERWARDS_S:.0f} s after its time; its log tells more"
                )
            time.sleep(LOOK_S)
        say(f"{name} is gone{watch.how}")
    if args.json:
        showing.as_json({**begun, "gone": not args.no_wait})
    return 0


@attrs.define
class Watch:
    """Looks at a node from outside, while it ends.

    Attributes:
        how: it has gone, for people.
    """

    url: str
    instance_id: str
    how: str = ""
    _uptime_s: float = 0.0
    _load: str = ""
    _told: str = ""

    def gone(self) -> bool:
        """Whether it is.

        Raises:
            Unable: somebody else answers there.
        """
        try:
            status, health = fetching.state(self.url, "/health", ANSWER_S)
        except ConnectionRefusedError:
            return True
        except (OSError, http.client.HTTPException):
            return False  # it is busy, or just closing
        if not isinstance(health, dict) or "instance_id" not in health:
            raise Unable(
                f"{fetching.origin(self.url)}/health answers {status} and does not tell of a node, "
                "so what becomes of it cannot be seen; --url names the node itself"
            )
        if health["instance_id"] != self.instance_id:
            self.how = f"; {showing.clean(health['instance_id'])} answers there now"
            return True
        if health["uptime_s"] < self._uptime_s:
            self.how = ", and has been started again"
            return True
        self._uptime_s = health["uptime_s"]
        load = health.get("load", {})
        if "participants" in load:
            people = load["participants"]
            self._load = f"{people:,} on documents there still" if people else "nobody on documents"
        return False

    def news(self) -> str:
        """What has not been said yet; "" = nothing."""
        if self._load == self._told:
            return ""
        self._told = self._load
        return f"  {self._load}"
