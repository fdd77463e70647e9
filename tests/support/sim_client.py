"""A client of a simulated world: a real outbox and a document, by the rules of PROTOCOL.md."""

from __future__ import annotations

from typing import Any

import orjson
from twisted.internet.defer import Deferred

from collab_wamp.ot import OTType
from collab_wamp.ot.outbox import Gap, Message, Outbox

from .sim_node import Refused, SimNode
from .sim_weather import Pipe, Time

SESSION_ID = "notes"
# A client that heard nothing for so long asks.
SILENCE_S = 4.0
LATE_S = 1.0


class Line:
    """One connection: what is sent arrives in order either way, until it is cut.

    Attributes:
        joined: the join's result, while the client takes part by this connection.
        fenced: whether another connection of the client went on instead.
        events: how many the router had for it.
    """

    def __init__(self, client: Client, node: SimNode) -> None:
        self.wamp_session_id = next(node.time.connections)
        self.user_id = f"user-{client.name}"
        self.client = client
        self.node = node
        self.time = node.time
        self.open = True
        self.joined: dict[str, Any] | None = None
        self.joining = self.fenced = False
        self.events = 0
        self.topics: set[str] = set()
        self._up, self._down = Pipe(node.time), Pipe(node.time)
        self._waiting: dict[int, Deferred[Any]] = {}
        self._requests = iter(range(1, 1 << 30))
        self._cut_off = False
        node.lines[self.wamp_session_id] = self

    # --- from the client --------------------------------------------------------------------

    def call(self, name: str, **kwargs: Any) -> Deferred[Any]:
        """Fires with the result, or fails with `Refused`; `timeout` if neither comes in time."""
        request = next(self._requests)
        self.time.tell(self.client.name, f"→ {name}", request, kwargs)
        body = orjson.dumps({"session_id": SESSION_ID, **kwargs})
        self._send(self.node.call, self, request, name, body)
        return self._wait_for(request)

    def subscribe(self, topic: str) -> Deferred[Any]:
        request = next(self._requests)
        self._send(self._subscribed, topic, request)
        return self._wait_for(request)

    def _wait_for(self, request: int) -> Deferred[Any]:
        waiting = self._waiting[request] = Deferred()
        patience = self.node.weather.patience
        self.time.later(patience, self._fail, request, Refused("timeout", True))
        return waiting

    def _send(self, call: Any, *args: Any) -> None:
        def arrive() -> None:
            if not self._cut_off:
                call(*args)

        self._up.send(self.node.weather.network, arrive)

    def cut(self) -> None:
        """The connection breaks; what was sent on it may arrive at the router or not."""
        self.open = False
        self._cut_off = self.time.chance.random() < 0.5
        self._up.send(self.node.weather.network, self.node.closed, self.wamp_session_id)
        waiting, self._waiting = self._waiting, {}
        for deferred in waiting.values():
            deferred.errback(Refused("disconnected", True))

    # --- from the router --------------------------------------------------------------------

    def _subscribed(self, topic: str, request: int) -> None:
        self.topics.add(topic)
        self.answer(request, b"null")

    def answer(self, request: int, result: bytes) -> None:
        self._down.send(self.node.weather.network, self._answered, request, result)

    def refuse(self, request: int, error: Refused) -> None:
        self._down.send(self.node.weather.network, self._fail, request, error)

    def hear(self, topic: str, event: bytes) -> None:
        if topic not in self.topics:
            return
        self.events += 1
        if self.time.chance.random() < self.node.weather.lost_events:
            self.time.tell(self.client.name, "event lost", event)
            return
        self._down.send(self.node.weather.network, self._heard, topic, event)

    def _answered(self, request: int, result: bytes) -> None:
        waiting = self._waiting.pop(request, None)
        if self.open and waiting is not None:
            self.time.tell(self.client.name, "← result", request, result)
            waiting.callback(orjson.loads(result))

    def _fail(self, request: int, error: Refused) -> None:
        waiting = self._waiting.pop(request, None)
        if self.open and waiting is not None:
            self.time.tell(self.client.name, "← error", request, error.code)
            waiting.errback(error)

    def _heard(self, topic: str, event: bytes) -> None:
        if self.open:
            self.time.tell(self.client.name, "← event", topic.rsplit(".", 1)[1], event)
            self.client.heard(self, topic, orjson.loads(event))


class Client:
    """Somebody at a document.

    Attributes:
        name: the client id.
        largest: parts and bytes of a message (0 = no limit).
        conflicts: what the session does about them.
        screen: what they see.
        sent: the last message under each number.
        typed: under each number, the revision that was seen when it was begun, as far as that is
            what it is to be sent with where the session compares edits.
        held: messages that were refused, and that the server holds, by conflict id.
        resets: how often they went on from a snapshot.
    """

    def __init__(
        self,
        name: str,
        time: Time,
        kind: OTType,
        initial: Any,
        largest: tuple[int, int],
        conflicts: str = "merge",
    ) -> None:
        self.name = name
        self.time = time
        self.kind = kind
        self.screen: Any = None
        self.box: Outbox | None = None
        self.epoch = ""
        self.line: Line | None = None
        self.sent: dict[int, Message] = {}
        self.typed: dict[int, int] = {}
        self.held: dict[str, Message] = {}
        self.resets = 0
        self._initial = initial
        self._largest = largest
        self._conflicts = conflicts
        self._fresh = False
        self._fetching = self._sending = False
        self._again = False
        self._heard_at = 0.0

    # --- what people do ---------------------------------------------------------------------

    def type(self, op: Any) -> None:
        """Do something to the document, on the screen at once."""
        assert self.box is not None
        op = self.kind.make_invertible(op, self.screen)
        self.screen = self.kind.apply(self.screen, op)
        self.time.tell(self.name, "types", op, self.screen)
        if self.box.state == "synchronized":
            self.typed[self.box.next_seq] = self.box.revision
        self.box.local(op)
        self._pump()

    def connect(self, node: SimNode) -> None:
        self.line = Line(self, node)
        self.time.tell(self.name, "connects to", node.name, self.line.wamp_session_id)
        self._fetching = self._sending = False
        self.join()

    def connect_anew(self, node: SimNode) -> None:
        """Connect while the old connection is not known to be dead yet."""
        old, self.line = self.line, None
        self.connect(node)
        if old is not None:
            old.open = False
            self.time.later(self.time.lag(2.0), old.cut)

    def disconnect(self) -> None:
        line, self.line = self.line, None
        if line is not None:
            self.time.tell(self.name, "disconnects", line.wamp_session_id)
            line.cut()

    def leave(self) -> None:
        """Leave the session, and stay connected."""
        if self.line is not None and not self.line.joining:
            self.line.joined = None
            self.time.start(self._leave(self.line))

    def join(self) -> None:
        """Join on the connection there is."""
        line = self.line
        if line is not None and line.joined is None and not line.joining:
            line.joining = True
            self.time.start(self._join(line))

    @property
    def revision(self) -> int:
        return -1 if self.box is None else self.box.revision

    @property
    def is_quiet(self) -> bool:
        """Whether all that was typed is committed, and nothing is under way."""
        return (
            self.box is not None
            and self.box.state == "synchronized"
            and self.line is not None
            and self.line.joined is not None
            and not (self._fetching or self._sending)
        )

    # --- joining ----------------------------------------------------------------------------

    async def _leave(self, line: Line) -> None:
        try:
            await line.call("leave")
        except Refused as refused:
            self.time.tell(self.name, "may not have left", refused.code)

    async def _join(self, line: Line) -> None:
        """Rule 3: join, subscribe, then fetch once; as often as it takes."""
        while line.open:
            try:
                if self.box is None:
                    await self._create(line)
                known = {}
                if self.box is not None and not self._fresh:
                    known = {"epoch": self.epoch, "revision": self.box.revision}
                result = await line.call("join", client_id=self.name, **known)
                for topic in ("edits", "roster"):
                    await line.subscribe(result["topics"][topic])
            except Refused as refused:
                if not line.open:
                    return
                assert refused.retryable, refused.code
                await self.time.wait(0.3)
                continue
            if line.open:
                line.joined = result
                line.joining = False
                self._take_join(result)
                self._heard_at = self.time.now
                self.time.later(SILENCE_S, self._listen_for_silence, line)
                self._fetch()
                self._pump()
            return

    def _create(self, line: Line) -> Deferred[Any]:
        how = {"type": self.kind.name, "content": self._initial, "if_absent": True}
        return line.call("create", **how, conflicts=self._conflicts)

    def _take_join(self, result: dict[str, Any]) -> None:
        revision = result["revision"]
        self._fresh = False
        self._take_held(result.get("held", []))
        self.epoch = result["epoch"]
        compares = result["conflicts"] != "merge"
        # These are certainly not committed, and what was sent of them never will be.
        for seq in [seq for seq in self.sent if seq >= result["next_seq"]]:
            del self.sent[seq]
        if "edits" in result:
            assert self.box is not None
            self.box.compares, self.box.limits = compares, self._largest
            if self.box.rejoining(result["next_seq"], len(result["edits"])):
                self.typed.pop(result["next_seq"], None)
            first = revision - len(result["edits"]) + 1
            self._take(first, result["edits"])
            expected = self.box.in_flight.seq if self.box.in_flight else self.box.next_seq
            assert result["next_seq"] == expected, f"{result['next_seq']}, not {expected}, is next"
            self.box.rejoined(*self._largest)
            return
        content = result["content"]
        if self.box is None:
            self.box = Outbox(self.kind, self.name, revision, result["next_seq"], content)
            self.box.compares, self.box.limits = compares, self._largest
            self.screen = content
            return
        self.resets += 1
        self.typed.clear()
        kind = self.kind
        known = kind.apply(self.screen, self.box.undo_pending())
        shown = self.box.reset(revision, kind.difference(known, content), result["next_seq"])
        self.screen = kind.apply(self.screen, shown)
        self.time.tell(self.name, "goes on from a snapshot", revision, self.screen)

    def _take_held(self, rows: list[dict[str, Any]]) -> None:
        """What is held and not known here is the edit in flight: the answer was lost."""
        for row in rows:
            if row["client_id"] == self.name and row["conflict_id"] not in self.held:
                assert self.box is not None
                in_flight = self.box.in_flight
                assert in_flight is not None and in_flight.seq == row["seq"], row
                self._take_back(row["conflict_id"])

    def _take_back(self, conflict_id: str) -> None:
        assert self.box is not None
        undo, lost = self.box.reject()
        self.screen = self.kind.apply(self.screen, undo)
        self.held[conflict_id] = self.sent.pop(self.box.next_seq)
        self.typed.pop(self.box.next_seq, None)
        self.time.tell(self.name, "takes back", lost, self.screen)

    def _listen_for_silence(self, line: Line) -> None:
        if line.open and line is self.line and line.joined is not None:
            if self.time.now - self._heard_at >= SILENCE_S:
                self._fetch()
            self.time.later(SILENCE_S, self._listen_for_silence, line)

    def _join_again(self, line: Line, fresh: bool) -> None:
        self._fresh = self._fresh or fresh
        if line is self.line and line.joined is not None:
            line.joined = None
            self.join()

    # --- the stream -------------------------------------------------------------------------

    def heard(self, line: Line, topic: str, event: dict[str, Any]) -> None:
        if line is not self.line or line.joined is None:
            return
        if event.get("epoch", self.epoch) != self.epoch:
            return
        if event.get("left", {}).get("participant_id") == line.joined["participant_id"]:
            self._put_out(line, event["left"]["reason"])
        elif topic.endswith(".edits"):
            self._heard_at = self.time.now
            self._take(event["after"] + 1, event["edits"])
            self._pump()
            assert self.box is not None
            if event["after"] > self.box.revision:
                self._fetch()

    def _put_out(self, line: Line, reason: str) -> None:
        """An older connection may have been heard of late: join again, but once."""
        if reason == "fenced":
            assert not line.fenced, "fenced twice"
            line.fenced = True
        self._join_again(line, fresh=False)

    def _take(self, first: int, rows: list[list[Any]]) -> None:
        assert self.box is not None
        for revision, (author, seq, op, _user, _time) in enumerate(rows, first):
            try:
                shown = self.box.receive(revision, author, seq, op)
            except Gap:
                self._fetch()
                break
            if shown is not None:
                self.screen = self.kind.apply(self.screen, shown)

    def _fetch(self) -> None:
        self._again = True
        if not self._fetching and self.line is not None and self.line.joined is not None:
            self._fetching = True
            self.time.start(self._fetch_from(self.line))

    async def _fetch_from(self, line: Line) -> None:
        while line is self.line and line.joined is not None and self._again:
            self._again = False
            assert self.box is not None
            after = self.box.revision
            try:
                answer = await line.call("fetch", epoch=self.epoch, after=after, limit=7)
            except Refused as refused:
                if refused.code in ("base_too_old", "stale_epoch"):
                    self._join_again(line, fresh=refused.code == "stale_epoch")
                    break
                assert refused.retryable or not line.open, refused.code
                self._again = True
                await self.time.wait(0.2)
                continue
            if line is self.line and line.joined is not None:
                self._heard_at = self.time.now
                self._again = self._again or answer["more"]
                self._take(after + 1, answer["edits"])
                self._pump()
                if not answer["joined"]:
                    self._join_again(line, fresh=False)
                    break
        if line is self.line:
            self._fetching = False

    # --- sending ----------------------------------------------------------------------------

    def _pump(self) -> None:
        if not self._sending and self.line is not None and self.line.joined is not None:
            self._sending = True
            self.time.start(self._send(self.line))

    async def _send(self, line: Line) -> None:
        """Rules 1 and 2: one edit in flight, sent again unchanged until its outcome is known."""
        box = self.box
        assert box is not None
        while line is self.line and line.joined is not None:
            message = box.resend() or box.next(*self._largest)
            if message is None:
                break
            self.sent[message.seq] = message
            body = {"revision": message.revision, "seq": message.seq, "op": message.op}
            try:
                answer = await line.call("edit", epoch=self.epoch, client_id=self.name, **body)
            except Refused as refused:
                if not line.open:
                    return
                if refused.code == "stale_epoch":
                    self._join_again(line, fresh=True)
                elif refused.code in ("not_joined", "base_too_old"):
                    if refused.code == "base_too_old":
                        box.too_old()
                    self._join_again(line, fresh=False)
                elif refused.code == "conflict":
                    if refused.details["conflict_id"] not in self.held:
                        self._take_back(refused.details["conflict_id"])
                else:
                    assert refused.retryable, refused.code
                    await self.time.wait(0.1)
                continue
            if line is self.line and not box.answered(message.seq, answer["revision"]):
                await self._wait_for_stream(line, message.seq)
        if line is self.line:
            self._sending = False

    async def _wait_for_stream(self, line: Line, seq: int) -> None:
        """Rule 4: the answer is ahead of the stream; after a second, fetch."""
        end = self.time.now + LATE_S
        box = self.box
        assert box is not None
        while line is self.line and line.joined is not None:
            if box.in_flight is None or box.in_flight.seq != seq:
                return
            if self.time.now >= end:
                self._fetch()
                end += LATE_S
            await self.time.wait(0.1)
