import assert from "node:assert/strict";
import { test } from "node:test";
import { LazyDocument } from "../src/document.js";
import { json } from "../src/json.js";
import { Outbox } from "../src/outbox.js";
import { randomDocument, randomJsonOp } from "./support/random-json.js";
import { seeded } from "./support/random.js";

const MOST = Number.MAX_SAFE_INTEGER;

/** Run a law for many seeds; a failure names its seed. */
function law(name, holds, seeds = 500) {
  test(name, () => {
    for (let seed = 1; seed <= seeds; seed++) {
      const random = seeded(seed);
      try {
        holds(random, randomDocument(random));
      } catch (error) {
        error.message = `seed ${seed}: ${error.message}`;
        throw error;
      }
    }
  });
}

/** Freeze a value all through: whoever changes it in place is caught. */
function frozen(value) {
  if (typeof value !== "object" || value === null) return value;
  Object.values(Object.freeze(value)).forEach(frozen);
  return value;
}

law("an operation applied gives what was made independently of it", (random, content) => {
  const [op, expected] = randomJsonOp(random, content);
  frozen([op, content]);
  json.check(op, { content });
  assert.deepEqual(json.apply(content, op), expected);
  const lying = op.map((part) => ({
    ...part,
    ...("od" in part && { od: "a lie" }),
    ...("ld" in part && { ld: ["a lie"] }),
  }));
  assert.deepEqual(json.invertible(lying, content), op);
  const document = new LazyDocument(json, content);
  document.apply(op);
  assert.deepEqual(document.content, expected);
});

law("two concurrent operations converge, and still fit", (random, content) => {
  const [a, afterA] = randomJsonOp(random, content);
  const [b, afterB] = randomJsonOp(random, content);
  frozen([a, b, afterA, afterB]);
  const [aAfterB, bAfterA] = [json.transform(a, b, "left"), json.transform(b, a, "right")];
  json.check(aAfterB, { content: afterB });
  json.check(bAfterA, { content: afterA });
  assert.deepEqual(json.invertible(aAfterB, afterB), aAfterB);
  assert.deepEqual(json.apply(afterB, aAfterB), json.apply(afterA, bAfterA));
});

law("what is inverted is taken back, also after composing", (random, content) => {
  const [a, middle] = randomJsonOp(random, content);
  const [b, end] = randomJsonOp(random, middle);
  const both = json.compose(a, b);
  assert.deepEqual(json.apply(content, both), end);
  assert.deepEqual(json.apply(end, json.invert(both)), content);
  assert.deepEqual(json.apply(content, json.normalize(both)), end);
});

law("the difference leads from one document to the other", (random, content) => {
  for (const other of [randomJsonOp(random, content)[1], randomDocument(random)]) {
    const op = json.difference(content, other);
    json.check(op, { content });
    assert.deepEqual(json.apply(content, op), other);
  }
  assert.deepEqual(json.difference(content, structuredClone(content)), []);
  // What begins alike does not also count as ending alike.
  assert.deepEqual(json.difference([1, 1], [1, 1, 1]), [{ p: [2], li: 1 }]);
  assert.deepEqual(json.difference([1, 1, 1], [1, 1]), [{ p: [2], ld: 1 }]);
});

law("a split operation does what it did", (random, content) => {
  const [op, expected] = randomJsonOp(random, content, 6);
  let [rest, result] = [op, content];
  for (let i = 0; !json.isNoop(rest); i++) {
    assert.ok(i < 200, "splitting goes on for ever");
    const [first, next] = json.split(rest, { parts: 2, size: 60 });
    assert.ok(!json.isNoop(first) && first.length <= 2);
    [rest, result] = [next, json.apply(result, first)];
  }
  assert.deepEqual(result, expected);
});

law("an outbox and a server come to the same document", (random, content) => {
  // As in PROTOCOL.md: what is committed is right of what is pending here.
  const outbox = new Outbox(json, "b", 0, 1, content);
  let [server, screen, revision, sent] = [content, content, 0, 0];
  for (let step = 0; step < 12; step++) {
    const kind = random.pick(["local", "local", "theirs", "send", "acknowledge"]);
    if (kind === "local") {
      const [op, after] = randomJsonOp(random, screen, 2);
      outbox.local(op);
      screen = after;
    } else if (kind === "theirs") {
      const [op, after] = randomJsonOp(random, server, 2);
      server = after;
      screen = json.apply(screen, outbox.receive(++revision, "a", ++sent, op));
    } else if (kind === "send") {
      outbox.next();
    } else if (outbox.inFlight) {
      server = json.apply(server, outbox.inFlight.now);
      outbox.answered(outbox.inFlight.seq, ++revision);
    }
    assert.deepEqual(json.apply(screen, outbox.undoPending()), server);
  }
});

test("what is not on the way is shared", () => {
  const content = { a: { x: [1] }, b: { y: 1 } };
  const after = json.apply(content, [{ p: ["a", "x", 0], na: 1 }]);
  assert.deepEqual(after, { a: { x: [2] }, b: { y: 1 } });
  assert.equal(after.b, content.b);
});

test("additions come out the same in every order, also beyond what is exact", () => {
  const content = { n: MOST - 1 };
  const [a, b] = [[{ p: ["n"], na: 9 }], [{ p: ["n"], na: -4 }]];
  const one = json.apply(json.apply(content, a), b);
  assert.deepEqual(one, json.apply(json.apply(content, b), a));
  assert.deepEqual(one, { n: -MOST + 3 });
  assert.deepEqual(json.apply(json.apply(one, json.invert(a)), json.invert(b)), content);
  assert.throws(() => json.check(a, { content }), TypeError);
});

test("the value set later stands", () => {
  assert.equal(json.side("a", "b"), "left");
  assert.equal(json.side("b", "a"), "left");
  const [first, later] = ["first", "later"].map((oi) => [{ p: ["k"], od: 0, oi }]);
  assert.deepEqual(json.transform(later, first, "left"), [{ p: ["k"], od: "first", oi: "later" }]);
  assert.deepEqual(json.transform(first, later, "right"), []);
});

test("what JSON does not have is refused, and pollutes nothing", () => {
  const evil = JSON.parse('{"__proto__": {"polluted": true}}');
  const numbers = [NaN, Infinity, 2 ** 53, 1n];
  const others = [undefined, () => 1, Symbol("x"), new Date(), new Map(), [undefined]];
  for (const oi of [...numbers, ...others, evil, { a: "\ud800" }]) {
    assert.throws(() => json.check([{ p: ["k"], oi }], { content: {} }), TypeError);
  }
  for (const p of [["__proto__", "polluted"], ["constructor", "prototype", "polluted"]]) {
    assert.throws(() => json.check([{ p, oi: true }], { content: {} }), TypeError);
    assert.throws(() => json.apply({}, [{ p, oi: true }]), TypeError);
  }
  assert.equal({}.polluted, undefined);
  let deep = [];
  for (let i = 0; i < 64; i++) deep = [deep];
  assert.throws(() => json.check([{ p: ["k"], oi: deep }], { content: {} }), TypeError);
  assert.throws(() => json.normalize([{ p: Array(64).fill("k"), oi: {} }]), /deep/);
  assert.equal(json.normalize([{ p: Array(63).fill("k"), oi: {} }]).length, 1);
});

test("a large value is sent in pieces", () => {
  const value = { l: [["x".repeat(30), 1], "é".repeat(50)], e: {}, t: "y".repeat(99) };
  let [rest, content] = [[{ p: ["k"], od: 0, oi: value }], { k: 0 }];
  for (let i = 0; rest.length; i++) {
    assert.ok(i < 20, "splitting goes on for ever");
    const [first, next] = json.split(rest, { parts: 100, size: 90 });
    assert.ok(JSON.stringify(first).length < 200);
    [rest, content] = [next, json.apply(content, first)];
  }
  assert.deepEqual(content, { k: value });
});

test("what differs in very many places is replaced", () => {
  const [old, young] = [Array(1002).fill(0), [0]];
  assert.equal(json.difference(old.slice(1), young).length, 1000);
  assert.deepEqual(json.difference({ a: 1, b: old }, { a: 2, b: young }), [
    { p: ["a"], od: 1, oi: 2 },
    { p: ["b"], od: old, oi: young },
  ]);
  assert.deepEqual(json.difference(old, young), [{ p: [], od: old, oi: young }]);
});

test("what is long and deleted is not sent", () => {
  const content = { long: ["x".repeat(999)], short: ["x".repeat(990)] };
  const op = [
    { p: ["long"], od: content.long, oi: 1 },
    { p: ["short"], od: content.short },
  ];
  const outbox = new Outbox(json, "b", 0, 1, content);
  outbox.local(op);
  assert.deepEqual(outbox.next().op, [{ p: ["long"], od: null, oi: 1 }, op[1]]);
  assert.deepEqual(outbox.inFlight.now, op);
  assert.deepEqual(json.apply(json.apply(content, op), outbox.undoPending()), content);
  assert.deepEqual(json.split(op, { parts: 5, size: 1100 }), [op, []]);
});

test("numbers are made canonical", () => {
  const op = [{ p: ["k"], oi: [-0] }, { p: ["k", 0], na: -0 }];
  const [set, add] = json.invertible(op, {});
  assert.ok(Object.is(set.oi[0], 0) && Object.is(add.na, 0));
  assert.ok(json.isNoop([add, { p: [3], lm: 3 }, { p: ["t"], t: "text-unicode", o: [] }]));
});
