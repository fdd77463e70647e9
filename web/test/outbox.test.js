import assert from "node:assert/strict";
import { test } from "node:test";
import { Gap, Outbox } from "../src/outbox.js";
import { text } from "../src/text.js";
import { randomOp, randomText, seeded } from "./support/random.js";

const SEEDS = 1000;

/** A client whose network is a list of what has not reached it. */
class Peer {
  constructor(id, content) {
    this.outbox = new Outbox(text, id, 0, 1);
    this.content = content;
    this.answers = [];
    this.sent = [];
  }

  edit(random) {
    const [op, content] = randomOp(random, this.content);
    this.content = content;
    this.outbox.local(op);
  }

  apply(op) {
    if (op !== null) this.content = text.apply(this.content, op);
  }
}

/** The server's part: one order, exactly once. */
class Log {
  constructor(content) {
    this.initial = content;
    this.content = content;
    this.edits = [];
    this.seen = new Map();
  }

  commit(id, { seq, revision, op }) {
    const known = this.seen.get(`${id}.${seq}`);
    if (known) {
      assert.equal(
        known.body,
        JSON.stringify([revision, op]),
        "an edit was changed after it was sent",
      );
      return known.revision;
    }
    const body = JSON.stringify([revision, op]);
    for (const [other, , theirs] of this.edits.slice(revision)) {
      op = text.transform(op, theirs, id < other ? "left" : "right");
    }
    this.content = text.apply(this.content, op);
    this.edits.push([id, seq, op]);
    this.seen.set(`${id}.${seq}`, { body, revision: this.edits.length });
    return this.edits.length;
  }
}

function step(random, log, peer) {
  const { outbox } = peer;
  const what = random.pick(["edit", "send", "send", "receive", "receive", "answer", "resync"]);
  if (what === "edit") {
    peer.edit(random);
  } else if (what === "send") {
    // Also again what was sent before, and in pieces.
    const limits = random.chance(0.3) ? { parts: 3, size: 8 } : undefined;
    const message = outbox.next(limits) ?? (random.chance(0.3) ? outbox.resend() : null);
    if (message) peer.answers.push([message.seq, log.commit(outbox.clientId, message)]);
  } else if (what === "receive") {
    receive(log, peer, outbox.revision);
  } else if (what === "answer" && peer.answers.length) {
    peer.answers.sort(() => random.random() - 0.5);
    outbox.answered(...peer.answers.pop());
  } else if (what === "resync" && random.chance(0.1)) {
    resync(log, peer);
  }
}

function receive(log, peer, index) {
  if (index >= log.edits.length) return;
  const [id, seq, op] = log.edits[index];
  peer.apply(peer.outbox.receive(index + 1, id, seq, op));
}

function resync(log, peer) {
  const { outbox } = peer;
  const known = text.apply(peer.content, outbox.undoPending());
  const numbers = log.edits.filter(([id]) => id === outbox.clientId).map(([, seq]) => seq);
  const nextSeq = Math.max(0, ...numbers) + 1;
  peer.answers = [];
  peer.apply(outbox.reset(log.edits.length, text.difference(known, log.content), nextSeq));
}

test("clients converge, each edit committed once, whatever the network does", () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const random = seeded(seed);
    const log = new Log(randomText(random, 5));
    const peers = ["carol-01", "alice-01", "bob-0001"].map((id) => new Peer(id, log.content));
    try {
      for (let i = 0; i < 60; i++) step(random, log, random.pick(peers));
      for (let round = 0; round < 100; round++) {
        for (const peer of peers) {
          const message = peer.outbox.resend() ?? peer.outbox.next();
          if (message) log.commit(peer.outbox.clientId, message);
          while (peer.outbox.revision < log.edits.length) receive(log, peer, peer.outbox.revision);
        }
      }
      for (const peer of peers) {
        assert.equal(peer.outbox.state, "synchronized");
        assert.equal(peer.content, log.content);
      }
    } catch (error) {
      error.message = `seed ${seed}: ${error.message}`;
      throw error;
    }
  }
});

test("words typed at one place at once stay whole", () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const random = seeded(seed);
    const log = new Log("[]");
    const words = { "carol-01": "cccc", "alice-01": "aaaa", "bob-0001": "bbbb" };
    const peers = Object.keys(words).map((id) => new Peer(id, "[]"));
    const typed = new Map(peers.map((peer) => [peer, 0]));
    while (
      peers.some(
        (peer) =>
          typed.get(peer) < 4 ||
          peer.outbox.state !== "synchronized" ||
          peer.outbox.revision < log.edits.length,
      )
    ) {
      const peer = random.pick(peers);
      const word = words[peer.outbox.clientId];
      const done = typed.get(peer);
      if (done < 4 && random.chance(0.5)) {
        const at = done ? [...peer.content].lastIndexOf(word[0]) + 1 : 1;
        const op = [at, word[done]];
        peer.content = text.apply(peer.content, op);
        peer.outbox.local(op);
        typed.set(peer, done + 1);
      } else if (random.chance(0.5)) {
        const message = peer.outbox.next();
        if (message) log.commit(peer.outbox.clientId, message);
      } else {
        receive(log, peer, peer.outbox.revision);
      }
    }
    for (const word of Object.values(words)) {
      assert.ok(log.content.includes(word), `seed ${seed}: ${word} not in ${log.content}`);
    }
  }
});

test("an own edit may come before the call's answer, and after", () => {
  const outbox = new Outbox(text, "alice-01", 0, 1);
  outbox.local(["a"]);
  outbox.next();
  assert.equal(outbox.receive(1, "alice-01", 1, ["a"]), null);
  assert.equal(outbox.answered(1, 1), true);
  assert.deepEqual([outbox.revision, outbox.state], [1, "synchronized"]);
  outbox.local(["b"]);
  outbox.next();
  assert.equal(outbox.answered(2, 2), true);
  assert.equal(outbox.receive(2, "alice-01", 2, ["b"]), null);
  assert.deepEqual([outbox.revision, outbox.state], [2, "synchronized"]);
});

test("an answer that is ahead of the stream waits for it", () => {
  const outbox = new Outbox(text, "alice-01", 0, 1);
  outbox.local(["a"]);
  outbox.next();
  assert.equal(outbox.answered(1, 2), false);
  assert.deepEqual(outbox.receive(1, "bob-0001", 1, ["b"]), [1, "b"]);
  assert.equal(outbox.receive(2, "alice-01", 1, ["a"]), null);
  assert.equal(outbox.state, "synchronized");
});

test("a gap is told, and changes nothing", () => {
  const outbox = new Outbox(text, "alice-01", 3, 1);
  assert.throws(() => outbox.receive(5, "bob-0001", 1, ["b"]), Gap);
  assert.equal(outbox.revision, 3);
});

test("a refused edit is taken back, what came after it stays, its number is used again", () => {
  const outbox = new Outbox(text, "alice-01", 0, 1);
  outbox.local(["abc"]);
  outbox.next();
  outbox.local([3, "xyz"]);
  const { undo, lost } = outbox.reject();
  assert.equal(text.apply("abcxyz", undo), "xyz");
  assert.deepEqual(lost, ["abc"]);
  assert.deepEqual(outbox.next(), { seq: 1, revision: 0, op: ["xyz"] });
});

test("where the server compares, the buffer keeps its base", () => {
  const box = new Outbox(text, "bert-001", 3, 1);
  box.compares = true;
  box.local(["a"]);
  assert.throws(() => box.receive(5, "anna-001", 1, ["x"]), Gap);
  assert.equal(box.inFlight, null);
  assert.deepEqual(box.receive(4, "anna-001", 1, ["xyz"]), ["xyz"]);
  assert.deepEqual([box.inFlight.unsent, box.inFlight.now], [true, [3, "a"]]);
  assert.deepEqual(box.resend(), { seq: 1, revision: 3, op: ["a"] });
  assert.equal(box.inFlight.unsent, false);
  box.local([4, "b"]);
  assert.equal(box.rejoining(1, 1), false);
  assert.equal(box.rejoining(1, 2), true);
  box.receive(5, "anna-001", 2, ["!"]);
  box.rejoined();
  assert.deepEqual(box.resend(), { seq: 1, revision: 4, op: [3, "ab"] });
  box.tooOld();
  assert.equal(box.rejoining(1, 0), true);
  assert.deepEqual(box.next(), { seq: 1, revision: 5, op: [4, "ab"] });
});

test("what a join gives back may be taken back already", () => {
  const box = new Outbox(text, "bert-001", 0, 1);
  box.local(["ab"]);
  box.next();
  box.local([1, { d: "b" }]);
  box.rejoined({ parts: 1000, size: 1 });
  assert.deepEqual([box.inFlight.now, box.buffer], [["a"], null]);
});
